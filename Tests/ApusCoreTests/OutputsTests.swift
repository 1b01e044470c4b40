import ApusCore
import Foundation
import TestSupport
import Testing

/// Ops with several outputs.
@Suite struct OutputsTests {
    private let x = withGenerator(Generator(seed: 3)) { Tensor.randn([4, 6, 3], dtype: .float64) }

    /// Ways to split, each with the same pieces made by slices.
    private static let cuts: [(name: String, cut: @Sendable (Tensor) -> TensorList, sliced: @Sendable (Tensor) -> [Tensor])] = [
        ("split", { $0.split([1, 3, 2], dim: 1) }, { x in [(0, 1), (1, 3), (4, 2)].map { x.narrow(1, $0.0, $0.1) } }),
        ("split unevenly", { $0.split(4, dim: 1) }, { x in [(0, 4), (4, 2)].map { x.narrow(1, $0.0, $0.1) } }),
        ("split with an empty piece", { $0.split([2, 0, 2]) }, { x in [(0, 2), (2, 0), (2, 2)].map { x.narrow(0, $0.0, $0.1) } }),
        ("chunk", { $0.chunk(2, dim: -1) }, { x in [(0, 2), (2, 1)].map { x.narrow(2, $0.0, $0.1) } }),
        ("tensorSplit", { $0.tensorSplit(4, dim: 1) }, { x in [(0, 2), (2, 2), (4, 1), (5, 1)].map { x.narrow(1, $0.0, $0.1) } }),
        ("tensorSplit at places", { $0.tensorSplit([1, -2], dim: 1) }, { x in [(0, 1), (1, 3), (4, 2)].map { x.narrow(1, $0.0, $0.1) } }),
        ("unbind", { $0.unbind(dim: 1) }, { x in (0..<6).map { x.select(1, $0) } }),
        ("unbind of a transposed one", { $0.transpose(0, 2).unbind() }, { x in (0..<3).map { x.transpose(0, 2).select(0, $0) } }),
    ]

    /// Whichever pieces are used, values and first and second derivatives equal those of slices; the pieces are views from one node.
    @Test func piecesAreSlices() {
        for (name, cut, sliced) in Self.cuts {
            let (count, tensor) = (sliced(x).count, x.clone().requiresGrad_())
            let pieces = cut(tensor)
            #expect(pieces.count == count && pieces.allSatisfy { $0.node === pieces[0].node }, "\(name)")
            for (a, b) in zip(pieces, sliced(tensor)) { expectClose(a.detach(), b.detach(), rtol: 0, atol: 0, name) }
            // Only the first, every second, all but the last, all.
            for used in [[0], Array(stride(from: 0, to: count, by: 2)), Array(0..<count - 1), Array(0..<count)] where !used.isEmpty {
                func loss(_ parts: (Tensor) -> [Tensor]) -> [Tensor] {
                    let x = self.x.clone().requiresGrad_()
                    let all = parts(x)
                    let total = used.map { (all[$0].pow(3) * Double($0 + 1)).sum() }.reduce(Tensor.zeros([], dtype: .float64), +)
                    let first = grad(of: [total], withRespectTo: [x], createGraph: true)[0]!
                    return [first, grad(of: [first.square().sum()], withRespectTo: [x])[0]!]
                }
                for (a, b) in zip(loss { Array(cut($0)) }, loss(sliced)) {
                    expectClose(a.detach(), b.detach(), rtol: 1e-14, atol: 0, "\(name) \(used)")
                }
            }
        }
    }

    /// An in-place change of a piece changes the whole and its gradients, as with a slice; the overwritten values get none.
    @Test func piecesCanBeChanged() {
        for (name, cut, sliced) in Self.cuts where !name.contains("transposed") {
            func results(_ parts: (Tensor) -> [Tensor]) -> [Tensor] {
                let (leaf, other) = (self.x.clone().requiresGrad_(), Tensor.full([], 2.0, dtype: .float64).requiresGrad_())
                let x = leaf * 1
                let pieces = parts(x)
                pieces[0].mul_(other)
                x.add_(1)
                pieces[pieces.count - 1].exp_()
                let loss = (x.square().sum() + pieces[0].sum())
                return [x.detach(), loss.detach()] + grad(of: [loss], withRespectTo: [leaf, other]).map { $0! }
            }
            for (a, b) in zip(results { Array(cut($0)) }, results(sliced)) { expectClose(a, b, rtol: 1e-13, atol: 1e-13, name) }
        }
    }

    /// The values returned with indices are those at the indices, for every dtype, and their gradients go there.
    @Test(arguments: [DType.bool, .uint8, .int64, .float16, .bfloat16, .float32, .float64]) func valuesComeFromTheirPlaces(_ dtype: DType) {
        let whole = withGenerator(Generator(seed: 4)) { Tensor.randint(0, 5, [3, 7, 4], dtype: .int64) }
        let given = dtype == .bool ? whole.gt(2) : whole.to(dtype)
        let functions: [(String, (Tensor) -> (values: Tensor, indices: Tensor))] = [
            ("max", { $0.max(dim: 1, keepDim: true) }), ("min", { $0.min(dim: -1, keepDim: true) }), ("sort", { $0.sort(dim: 1) }),
            ("sort descending", { $0.sort(dim: 0, descending: true) }), ("topk", { $0.topk(3, dim: 1) }),
            ("kthvalue", { $0.kthvalue(2, dim: 1, keepDim: true) }),
            ("median", { $0.median(dim: 1, keepDim: true) }),
        ]
        for (name, function) in functions {
            let x = dtype.isFloatingPoint ? given.clone().requiresGrad_() : given
            let found = function(x)
            let dim = ["min"].contains(name) ? 2 : name == "sort descending" ? 0 : 1
            let gathered = x.gather(dim, found.indices)
            #expect(found.values.dtype == dtype && found.values.equal(gathered), "\(name) of \(dtype)")
            guard dtype.isFloatingPoint else { continue }
            let weights = Tensor.arange(found.values.numel).reshape(found.values.shape).to(dtype) / 8
            let gradients = [found.values, gathered].map { grad(of: [($0 * weights).sum()], withRespectTo: [x])[0]! }
            #expect(gradients[0].equal(gradients[1]), "gradient of \(name) of \(dtype)")
        }
        // A scalar is treated as one element.
        #expect(Tensor.full([], 3).sort().values.item() == 3 && Tensor.full([], 3).max(dim: 0).indices.item(Int.self) == 0)
    }

