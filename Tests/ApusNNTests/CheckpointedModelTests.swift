import ApusCore
import ApusNN
import CKernels
import Foundation
import TestSupport
import Testing

/// `checkpoint` around modules: the same bits, running statistics that move once, weights that are computed, and the memory that it is for.
@Suite struct CheckpointedModelTests {
    /// The output, the gradients of all parameters and the buffers after a training step.
    private func step(_ model: Module, _ x: Tensor, _ run: (Tensor) -> Tensor) -> [Tensor] {
        for parameter in model.parameters() { parameter.grad = nil }
        let y = withGenerator(Generator(seed: 5)) { run(x) }
        y.square().sum().backward()
        return [y.detach()] + model.parameters().map { $0.grad! } + model.buffers().map { $0.clone() }
    }

    private func expectSame(
        _ what: String, _ model: Module, _ x: Tensor, plain: (Module, Tensor) -> Tensor, _ kept: (Module, Tensor) -> Tensor
    ) {
        let twin = model.copy()
        let (expected, found) = (step(model, x) { plain(model, $0) }, step(twin, x) { kept(twin, $0) })
        for (i, (a, b)) in zip(found, expected).enumerated() { expectEqual(a, b, "\(what): \(i)") }
    }

    private func numbers(_ shape: Int...) -> Tensor { withGenerator(Generator(seed: 1)) { .randn(shape) } }

    @Test func normalisationMovesItsStatisticsOnce() {
        let momenta: [Double?] = [0.1, nil]
        for momentum in momenta {
            let model = Sequential(Conv2d(2, 4, 3, padding: 1), BatchNorm2d(4, momentum: momentum), ReLU(), Dropout(0.2))
            expectSame("batches", model, numbers(3, 2, 5, 5), plain: { $0($1) }) { model, x in checkpoint(x) { model($0) } }
        }
        let instances = Sequential(Conv2d(2, 4, 3), InstanceNorm2d(4, affine: true, trackRunningStats: true), GELU())
        expectSame("instances", instances, numbers(3, 2, 5, 5), plain: { $0($1) }) { model, x in checkpoint(x) { model($0) } }
        let lazy = Sequential(LazyLinear(6), LazyBatchNorm1d(), Tanh())
        let y = checkpoint(numbers(4, 3)) { lazy($0) }
        y.sum().backward()
        #expect((lazy[1] as? LazyBatchNorm1d)?.numBatchesTracked?.item() == 1)
    }

    @Test func computedWeights() {
        let x = numbers(4, 6)
        for (name, make) in [
            ("weight norm", { Parametrizations.weightNorm(Linear(6, 6)) }),
            ("spectral norm", { Parametrizations.spectralNorm(Linear(6, 6)) }),
            ("older spectral norm", { spectralNorm(Linear(6, 6)) }), ("orthogonal", { Parametrizations.orthogonal(Linear(6, 6)) }),
            ("pruned", { Prune.l1Unstructured(Linear(6, 6), "weight", amount: 0.5) }),
        ] as [(String, () -> Linear)] {
            let model = Sequential(make(), Tanh(), Linear(6, 6))
            expectSame(name, model, x, plain: { $0($1) }) { model, x in checkpoint(x) { model($0) } }
            expectSame("\(name), cached", model, x, plain: { model, x in cachedParametrizations { model(model(x)) } }) { model, x in
                cachedParametrizations { checkpoint(model(x)) { model($0) } }
            }
        }
    }

    /// A module whose own weight is computed keeps its value for the length of the call, in which the checkpoint begins.
    @Test func aComputedWeightInItsOwnCall() {
        let model = Kept()
        Parametrizations.weightNorm(model)
        let x = numbers(4, 6)
        expectSame("in the call", model, x, plain: { model, x in (model as! Kept).plain(x) }) { $0($1) }
    }

    private final class Kept: Module {
        var weight = Parameter(withGenerator(Generator(seed: 2)) { Tensor.randn(6, 6) })
        var isPlain = false
        override func forward(_ x: Tensor) -> Tensor { isPlain ? body(x) : checkpoint(x) { self.body($0) } }
        func body(_ x: Tensor) -> Tensor { F.linear(F.linear(x, weight).tanh(), weight).square() }
        func plain(_ x: Tensor) -> Tensor {
            isPlain = true
            defer { isPlain = false }
            return self(x)
        }
    }

    @Test func functionalCalls() {
        let model = Sequential(Linear(6, 6), Tanh(), Linear(6, 6))
        let x = numbers(4, 6)
        func others() -> StateDict {
            StateDict(model.stateDict().map { ($0.key, ($0.value * 2).detach().requiresGrad_()) })
        }
        func gradients(_ state: StateDict, _ run: (Tensor) -> Tensor) -> [Tensor] {
            let y = model.functionalCall(state) { run(x) }
            // Here nobody stands in any more.
            y.sum().backward()
            return [y.detach()] + state.keys.map { state[$0]!.grad! }
        }
        let expected = gradients(others()) { model($0) }
        for (a, b) in zip(gradients(others()) { checkpoint($0) { model($0) } }, expected) { expectEqual(a, b) }
        #expect(model.parameters().allSatisfy { $0.grad == nil })
    }

    @Test func hooksRunInBothRuns() {
        let model = Sequential(Linear(3, 3), Tanh())
        var seen: [Bool] = []
        var gradients = 0
        model[0].registerForwardHook { _, _, _ in seen.append(isRecomputing) }
        model[0].registerFullBackwardHook { _, _, _ in gradients += 1 }
        checkpoint(numbers(2, 3)) { model($0) }.sum().backward()
        #expect(seen == [false, true] && gradients == 1)
    }

