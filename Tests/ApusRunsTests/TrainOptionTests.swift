import ApusCore
import ApusFormats
import ArgumentParser
import Foundation
import TestSupport
import Testing
@testable import ApusCommand
@testable import ApusRuns

/// Options of `apus train`: each is one on the command line, one in JSON and a property, and none is without effect.
@Suite struct TrainOptionTests {
    let folder = TemporaryFolder()

    /// Every option with a value that is not the default, as it is typed and as JSON has it.
    static let samples: [(key: String, text: String?, json: JSON)] = [
        ("model", "cnn", "cnn"), ("data", "mnist", "mnist"), ("epochs", "3", 3), ("batch_size", "16", 16), ("optimizer", "sgd", "sgd"),
        ("lr", "0.02", 0.02), ("schedule", "cosine", "cosine"), ("seed", "7", "7"), ("device", "cpu", "cpu"),
        ("checkpoint_every", "5", 5), ("fast_decode", nil, true), ("on_bad_image", "skip", "skip"), ("workers", "2", 2),
        ("image_size", "12x16", [12, 16]), ("val_split", "0.25", 0.25), ("weights", "w.pth", "w.pth"),
        ("freeze", "fc1,fc2.bias", ["fc1", "fc2.bias"]), ("augment", "flip", "flip"), ("transform", "t.json", "t.json"),
        ("mixup", "0.2", 0.2), ("cutmix", "1.0", 1.0), ("accumulate", "2", 2), ("lr_find", nil, true), ("weight_decay", "0.1", 0.1),
        ("momentum", "0.8", 0.8), ("betas", "0.8,0.99", [0.8, 0.99]), ("clip_norm", "0.5", 0.5), ("label_smoothing", "0.1", 0.1),
        ("class_weights", "balanced", "balanced"), ("ema", "0.9", 0.9), ("precision", "bfloat16", "bfloat16"), ("early_stop", "1", 1),
        ("keep", "both", "both"), ("shards", "4", 4),
    ]

    private func flag(_ key: String) -> String { "--" + key.replacingOccurrences(of: "_", with: "-") }

    @Test func everyOptionIsOneOfTheCommandLineAndOfJSON() throws {
        #expect(Set(TrainOptionTests.samples.map(\.key)) == Set(RunOptions.Key.allCases.map(\.rawValue)))
        for (key, text, json) in TrainOptionTests.samples {
            let command = try #require(try Train.parseAsRoot([flag(key)] + (text.map { [$0] } ?? [])) as? Train)
            let given = try command.given()
            #expect(given.map(\.key.rawValue) == [key] && given.first?.value == json, "\(key)")
            #expect(given.first?.key.flag == flag(key), "\(key)")
            // Taken one by one or from a file, the options are the same, and written as they were given.
            var taken = RunOptions()
            try taken.take(given)
            let read = try RunOptions(given: .object([.init(key, json)]), file: "c.json")
            #expect(taken == read && taken != RunOptions() || key == "device", "\(key)")
            #expect(taken.json[key] == json, "\(key)")
        }
    }

