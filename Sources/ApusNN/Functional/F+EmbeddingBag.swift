import ApusCore

/// How the rows of a bag are reduced to one.
public enum EmbeddingBagMode: String, Sendable, CaseIterable {
    /// The sum, mean or maximum of the rows.
    case sum, mean, max
}

extension F {
    /// The sum, mean or maximum of the rows of `weight` [V, D] in each bag of indices: [B, D]. PyTorch: `F.embedding_bag`.
    ///
    /// - Parameters:
    ///   - input: int64 or int32, [B, L] for bags of one length, or [L] with `offsets`.
    ///   - offsets: [B], where in `input` each bag begins; the first is 0, and they must not descend. With `includeLastOffset` one more
    ///     follows, the end of the last bag. A bag without rows gives zeros.
    ///   - maxNorm: used rows whose p-norm (p is `normType`) is greater are first scaled down to it in place, outside the graph.
    ///   - scaleGradByFreq: divides the gradient of a row by how often it is used; not for `max`. (PyTorch 2.13 divides by another row's
    ///     frequency where frequencies differ.)
    ///   - sparse: the gradient of `weight` holds the used rows alone; not for `max` nor with `scaleGradByFreq`.
    ///   - perSampleWeights: of the shape of `input`, multiplies the rows; for `sum` alone.
    ///   - paddingIdx: a row that is left out of sums, means, maxima and gradients; negative values count from the end.
    ///
    /// Traps on an index outside `0 ..< V`, with its place.
    public static func embeddingBag(
        _ input: Tensor, _ weight: Tensor, offsets: Tensor? = nil, maxNorm: Double? = nil, normType: Double = 2,
        scaleGradByFreq: Bool = false,
        mode: EmbeddingBagMode = .mean, sparse: Bool = false, perSampleWeights: Tensor? = nil, includeLastOffset: Bool = false,
        paddingIdx: Int? = nil
    ) -> Tensor {
        composite("embeddingBag", input, weight, offsets ?? input, perSampleWeights ?? weight) { () throws(OpError) in
            guard mode != .max || !(scaleGradByFreq || sparse) else {
                throw OpError("mode max knows neither scaleGradByFreq nor sparse gradients")
            }
            if let perSampleWeights {
                guard mode == .sum else { throw OpError("perSampleWeights are for mode sum, the mode is \(mode)") }
                guard perSampleWeights.shape == input.shape else {
                    throw OpError("perSampleWeights of shape \(perSampleWeights.shape) must have the shape of the indices, \(input.shape)")
                }
                guard perSampleWeights.dtype == weight.dtype else {
                    throw OpError("perSampleWeights are \(perSampleWeights.dtype), the rows are \(weight.dtype)")
                }
            }
            let bags = try Bags(input, offsets, includeLastOffset)
            var picked = try rows(
                of: weight, input.reshape([-1]).narrow(0, 0, bags.end), paddingIdx, maxNorm, normType, scaleGradByFreq, sparse)
            if let perSampleWeights { picked = picked * perSampleWeights.reshape([-1, 1]).narrow(0, 0, bags.end) }
            var members = bags.members
            if let paddingIdx {
                let padding = try paddingRow(paddingIdx, weight.shape[0])
                let named = try input.reshape([-1]).numbers(Int.self)
                members = members.map { $0.filter { named[$0] != padding } }
            }
            return mode == .max ? largest(picked, members) : total(picked, members, isMean: mode == .mean)
        }
    }

