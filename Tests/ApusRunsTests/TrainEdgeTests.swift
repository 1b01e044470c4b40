import ApusCore
import ApusFormats
import ApusNN
import Foundation
import TestSupport
import Testing
@testable import ApusRuns

/// Runs whose options meet in ways that are easily got wrong.
@Suite struct TrainEdgeTests {
    let folder = TemporaryFolder()

    private func run(_ arguments: String...) throws -> Command.Result { try Command.run(arguments, in: folder.path) }

    private func train(_ out: String, _ more: String...) throws -> Command.Result {
        try Command.run(
            [
                "train", "--json", "--model", "cnn", "--data", "images", "--epochs", "2", "--batch-size", "8", "--device", "cpu", "--out",
                out,
            ] + more, in: folder.path)
    }

    private func write(_ text: String, _ name: String) { folder.write(Array(text.utf8), name) }

    /// What normalises images to learn from normalises those to evaluate on, and goes with the weights.
    @Test func aNormalizationOfAUsersListHoldsForAllImages() throws {
        try folder.makeImages(side: 8)
        write(
            "[\"RandomHorizontalFlip\", {\"type\": \"Resize\", \"size\": [8, 8]}, \"ToTensor\", {\"type\": \"Normalize\", \"mean\": 0.5, \"std\": 0.25}]",
            "t.json")
        #expect(try train("run", "--transform", "t.json").status == 0)
        let trained = try TrainedModel(folder.file("run"), device: .cpu)
        let image = try trained.image(folder.file("images/cat/0.png"))
        let plain = try Picture(contentsOf: folder.file("images/cat/0.png")).tensor().to(.float32) / 255
        expectClose(image, (plain - 0.5) / 0.25, rtol: 1e-6, atol: 1e-6)
        let recorded = try #require(try JSON(contentsOf: folder.file("run/result.json"))["test_loss"]?.double)
        let done = try #require(try run("evaluate", "run", "--json").lines.last.map { try JSON(parsing: String($0)) })
        #expect(abs((done["test_loss"]?.double ?? 0) - recorded) < 1e-6)
    }

    /// Transforms that do not take the images are an error that names their file, and leave no folder behind.
    @Test func transformsThatDoNotFitAreErrors() throws {
        try folder.makeImages(side: 8)
        for (i, (text, message)) in [
            ("[{\"type\": \"RandomCrop\", \"size\": 224}]", "RandomCrop"),
            ("[\"ToTensor\", {\"type\": \"Normalize\", \"mean\": [1, 1, 1], \"std\": [1, 1, 1]}]", "Normalize"),
            ("[{\"type\": \"Resize\", \"size\": [4, 4]}, \"ToTensor\"]", "make images of shape [1, 4, 4], the run has [1, 8, 8]"),
            ("[\"ToTensor\", \"RandomHorizontalFlip\"]", "ToTensor"), ("{\"type\": \"Resize\"}", "a list of transforms is wanted"),
        ].enumerated() {
            write(text, "t\(i).json")
            let result = try train("run", "--transform", "t\(i).json")
            #expect(result.status == 1 && result.errors.contains(message) && result.errors.contains("t\(i).json"), "\(result.errors)")
            #expect(!FileManager.default.fileExists(atPath: folder.file("run")))
        }
        // Those in the metadata of weights.
        #expect(try train("good").status == 0)
        var weights = try Safetensors(contentsOf: folder.file("good/model.safetensors"))
        for text in [
            "[\"ToTensor\", {\"type\": \"Normalize\", \"mean\": [1, 1], \"std\": [1, 1]}]", "[{\"type\": \"Resize\", \"size\": [4, 4]}]",
            "{", "[7]",
        ] {
            weights.metadata["apus.transform"] = text
            try weights.write(to: folder.file("bad.safetensors"))
            let result = try run("predict", "bad.safetensors", "images/cat/0.png")
            #expect(result.status == 1 && result.errors.contains("bad.safetensors"), "\(text): \(result.errors)")
        }
    }

