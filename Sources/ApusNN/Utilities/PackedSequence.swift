import ApusCore

/// Sequences of different lengths without padding: the rows of all first steps, then of all second steps, and so on, longest sequences
/// first. PyTorch: `nn.utils.rnn.PackedSequence`. RNN, LSTM and GRU take and return it.
public struct PackedSequence {
    /// [Σ lengths, *]
    public let data: Tensor
    /// The number of sequences that have each step, in descending order.
    public let batchSizes: [Int]
    /// The caller's index of each sorted sequence, int64 [N]; nil where they were packed with `enforceSorted`.
    public let sortedIndices: Tensor?
    /// The sorted index of each of the caller's sequences, int64 [N]; nil where they were packed with `enforceSorted`.
    public let unsortedIndices: Tensor?

    /// The same sequences with other rows.
    public func with(_ data: Tensor) -> PackedSequence {
        PackedSequence(data: data, batchSizes: batchSizes, sortedIndices: sortedIndices, unsortedIndices: unsortedIndices)
    }

    /// A copy on another device. PyTorch: `to`.
    public func to(_ device: Device) -> PackedSequence {
        PackedSequence(
            data: data.to(device), batchSizes: batchSizes, sortedIndices: sortedIndices?.to(device),
            unsortedIndices: unsortedIndices?.to(device))
    }
    /// A copy with rows of another dtype. PyTorch: `to`.
    public func to(_ dtype: DType) -> PackedSequence { with(data.to(dtype)) }

    /// The lengths of the sequences, in the order before packing.
    public var lengths: [Int] {
        let sorted = (0..<(batchSizes.first ?? 0)).map { n in batchSizes.count { $0 > n } }
        return unsortedIndices.map { order in order.array(Int.self).map { sorted[$0] } } ?? sorted
    }
}

/// Packs the first `lengths[n]` steps of each padded sequence of [T, N, *] ([N, T, *] with `batchFirst`). PyTorch: `pack_padded_sequence`.
///
/// With `enforceSorted` the lengths must descend; otherwise the sequences are sorted, and `padPackedSequence` restores their order.
/// Traps on a length outside 1 ... T, or unless there is one length for each sequence.
public func packPaddedSequence(_ input: Tensor, lengths: [Int], batchFirst: Bool = false, enforceSorted: Bool = true) -> PackedSequence {
    var batchSizes = [1]
    var order: [Int]?
    let data = composite("packPaddedSequence", input) { () throws(OpError) in
        guard input.ndim >= 2 else { throw OpError("needs sequences [T, N, …], the shape is \(input.shape)") }
        let x = batchFirst ? input.transpose(0, 1) : input
        let (steps, batch) = (x.shape[0], x.shape[1])
        guard lengths.count == batch, batch > 0 else { throw OpError("\(lengths.count) lengths are given for \(batch) sequences") }
        for (n, length) in lengths.enumerated() where length < 1 || length > steps {
            throw OpError("length \(length) of sequence \(n) must lie in 1 ... \(steps), the steps of an input of shape \(input.shape)")
        }
        let isSorted = zip(lengths, lengths.dropFirst()).allSatisfy { $0 >= $1 }
        if enforceSorted && !isSorted {
            throw OpError("the lengths \(lengths) do not descend; sort the sequences, or pass enforceSorted: false")
        }
        let sorted = lengths.indices.sorted { (lengths[$0], $1) > (lengths[$1], $0) }
        if !enforceSorted { order = sorted }
        batchSizes = (0..<lengths.max()!).map { t in lengths.count { $0 > t } }
        // The rows of x as [T·N, …], step by step.
        let rows = batchSizes.enumerated().flatMap { t, count in (0..<count).map { t * batch + sorted[$0] } }
        return x.reshape(Shape([steps * batch] + Array(x.shape.dropFirst(2)))).indexSelect(dim: 0, Tensor(rows).to(x.device))
    }
    guard let order else { return PackedSequence(data: data, batchSizes: batchSizes, sortedIndices: nil, unsortedIndices: nil) }
    var places = order
    for (place, n) in order.enumerated() { places[n] = place }
    let device = data.device
    return PackedSequence(
        data: data, batchSizes: batchSizes, sortedIndices: Tensor(order).to(device), unsortedIndices: Tensor(places).to(device))
}