    private static func total(_ rows: Tensor, _ members: [[Int]], isMean: Bool) -> Tensor {
        let order = members.flatMap(\.self)
        let bagOfRow = members.enumerated().flatMap { bag, rows in rows.map { _ in Int64(bag) } }
        // Without padding every row counts, in order.
        let counted =
            order.count == rows.shape[0]
            ? rows : rows.indexSelect(dim: 0, Tensor(order.map(Int64.init), shape: [order.count], device: rows.device))
        // Half precision can hold neither large sums nor large counts.
        let wide = rows.dtype.computeType
        let sums = Tensor.zeros([members.count, rows.shape[1]], dtype: wide, device: rows.device)
            .indexAdd(dim: 0, Tensor(bagOfRow, shape: [order.count], device: rows.device), counted.to(wide))
        guard isMean else { return sums.to(rows.dtype) }
        let counts = Tensor(members.map { Double(max($0.count, 1)) }, shape: [members.count, 1], dtype: wide, device: rows.device)
        return (sums / counts).to(rows.dtype)
    }

    /// Gathers the maxima by their positions (the first of equal ones); bags without rows gather from an added row of zeros.
    private static func largest(_ rows: Tensor, _ members: [[Int]]) -> Tensor {
        let (count, longest) = (rows.shape[0], members.map(\.count).max() ?? 0)
        let width = rows.shape[1]
        // All bags are empty: sum no rows, so that the weight's gradient is zeros instead of none.
        guard longest > 0 else { return total(rows, members, isMean: false) }
        let padded = members.flatMap { $0.map(Int64.init) + Array(repeating: Int64(count), count: longest - $0.count) }
        let table = Tensor(padded, shape: [members.count, longest], device: rows.device)
        let places = noGrad {
            let lowest = Tensor.full([1, width], -Double.infinity, dtype: rows.dtype, device: rows.device)
            let all = Tensor.cat([rows.detach(), lowest]).indexSelect(dim: 0, table.reshape([-1])).reshape([members.count, longest, width])
            return table.unsqueeze(2).expand([members.count, longest, width]).gather(1, all.argmax(dim: 1, keepDim: true)).squeeze(1)
        }
        let zeros = Tensor.zeros([1, width], dtype: rows.dtype, device: rows.device)
        return Tensor.cat([rows, zeros]).gather(0, places)
    }
}

/// The positions in the flattened indices that each bag holds.
private struct Bags {
    let members: [[Int]]
    /// The number of indices that lie in bags.
    let end: Int

    init(_ input: Tensor, _ offsets: Tensor?, _ includeLastOffset: Bool) throws(OpError) {
        if input.ndim == 2 {
            guard offsets == nil else {
                throw OpError("indices of shape \(input.shape) are bags of one length, for which there are no offsets")
            }
            let (count, length) = (input.shape[0], input.shape[1])
            members = (0..<count).map { Array($0 * length..<($0 + 1) * length) }
            end = count * length
            return
        }
        guard input.ndim == 1 else { throw OpError("indices must be [B, L], or [L] with offsets; their shape is \(input.shape)") }
        guard let offsets else { throw OpError("indices of shape \(input.shape) need offsets, which say where each bag begins") }
        guard offsets.ndim == 1, offsets.dtype == .int64 || offsets.dtype == .int32 else {
            throw OpError("offsets must be int64 or int32 [B], they are \(offsets.dtype) \(offsets.shape)")
        }
        var starts = try offsets.numbers(Int.self)
        if includeLastOffset && starts.isEmpty { throw OpError("includeLastOffset needs one offset at least, the end") }
        if let first = starts.first, first != 0 { throw OpError("the first bag begins at 0, but offsets[0] is \(first)") }
        for (i, pair) in zip(starts, starts.dropFirst()).enumerated() where pair.0 > pair.1 {
            throw OpError("offsets must not descend, but offsets[\(i)] is \(pair.0) and offsets[\(i + 1)] is \(pair.1)")
        }
        if let last = starts.last, last > input.shape[0] {
            throw OpError("offsets[\(starts.count - 1)] is \(last), there are \(input.shape[0]) indices")
        }
        if !includeLastOffset { starts.append(starts.isEmpty ? 0 : input.shape[0]) }
        members = zip(starts, starts.dropFirst()).map { Array($0..<$1) }
        end = starts.last ?? 0
    }
}
