import ApusCore
import ApusData
import ApusFormats
import ApusNN
import ApusTraining
import ApusVision
import Glibc
import TestSupport
import Testing
@testable import ApusRuns

/// What can be done with a trained model: `evaluate --report`, `predict` on folders, `embed`, `compare`.
@Suite struct ToolTests {
    let folder = TemporaryFolder()

    /// Pictures of three classes in `images`, and a run of `epochs` of a network with a convolution.
    private func train(_ name: String, epochs: Int = 1, lr: Double = 0.003) throws {
        if access(folder.file("images"), F_OK) != 0 { try folder.makeImages(count: 12, side: 8) }
        try Command.write(
            """
            [{"type": "Conv2d", "in_channels": 1, "out_channels": 4, "kernel_size": 3, "padding": 1}, "ReLU", "Flatten",
             {"type": "Linear", "in_features": 256, "out_features": 5}, "ReLU", {"type": "Linear", "in_features": 5, "out_features": 3}]
            """, to: folder.file("net.json"))
        let options = try RunOptions(
            model: folder.file("net.json"), data: folder.file("images"), epochs: epochs, batchSize: 8, lr: lr, device: "cpu")
        guard case .finished = try Run(options, in: folder.file(name)).train() else {
            return #expect(Bool(false), "the run did not finish")
        }
    }

    private func apus(_ arguments: String...) throws -> Command.Result { try Command.run(arguments, in: folder.path) }

    @Test func anEvaluationIsAPage() throws {
        try train("run")
        try folder.makeImages("others/test", count: 5, side: 8)
        let shown = try apus("evaluate", "run", "--data", "others", "--report", "page.html")
        #expect(shown.status == 0 && shown.output.contains("precision") && shown.output.contains("mean of the classes"), "\(shown.errors)")
        let page = try Command.text(folder.file("page.html"))
        for part in [
            "run on others", "<h2>Classes</h2>", "mean of the classes", "Confusion matrix", "Accuracy by confidence", "calibration error",
        ] {
            #expect(page.contains(part), "\(part)")
        }
        #expect(try Command.text(folder.file("run/report.html")).contains("Accuracy by confidence"))
        let last = try #require(apus("evaluate", "run", "--data", "others", "--json").lines.last)
        let json = try JSON(parsing: String(last))
        let evaluation = try Evaluation(
            TrainedModel(folder.file("run"), device: .cpu).model,
            on: DataLoader(ImageFolder(folder.file("others/test"), gray: true), batchSize: 7), classes: ["cat", "dog", "owl"])
        #expect(evaluation.topFive == nil && json.members!.allSatisfy { $0.key != "top_5_accuracy" })
        for (key, value) in [
            ("f1", evaluation.confusion.mean(evaluation.confusion.f1)), ("calibration_error", evaluation.calibration.value),
            ("test_accuracy", evaluation.accuracy),
        ] {
            #expect(abs(json[key]!.double! - value) < 1e-5, "\(key)")
        }
    }

    /// Of more than five classes, how often the right one is among the five likeliest.
    @Test func topFive() throws {
        let x = Tensor.randn([40, 7], generator: Generator(seed: 1)), y = Tensor.randint(7, [40], generator: Generator(seed: 2))
        let found = try Evaluation(Sequential(), on: DataLoader(TensorDataset(x, y), batchSize: 9), classes: (0..<7).map { "\($0)" })
        let (scores, labels) = (x.array(Float.self), y.array(Int.self))
        let hits = (0..<40).count { i in (0..<7).count { scores[7 * i + $0] > scores[7 * i + labels[i]] } < 5 }
        #expect(found.topFive == Double(hits) / 40)
    }

    /// A folder's pictures at any depth, by content; a table, pictures of where the model looks; bad ones are named, and the others answered.
    @Test func aFolderIsPredicted() throws {
        try train("run")
        for (i, name) in ["set/a, \"b\".png", "set/deep/er/c.png", "set/deep/er/c.jpg", "set/no-ending"].enumerated() {
            try folder.writeImage(i % 3, i, name, side: 8)
        }
        folder.write([1, 2, 3], "set/notes.txt")
        folder.write([1, 2, 3], "set/zebra.png")
        let run = try apus("predict", "run", "set", "--csv", "out.csv", "--top", "2", "--explain", "heat")
        #expect(run.status == 1 && run.errors.contains("set/zebra.png") && run.output == "out.csv: 4 pictures\n", "\(run.errors)")
        let lines = try Command.text(folder.file("out.csv")).split(separator: "\n")
        #expect(lines.count == 5 && lines[0] == "file,class,probability,class_2,probability_2")
        let files = ["\"set/a, \"\"b\"\".png\"", "set/deep/er/c.jpg", "set/deep/er/c.png", "set/no-ending"]
        #expect(zip(lines.dropFirst(), files).allSatisfy { $0.hasPrefix($1 + ",") })
        let trained = try TrainedModel(folder.file("run"), device: .cpu)
        let answers = try trained.predict(trained.image(folder.file("set/no-ending"))).prefix(2)
        let wanted = "set/no-ending," + answers.map { "\($0.label),\(Text.fixed($0.probability, 6))" }.joined(separator: ",")
        #expect(String(lines[4]) == wanted)
        for name in ["a, \"b\".png", "deep/er/c.png", "deep/er/c-2.png", "no-ending.png"] {
            let picture = try Picture(contentsOf: folder.file("heat/\(name)"))
            #expect(picture.channels == 3 && picture.width == 224 && picture.height == 224, "\(name)")
        }
        // Lines where there is no table, in the order of the names.
        let skipped = try apus("predict", "run", "set", "images/cat/1.png", "--on-bad-image", "skip")
        #expect(skipped.status == 0 && skipped.lines.count == 5 && skipped.lines[4].hasPrefix("images/cat/1.png: "), "\(skipped.errors)")
        #expect(try apus("predict", "run", "set", "--json", "--csv", "x.csv").status == 64)
    }

