import ApusCore
import ApusData
import ApusFormats
import ApusNN
import ApusRuns
import ApusTraining
import ApusVision
import Glibc
import TestSupport
import Testing

/// Uses runs from a program, with the public API only.
@Suite struct TrainedModelTests {
    let folder = TemporaryFolder()

    /// Makes images; those of the class "bright" are brighter.
    private func makeImages() throws {
        for (name, base) in [("bright", 150), ("dark", 20)] {
            for i in 0..<30 {
                let pixels = (0..<64).map { UInt8(base + ($0 * 7 + i * 13) % 90) }
                folder.write(try Picture(width: 8, height: 8, channels: 1, pixels: pixels).encoded(), "images/\(name)/\(i).png")
            }
        }
    }

    @Test func aProgramTrainsAndPredicts() throws {
        try makeImages()
        let options = try RunOptions(model: "mlp", data: folder.file("images"), epochs: 12, batchSize: 8, device: "cpu")
        let run = try Run(options, in: folder.file("run"))
        guard case .finished(let result) = try run.train() else { return #expect(Bool(false), "the run did not finish") }
        #expect(result.testAccuracy == 1)

        for source in ["run", "run/model.safetensors"] {
            let trained = try TrainedModel(folder.file(source), device: .cpu)
            #expect(trained.classes == ["bright", "dark"] && trained.input == [1, 8, 8] && !trained.model.training)
            for label in trained.classes {
                let image = try trained.image(folder.file("images/\(label)/3.png"))
                let answers = try trained.predict(image)
                #expect(answers.map(\.label).sorted() == trained.classes && answers[0].label == label && answers[0].probability > 0.5)
                #expect(abs(answers.reduce(0) { $0 + $1.probability } - 1) < 1e-5)
            }
            let data = try ImageFolder(folder.file("images"), gray: true, size: (8, 8))
            let evaluation = try Evaluation(trained.model, on: DataLoader(data, batchSize: 16), classes: trained.classes, mistakes: 4)
            #expect(
                evaluation.images == 60 && evaluation.accuracy == evaluation.confusion.accuracy
                    && evaluation.mistakes.count == min(4, 60 - (0..<2).reduce(0) { $0 + evaluation.confusion[$1, $1] }))
        }
    }

    /// The worst mistakes are taken over all batches, with their indices in the data set.
    @Test func mistakesAreRanked() throws {
        let x = Tensor.randn([50, 3], generator: Generator(seed: 1))
        let y = Tensor.randint(3, [50], generator: Generator(seed: 2))
        let model = Linear(3, 3)
        let worst = try [50, 7, 1].map {
            try Evaluation(model, on: DataLoader(TensorDataset(x, y), batchSize: $0), classes: ["a", "b", "c"], mistakes: 6).mistakes
        }
        let places = worst.map { $0.map(\.index) }
        #expect(places[0] == places[1] && places[0] == places[2] && places[0].count == 6)
        let probabilities = noGrad { F.softmax(model(x), dim: 1) }
        for mistake in worst[1] {
            #expect(mistake.predicted != mistake.actual && mistake.actual == y[mistake.index].item(Int.self))
            #expect(abs(mistake.probability - probabilities[mistake.index, mistake.predicted].item()) < 1e-6)
        }
        #expect(zip(worst[0], worst[0].dropFirst()).allSatisfy { $0.probability >= $1.probability })
        #expect(
            message { try Evaluation(model, on: DataLoader(TensorDataset(x, y), batchSize: 5), classes: ["a", "b"]) }.contains("2 classes"))
    }

    @Test func whatIsNoRunIsNamed() {
        #expect(message { try TrainedModel(folder.file("nowhere")) }.contains("nowhere"))
        #expect(message { try TrainedModel(folder.path) }.contains("holds no run"))
    }
}
