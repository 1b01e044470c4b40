import ApusCore
import ApusNN
import ApusRuns
import ApusTraining
import ApusVision
import Testing

@Suite struct SummaryTests {
    @Test func numbersOfTheConvolutionalNetwork() throws {
        let summary = try withGenerator(Generator(seed: 1)) { try ModelSummary(CNN(), input: [1, 1, 28, 28]) }
        #expect(summary.rows.map(\.title) == ["CNN", "conv1 (Conv2d)", "conv2 (Conv2d)", "fc1 (Linear)", "fc2 (Linear)"])
        #expect(
            summary.rows.map { $0.outputs.map(Array.init) } == [
                [[1, 10]], [[1, 16, 28, 28]], [[1, 32, 14, 14]], [[1, 128]], [[1, 10]],
            ])
        #expect(summary.rows.map(\.parameters) == [0, 160, 4640, 200_832, 1290])
        // Pixels × output channels × (input channels × 9), and columns × rows.
        #expect(summary.rows.map(\.multiplyAdds) == [0, 28 * 28 * 16 * 9, 14 * 14 * 32 * 144, 1568 * 128, 1280])
        #expect(summary.parameters == 206_922 && summary.trainable == 206_922 && summary.parameterBytes == 4 * 206_922)
        #expect(summary.output == [1, 10])
        #expect(summary.text(unicode: false).contains("multiply-adds   1,218,048"))
    }

    @Test func resNet18HasTorchvisionsSizeAndKeys() throws {
        let model = withGenerator(Generator(seed: 1)) { ResNet18() }
        let summary = try ModelSummary(model, input: [1, 3, 64, 64])
        #expect(summary.parameters == 11_689_512)
        let keys = model.stateDict().keys
        #expect(keys.count == 122)
        for key in [
            "conv1.weight", "bn1.running_mean", "layer1.0.conv1.weight", "layer2.0.downsample.0.weight", "layer4.1.bn2.num_batches_tracked",
            "fc.bias",
        ] {
            #expect(keys.contains(key), "\(key)")
        }
        #expect(summary.rows.filter { $0.title.hasPrefix("layer") }.allSatisfy { $0.depth == 1 })
        #expect(summary.rows.filter { $0.title == "downsample (Sequential)" }.map(\.depth) == [3, 3, 3])
    }

    @Test func itLeavesTheModelAsItWas() throws {
        let model = withGenerator(Generator(seed: 1)) { Sequential(Linear(4, 3), Dropout(0.5), Linear(3, 2)) }
        let generator = Generator(seed: 7)
        try withGenerator(generator) { _ = try ModelSummary(model, input: [1, 4]) }
        #expect(model.training && generator.state.offset == 0)
        #expect(model.parameters().allSatisfy { $0.grad == nil })
    }

    @Test func anInputThatDoesNotFitThrows() {
        let model = withGenerator(Generator(seed: 1)) { MLP(inFeatures: 9) }
        #expect(throws: OpError.self) { try ModelSummary(model, input: [1, 1, 28, 28]) }
    }

    @Test func aSharedLayerCountsOnce() throws {
        let model = withGenerator(Generator(seed: 1)) { () -> Sequential in
            let shared = Linear(4, 4)
            return Sequential(shared, ReLU(), shared)
        }
        let summary = try ModelSummary(model, input: [2, 4])
        #expect(summary.parameters == 20)
        #expect(summary.multiplyAdds == 2 * 2 * 16) // Called twice, on two rows.
    }
}
