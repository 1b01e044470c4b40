import ApusCore

/// Mean and standard deviation of a tensor's finite elements, and how many are none.
public struct TensorStatistics: Equatable, Sendable {
    /// The mean of the finite elements; NaN where there is none.
    public private(set) var mean = Double.nan
    /// Their standard deviation, √(Σ(x − mean)²/n); NaN where there is none.
    public private(set) var deviation = Double.nan
    /// The number of elements that are NaN.
    public private(set) var nans = 0
    /// The number of infinite elements.
    public private(set) var infinities = 0

    /// Elements that are looked at together: enough for speed, few enough that a large mapped tensor costs no memory.
    private static let portion = 1 << 20

    /// Looks at all elements, in float64; those that a broadcast view repeats are read once.
    public init(_ tensor: Tensor) throws {
        self = try checked { noGrad { TensorStatistics(reading: tensor) } }
    }

    private init(reading tensor: Tensor) {
        var distinct = tensor.detach()
        var repeats = 1
        for d in 0..<distinct.ndim where distinct.strides[d] == 0 && distinct.size(d) > 1 {
            repeats *= distinct.size(d)
            distinct = distinct.narrow(dim: d, 0, 1)
        }
        let flat = distinct.reshape([-1])
        var portions: [(count: Double, sum: Double)] = []
        func each(_ body: (Tensor) -> Void) {
            for start in stride(from: 0, to: flat.numel, by: Self.portion) {
                body(flat.narrow(dim: 0, start, min(Self.portion, flat.numel - start)).to(.cpu).to(.float64))
            }
        }
        each { x in
            let bad = x.isnan().sum().item(Int.self), infinite = x.isinf().sum().item(Int.self)
            nans += bad
            infinities += infinite
            let finite = bad + infinite == 0 ? x : x.maskedSelect(x.isfinite())
            portions.append((Double(finite.numel), finite.sum().item()))
        }
        let count = portions.reduce(0) { $0 + $1.count }
        (nans, infinities) = (nans * repeats, infinities * repeats)
        guard count > 0 else { return }
        let mean = portions.reduce(0) { $0 + $1.sum } / count
        var squares = 0.0
        each { x in
            let finite = nans + infinities == 0 ? x : x.maskedSelect(x.isfinite())
            squares += (finite - mean).square().sum().item() as Double
        }
        (self.mean, deviation) = (mean, (squares / count).squareRoot())
    }
}
