import ApusCore
import ApusFormats

/// Applies all transforms in order with probability `p`, else none. PyTorch: `torchvision.transforms.v2.RandomApply`.
public struct RandomApply: Transform, CustomStringConvertible {
    /// The transforms.
    public let transforms: [any Transform<Picture, Picture>]
    /// The probability, from 0 to 1.
    public let p: Double

    /// Traps unless `p` is from 0 to 1 and there is a transform.
    public init(_ transforms: [any Transform<Picture, Picture>], p: Double = 0.5) {
        if transforms.isEmpty { fail("RandomApply", "there are no transforms") }
        (self.transforms, self.p) = (transforms, probability(p, "RandomApply"))
    }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        generator.happens(p) ? transforms.reduce(picture) { $1.apply($0, using: generator) } : picture
    }

    public var description: String { "RandomApply(\n\(indentedLines(transforms)), p=\(p))" }
}

/// Applies one of several transforms, drawn at random. PyTorch: `torchvision.transforms.v2.RandomChoice`.
public struct RandomChoice: Transform, CustomStringConvertible {
    /// The transforms.
    public let transforms: [any Transform<Picture, Picture>]
    /// The probability of each transform.
    public let p: [Double]

    /// `p` are weights, by default equal; the probabilities are the weights divided by their sum. Traps unless there is a transform, and
    /// one weight of at least 0 per transform, not all of them 0.
    public init(_ transforms: [any Transform<Picture, Picture>], p weights: [Double]? = nil) {
        let weights = weights ?? [Double](repeating: 1, count: transforms.count)
        let sum = weights.reduce(0, +)
        if transforms.isEmpty { fail("RandomChoice", "there are no transforms") }
        if weights.count != transforms.count || weights.contains(where: { !($0 >= 0) }) || !(sum > 0 && sum.isFinite) {
            fail("RandomChoice", "p is \(weights), wanted are weights of at least 0 of \(transforms.count) transforms, not all of them 0")
        }
        (self.transforms, self.p) = (transforms, weights.map { $0 / sum })
    }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        var left = generator.uniform()
        for (transform, p) in zip(transforms, p) {
            if left < p { return transform.apply(picture, using: generator) }
            left -= p
        }
        // Rounding may leave the sum of the probabilities below 1.
        let last = p.lastIndex { $0 > 0 }!
        return transforms[last].apply(picture, using: generator)
    }

    public var description: String { "RandomChoice(\n\(indentedLines(transforms)), p=\(p))" }
}

/// Applies all transforms in random order. PyTorch: `torchvision.transforms.v2.RandomOrder`.
public struct RandomOrder: Transform, CustomStringConvertible {
    /// The transforms.
    public let transforms: [any Transform<Picture, Picture>]

    /// Traps unless there is a transform.
    public init(_ transforms: [any Transform<Picture, Picture>]) {
        if transforms.isEmpty { fail("RandomOrder", "there are no transforms") }
        self.transforms = transforms
    }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        generator.shuffled(transforms).reduce(picture) { $1.apply($0, using: generator) }
    }

    public var description: String { "RandomOrder(\n\(indentedLines(transforms)))" }
}

/// One indented line per transform, or several for a transform that holds others.
func indentedLines(_ transforms: [any Transform]) -> String {
    transforms.flatMap { "\($0)".split(separator: "\n") }.map { "    \($0)\n" }.joined()
}