    /// Layers whose mode matters, called and asked for their mode, in so many checkpoints within each other.
    private final class Block: Module {
        let linear = withGenerator(Generator(seed: 3)) { Linear(6, 6) }
        let norm = BatchNorm1d(6)
        var depth = 0
        override func forward(_ x: Tensor) -> Tensor { kept(x, depth) }
        private func kept(_ x: Tensor, _ depth: Int) -> Tensor {
            if depth > 0 { return checkpoint(x) { self.kept($0, depth - 1) } }
            return F.dropout(norm(linear(x)), p: 0.3, training: training).tanh()
        }
    }

    /// Whatever modes modules have by the time of the backward pass, what runs again does so in the modes of the first run, and then they have
    /// their own again. An average has modes of its own while it is called, and its model others.
    @Test(arguments: [false, true], [false, true]) func modesAreThoseOfTheFirstRun(_ first: Bool, _ later: Bool) {
        let x = numbers(5, 6)
        typealias Whole = (model: Sequential, average: AveragedModel<Sequential>)
        let runs: [(name: String, run: (Whole, Tensor, Bool) -> Tensor)] = [
            ("model", { whole, x, _ in whole.model(x) }), ("average", { whole, x, _ in whole.average(x) }),
            ("model in a checkpoint", { whole, x, isKept in isKept ? checkpoint(x) { whole.model($0) } : whole.model(x) }),
            ("both", { whole, x, _ in whole.average(whole.model(x)) + whole.model(x) }),
            (
                "both in a checkpoint",
                { whole, x, isKept in
                    func both(_ x: Tensor) -> Tensor { whole.average(whole.model(x)) + whole.model(x) }
                    return isKept ? checkpoint(x, both) : both(x)
                }
            ),
        ]
        for (name, run) in runs {
            func tensors(depth: Int) -> [Tensor] {
                let blocks = [Block(), Block()]
                for block in blocks { block.depth = depth }
                let model = Sequential(blocks)
                let average = AveragedModel(model)
                func set(_ mode: Bool) {
                    model.train(mode)
                    blocks[1].norm.eval()
                    average.train(!mode)
                }
                set(first)
                let x = x.clone().requiresGrad_()
                let y = withGenerator(Generator(seed: 5)) { run((model, average), x, depth > 0) }
                if depth > 0 { set(later) }
                let modes = ([model] + model.modules() + average.modules()).map(\.training)
                y.square().sum().backward()
                #expect(([model] + model.modules() + average.modules()).map(\.training) == modes, "\(name)")
                return [y.detach(), x.grad!] + (model.parameters() + average.parameters()).compactMap(\.grad) + model.buffers()
                    + average.buffers()
            }
            let expected = tensors(depth: 0)
            for depth in 1...3 {
                let found = tensors(depth: depth)
                #expect(found.count == expected.count, "\(name)")
                for (i, (a, b)) in zip(found, expected).enumerated() { expectEqual(a, b, "\(name), \(depth) checkpoints: \(i)") }
            }
        }
    }

    /// A layer may be called where the backward pass runs, in a module that does not own it.
    @Test func ownersAreAskedInTheFirstRun() {
        final class Penalty: Module {
            override func forward(_ x: Tensor) -> Tensor {
                x.sum().backward()
                return x.detach()
            }
        }
        let layer = Linear(3, 3)
        _ = Penalty()(checkpoint(numbers(2, 3)) { layer($0).tanh() })
        #expect(layer.weight.grad != nil)
    }

    @Test(arguments: 1...4) func modulesInSegments(_ segments: Int) {
        let model = Sequential(Linear(6, 6), BatchNorm1d(6), Dropout(0.3), Linear(6, 6), ReLU())
        let x = numbers(4, 6)
        expectSame("\(segments) segments", model, x, plain: { $0($1) }) { model, x in
            checkpointSequential(model as! Sequential, segments, x)
        }
        let list = ModuleList([Linear(6, 6), Tanh()])
        expectEqual(checkpointSequential(list, min(segments, 2), x), list[1](list[0](x)))
    }

    /// At 12 layers, with dropout, the peak of a training step is at most 0.35 of that without checkpoints, and the gradients are the same.
    /// (The bytes of the cached blocks after a pass are those of its peak.)
    @Test func aTransformersMemory() async throws {
        let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
            let layers = (0..<12).map { _ in TransformerEncoderLayer(32, 4, dimFeedforward: 128, dropout: 0.1, batchFirst: true) }
            let x = withGenerator(Generator(seed: 1)) { Tensor.randn(8, 64, 32) }
            func step(_ run: (TransformerEncoderLayer, Tensor) -> Tensor) -> (bytes: Double, gradients: [[Float]]) {
                for layer in layers { for parameter in layer.parameters() { parameter.grad = nil } }
                apus_release_kept()
                withGenerator(Generator(seed: 2)) {
                    var y = x
                    for layer in layers { y = run(layer, y) }
                    y.square().sum().backward()
                }
                let bytes = Double(apus_kept_bytes())
                return (bytes, layers.flatMap { $0.parameters().map { $0.grad!.array(Float.self) } })
            }
            _ = step { $0($1) }
            let plain = step { $0($1) }
            let kept = step { layer, x in checkpoint(x) { layer($0) } }
            let bytes = kept.bytes <= 0.35 * plain.bytes ? "less" : "\(kept.bytes) of \(plain.bytes) bytes"
            print("<\(bytes), \(kept.gradients == plain.gradients)>")
        }
        let output = String(decoding: try #require(result).standardOutputContent, as: UTF8.self)
        #expect(output.split(separator: "<").last?.split(separator: ">").first == "less, true", "\(output)")
    }
}