    @Test func derivativeOfTheMantissa() {
        checkGradients([Tensor([-3.0, 0.7, 5e-3, 40], dtype: .float64)]) { ($0[0].frexp().mantissa * $0[0]).square() }
        #expect(throws: OpError.self) { try checked { Tensor([1, 2]).frexp() } }
    }

    /// A linear layer without inputs or outputs, on any number of dimensions; an empty batch in anomaly mode.
    @Test func nothingIsAShapeToo() {
        for shape in [[3], [2, 3], [2, 4, 3], [0, 3], [2, 0], [2, 4, 0]] as [Shape] {
            for out in [0, 2] {
                let (x, w, b) = (
                    Tensor.ones(shape).requiresGrad_(), Tensor.ones([out, shape[-1]]).requiresGrad_(), Tensor.ones([out]).requiresGrad_()
                )
                let y = x.linear(w, b)
                #expect(y.shape == Shape(shape.dropLast() + [out]))
                (y * 2).sum().backward()
                #expect(x.grad?.shape == x.shape && w.grad?.shape == w.shape && b.grad?.shape == b.shape, "\(shape) to \(out)")
                expectClose(b.grad!, Tensor.full([out], 2.0 * Double(shape.dropLast().reduce(1, *))))
            }
        }
        detectAnomaly {
            let empty = Tensor.zeros([0, 3, 2]).requiresGrad_()
            empty.batchNorm(runningMean: nil, runningVar: nil, weight: nil, bias: nil, training: true, momentum: 0.1, eps: 1e-5).sum()
                .backward()
        }
    }

    /// Every output of a failed op is poisoned; statistics that an op returns as by-products have no gradient.
    @Test func failuresAndByproducts() throws {
        #expect(throws: OpError.self) {
            try checked {
                let failed = Tensor.zeros([2, 0]).max(dim: 1)
                #expect(failed.values.isPoisoned && failed.indices.isPoisoned)
                let sorted = Tensor.zeros([2]).sort(dim: 5)
                #expect(sorted.values.isPoisoned && sorted.indices.isPoisoned)
            }
        }
        let (mean, variance) = (Tensor.zeros([3]), Tensor.ones([3]))
        let x = withGenerator(Generator(seed: 5)) { Tensor.randn([4, 3, 2]) }.requiresGrad_()
        let y = x.batchNorm(runningMean: mean, runningVar: variance, weight: nil, bias: nil, training: true, momentum: 1, eps: 1e-5)
        #expect(y.requiresGrad && !mean.requiresGrad && !variance.requiresGrad)
        expectClose(mean, x.detach().mean(dim: [0, 2]), rtol: 1e-6, atol: 1e-6)
    }

    /// An op's attributes contain no tensors: the checks of forms and devices, and observers, would not see them.
    @Test func opsHoldNoTensors() throws {
        let ops = try OpLawTests.declarations()
        for op in ops {
            // An op's fields lie between its first line and its first function.
            for line in op.text.prefix(4000).components(separatedBy: " func ")[0].split(separator: "\n")
            where line.hasPrefix("    let ") || line.hasPrefix("    var ") && !line.hasSuffix("}") {
                #expect(!line.contains(": Tensor") && !line.contains("[Tensor"), "\(op.file): \(line)")
            }
        }
        #expect(ops.count > 50)
    }
}

/// `frexp` on every device.
@Suite("Backends: frexp") struct FrexpBackendTests {
    /// The parts are in their ranges and give the number exactly, in every layout and dtype; devices equal the reference.
    @Test(arguments: BackendTests.devices, DType.floats) func partsMakeTheNumber(_ device: Device, _ dtype: DType) {
        guard device.backend.computes(dtype) else { return }
        var samples = Samples(seed: 7)
        for layout in Layout.allCases {
            let x = Twin(samples.tensor([3, 7, 5], dtype, in: -1000...1000, specials: dtype.corners), layout, on: device)
            let (ours, theirs) = (x.tested.frexp(), x.reference.frexp())
            #expect(ours.mantissa.dtype == dtype && ours.exponent.dtype == .int32 && ours.mantissa.shape == x.tested.shape)
            let (m, e, numbers) = (
                ours.mantissa.to(.cpu).array(Double.self), ours.exponent.to(.cpu).array(Int.self), x.reference.array(Double.self)
            )
            let (wantedM, wantedE) = (theirs.mantissa.array(Double.self), theirs.exponent.array(Int.self))
            for i in numbers.indices {
                let n = numbers[i]
                #expect(
                    e[i] == wantedE[i] && (m[i] == wantedM[i] || m[i].isNaN && wantedM[i].isNaN), "\(n) of \(dtype) \(layout) on \(device)")
                if n.isFinite {
                    #expect(
                        m[i] == 0
                            ? n == 0 && e[i] == 0
                            : (0.5..<1).contains(m[i].magnitude) && Double(sign: .plus, exponent: e[i], significand: m[i]) == n,
                        "\(n) of \(dtype)")
                }
            }
        }
    }
}