    @Test func whatCannotBeExplainedIsSaid() throws {
        try folder.makeImages(count: 12)
        try folder.makeModel()
        _ = try Run(
            RunOptions(model: folder.file("net.json"), data: folder.file("images"), epochs: 1, device: "cpu"), in: folder.file("run")
        ).train()
        let run = try apus("predict", "run", "images", "--explain", "heat")
        #expect(run.status == 1 && run.errors.contains("no convolution") && run.output.isEmpty)
        mkdir(folder.file("empty"), 0o777)
        let empty = try apus("predict", "run", "empty")
        #expect(empty.status == 1 && empty.errors.contains("empty has no PNG, JPEG or WebP picture in it"))
    }

    /// The features are what the last layer makes the scores of.
    @Test func featuresGiveTheScores() throws {
        try train("run")
        folder.write([1, 2, 3], "images/dog/bad.png")
        #expect(try apus("embed", "run", "images", "--out", "f.npz").errors.contains("images/dog/bad.png"))
        let run = try apus("embed", "run", "images", "--out", "f.npz", "--on-bad-image", "skip")
        #expect(run.status == 0 && run.output.contains("features [36, 5] and labels"), "\(run.errors)")
        let arrays = try StateDict.load(npz: folder.file("f.npz"))
        let names = try JSON(contentsOf: folder.file("f.json"))
        let files = names["files"]!.array!.map { $0.string! }
        #expect(arrays["labels"]!.array(Int.self) == (0..<36).map { $0 / 12 })
        #expect(names["classes"]!.array!.map { $0.string! } == ["cat", "dog", "owl"] && files.count == 36)
        let trained = try TrainedModel(folder.file("run"), device: .cpu)
        let head = trained.model.modules().last as! Linear
        for row in [0, 17, 35] {
            let probabilities = noGrad { F.softmax(head(arrays["features"]![row].unsqueeze(0)), dim: 1) }
            for answer in try trained.predict(trained.image(folder.file(files[row]))) {
                let place = trained.classes.firstIndex(of: answer.label)!
                #expect(abs(probabilities[0, place].item() - answer.probability) < 1e-6)
            }
        }
        let single = try apus("embed", "run", "images/cat/1.png", "--out", "one.npz")
        #expect(single.status == 0, "\(single.errors)")
        #expect(try Array(StateDict.load(npz: folder.file("one.npz")).keys) == ["features"])
    }

    @Test func runsBesideEachOther() throws {
        try train("a", epochs: 2)
        try train("b", lr: 0.01)
        let run = try apus("compare", "a", "b", "--out", "both.html")
        #expect(run.status == 0, "\(run.errors)")
        func row(_ name: String) -> [Substring]? {
            run.lines.first { $0.hasPrefix(name + " ") }?.dropFirst(name.count).split(separator: " ")
        }
        #expect(row("lr") == ["0.003", "0.01"] && row("epochs") == ["2", "1"] && row("batch_size") == nil && row("steps")?.count == 2)
        let results = try ["a", "b"].map { try JSON(contentsOf: folder.file("\($0)/result.json"))["test_accuracy"]!.double! }
        #expect(row("test accuracy").map { $0.map(String.init) } == results.map { Text.fixed($0, 4) })
        let page = try Command.text(folder.file("both.html"))
        #expect(
            page.contains("2 runs compared") && page.contains("Test accuracy") && page.contains("polyline class=\"s2\"")
                && page.contains("lr"))
        #expect(page.ranges(of: "<circle").count == 5 * 3)
        #expect(try RunComparison([folder.file("a"), folder.file("a")]).differences.isEmpty)
        // A run that is not finished is compared by what it has.
        unlink(folder.file("a/result.json"))
        let values = try RunComparison([folder.file("a"), folder.file("b")]).results.first { $0.name == "epochs" }?.values
        #expect(values == ["2 of 2", "1"])
        #expect(try apus("compare", "a").status == 64)
        #expect(try apus("compare", "a", "nowhere").errors.contains("no folder nowhere"))
        #expect(try apus("compare", "a", "images").errors.contains("holds no run"))
    }

    /// Fields with commas, quotes or line breaks are in quotes, which are doubled.
    @Test func tablesOfText() {
        #expect(commaSeparated([["a", "b,c", "d\"e"], ["", "f\ng", "h i"]]) == "a,\"b,c\",\"d\"\"e\"\n,\"f\ng\",h i\n")
    }
}
