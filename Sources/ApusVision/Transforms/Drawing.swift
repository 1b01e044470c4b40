import ApusCore
import Glibc

/// A range to draw from: `lower...upper`, or one number, the distance from its centre to its ends.
///
/// `ColorJitter(brightness: 0.4)` draws factors from 0.6 to 1.4, `RandomRotation(degrees: -10...30)` angles from −10 to 30.
public protocol SpreadConvertible: Sendable {
    /// The range, centred at `middle` if given by one number.
    func spread(around middle: Double) -> ClosedRange<Double>
}

extension Double: SpreadConvertible {
    /// Traps if the number is negative.
    public func spread(around middle: Double) -> ClosedRange<Double> {
        guard self >= 0 else {
            fail("range", "\(self), where a number of at least 0 or a range is wanted")
            return middle...middle
        }
        return middle - self...middle + self
    }
}
extension Int: SpreadConvertible {
    public func spread(around middle: Double) -> ClosedRange<Double> { Double(self).spread(around: middle) }
}
extension ClosedRange: SpreadConvertible where Bound == Double {
    public func spread(around middle: Double) -> ClosedRange<Double> { self }
}

extension Generator {
    /// True with probability `p`.
    func happens(_ p: Double) -> Bool { uniform() < p }

    /// A uniform random number from `range`.
    func uniform(_ range: ClosedRange<Double> = 0...1) -> Double {
        // 53 bits: at least 0, and less than 1.
        let unit = Double(next() >> 11) * 0x1p-53
        // The difference of the bounds may overflow.
        let number = range.lowerBound * (1 - unit) + range.upperBound * unit
        return min(max(number, range.lowerBound), range.upperBound)
    }

    /// A uniform random integer from `range`.
    func integer(_ range: Range<Int>) -> Int {
        var generator = self
        return Int.random(in: range, using: &generator)
    }

    /// A random element of `values`, which must not be empty.
    func one<Element>(of values: [Element]) -> Element { values[integer(0..<values.count)] }

    /// The elements of `values` in a random order.
    func shuffled<Element>(_ values: [Element]) -> [Element] {
        var generator = self
        return values.shuffled(using: &generator)
    }

    /// A sample of the symmetric Dirichlet distribution, with density ∝ Π xᵢ^(α−1) on the simplex; for two numbers it is Beta(α, α).
    func dirichlet(_ alpha: Double, count: Int) -> [Double] {
        // Works with logarithms, since for small α the numbers would underflow.
        let logs = (0..<count).map { _ in logGamma(alpha) }
        let parts = logs.map { exp($0 - logs.max()!) }
        return parts.map { $0 / parts.reduce(0, +) }
    }

    /// The logarithm of a sample of the gamma distribution, with density ∝ x^(a−1)·e^−x. Marsaglia and Tsang (2000): d·v with v = (1 +
    /// c·n)³, d = a − 1/3, c = 1/√(9d); for a < 1 the sample for a + 1, times u^(1/a).
    private func logGamma(_ a: Double) -> Double {
        if a < 1 { return logGamma(a + 1) + log(1 - uniform()) / a }
        let d = a - 1.0 / 3, c = 1 / (9 * d).squareRoot()
        while true {
            // Box and Muller (1958).
            let n = (-2 * log(1 - uniform())).squareRoot() * cos(2 * .pi * uniform())
            let v = (1 + c * n) * (1 + c * n) * (1 + c * n)
            if v > 0, log(1 - uniform()) < n * n / 2 + d - d * v + d * log(v) { return log(d * v) }
        }
    }
}

/// Returns `p` if it is a probability; traps otherwise.
func probability(_ p: Double, _ op: String) -> Double {
    if !(p >= 0 && p <= 1) { fail(op, "p is \(p), it must be from 0 to 1") }
    return p
}
