import Glibc

// Functions that fill a tensor with random numbers, besides `uniform_` and `normal_`. The gradient of the old values is zero.

extension Tensor {
    /// Fills with 1 with probability `p`, else 0, for any dtype. Traps if `p` is not in 0 … 1. PyTorch: `bernoulli_`.
    @discardableResult public final func bernoulli_(_ p: Double = 0.5, generator: Generator? = nil) -> Self {
        updateInPlace("bernoulli_") {
            Tensor.bernoulli($0.shape, p: p, dtype: $0.dtype, device: $0.device, generator: generator)
        }
    }
    /// The same with the label `p`.
    @discardableResult public final func bernoulli_(p: Double, generator: Generator? = nil) -> Self { bernoulli_(p, generator: generator) }
    /// Fills with 1 with the probabilities in `p`, floats that broadcast to x's shape, else 0. Traps if a probability is not in 0 … 1.
    @discardableResult public final func bernoulli_(_ p: Tensor, generator: Generator? = nil) -> Self {
        updateInPlace("bernoulli_") { x in
            noGrad { p.expand(x.shape).bernoulli(generator: generator).to(x.dtype) }
        }
    }
    /// Fills with samples of the exponential distribution, whose density is λ·e^(−λx). Traps for integers and bool, and unless λ > 0.
    /// PyTorch: `exponential_`.
    @discardableResult public final func exponential_(_ lambd: Double = 1, generator: Generator? = nil) -> Self {
        if floatsOnly("exponential_") != nil { return self }
        guard lambd > 0 else { return refused("exponential_", "the rate \(lambd) is not positive") }
        return refill("exponential_", .uniform(low: 0, high: 1), generator) { u in (-u).log1p() / -lambd }
    }
    /// The same with the label `lambd`.
    @discardableResult public final func exponential_(lambd: Double, generator: Generator? = nil) -> Self {
        exponential_(lambd, generator: generator)
    }
    /// Fills with samples of the Cauchy distribution. Traps for integers and bool, and unless `sigma` is positive. PyTorch: `cauchy_`.
    @discardableResult public final func cauchy_(median: Double = 0, sigma: Double = 1, generator: Generator? = nil) -> Self {
        if floatsOnly("cauchy_") != nil { return self }
        guard sigma > 0 else { return refused("cauchy_", "sigma \(sigma) is not positive") }
        return refill("cauchy_", .uniform(low: -0.5, high: 0.5), generator) { u in (u * Double.pi).tan() * sigma + median }
    }
    /// `cauchy_(median:sigma:generator:)`, by position.
    @discardableResult public final func cauchy_(_ median: Double, _ sigma: Double = 1, generator: Generator? = nil) -> Self {
        cauchy_(median: median, sigma: sigma, generator: generator)
    }
    /// Fills with samples of the log-normal distribution: e to the power of normal numbers with this mean and standard deviation. Traps for
    /// integers and bool, and unless `std` is positive. PyTorch: `log_normal_`.
    @discardableResult public final func logNormal_(mean: Double = 1, std: Double = 2, generator: Generator? = nil) -> Self {
        if floatsOnly("logNormal_") != nil { return self }
        guard std > 0 else { return refused("logNormal_", "the standard deviation \(std) is not positive") }
        return refill("logNormal_", .normal(mean: mean, std: std), generator) { $0.exp() }
    }
    /// `logNormal_(mean:std:generator:)`, by position.
    @discardableResult public final func logNormal_(_ mean: Double, _ std: Double = 2, generator: Generator? = nil) -> Self {
        logNormal_(mean: mean, std: std, generator: generator)
    }
    /// Fills with samples of the geometric distribution: the number of trials up to the first success, at least 1, if each succeeds with
    /// probability `p`. Traps for bool, and unless 0 < p < 1. PyTorch: `geometric_`.
    @discardableResult public final func geometric_(_ p: Double, generator: Generator? = nil) -> Self {
        if isPoisoned { return self }
        guard dtype != .bool else { return refused("geometric_", "bool does not hold a number of trials; convert with to(_:) first") }
        guard p > 0 && p < 1 else { return refused("geometric_", "the probability \(p) does not lie between 0 and 1") }
        let failure = Glibc.log1p(-p)
        return refill("geometric_", .uniform(low: 0, high: 1), generator) { u in ((-u).log1p() / failure).floor() + 1 }
    }
    /// Fills with uniform integers in `from ..< to`. Traps if the range is empty, or x's dtype cannot represent them. PyTorch: `random_`.
    @discardableResult public final func random_(_ from: Int, _ to: Int, generator: Generator? = nil) -> Self {
        updateInPlace("random_") { Tensor.integers("random_", from, to, $0.shape, $0.dtype, $0.device, generator) }
    }
    /// Fills with uniform integers in `0 ..< to`.
    @discardableResult public final func random_(_ to: Int, generator: Generator? = nil) -> Self { random_(0, to, generator: generator) }
    /// Fills with uniform integers from 0 to the largest value of an integer dtype or bool (for int64 the largest but one), or for a float
    /// dtype up to 2 to the power of its number of significant bits.
    @discardableResult public final func random_(generator: Generator? = nil) -> Self {
        let last = dtype.isFloatingPoint ? Int64(2 / dtype.epsilon) : Swift.min(dtype.nearest(.max), .max - 1)
        return random_(0, Int(last) + 1, generator: generator)
    }

    /// Fills with `make` of random numbers, which are float32 for 16-bit floats and integers.
    private final func refill(_ op: String, _ kind: RandomKind, _ generator: Generator?, _ make: (Tensor) -> Tensor) -> Self {
        updateInPlace(op) { x in
            let wide: DType = x.dtype == .float64 ? .float64 : .float32
            return noGrad {
                make(Tensor.random(kind, x.shape, dtype: wide, device: x.device, generator: generator, op)).to(x.dtype)
            }
        }
    }

    private final func refused(_ op: String, _ message: String) -> Self {
        fail(op, message)
        return self
    }
}
