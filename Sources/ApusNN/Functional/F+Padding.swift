import ApusCore

/// The values beyond the edge of a padded tensor.
public enum PadMode: String, Sendable, CaseIterable {
    /// A constant.
    case constant
    /// The elements mirrored at the edge, without repeating the edge itself.
    case reflect
    /// The element at the edge.
    case replicate
    /// The elements from the opposite side.
    case circular
}

/// The values that a convolution reads beyond the edge of its input.
public enum PaddingMode: String, Sendable, CaseIterable {
    /// Zeros; the elements mirrored at the edge without repeating it; the edge element; the elements from the opposite side.
    case zeros, reflect, replicate, circular

    var padMode: PadMode { self == .zeros ? .constant : PadMode(rawValue: rawValue)! }
}

extension F {
    /// Adds elements around a tensor: `pad` holds how many before and after, last dimension first; negative numbers crop. PyTorch: `F.pad`.
    ///
    /// Mode `constant` adds `value` along any dimensions. The other modes pad the last one, two or three dimensions of a tensor that has
    /// one or two more: `reflect` by less than the extent, `circular` by at most the extent; `replicate` by any number. With negative
    /// numbers `circular` crops first and repeats the rest; `reflect` and `replicate` pad the whole tensor, then crop. Traps for other
    /// numbers, and for a `value` in a mode that takes none.
    public static func pad(_ input: Tensor, _ pad: some Collection<Int>, mode: PadMode = .constant, value: Double = 0) -> Tensor {
        let pad = Array(pad)
        return composite("pad", input) { () throws(OpError) in
            for amount in pad where amount.magnitude > Int32.max { throw OpError("padding \(pad) is out of range") }
            if mode == .constant { return input.pad(pad, value: value) }
            guard value == 0 else { throw OpError("mode \(mode) takes no value, \(value) was given") }
            let spatial = pad.count / 2
            guard pad.count % 2 == 0, (1...3).contains(spatial), input.ndim == spatial + 1 || input.ndim == spatial + 2 else {
                throw OpError(
                    "mode \(mode) cannot pad input of shape \(input.shape) by \(pad): 2, 4 or 6 numbers pad the last 1, 2 or 3 dimensions of a tensor with one or two more"
                )
            }
            for extent in input.shape.suffix(spatial + 1) where extent == 0 {
                throw OpError("input of shape \(input.shape) is empty; only the batch may be")
            }
            var out = input
            for pair in 0..<spatial {
                let (before, after) = (pad[2 * pair], pad[2 * pair + 1])
                if before == 0 && after == 0 { continue }
                let dim = input.ndim - 1 - pair
                var n = input.shape[dim]
                guard n + before + after > 0 else { throw OpError("padding \(pad) leaves nothing of dim \(dim) of shape \(input.shape)") }
                let source: (Int) -> Int
                // Where the part that `circular` repeats begins.
                var start = 0
                switch mode {
                case .reflect:
                    guard before < n, after < n else {
                        throw OpError(
                            "padding \(pad) by reflection must be smaller than the extent \(n) of dim \(dim) of shape \(input.shape)")
                    }
                    let last = n - 1
                    source = { i in i < 0 ? -i : i > last ? 2 * last - i : i }
                case .circular:
                    start = max(-before, 0)
                    n += min(before, 0) + min(after, 0)
                    let left = n
                    guard before <= n, after <= n else {
                        throw OpError(
                            "circular padding \(pad) wraps more than once around what is left of dim \(dim) of shape \(input.shape), \(n)")
                    }
                    source = { i in i < 0 ? i + left : i >= left ? i - left : i }
                default:
                    let last = n - 1
                    source = { i in min(max(i, 0), last) }
                }
                let end = mode == .circular ? n + max(after, 0) : n + after
                let places = ((mode == .circular ? -max(before, 0) : -before)..<end).map { Int64(start + source($0)) }
                out = out.indexSelect(dim: dim, Tensor(places, shape: [places.count], device: input.device))
            }
            return out
        }
    }
}
