import Apus
import TestSupport
import Testing

@Suite struct AveragedModelTests {
    private func net() -> Sequential { ["linear": Linear(3, 2), "norm": BatchNorm1d(2)] }

    /// Sets every parameter to `value` and updates the running statistics with a batch.
    private func set(_ model: Sequential, _ value: Double) {
        noGrad { for p in model.parameters() { p.fill_(value) } }
    }

    @Test func `the mean of all models, beside a copy of the last buffers`() {
        let model = net()
        let averaged = AveragedModel(model)
        for (i, value) in [1.0, 2, 6].enumerated() {
            set(model, value)
            noGrad { _ = model.buffers()[0].fill_(Double(i)) }
            averaged.updateParameters(model)
        }
        for p in averaged.module.parameters() { expectClose(p, Tensor.full(p.shape, 3.0)) }
        expectClose(averaged.module.buffers()[0], [2, 2])
        #expect(averaged.nAveraged.item(Int.self) == 3)
        #expect(averaged.stateDict().keys.sorted().first == "module.linear.bias")
        #expect(averaged.stateDict()["n_averaged"] != nil)
        #expect(model.parameters()[0].array(Float.self).allSatisfy { $0 == 6 }, "the model itself is left alone")
    }

    @Test func `exponential and custom averages`() {
        let model = net()
        let slow = AveragedModel(model, average: .exponential(decay: 0.75), useBuffers: true)
        let largest = AveragedModel(model, average: .custom { average, value, _ in average.maximum(value) })
        for value in [1.0, 2, -3] {
            set(model, value)
            noGrad { _ = model.buffers()[0].fill_(value) }
            slow.updateParameters(model)
            largest.updateParameters(model)
        }
        // 1, 0.75·1 + 0.25·2 = 1.25, 0.75·1.25 − 0.25·3 = 0.1875
        for p in slow.module.parameters() { expectClose(p, Tensor.full(p.shape, 0.1875)) }
        expectClose(slow.module.buffers()[0], [0.1875, 0.1875])
        for p in largest.module.parameters() { expectClose(p, Tensor.full(p.shape, 2.0)) }
        #expect(throws: OpError.self) { try checked { AveragedModel(model, average: .exponential(decay: 2)) } }
    }

    /// The statistics of equally large batches become those of all of them together.
    @Test func `running statistics are computed anew`() {
        let model = net().eval()
        let norm = model[1] as! BatchNorm1d
        let batches = withGenerator(Generator(seed: 5)) { (0..<4).map { _ in Tensor.randn([8, 3]) } }
        updateBN(batches, model)
        let means = Tensor.stack(batches.map { model[0]($0).mean(dim: 0) }).mean(dim: 0)
        expectClose(norm.runningMean!, means, rtol: 1e-4, atol: 1e-5)
        #expect(norm.momentum == 0.1 && !model.training && norm.numBatchesTracked!.item(Int.self) == 4)
    }
}