    @Test func wrongValuesAndUnknownNamesAreRefused() throws {
        func message(_ json: JSON) -> String {
            do {
                var options = try RunOptions(given: json, file: "c.json")
                try options.resolve()
                return "nothing"
            } catch { return "\(error)" }
        }
        let cases: [(JSON, String)] = [
            (["epoch": 3], "c.json, 'epoch': there is no option 'epoch'; did you mean 'epochs'?"),
            (["epochs": "3"], "c.json, 'epochs': a string, where a whole number is wanted"),
            (["optimizer": "adamm"], "there is no optimizer 'adamm'; did you mean 'adam'?"), (["augment": "flop"], "did you mean 'flip'?"),
            ([1], "an object of options"),
            (["momentum": 0.9], "momentum is no setting of adam; it has lr, betas, eps, weight_decay"),
            (["optimizer": "sgd", "betas": [0.9, 0.99]], "betas is no setting of sgd"),
            (["ema": 1], "ema is 1.0, it must be more than 0 and less than 1"), (["val_split": 1], "valSplit is 1.0"),
            (["betas": [0.9]], "betas is [0.9], it must be two numbers"), (["image_size": [8]], "imageSize is [8]"),
            (["fast_decode": true], "decoding is for folders of pictures"), (["mixup": 0], "mixup is 0.0"),
            (["transform": "t.json"], "cannot open t.json"), (["freeze": [1]], "a number in a list, where a name is wanted"),
            (["workers": 0], "workers is 0, it must be from 1 to 256"), (["early_stop": 0], "earlyStop is 0"),
        ]
        for (json, wanted) in cases { #expect(message(json).contains(wanted), "\(message(json))") }
    }

    /// `options.json` of a run is a `--config` that gives the same run; what is on the command line goes before.
    @Test func optionsOfARunAreAConfiguration() throws {
        try folder.makeImages()
        try folder.makeModel()
        func run(_ arguments: [String]) throws -> Command.Result { try Command.run(["train", "--json"] + arguments, in: folder.path) }
        let first = try run([
            "--model", "net.json", "--data", "images", "--epochs", "2", "--batch-size", "8", "--device", "cpu", "--weight-decay", "0.1",
            "--val-split", "0.2", "--keep", "best", "--ema", "0.9", "--out", "a",
        ])
        #expect(first.status == 0, "\(first.errors)")
        #expect(try run(["--config", "a/options.json", "--out", "b"]).status == 0)
        #expect(try Command.bytes(folder.file("a/model.safetensors")) == Command.bytes(folder.file("b/model.safetensors")))
        #expect(try Command.text(folder.file("a/options.json")) == Command.text(folder.file("b/options.json")))
        #expect(try run(["--config", "a/options.json", "--epochs", "3", "--out", "c"]).status == 0)
        #expect(try JSON(contentsOf: folder.file("c/options.json"))["epochs"] == 3)
        let refused = try run(["--config", "a/options.json", "--resume", "a"])
        #expect(refused.status == 64 && refused.errors.contains("leave out --config"))
    }

    /// Each option that says how to learn gives other weights than none does.
    @Test func noOptionIsWithoutEffect() throws {
        try folder.makeImages(side: 8)
        // Classes of one size need no weights.
        for i in 20..<32 { try folder.writeImage(0, i, "images/cat/\(i).png", side: 8) }
        folder.write(Array("[{\"type\": \"RandomVerticalFlip\", \"p\": 0.5}]".utf8), "t.json")
        let base = [
            "train", "--json", "--model", "cnn", "--data", "images", "--epochs", "3", "--batch-size", "8", "--device", "cpu", "--optimizer",
            "sgd",
            "--lr", "0.05",
        ]
        func weights(_ name: String, _ more: [String]) throws -> [UInt8] {
            let result = try Command.run(base + more + ["--out", name], in: folder.path)
            #expect(result.status == 0, "\(more): \(result.errors)")
            return try Command.bytes(folder.file("\(name)/model.safetensors"))
        }
        let plain = try weights("plain", [])
        #expect(try weights("again", ["--workers", "3"]) == plain)
        let changes = [
            ["--val-split", "0.3"], ["--augment", "flip"], ["--augment", "crop"], ["--transform", "t.json"], ["--mixup", "0.4"],
            ["--cutmix", "1"], ["--accumulate", "2"], ["--weight-decay", "0.1"], ["--momentum", "0.5"], ["--clip-norm", "0.01"],
            ["--label-smoothing", "0.2"], ["--ema", "0.9"], ["--precision", "bfloat16"], ["--precision", "float16"], ["--freeze", "conv1"],
            ["--image-size", "6"], ["--weights", "plain/model.safetensors"], ["--class-weights", "balanced", "--val-split", "0.3"],
            ["--lr", "0.051"], ["--seed", "3"], ["--schedule", "step"], ["--optimizer", "lion"], ["--shards", "2"],
        ]
        var seen: [[UInt8]: String] = [plain: "nothing"]
        for (i, change) in changes.enumerated() {
            let found = try weights("\(i)", change)
            if let before = seen[found] { Issue.record("\(change) gives the same weights as \(before)") }
            seen[found] = "\(change)"
        }
        _ = try weights("both", ["--keep", "both", "--val-split", "0.3", "--early-stop", "1", "--epochs", "40", "--lr", "0"])
        // What is frozen stays as it began, and so does all at a rate of 0.
        let frozen = try StateDict.load(from: folder.file("\(changes.firstIndex { $0[0] == "--freeze" }!)/model.safetensors"))
        let fresh = try StateDict.load(from: folder.file("both/model.safetensors"))
        for key in frozen.keys {
            #expect((frozen[key]!.array(Float.self) == fresh[key]!.array(Float.self)) == key.hasPrefix("conv1"), "\(key)")
        }
        let result = try JSON(contentsOf: folder.file("both/result.json"))
        #expect(result["ended_early"] == true && result["best_epoch"] == 1 && result["epochs"] == 2)
        #expect(FileManager.default.fileExists(atPath: folder.file("both/model-last.safetensors")))
        // A finished run that ended early stays as it is.
        #expect(try Command.run(["train", "--resume", "both"], in: folder.path).output.contains("ended early, after 2 epochs"))
    }
}

/// A run with everything random switched on.
@Suite struct RandomRunTests {
    let folder = TemporaryFolder()