    /// A run does not need the weights that it began with once it has a checkpoint, and is the same without them.
    @Test func weightsToBeginWithAreNotNeededAgain() throws {
        try folder.makeImages(side: 8)
        #expect(try train("base").status == 0)
        #expect(try train("whole", "--weights", "base", "--epochs", "3").status == 0)
        #expect(try train("part", "--weights", "base", "--epochs", "2").status == 0)
        let notes = try JSON(contentsOf: folder.file("part/options.json"))["weights"]?.string ?? ""
        #expect(notes.hasSuffix("/base"))
        try FileManager.default.removeItem(atPath: folder.file("base"))
        let more = try run("train", "--resume", "part", "--epochs", "3")
        #expect(more.status == 0, "\(more.errors)")
        let weights = try Command.bytes(folder.file("whole/model.safetensors"))
        for name in ["result.json", "model.safetensors"] { try FileManager.default.removeItem(atPath: folder.file("whole/\(name)")) }
        #expect(try run("train", "--resume", "whole").status == 0)
        #expect(try Command.bytes(folder.file("whole/model.safetensors")) == weights)
    }

    /// Images that were set aside are not said to be missing.
    @Test func anEvaluationKnowsWhatWasSetAside() throws {
        try folder.makeImages(side: 8)
        #expect(try train("run", "--val-split", "0.2").status == 0)
        let result = try run("evaluate", "run")
        #expect(result.status == 0 && !result.errors.contains("has changed"), "\(result.errors)")
    }

    /// A rate that suited the settings of a file does not hold for others that are given.
    @Test func aRateThatNobodyGaveFollowsTheSettings() throws {
        var options = RunOptions()
        try options.resolve()
        let adam = options.lr
        try options.take([(.optimizer, "sgd")])
        try options.resolve()
        #expect(adam == 0.003 && options.lr == 0.1)
        options.lr = 0.2
        try options.take([(.optimizer, "adam")])
        #expect(options.lr == 0.2)
        options.transform = "t.json"
        try options.take([(.augment, "none")])
        #expect(options.transform == nil)
        try options.take([(.augment, "flip")])
        try options.take([(.transform, "t.json")])
        #expect(options.augment == .none)
    }

    /// A class without images has no part in a balanced loss, and a class's only image is learned from.
    @Test func emptyAndSmallClasses() throws {
        let counts = [6, 0, 2]
        let model = Sequential(Linear(2, 3))
        var options = RunOptions()
        (options.classWeights, options.labelSmoothing) = (.balanced, 0.3)
        let loss = Recipe(options).loss(model, counts: counts, device: .cpu)
        let scores = Tensor([0.3, 5, -1, 0.2, 7, 0.9] as [Float], shape: [2, 3]), target = Tensor([0, 2])
        let weights = Tensor([8.0 / 18, 0, 8.0 / 6] as [Float])
        expectClose(loss(scores, target), F.crossEntropy(scores, target, weight: weights, labelSmoothing: 0.3), rtol: 1e-6, atol: 1e-6)
        try folder.makeImages(side: 8)
        for name in ["train", "test"] { try folder.makeImages("parts/\(name)", classes: ["cat", "dog"], count: 6, side: 8) }
        for name in ["train", "test"] { try folder.writeImage(1, 0, "parts/\(name)/rare/0.png", side: 8) }
        try folder.makeImages("parts/val", classes: ["cat", "dog", "rare"], count: 1, side: 8)
        options = try RunOptions(data: folder.file("parts"))
        options.valSplit = 0.5
        let data = try LoadedData(options, nil).data
        #expect(data.train.counts == [3, 3, 1] && data.validation?.counts == [3, 3, 0])
        #expect(data.notes(of: "parts").contains { $0.contains("folder 'val' beside 'test'") }, "\(data.notes(of: "parts"))")
    }
}
