import ApusCore
import ApusNN
import Foundation
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

    /// Statistics of the averages are theirs; the model's weights and statistics stay.
    @Test func `running statistics of the averages are computed anew`() {
        let model = net()
        let averaged = AveragedModel(model, average: .exponential(decay: 0.5))
        set(model, 0.5)
        averaged.updateParameters(model)
        set(model, 2)
        averaged.updateParameters(model)
        let (before, twin) = (model.stateDict().map { $0.value.clone() }, net().eval())
        let statistics = ["norm.running_mean", "norm.running_var", "norm.num_batches_tracked"]
        let batches = withGenerator(Generator(seed: 5)) { (0..<4).map { _ in Tensor.randn([8, 3]) } }
        for whole in [averaged as Module, averaged.module] {
            try! twin.loadStateDict(averaged.module.stateDict())
            updateBN(batches, whole)
            updateBN(batches, twin)
            for key in statistics { #expect(averaged.module.stateDict()[key]!.equal(twin.stateDict()[key]!), "\(key)") }
        }
        #expect(zip(model.stateDict(), before).allSatisfy { $0.value.equal($1) })
        #expect(model.training && averaged.module.training && (model[1] as! BatchNorm1d).momentum == 0.1)
    }

    /// A layer twice in the model, a weight that is computed of others, one that is tied, members in tuples, a buffer that is not saved.
    private final class Odd: Module {
        let first = Linear(4, 4)
        let pairs: [(a: Linear, b: Dropout)] = [(Parametrizations.weightNorm(Linear(4, 4)), Dropout(0.5)), (Linear(4, 4), Dropout(0.25))]
        let norm = BatchNorm1d(4)
        let W_q: Linear
        let scale = Parameter(Tensor.ones([4]))
        let shift = Buffer(Tensor.zeros([4]), persistent: false)

        override init() {
            W_q = first
            super.init()
            pairs[1].a.weight = first.weight
        }

        func callAsFunction(_ x: Tensor, _ y: Tensor) -> Tensor {
            call(x, y) { x, y in
                W_q(norm(pairs[0].b(pairs[0].a(first(x))) + pairs[1].b(pairs[1].a(y)))) * scale + shift
            }
        }
    }

    /// The averages compute what an object of the model's class computes with their values, in their own modes, and have its state.
    @Test(arguments: [false, true]) func `averages compute as a copy of the model would`(training: Bool) throws {
        let (model, twin) = (Odd(), Odd())
        let (averaged, byItself) = (
            AveragedModel(model, average: .exponential(decay: 0.5), useBuffers: true),
            AveragedModel(model, into: twin, average: .exponential(decay: 0.5), useBuffers: true)
        )
        let (x, y) = (Tensor.randn([8, 4]), Tensor.randn([8, 4]))
        for step in 1...3 {
            noGrad { for p in model.parameters() { p.add_(Tensor.full(p.shape, 0.1 * Double(step))) } }
            _ = model(x, y)
            averaged.updateParameters(model)
            byItself.updateParameters(model)
        }
        func expectSame() {
            #expect(averaged.stateDict().keys == byItself.stateDict().keys)
            for (key, value) in byItself.stateDict() { #expect(averaged.stateDict()[key]!.equal(value), "\(key)") }
            #expect(averaged.module.namedParameters().map(\.name) == twin.namedParameters().map(\.name))
            #expect(averaged.module.namedBuffers().map(\.name) == twin.namedBuffers().map(\.name))
        }
        expectSame()
        let before = model.stateDict().map { $0.value.clone() }
        averaged.train(training)
        byItself.train(training)
        model.train(!training)
        model.norm.eval()
        for _ in 0..<2 {
            let found = withGenerator(Generator(seed: 3)) { averaged.withAverages { $0(x, y) } }
            let wanted = withGenerator(Generator(seed: 3)) { byItself.withAverages { $0(x, y) } }
            #expect(found.equal(wanted))
            found.sum().backward()
            wanted.sum().backward()
        }
        expectSame()
        for (own, other) in zip(averaged.module.parameters(), twin.parameters()) { #expect(own.grad!.equal(other.grad!)) }
        #expect(model.training == !training && !model.norm.training && model.pairs[0].b.training == !training)
        #expect(zip(model.stateDict(), before).allSatisfy { $0.value.equal($1) } && model.parameters().allSatisfy { $0.grad == nil })
        #expect(averaged.description == byItself.description)

        // State by today's keys and by older ones, and another dtype.
        let fresh = AveragedModel(Odd())
        var state = StateDict()
        for (key, value) in averaged.stateDict() {
            state[
                key.replacingOccurrences(of: "W_q", with: "w_q").replacingOccurrences(
                    of: "parametrizations.weight.original0", with: "weight_g"
                )
                .replacingOccurrences(of: "parametrizations.weight.original1", with: "weight_v")] = value
        }
        #expect(state.keys != averaged.stateDict().keys)
        for given in [averaged.stateDict(), state] {
            noGrad { for p in fresh.parameters() { p.zero_() } }
            try fresh.loadStateDict(given)
            for (key, value) in averaged.stateDict() { #expect(fresh.stateDict()[key]!.equal(value), "\(key)") }
        }
        fresh.to(.float64)
        #expect(fresh.eval().withAverages { $0(x.to(.float64), y.to(.float64)) }.dtype == .float64)
        #expect(message { _ = AveragedModel(Sequential(LazyLinear(3))) }.contains("LazyLinear has no shapes"))
    }

    @Test func `what would disturb the model or be disturbed by it is refused`() {
        final class Net: Module {
            var fc = Linear(3, 2)
            override func forward(_ x: Tensor) -> Tensor { fc(x) }
        }
        let model = Net()
        let averaged = AveragedModel(model)
        #expect(message { _ = Shared(AveragedModel(net())) }.contains("share AveragedModel(model, into:"))
        #expect(message { _ = Shared(Sequential(AveragedModel(net()), ReLU())) }.contains("share AveragedModel(model, into:"))
        _ = Shared(AveragedModel(net(), into: net()))
        model.fc = Linear(3, 5)
        #expect(message { _ = averaged(Tensor.ones([1, 3])) }.contains("the model has changed since its average began"))
    }

    @Test func `statistics of averages within other modules are computed anew`() {
        func student() -> Sequential { Sequential(Linear(3, 4), BatchNorm1d(4)) }
        let teacher = student()
        let batches = (0..<3).map { Tensor.randn([8, 3], generator: Generator(seed: UInt64($0))) }
        let whole = Sequential(AveragedModel(teacher), Linear(4, 2))
        teacher.parameters()[0].detach().fill_(7)
        let twin = student()
        try! twin.loadStateDict((whole.submodule("0") as! AveragedModel<Sequential>).module.stateDict())
        updateBN(batches, whole)
        updateBN(batches, twin)
        let found = whole.stateDict(), wanted = twin.stateDict()
        for key in ["1.running_mean", "1.running_var", "1.num_batches_tracked"] {
            #expect(found["0.module." + key]!.equal(wanted[key]!), "\(key)")
            #expect(!teacher.stateDict()[key]!.equal(wanted[key]!))
        }
    }

    @Test func `a model of one input is called as it is`() {
        let model = net()
        let averaged = AveragedModel(model).eval()
        set(model, 3)
        averaged.updateParameters(model)
        let (x, twin) = (Tensor.randn([5, 3]), net().eval())
        set(twin, 3)
        set(model, 7)
        #expect(averaged(x).equal(twin(x)) && averaged.module(x).equal(twin(x)) && averaged.withAverages { $0(x) }.equal(twin(x)))
        #expect(averaged.copy()(x).equal(twin(x)) && model.training)
        #expect(message { _ = averaged.module.submodule("linear")!(x) }.contains("call the whole"))
        // In training it is found by the check of ownership, and learns.
        averaged.train()
        averaged(x).sum().backward()
        #expect(averaged.parameters().allSatisfy { $0.grad != nil } && model.parameters().allSatisfy { $0.grad == nil })
    }
}