/// The sequences as one tensor [T, N, *] ([N, T, *] with `batchFirst`), filled up with `paddingValue`, and their lengths.
/// PyTorch: `pad_packed_sequence`. `totalLength` is the number of steps T; traps if it is less than the longest length.
public func padPackedSequence(
    _ sequence: PackedSequence, batchFirst: Bool = false, paddingValue: Double = 0, totalLength: Int? = nil
) -> (output: Tensor, lengths: [Int]) {
    let lengths = sequence.lengths
    let output = composite("padPackedSequence", sequence.data) { () throws(OpError) in
        let (data, longest, batch) = (sequence.data, sequence.batchSizes.count, lengths.count)
        let steps = totalLength ?? longest
        guard steps >= longest else {
            throw OpError("totalLength \(steps) is shorter than the longest sequence, which has \(longest) steps")
        }
        var starts: [Int] = []
        var row = 0
        for count in sequence.batchSizes {
            starts.append(row)
            row += count
        }
        // Each element takes a row of the data, or the row of padding after them.
        let places = try sequence.unsortedIndices?.numbers(Int.self) ?? Array(0..<batch)
        let rows = (0..<steps).flatMap { t in places.map { t < longest && $0 < sequence.batchSizes[t] ? starts[t] + $0 : row } }
        let features = Array(data.shape.dropFirst())
        let padding = Tensor.full(Shape([1] + features), paddingValue, dtype: data.dtype, device: data.device)
        let padded = Tensor.cat([data, padding]).indexSelect(dim: 0, Tensor(rows).to(data.device)).reshape(
            Shape([steps, batch] + features))
        return batchFirst ? padded.transpose(0, 1) : padded
    }
    return (output, lengths)
}

/// The side on which shorter sequences are padded.
public enum PaddingSide: Sendable {
    /// Before or after the sequence.
    case left, right
}

/// Sequences [Lᵢ, *] as one tensor [T, N, *] ([N, T, *] with `batchFirst`), padded to the longest. PyTorch: `pad_sequence`. Traps where
/// there is no sequence, or where they differ in the dimensions after the first.
public func padSequence(
    _ sequences: [Tensor], batchFirst: Bool = false, paddingValue: Double = 0, paddingSide: PaddingSide = .right
) -> Tensor {
    guard let first = sequences.first else { return fail("padSequence", "got no sequences") }
    if let poisoned = sequences.first(where: \.isPoisoned) { return poisoned }
    return composite("padSequence", first) { () throws(OpError) in
        for (n, x) in sequences.enumerated() {
            guard x.ndim >= 1, x.ndim == first.ndim, x.shape.dropFirst().elementsEqual(first.shape.dropFirst()) else {
                throw OpError("sequence \(n) has shape \(x.shape), which does not fit the first one's \(first.shape) after the steps")
            }
        }
        let longest = sequences.map { $0.shape[0] }.max()!
        let filled = sequences.map { x in
            let missing = Tensor.full(
                Shape([longest - x.shape[0]] + Array(x.shape.dropFirst())), paddingValue, dtype: x.dtype, device: x.device)
            return missing.numel == 0 && missing.shape[0] == 0 ? x : Tensor.cat(paddingSide == .right ? [x, missing] : [missing, x])
        }
        return Tensor.stack(filled, dim: batchFirst ? 0 : 1)
    }
}

/// Splits padded sequences [T, N, *] ([N, T, *] with `batchFirst`): the first `lengths[n]` steps of each. PyTorch: `unpad_sequence`. Traps
/// unless there is one length in 0 ... T for each sequence.
public func unpadSequence(_ padded: Tensor, lengths: [Int], batchFirst: Bool = false) -> [Tensor] {
    if padded.isPoisoned { return lengths.map { _ in padded } }
    guard padded.ndim >= 2, padded.shape[batchFirst ? 0 : 1] == lengths.count else {
        let failed = fail("unpadSequence", "\(lengths.count) lengths are given for sequences of shape \(padded.shape)")
        return lengths.map { _ in failed }
    }
    return lengths.enumerated().map { n, length in padded.select(batchFirst ? 0 : 1, n).narrow(0, 0, length) }
}

/// Packs sequences [Lᵢ, *]. PyTorch: `pack_sequence`. Traps as `padSequence` and `packPaddedSequence` do.
public func packSequence(_ sequences: [Tensor], enforceSorted: Bool = true) -> PackedSequence {
    packPaddedSequence(
        padSequence(sequences), lengths: sequences.map { $0.isPoisoned || $0.ndim == 0 ? 1 : $0.shape[0] }, enforceSorted: enforceSorted)
}

/// The sequences of a packed list, in the order before packing. PyTorch: `unpack_sequence`.
public func unpackSequence(_ packed: PackedSequence) -> [Tensor] {
    let (padded, lengths) = padPackedSequence(packed, batchFirst: true)
    return unpadSequence(padded, lengths: lengths, batchFirst: true)
}

/// The inverse of `permutation` (int64 [N]). PyTorch: `invert_permutation`.
public func invertPermutation(_ permutation: Tensor) -> Tensor {
    permutation.scatter(0, permutation, Tensor.arange(permutation.numel, device: permutation.device))
}
