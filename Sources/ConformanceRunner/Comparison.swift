import Apus

/// The allowed distance from PyTorch's value b: |a − b| ≤ absolute + relative·|b|. NaN equals NaN.
struct Tolerance {
    var relative: Double
    var absolute: Double

    /// PyTorch's tolerance for float32, where a result depends on few numbers.
    static let elementwise = Tolerance(relative: 1.3e-6, absolute: 1e-5)
    /// For sums, which are computed in another order.
    static let summing = Tolerance(relative: 1e-4, absolute: 1e-5)

    /// The tolerance for a class of modules.
    init(module: String) {
        let elementwise = [
            "Pad", "MaxPool", "Shrink", "shrink", "ReLU", "ELU", "LU", "Sigmoid", "Tanh", "tanh", "swish", "Mish", "Threshold", "Softsign",
            "Softplus", "Embedding",
        ]
        self = elementwise.contains { module.contains($0) } && !module.hasSuffix("Loss") ? .elementwise : .summing
    }

    /// PyTorch's tolerance for a half-precision dtype.
    init(half: DType) { self = half == .float16 ? Tolerance(relative: 1e-3, absolute: 1e-5) : Tolerance(relative: 1.6e-2, absolute: 1e-5) }

    private init(relative: Double, absolute: Double) {
        self.relative = relative
        self.absolute = absolute
    }
}

/// The difference of two tensors in words, nil if there is none: `shape [2] instead of [3]`, `differs by 0.5 at most, in 3 of 12 elements`.
func difference(_ actual: Tensor, _ expected: Tensor, _ tolerance: Tolerance) -> String? {
    if actual.shape != expected.shape { return "shape \(actual.shape) instead of \(expected.shape)" }
    if actual.dtype != expected.dtype { return "dtype \(actual.dtype) instead of \(expected.dtype)" }
    let (a, b) = (actual.array(Double.self), expected.array(Double.self))
    let tolerance = expected.dtype.isFloatingPoint ? tolerance : nil
    var (count, largest) = (0, 0.0)
    for (x, y) in zip(a, b) where !(x == y || x.isNaN && y.isNaN) {
        let distance = abs(x - y)
        if let tolerance, distance <= tolerance.absolute + tolerance.relative * abs(y), y.isFinite { continue }
        count += 1
        largest = distance.isNaN ? .infinity : max(largest, distance)
    }
    return count == 0 ? nil : "differs by \(largest) at most, in \(count) of \(a.count) elements"
}

/// The same for any values; `name` is the value's name in the message.
func difference(_ actual: Argument, _ expected: Argument, _ tolerance: Tolerance, _ name: String) -> String? {
    switch (actual, expected) {
    case (.tensor(let a), .tensor(let b)): return difference(a, b, tolerance).map { "\(name) \($0)" }
    case (.none, .none): return nil
    case (.list(let a), .list(let b)):
        guard a.count == b.count else { return "\(name) has \(a.count) parts instead of \(b.count)" }
        for (i, (x, y)) in zip(a, b).enumerated() {
            if let complaint = difference(x, y, tolerance, "\(name)/\(i)") { return complaint }
        }
        return nil
    default: return "\(name) is \(actual.summary) instead of \(expected.summary)"
    }
}
