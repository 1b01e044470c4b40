import ApusCore

/// Random zeroing, so that a network does not rely on single values. Each function is the identity unless `training`.
extension F {
    /// Each element is 0 with probability `p`, else x/(1 − p), which keeps the mean (Srivastava et al., 2014); x itself unless `training`.
    /// PyTorch: `F.dropout`. Traps where `p` is outside 0 ... 1, as all functions of this family do.
    public static func dropout(
        _ input: Tensor, p: Double = 0.5, training: Bool = true, inplace: Bool = false, generator: Generator? = nil
    ) -> Tensor {
        dropped("dropout", input, p, training, inplace, input.shape, alpha: false, generator)
    }

    /// `dropout` of whole channels of [N, C, L] or [C, L]. PyTorch: `F.dropout1d`.
    public static func dropout1d(
        _ input: Tensor, p: Double = 0.5, training: Bool = true, inplace: Bool = false, generator: Generator? = nil
    ) -> Tensor {
        droppedChannels("dropout1d", input, p, training, inplace, ranks: [2: 1, 3: 2], "[C, L] or [N, C, L]", generator)
    }

    /// `dropout` of whole channels of [N, C, H, W]. Three dimensions are read as [N, C, L], as in PyTorch. PyTorch: `F.dropout2d`.
    public static func dropout2d(
        _ input: Tensor, p: Double = 0.5, training: Bool = true, inplace: Bool = false, generator: Generator? = nil
    ) -> Tensor {
        droppedChannels("dropout2d", input, p, training, inplace, ranks: [3: 2, 4: 2], "[N, C, L] or [N, C, H, W]", generator)
    }

    /// `dropout` of whole channels of [N, C, D, H, W] or [C, D, H, W]. PyTorch: `F.dropout3d`.
    public static func dropout3d(
        _ input: Tensor, p: Double = 0.5, training: Bool = true, inplace: Bool = false, generator: Generator? = nil
    ) -> Tensor {
        droppedChannels("dropout3d", input, p, training, inplace, ranks: [4: 1, 5: 2], "[C, D, H, W] or [N, C, D, H, W]", generator)
    }

    /// Dropout that keeps mean 0 and variance 1 of SELU's outputs: dropped elements take SELU's lower limit, then all are scaled and
    /// shifted (Klambauer et al., 2017). x itself unless `training`, which is false by default. PyTorch: `F.alpha_dropout`.
    public static func alphaDropout(
        _ input: Tensor, p: Double = 0.5, training: Bool = false, inplace: Bool = false, generator: Generator? = nil
    ) -> Tensor {
        dropped("alphaDropout", input, p, training, inplace, input.shape, alpha: true, generator)
    }

    /// `alphaDropout` of whole channels (dimension 1). PyTorch: `F.feature_alpha_dropout`.
    public static func featureAlphaDropout(
        _ input: Tensor, p: Double = 0.5, training: Bool = false, inplace: Bool = false, generator: Generator? = nil
    ) -> Tensor {
        if input.isPoisoned { return input }
        guard input.ndim >= 2 else {
            return fail("featureAlphaDropout", "needs channels in dimension 1, the input has shape \(input.shape)")
        }
        return dropped("featureAlphaDropout", input, p, training, inplace, maskShape(input, 2), alpha: true, generator)
    }

    private static func droppedChannels(
        _ name: String, _ input: Tensor, _ p: Double, _ training: Bool, _ inplace: Bool, ranks: [Int: Int], _ forms: String,
        _ generator: Generator?
    ) -> Tensor {
        if input.isPoisoned { return input }
        guard let kept = ranks[input.ndim] else { return fail(name, "the input has shape \(input.shape); it must be \(forms)") }
        return dropped(name, input, p, training, inplace, maskShape(input, kept), alpha: false, generator)
    }

    /// The first `kept` extents, then ones.
    private static func maskShape(_ x: Tensor, _ kept: Int) -> Shape {
        Shape(x.shape.enumerated().map { $0.offset < kept ? $0.element : 1 })
    }

    private static func dropped(
        _ name: String, _ input: Tensor, _ p: Double, _ training: Bool, _ inplace: Bool, _ mask: Shape, alpha: Bool, _ generator: Generator?
    ) -> Tensor {
        guard p >= 0 && p <= 1 else { return fail(name, "the probability p must lie in 0 ... 1, it is \(p)") }
        if input.isPoisoned || !training || p == 0 { return input }
        guard input.dtype.isFloatingPoint else { return fail(name, "is for floats, this tensor is \(input.dtype)") }
        return written(inplace, name, input) { x in
            guard alpha else {
                return x
                    * Tensor.bernoulli(
                        mask, p: 1 - p, value: p == 1 ? 0 : 1 / (1 - p), dtype: x.dtype, device: x.device, generator: generator)
            }
            let kept = Tensor.bernoulli(mask, p: 1 - p, dtype: x.dtype, device: x.device, generator: generator)
            if p == 1 { return x * kept }
            // λα of SELU, whose negative is its lower limit, and the scale that restores the variance.
            let limit = 1.7580993408473766
            let scale = 1 / ((limit * limit * p + 1) * (1 - p)).squareRoot()
            return x * (kept * scale) + ((kept - 1) * (limit * scale) + limit * scale * p)
        }
    }
}