    /// Killed at any moment and gone on with, by any number of threads: the same bytes.
    @Test func theBytesDependOnNeitherThreadsNorInterruptions() throws {
        try folder.makeImages(count: 30, side: 8)
        let options = [
            "--model", "cnn", "--data", "images", "--epochs", "3", "--batch-size", "8", "--device", "cpu", "--augment", "randaugment",
            "--mixup",
            "0.2", "--cutmix", "1", "--label-smoothing", "0.1", "--class-weights", "balanced", "--ema", "0.9", "--optimizer", "adamw",
            "--weight-decay", "0.05", "--clip-norm", "1", "--accumulate", "2", "--val-split", "0.2", "--keep", "both", "--lr-find",
            "--checkpoint-every", "1",
        ]
        func bytes(_ run: String) throws -> [[UInt8]] {
            try ["model.safetensors", "model-last.safetensors"].map { try Command.bytes(folder.file("\(run)/\($0)")) }
        }
        let whole = try Command.run(["train", "--json"] + options + ["--out", "whole", "--workers", "1"], in: folder.path)
        #expect(whole.status == 0, "\(whole.errors)")
        for workers in [1, 2, 4] {
            let run = "run\(workers)"
            var arguments = ["train"] + options + ["--out", run, "--workers", "\(workers)"]
            for moment: UInt32 in [40, 90, 15, 150, 60] {
                // The moments count from when the run has a checkpoint, so that a machine of any speed is met within training.
                _ = try Command.run(
                    arguments, in: folder.path, signal: (SIGKILL, moment), after: folder.file("\(run)/checkpoint.safetensors"))
                arguments = ["train", "--resume", run]
            }
            let last = try Command.run(arguments, in: folder.path)
            #expect(last.status == 0, "\(last.errors)")
            #expect(try bytes(run) == bytes("whole"), "\(workers) threads")
        }
    }
}

@Suite struct LearningRateCurveTests {
    /// Falls of several widths at several rates are found; what only scatters gives nothing.
    @Test func theRateOfTheSteepestFallIsSuggested() {
        var random = SplitMix(state: 7)
        let rates = (0..<100).map { pow(10, -6 + 7 * Double($0) / 99) }
        for middle in [30, 50, 70] {
            for (fall, scatter) in [(1.0, 0.0), (1.0, 0.05), (0.4, 0.02)] {
                let losses = (0..<100).map { i -> Double in
                    let noise = Double.random(in: -0.5...0.5, using: &random) * scatter
                    // Down around the middle, and up again twenty places later.
                    let down = fall / (1 + exp(Double(middle - i) / 3))
                    let up = 3 / (1 + exp(Double(middle + 20 - i)))
                    return 2 - down + up + noise
                }
                let found = LearningRateCurve(rates: rates, losses: losses).suggestion.map { rates.firstIndex(of: $0)! }
                #expect(found.map { abs($0 - middle) <= 4 } == true, "\(middle), \(fall), \(scatter): \(String(describing: found))")
            }
        }
        for seed in 0..<20 {
            var random = SplitMix(state: UInt64(seed))
            let flat = (0..<100).map { _ -> Double in 2 + Double.random(in: -0.05...0.05, using: &random) }
            #expect(LearningRateCurve(rates: rates, losses: flat).suggestion == nil)
        }
        #expect(LearningRateCurve(rates: Array(rates.prefix(12)), losses: (0..<12).map { 2 - Double($0) }).suggestion == nil)
    }
}
