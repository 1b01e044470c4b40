import ApusCore
import ApusNN

/// Mixes each sample of a batch with the one before it: `λ x + (1 − λ) roll(x)`, pictures and labels alike, with one λ per batch from
/// Beta(α, α). PyTorch: `torchvision.transforms.v2.MixUp`.
///
/// Zhang et al., [mixup](https://arxiv.org/abs/1710.09412), 2018. Losses take the labels as probabilities (`CrossEntropyLoss`).
public struct MixUp: Hashable, Sendable {
    /// The parameter of the beta distribution.
    public let alpha: Double
    /// The number of classes; required if labels are class indices.
    public let numClasses: Int?

    /// Traps unless `alpha` is positive.
    public init(alpha: Double = 1, numClasses: Int? = nil) {
        (self.alpha, self.numClasses) = (check(alpha: alpha, "MixUp"), numClasses)
    }

    /// The mixed `images` [N, C, H, W], and mixed labels as probabilities [N, numClasses]. `labels` are class indices [N], or
    /// probabilities.
    public func apply(_ images: Tensor, _ labels: Tensor, using generator: Generator) -> (images: Tensor, probabilities: Tensor) {
        guard let labels = probabilities(labels, for: images, numClasses, "MixUp") else { return (images, labels) }
        let share = generator.dirichlet(alpha, count: 2)[0]
        return (mixed(images, share), mixed(labels, share))
    }
}

/// Replaces a rectangle of each picture of a batch by that of the picture before it. The centre of the rectangle is random, each side is
/// `√(1 − λ)` of the picture's, with λ from Beta(α, α), and it is clipped at the edges; labels are mixed by its share of the area. PyTorch:
/// `torchvision.transforms.v2.CutMix`.
///
/// Yun et al., [CutMix](https://arxiv.org/abs/1905.04899), 2019.
public struct CutMix: Hashable, Sendable {
    /// The parameter of the beta distribution.
    public let alpha: Double
    /// The number of classes; required if labels are class indices.
    public let numClasses: Int?

    /// Traps unless `alpha` is positive.
    public init(alpha: Double = 1, numClasses: Int? = nil) {
        (self.alpha, self.numClasses) = (check(alpha: alpha, "CutMix"), numClasses)
    }

    /// The mixed `images` [N, C, H, W], and mixed labels as probabilities [N, numClasses]. `labels` are class indices [N], or
    /// probabilities.
    public func apply(_ images: Tensor, _ labels: Tensor, using generator: Generator) -> (images: Tensor, probabilities: Tensor) {
        guard let labels = probabilities(labels, for: images, numClasses, "CutMix") else { return (images, labels) }
        let (height, width) = (images.size(2), images.size(3))
        let half = 0.5 * (1 - generator.dirichlet(alpha, count: 2)[0]).squareRoot()
        func part(_ side: Int) -> Range<Int> {
            let (middle, reach) = (generator.integer(0..<side), Int(half * Double(side)))
            return max(middle - reach, 0)..<min(middle + reach, side)
        }
        let columns = part(width), rows = part(height)
        let mixed = images.clone()
        if !rows.isEmpty && !columns.isEmpty { mixed[.ellipsis, rows, columns] = images.roll(1, dim: 0)[.ellipsis, rows, columns] }
        let share = 1 - Double(rows.count * columns.count) / Double(height * width)
        return (mixed, ApusVision.mixed(labels, share))
    }
}

/// `share · x + (1 − share) · roll(x)`.
private func mixed(_ x: Tensor, _ share: Double) -> Tensor { x.roll(1, dim: 0) * (1 - share) + x * share }

/// The labels of a batch as probabilities; nil, after reporting an error, if they do not fit the pictures.
private func probabilities(_ labels: Tensor, for images: Tensor, _ numClasses: Int?, _ op: String) -> Tensor? {
    guard !images.isPoisoned, !labels.isPoisoned else { return nil }
    guard images.ndim == 4, images.dtype.isFloatingPoint, labels.ndim == 1 || labels.ndim == 2, labels.size(0) == images.size(0) else {
        fail(
            op,
            "\(images.dtype) images of shape \(images.shape) and labels of shape \(labels.shape); wanted are floating-point [N, C, H, W] and [N] or [N, classes]"
        )
        return nil
    }
    if labels.ndim == 1 {
        guard let numClasses else {
            fail(op, "labels of shape \(labels.shape) are numbers of classes, for which numClasses is needed")
            return nil
        }
        return F.oneHot(labels, numClasses: numClasses).to(images.dtype)
    }
    if let numClasses, labels.size(1) != numClasses {
        fail(op, "probabilities of shape \(labels.shape) for \(numClasses) classes")
        return nil
    }
    return labels.dtype.isFloatingPoint ? labels : labels.to(images.dtype)
}

/// Returns `alpha` if it is positive; traps otherwise.
private func check(alpha: Double, _ op: String) -> Double {
    if !(alpha > 0) { fail(op, "alpha is \(alpha), it must be positive") }
    return alpha > 0 ? alpha : 1
}
