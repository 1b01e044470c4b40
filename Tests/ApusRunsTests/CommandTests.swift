import ApusCore
import ApusFormats
import ApusSystem
import Foundation
import Glibc
import TestSupport
import Testing

/// The command line as seen from outside: exit codes, output, files.
@Suite struct CommandTests {
    /// A run of a second: 160 images, 20 steps per epoch.
    private func train(
        _ folder: String, _ more: [String] = [], out: String = "run", signal: (Int32, UInt32)? = nil
    ) throws -> Command.Result {
        try Command.run(
            ["train", "--data", "images", "--batch-size", "8", "--epochs", "3", "--out", out] + more, in: folder,
            signal: signal.map { (number: $0.0, milliseconds: $0.1) })
    }

    private func withImages(_ body: (String) throws -> Void) throws {
        try withFolder { folder in
            mkdir("\(folder)/images", 0o777)
            try Command.makeImages("\(folder)/images")
            try body(folder)
        }
    }

    @Test func aRunLeavesAllThatItPromises() throws {
        try withImages { folder in
            let result = try train(folder, ["--json", "--seed", "7"])
            #expect(result.status == 0 && result.errors == "", "\(result.errors)")
            let lines = try result.lines.map { try JSON(parsing: String($0)) }
            #expect(lines.first?["event"]?.string == "start")
            #expect(lines.filter { $0["event"]?.string == "epoch" }.map { $0["epoch"]?.int } == [1, 2, 3])
            let done = try #require(lines.last)
            #expect(done["event"]?.string == "done")
            let accuracy = try #require(done["test_accuracy"]?.double)
            #expect(accuracy > 0.3 && accuracy <= 1)
            #expect(result.lines.last?.hasPrefix("{\"event\":\"done\",\"test_accuracy\":") == true)

            let metrics = try Command.text("\(folder)/run/metrics.jsonl").split(separator: "\n").map { try JSON(parsing: String($0)) }
            #expect(metrics.filter { $0["event"]?.string == "epoch" }.map { $0["epoch"]?.int } == [1, 2, 3])
            let weights = try Safetensors(contentsOf: "\(folder)/run/model.safetensors")
            #expect(weights.tensors.keys == ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"])
            let report = try Command.text("\(folder)/run/report.html")
            for part in ["Confusion matrix", "Most wrong about", "data:image/png;base64,", "MLP", "--seed 7", "<polyline"] {
                #expect(report.contains(part), "\(part)")
            }

            // Resuming a finished run succeeds at once; starting a new run in its folder is refused.
            let again = try Command.run(["train", "--resume", "run", "--json"], in: folder)
            #expect(again.status == 0 && again.lines.count == 1)
            #expect(try JSON(parsing: String(again.lines[0]))["test_accuracy"]?.double == accuracy)
            let over = try train(folder)
            #expect(
                over.status == 64
                    && over.errors.contains(
                        "run holds a run already; go on with it by apus train --resume run, or choose another folder by --out")
            )

            let evaluated = try Command.run(["evaluate", "run", "--json"], in: folder)
            #expect(evaluated.status == 0)
            #expect(try JSON(parsing: String(try #require(evaluated.lines.last)))["test_accuracy"]?.double == accuracy)

            let pictures = ["images/test/0", "images/test/1"].flatMap { path in
                ((try? names("\(folder)/\(path)")) ?? []).prefix(2).map { "\(path)/\($0)" }
            }
            let predicted = try Command.run(["predict", "run", "--top", "2", "--json"] + pictures, in: folder)
            #expect(predicted.status == 0 && predicted.lines.count == pictures.count)
            for line in predicted.lines {
                let classes = try #require(try JSON(parsing: String(line))["classes"]?.array)
                let probabilities = classes.compactMap { $0["probability"]?.double }
                #expect(probabilities.count == 2 && probabilities[0] >= probabilities[1] && probabilities[0] <= 1)
            }
            // One bad image is named; the others are classified.
            try Command.write("no picture", to: "\(folder)/bad.png")
            let mixed = try Command.run(["predict", "run/model.safetensors", "bad.png", pictures[0]], in: folder)
            #expect(mixed.status == 1 && mixed.lines.count == 1 && mixed.errors.contains("bad.png"))
        }
    }

    private func names(_ path: String) throws -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
            }
            if name.hasSuffix(".png") { names.append(name) }
        }
        return names.sorted()
    }

    /// Killed with SIGKILL at ten random moments and resumed each time, a run ends with the same bytes as an uninterrupted one.
    @Test(arguments: Device.tested) func killedAtRandomMomentsItEndsWithTheSameBytes(_ device: Device) throws {
        try withImages { folder in
            let more = ["--checkpoint-every", "4", "--device", "\(device)"]
            // The first run on a device also compiles its kernels, which can take longer than everything else.
            #expect(try train(folder, more, out: "first").status == 0)
            let begin = monotonicSeconds()
            #expect(try train(folder, more, out: "whole").status == 0)
            var milliseconds = (monotonicSeconds() - begin) * 1000
            var kills = 0
            for _ in 0..<10 {
                let moment = UInt32(Double.random(in: 0.05...0.9) * milliseconds)
                let began = access("\(folder)/run/options.json", F_OK) == 0
                let result =
                    began
                    ? try Command.run(["train", "--resume", "run"], in: folder, signal: (SIGKILL, moment))
                    : try train(folder, more, signal: (SIGKILL, moment))
                #expect(result.signal == SIGKILL || result.status == 0, "\(result.errors)")
                if result.signal == SIGKILL {
                    kills += 1
                } else if kills == 0 {
                    // The run finished before the kill, since the machine was busier while it was timed: start again.
                    try FileManager.default.removeItem(atPath: "\(folder)/run")
                    milliseconds /= 2
                }
            }
            #expect(kills > 0)
            let last =
                access("\(folder)/run/options.json", F_OK) == 0
                ? try Command.run(["train", "--resume", "run"], in: folder) : try train(folder, more)
            #expect(last.status == 0, "\(last.errors)")
            #expect(try Command.bytes("\(folder)/run/model.safetensors") == Command.bytes("\(folder)/whole/model.safetensors"))
            // No step is logged twice.
            func steps(_ run: String) throws -> [Int?] {
                try Command.text("\(folder)/\(run)/metrics.jsonl").split(separator: "\n").map { try JSON(parsing: String($0))["step"]?.int }
            }
            #expect(try steps("run") == steps("whole"))
        }
    }

    /// The chunks depend on shapes only, so the number of threads changes no bit of the weights.
    @Test(arguments: ["mlp", "cnn"]) func threadsChangeNoBit(model: String) throws {
        try withImages { folder in
            for threads in [1, 2, 4] {
                let arguments = [
                    "train", "--model", model, "--data", "images", "--batch-size", "64", "--epochs", "2", "--out", "run\(threads)",
                ]
                let result = try Command.run(arguments, in: folder, threads: threads)
                #expect(result.status == 0, "\(result.errors)")
                #expect(
                    try Command.bytes("\(folder)/run\(threads)/model.safetensors") == Command.bytes("\(folder)/run1/model.safetensors"),
                    "\(threads) threads")
            }
        }
    }

    @Test(arguments: [SIGINT, SIGTERM]) func interruptedItEndsInGoodOrder(number: Int32) throws {
        try withImages { folder in
            // Long enough to be interrupted for certain; the signal is sent once the first checkpoint exists.
            let result = try Command.run(
                ["train", "--data", "images", "--batch-size", "8", "--epochs", "10000", "--out", "run", "--schedule", "constant"],
                in: folder,
                signal: (number, 0), after: "\(folder)/run/checkpoint.safetensors")
            #expect(result.signal == nil && result.status == 130, "\(result.errors)")
            #expect(result.output.contains("go on with: apus train --resume run"))
            #expect(try Checkpoint.load(from: "\(folder)/run") != nil)
            #expect(access("\(folder)/run/model.safetensors", F_OK) != 0)
        }
    }

    /// The data are found from any working folder; other data in their place are refused.
    @Test func resumedFromElsewhereItFindsItsData() throws {
        try withImages { folder in
            #expect(try train(folder, out: "run").status == 0)
            let weights = try Command.bytes("\(folder)/run/model.safetensors")
            unlink("\(folder)/run/result.json")
            mkdir("\(folder)/elsewhere", 0o777)
            let resumed = try Command.run(["train", "--resume", "../run"], in: "\(folder)/elsewhere")
            #expect(resumed.status == 0, "\(resumed.errors)")
            #expect(try Command.bytes("\(folder)/run/model.safetensors") == weights)

            unlink("\(folder)/run/result.json")
            let picture = try #require(try names("\(folder)/images/train/3").first)
            unlink("\(folder)/images/train/3/\(picture)")
            expectOneLine(try Command.run(["train", "--resume", "run"], in: folder), status: 1, "train count 159, the run has 160")
        }
    }

    @Test func withoutACheckpointItStartsOver() throws {
        try withImages { folder in
            #expect(try train(folder, out: "whole").status == 0)
            mkdir("\(folder)/run", 0o777)
            try Command.write(Command.text("\(folder)/whole/options.json"), to: "\(folder)/run/options.json")
            try Command.write("{\"event\":\"batc", to: "\(folder)/run/metrics.jsonl")
            #expect(try Command.run(["train", "--resume", "run"], in: folder).status == 0)
            #expect(try Command.bytes("\(folder)/run/model.safetensors") == Command.bytes("\(folder)/whole/model.safetensors"))
        }
    }

    @Test func aDamagedCheckpointIsPassedOverOrNamed() throws {
        try withImages { folder in
            #expect(try train(folder, out: "run").status == 0)
            let whole = try Command.bytes("\(folder)/run/model.safetensors")
            for name in ["result.json", "model.safetensors", "report.html"] { unlink("\(folder)/run/\(name)") }
            try Command.write("damaged", to: "\(folder)/run/checkpoint.safetensors")
            let passed = try Command.run(["train", "--resume", "run"], in: folder)
            #expect(passed.status == 0 && passed.output.contains("going on from the checkpoint before it"))
            #expect(try Command.bytes("\(folder)/run/model.safetensors") == whole)
            unlink("\(folder)/run/result.json")
            for name in ["checkpoint", "checkpoint.previous"] { try Command.write("damaged", to: "\(folder)/run/\(name).safetensors") }
            let refused = try Command.run(["train", "--resume", "run"], in: folder)
            expectOneLine(refused, status: 1, "checkpoint.safetensors")
        }
    }

    @Test func whatIsWrongIsSaidInOneLine() throws {
        try withImages { folder in
            let cases: [([String], Int32, String)] = [
                (["train", "--model", "cnnn"], 64, "did you mean 'cnn'?"),
                (["train", "--optimizer", "adm"], 64, "there is no optimizer 'adm'; did you mean 'adam'?"),
                (["train", "--schedule", "never"], 64, "there are onecycle, cosine, step, constant"),
                (["train", "--device", "gpu"], 64, "there is no device 'gpu'"),
                (["train", "--device", "opencl:99"], 64, "--device opencl:99 is not available: "),
                (["train", "--data", "nowhere"], 64, "neither a data set nor a folder 'nowhere'"),
                (["train", "--epochs", "0"], 64, "--epochs is 0"),
                (["train", "--epochs", "many"], 64, "many"),
                (["train", "--lr", "nan"], 64, "--lr is nan"),
                (["train", "--val-split", "1"], 64, "--val-split is 1.0, it must be at least 0 and less than 1"),
                (["train", "--data", "mnist", "--fast-decode"], 64, "--fast-decode is for folders of pictures"),
                (["train", "--momentum", "0.9"], 64, "--momentum is no setting of adam"),
                (["train", "--nonsense"], 64, "--nonsense"),
                (["train", "--resume", "run", "--lr", "1"], 64, "leave out --lr"),
                (["train", "--resume", "nowhere"], 1, "there is no folder nowhere"),
                (["train", "--resume", "images"], 1, "images holds no run"),
                (["train", "--model", "nowhere.json"], 1, "cannot open nowhere.json"),
                (["train", "--data", "images", "--out", "/dev/null/run"], 1, "/dev/null"),
                (["train", "--data", "images/test/0", "--out", "x"], 1, "images/test/0"),
                (["evaluate", "nowhere"], 1, "cannot open nowhere"),
                (["predict", "images", "a.png"], 1, "images holds no run"),
                (["summary", "transformer"], 64, "there is no model 'transformer'"),
                (["summary", "cnn", "--input", "2x2"], 64, "The value '2x2' is invalid for '--input <CxHxW>'"),
                (["profile"], 64, "name one model"),
                (["profile", "mlp", "--steps", "0"], 64, "--steps is 0"),
                (["profile", "mlp", "--batch-size", "0"], 64, "--batch-size is 0"),
                (["profile", "mlp", "--steps", "1", "--trace", "/dev/null/t"], 1, "/dev/null/t"),
                (["profile", "cnn", "--input", "1x2x2"], 1, "at least 4 × 4 pixels"),
            ]
            for (arguments, status, text) in cases {
                let result = try Command.run(arguments, in: folder)
                #expect(result.signal == nil && result.status == status, "\(arguments): \(result.errors)")
                #expect(result.errors.contains(text), "\(arguments): \(result.errors)")
                if status == 1 { expectOneLine(result, status: 1, text) }
            }
            #expect(access("\(folder)/x", F_OK) != 0) // A run that cannot start leaves no folder.
        }
    }

    @Test func aFullDiskIsSaidInOneLine() throws {
        try withImages { folder in
            // No file above 512 kB, so that the first checkpoint does not fit.
            let result = try Command.run(
                ["train", "--data", "images", "--epochs", "1", "--out", "run"], in: folder, shell: "trap '' XFSZ; ulimit -f 1000;")
            expectOneLine(result, status: 1, "checkpoint.safetensors: File too large")
        }
    }

    @Test func profileShowsOpsAndLayersAndWritesATrace() throws {
        try withImages { folder in
            let shown = try Command.run(["profile", "mlp", "--batch-size", "2", "--steps", "2", "--optimizer", "sgd"], in: folder)
            #expect(shown.status == 0, "\(shown.errors)")
            for text in [
                "mlp, batch of 2", "linear", "SGD.step", "fc1 (Linear)", "CrossEntropyLoss", "average of 2", "trace: apus.trace.json",
            ] {
                #expect(shown.output.contains(text), "\(text) in \(shown.output)")
            }
            #expect(try JSON(parsing: String(decoding: Command.bytes("\(folder)/apus.trace.json"), as: UTF8.self))["traceEvents"] != nil)
            let lines = try Command.run(["profile", "mlp", "--batch-size", "2", "--steps", "2", "--json", "--trace", "t.json"], in: folder)
                .lines.map { try JSON(parsing: String($0)) }
            #expect(lines.contains { $0["event"] == "op" && $0["name"] == "linear" && $0["calls"]?.double == 2 })
            #expect(lines.contains { $0["event"] == "layer" && $0["name"] == "fc1 (Linear)" })
            #expect(lines.last?["event"] == "done" && lines.last?["trace"] == "t.json")
        }
    }

    @Test func modelsAreDescribedInFiles() throws {
        try withImages { folder in
            try Command.write(
                """
                [
                  {"type": "Conv2d", "name": "conv1", "in_channels": 1, "out_channels": 4, "kernel_size": 3, "stride": 2, "padding": 1},
                  "ReLU",
                  {"type": "Sequential", "name": "head", "layers": ["Flatten", {"type": "Linear", "in_features": 784, "out_features": 10}]}
                ]
                """, to: "\(folder)/net.json")
            let summary = try Command.run(["summary", "net.json"], in: folder)
            #expect(
                summary.status == 0 && summary.output.contains("conv1 (Conv2d)") && summary.output.contains("7,890"), "\(summary.errors)")
            let trained = try train(folder, ["--model", "net.json"])
            #expect(trained.status == 0, "\(trained.errors)")
            // The run contains a copy of the model description.
            unlink("\(folder)/net.json")
            #expect(try Command.run(["evaluate", "run"], in: folder).status == 0)
            let keys = try Safetensors(contentsOf: "\(folder)/run/model.safetensors").tensors.keys
            #expect(keys == ["conv1.weight", "conv1.bias", "head.1.weight", "head.1.bias"])

            let wrong: [(String, String)] = [
                ("[{\"type\": \"Linaer\", \"in_features\": 3}]", "did you mean 'Linear'?"),
                ("[{\"type\": \"Linear\", \"in_features\": 3}]", "out_features"),
                ("[{\"type\": \"Linear\", \"in_features\": 3, \"out_features\": 2, \"depth\": 1}]", "depth"),
                ("[{\"type\": \"Linear\", \"in_features\": -3, \"out_features\": 2}]", "Linear"),
                ("[\"Flatten\", {\"type\": \"Linear\", \"in_features\": 9, \"out_features\": 10}]", "does not take"),
                ("[\"ReLU\",", "line 1, column 9"),
                ("{}", "there are no layers"),
                ("[{\"type\": \"Flatten\", \"name\": 3}]", "'name' is a number, where a string is wanted"),
                ("{\"flat\": {\"type\": \"Flatten\", \"name\": \"flatten\"}}", "'name' is 'flatten', the layer's key in the object 'flat'"),
                ("[[]]", "a layer is wanted"),
            ]
            for (text, message) in wrong {
                try Command.write(text, to: "\(folder)/wrong.json")
                expectOneLine(try Command.run(["summary", "wrong.json"], in: folder), status: 1, message)
            }
        }
    }

    /// A false size in a file is refused: it causes no trap, and no allocation larger than the file justifies.
    @Test func weightsThatLieAboutTheirModelAreRefused() throws {
        try withImages { folder in
            let wide = "[\"Flatten\", {\"type\": \"Linear\", \"in_features\": 65536, \"out_features\": 65536}]"
            let deep = "[{\"type\": \"RNN\", \"input_size\": 1, \"hidden_size\": 1, \"num_layers\": 1000}]"
            let lies: [(model: String, input: String, message: String)] = [
                ("mlp", "[1,65536,65536]", "is not the size of an image"), ("mlp", "[1,8192,8192]", "what may be allocated"),
                ("resnet18", "[3,8,8]", "what may be allocated"),
                (wide, "[1,256,256]", "what may be allocated"), (deep, "[1,1,1]", "what may be allocated"),
                ("mlp", "[1,2,2]", "fc1.weight"),
            ]
            for lie in lies {
                let metadata: Metadata = [
                    "apus.model": lie.model, "apus.data": "images", "apus.input": lie.input, "apus.classes": "[\"a\",\"b\"]",
                ]
                try StateDict([("weight", Tensor.zeros([4]))]).save(to: "\(folder)/lie.safetensors", metadata: metadata)
                // With 4 GB of address space, so that an excessive allocation fails; sanitizers need far more for themselves.
                let limit = environment("APUS_SANITIZER") == nil ? "ulimit -v 4000000;" : ""
                let result = try Command.run(["summary", "lie.safetensors"], in: folder, shell: limit)
                expectOneLine(result, status: 1, lie.message)
            }
            for model in ["mlp", "cnn"] {
                let result = try Command.run(["summary", model, "--input", "1x16384x16384"], in: folder)
                expectOneLine(result, status: 1, "what may be allocated")
            }
        }
    }

    @Test func infoNamesWhatThereIs() throws {
        try withFolder { folder in
            let result = try Command.run(["info", "--json"], in: folder)
            let json = try JSON(parsing: result.output)
            for key in ["apus", "swift", "onednn", "zlib", "libpng", "libjpeg-turbo", "libwebp", "processor", "cores", "memory", "devices"]
            {
                #expect(json[key]?.string?.isEmpty == false, "\(key)")
            }
        }
    }

    /// `apus info` describes each device, or says why it is unavailable and what to install, with the library's own words.
    @Test func infoSaysWhatDevicesLack() throws {
        try withFolder { folder in
            let json = try JSON(parsing: try Command.run(["info", "--json"], in: folder).output)
            for device in Device.all where !device.isCPU {
                let text = try #require(json["device_\(device)"]?.string)
                if let reason = device.unavailableReason {
                    #expect(text == "not available: \(reason)")
                } else {
                    let hardware = try #require(device.hardware)
                    #expect(text.hasPrefix(hardware) && device.libraries.allSatisfy { text.contains($0) }, "\(text)")
                }
            }
            let bare = try Command.run(["info"], in: folder, shell: "OCL_ICD_VENDORS=/none APUS_CUDA=/none")
            #expect(
                bare.output.contains(
                    "OpenCL is installed, but no driver for a device: install the vendor's, or pocl-opencl-icd for processors"),
                "\(bare.output)")
            if !Device.cuda(0).isAvailable {
                #expect(
                    bare.output.contains("device cuda:0") && bare.output.contains("an NVIDIA device needs NVIDIA's driver"),
                    "\(bare.output)")
            }
        }
    }

    private func expectOneLine(_ result: Command.Result, status: Int32, _ text: String) {
        #expect(result.signal == nil && result.status == status, "\(result.errors)")
        #expect(result.errors.contains(text), "\(result.errors)")
        #expect(result.errors.split(separator: "\n").count == 1 && result.errors.hasPrefix("apus: error: "), "\(result.errors)")
    }
}
