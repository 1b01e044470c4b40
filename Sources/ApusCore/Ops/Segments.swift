/// How `segmentReduce` combines elements.
public enum SegmentReduction: String, Sendable, CaseIterable {
    /// Sum, mean, largest, smallest, product.
    case sum, mean, max, min, prod
}

extension Tensor {
    /// Splits dimension `axis` into segments of `lengths` [*, S], where * are data's dimensions before `axis`, and combines the elements of
    /// each segment: [*, S] followed by data's dimensions after `axis`. Combining starts from `initial`, by default 0 for sums, 1 for
    /// products, −∞ for the largest and ∞ for the smallest element, which is also the result for an empty segment; for a mean, that is
    /// `initial` or by default NaN. Equal extremes share the gradient. Traps unless the lengths of each row are non-negative and add up to
    /// the extent, and for integers. PyTorch: `torch.segment_reduce`.
    public static func segmentReduce(
        _ data: Tensor, _ reduce: SegmentReduction, lengths: Tensor, axis: Int = 0, initial: Double? = nil
    ) -> Tensor {
        if let failed = data.floatsOnly("segmentReduce") { return failed }
        return composite("segmentReduce", data, lengths) { () throws(OpError) in
            let at = try normalize(dim: axis, ndim: data.ndim)
            guard data.ndim > 0 else { throw OpError("a scalar cannot be cut") }
            let batch = Shape(data.shape[..<at])
            guard lengths.dtype.isInteger, lengths.ndim == at + 1, Shape(lengths.shape[..<at]) == batch else {
                throw OpError(
                    "lengths must be integers of shape \(batch) and a last dimension, they are \(lengths.dtype) of shape \(lengths.shape)")
            }
            let (rows, extent, count) = (batch.numel, data.shape[at], lengths.shape[at])
            // For each element the index of its segment, counted through all rows.
            var places: [Int64] = []
            let numbers = try lengths.numbers(Int.self)
            for row in 0..<rows {
                let own = numbers[row * count..<(row + 1) * count]
                guard own.allSatisfy({ $0 >= 0 && $0 <= extent }), own.reduce(0, +) == extent else {
                    throw OpError("lengths \(Array(own)) are not those of pieces of the \(extent) elements of dim \(axis)")
                }
                for (i, length) in own.enumerated() { places += [Int64](repeating: Int64(row * count + i), count: length) }
            }
            let rest = Array(data.shape[(at + 1)...])
            let flat = data.reshape([rows * extent] + rest)
            let index = Tensor(places, shape: [rows * extent], device: data.device)
            let start = initial.map { Scalar.double($0) } ?? reduce.scatter.neutral(in: data.dtype)
            let pieces = Tensor.full(Shape([rows * count] + rest), start, dtype: data.dtype, device: data.device)
            var result: Tensor
            switch reduce {
            case .sum, .mean: result = pieces.indexAdd(dim: 0, index, flat)
            case .max, .min, .prod:
                let wide = index.reshape([rows * extent] + [Int](repeating: 1, count: rest.count)).expand(flat.shape)
                result = pieces.scatterReduce(dim: 0, wide, flat, reduce: reduce.scatter)
            }
            if reduce == .mean {
                let size = lengths.to(.int64).reshape([rows * count] + [Int](repeating: 1, count: rest.count))
                let mean = result.shared(among: size.clamp(min: 1))
                result = Tensor.where(size.gt(0), mean, initial ?? Double.nan)
            }
            return result.reshape(Array(lengths.shape) + rest)
        }
    }

    /// The same for segments that begin at `offsets`, followed by the end of the last segment: one more than there are segments in the last
    /// dimension. Traps unless they increase from 0 to the number of elements.
    public static func segmentReduce(
        _ data: Tensor, _ reduce: SegmentReduction, offsets: Tensor, axis: Int = 0, initial: Double? = nil
    ) -> Tensor {
        composite("segmentReduce", data, offsets) { () throws(OpError) in
            guard offsets.dtype.isInteger, offsets.ndim > 0, offsets.shape[-1] > 0, !offsets.select(-1, 0).ne(0).any().item(Bool.self)
            else {
                throw OpError("offsets must be integers that begin with 0, they are \(offsets.dtype) of shape \(offsets.shape)")
            }
            return segmentReduce(data, reduce, lengths: offsets.diff(), axis: axis, initial: initial)
        }
    }
}

extension SegmentReduction {
    fileprivate var scatter: ScatterReduction {
        switch self {
        case .sum: .sum
        case .mean: .mean
        case .prod: .prod
        case .max: .amax
        case .min: .amin
        }
    }
}
