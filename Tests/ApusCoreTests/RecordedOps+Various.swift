import ApusCore

/// The cases of `Tests/ApusCoreTests/record_various.py`: operators with numbers, filling, hashes, factors of low rank, options of printing.
extension RecordedOps {
    /// The inputs of others, matrices of rank 2, and a symmetric one.
    struct Various {
        let x, v, i, b, s, few, low, moved, both, large: Tensor

        init() {
            func wave(_ shape: Shape, _ k: Double = 0.7) -> Tensor { RecordedOps.wave(shape, k, dtype: .float64, device: .cpu) }
            let inputs = Inputs(.cpu)
            (x, v, i, b, s) = (inputs.x, inputs.v, inputs.i, inputs.b, inputs.s)
            few = i.to(.uint8)
            low = wave([6, 2]).matmul(wave([2, 5], 1.3))
            moved = wave([1, 5], 0.9)
            both = Tensor.stack([low, low.flip(1) * 2])
            let square = wave([15, 15])
            large = (square + square.mT) / 2 + Tensor.arange(15, dtype: .float64).square().diag()
        }
    }

    private static func halves(_ hashes: Tensor) -> Tensor { Tensor.stack([hashes >> 32, hashes & 0xFFFF_FFFF]) }

    private static func rebuilt(_ found: (u: Tensor, s: Tensor, v: Tensor)) -> Tensor {
        (found.u * found.s.unsqueeze(-2)).matmul(found.v.mT).float()
    }

    /// A gradient of `fill`.
    private static func fillGradient(_ x: Tensor, _ which: Int) -> Tensor {
        let (a, value) = (x.clone().requiresGrad_(), Tensor(2.0, requiresGrad: true))
        (Tensor.fill(a, value) * x).sum().backward()
        return [a, value][which].grad ?? Tensor.zeros([0]) // None without memory.
    }

    static let various: [(name: String, run: @Sendable (Various) -> Tensor)] = [
        ("and.number", { $0.i & 6 }),
        ("and.number before", { 5 & $0.few }),
        ("or.number before", { 5 | $0.few }),
        ("or.number and bool", { 2 | $0.b }),
        ("xor.number before", { 3 ^ $0.s }),
        ("shiftLeft.number before", { 1 << ($0.i % 5) }),
        ("shiftLeft.number", { $0.few << 2 }),
        ("shiftRight.number before", { 1000 >> $0.i }),
        ("shiftRight.number", { $0.s >> 1 }),
        ("and_.number", { part in changed(part.few) { $0 &= 6 } }),
        ("shiftLeft_.number", { part in changed(part.i) { $0 <<= 3 } }),
        ("fill", { Tensor.fill($0.x, 2.5) }),
        ("fill.int", { Tensor.fill($0.i, 7.9) }),
        ("fill.bool", { Tensor.fill($0.b, 2) }),
        ("fill.tensor", { Tensor.fill($0.x, Tensor(3)) }),
        ("fill.gradient of x", { fillGradient($0.x, 0) }),
        ("fill.gradient of the value", { fillGradient($0.x, 1) }),
        ("fill_.tensor", { part in changed(part.i) { $0.fill_(Tensor(2.5)) } }),
        ("hashTensor", { halves($0.x.hashTensor()) }),
        ("hashTensor.dim", { halves($0.x.hashTensor(dim: -1)) }),
        ("hashTensor.dims", { halves($0.x.hashTensor(dim: [0, 2], keepDim: true)) }),
        ("hashTensor.int", { halves($0.s.int().hashTensor(dim: 0, mode: 0)) }),
        ("hashTensor.bool", { halves($0.b.hashTensor(dim: 1)) }),
        ("hashTensor.half", { halves($0.x.half().hashTensor(dim: 0)) }),
        ("svdLowrank.s", { Tensor.svdLowrank($0.low, q: 3).s.float() }),
        ("svdLowrank.wide", { Tensor.svdLowrank($0.low.mT, q: 2).v.abs().float() }),
        ("svdLowrank.rebuilt", { rebuilt(Tensor.svdLowrank($0.both, niter: 0)) }),
        ("svdLowrank.m", { rebuilt(Tensor.svdLowrank($0.low + $0.moved, q: 2, m: $0.moved)) }),
        ("pcaLowrank.s", { Tensor.pcaLowrank($0.low).s.float() }),
        ("pcaLowrank.v", { Tensor.pcaLowrank($0.both, q: 2).v.abs().float() }),
        ("pcaLowrank.not centered", { Tensor.pcaLowrank($0.low, q: 2, center: false, niter: 1).s.float() }),
        ("lobpcg.batch", { Tensor.lobpcg(Tensor.stack([$0.large, $0.large.flip(0, 1)])).eigenvalues.float() }),
    ]

    static let printsWithOptions: [(name: String, options: PrintOptions, run: @Sendable (Inputs) -> Tensor)] = [
        ("options.precision", PrintOptions(precision: 2), { $0.v }),
        ("options.no digits", PrintOptions(precision: 0), { $0.v }),
        ("options.short", .short, { _ in Tensor.arange(0.0, 2000.0).reshape(40, 50) / 7 }),
        ("options.full", .full, { _ in Tensor.arange(1001) }),
        ("options.threshold", PrintOptions(threshold: 5, edgeitems: 1), { $0.x }),
        ("options.no edges", PrintOptions(threshold: 5, edgeitems: 0), { $0.x }),
        ("options.no edges of a vector", PrintOptions(threshold: 5, edgeitems: 0), { $0.v }),
        ("options.threshold of a scalar", PrintOptions(threshold: 0, edgeitems: 0), { $0.v[0] }),
        ("options.linewidth", PrintOptions(linewidth: 40), { $0.v.half() }),
        ("options.narrow", PrintOptions(linewidth: 1), { $0.i }),
        ("options.scientific", PrintOptions(precision: 3, sciMode: true), { $0.v }),
        ("options.scientific integers", PrintOptions(sciMode: true), { _ in Tensor([1.0, 20.0]) }),
        ("options.scientific zeros", PrintOptions(sciMode: true), { _ in Tensor.zeros([2]) }),
        ("options.fixed", PrintOptions(sciMode: false), { _ in Tensor([1e-5, 1.0, 2e9]) }),
    ]
}
