import ApusCore

/// Σ |x − y| / n over all elements. torchmetrics: `MeanAbsoluteError`.
public struct MeanAbsoluteError: Metric {
    private var mean: Mean

    /// For predictions and targets of the same shape. Traps where the shapes differ, since broadcasting would compare the wrong pairs.
    public init(_ prediction: Tensor, _ target: Tensor) {
        mean = elementwiseMean("MeanAbsoluteError", prediction, target) { ($0 - $1).abs() }
    }

    public mutating func merge(_ other: MeanAbsoluteError) { mean.merge(other.mean) }
    public var value: Double { mean.value }
}

/// Σ (x − y)² / n over all elements, or its root. torchmetrics: `MeanSquaredError`.
public struct MeanSquaredError: Metric {
    private var mean: Mean
    private let isRoot: Bool

    /// For predictions and targets of the same shape. With `root` the value is √mean, in the targets' unit. Traps where the shapes differ.
    public init(_ prediction: Tensor, _ target: Tensor, root: Bool = false) {
        mean = elementwiseMean("MeanSquaredError", prediction, target) { ($0 - $1).square() }
        isRoot = root
    }

    public mutating func merge(_ other: MeanSquaredError) { mean.merge(other.mean) }
    public var value: Double { isRoot ? mean.value.squareRoot() : mean.value }
}

/// The mean of `difference` over all elements, computed at least in float32.
private func elementwiseMean(_ name: String, _ prediction: Tensor, _ target: Tensor, _ difference: (Tensor, Tensor) -> Tensor) -> Mean {
    noGrad {
        if !prediction.isPoisoned, !target.isPoisoned, prediction.shape != target.shape {
            return Mean(
                fail(name, "predictions of shape \(prediction.shape) and targets of shape \(target.shape) differ; squeeze or reshape one"),
                count: 0)
        }
        let type = prediction.dtype.isFloatingPoint ? prediction.dtype.computeType : .float64
        return Mean(difference(prediction.to(type), target.to(type)).mean(), count: prediction.numel)
    }
}
