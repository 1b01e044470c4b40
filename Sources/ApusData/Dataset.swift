import ApusCore
import ApusFormats
import ApusSystem

/// Samples read by index, from which a ``DataLoader`` makes batches. PyTorch: `torch.utils.data.Dataset`.
///
/// A custom data set needs a count and a subscript, which may throw:
/// ```swift
/// struct Squares: Dataset {
///     let count = 100
///     subscript(index: Int) -> (Tensor, Tensor) { (Tensor(Float(index)), Tensor(Float(index * index))) }
/// }
/// ```
/// Samples that are a tensor, or a pair or triple of tensors, are stacked to batches. Other samples need ``collate(_:)``, which makes
/// a batch from samples; a data set that reads many samples faster at once than one by one implements ``batch(at:)`` instead.
///
/// A loader that works ahead reads the data set on its own thread, one call at a time. While a loop over the loader runs, other threads
/// must therefore not change the data set; when the loop has ended, no thread reads it any more.
public protocol Dataset<Sample> {
    /// The result of the subscript: commonly `(Tensor, Tensor)`, an input and its label.
    associatedtype Sample
    /// Several samples together.
    associatedtype Batch = Sample

    /// The number of samples. PyTorch: `len(dataset)`.
    var count: Int { get }

    /// The sample at `index`, from 0.
    subscript(index: Int) -> Sample { get throws }

    /// Several samples as one batch. PyTorch: `collate_fn`.
    func collate(_ samples: [Sample]) throws -> Batch

    /// The samples at `indices` as one batch. By default reads one after the other and collates them; an error names the sample.
    func batch(at indices: [Int]) throws -> Batch
}

extension Dataset {
    public func batch(at indices: [Int]) throws -> Batch {
        var samples: [Sample] = []
        samples.reserveCapacity(indices.count)
        for index in indices {
            do {
                // A programming error in the subscript is thrown too, so that the error names the sample.
                samples.append(try checked { try self[index] })
            } catch {
                throw DataError(index: index, underlying: error)
            }
        }
        do {
            return try collate(samples)
        } catch let error as CollationError {
            throw DataError(index: indices[error.position], underlying: error)
        }
    }
}

extension Dataset where Sample == Tensor, Batch == Tensor {
    /// Stacks the tensors.
    public func collate(_ samples: [Tensor]) throws -> Tensor { try stacked(samples) }
}

extension Dataset where Sample == (Tensor, Tensor), Batch == (Tensor, Tensor) {
    /// Stacks the first tensors and the second tensors.
    public func collate(_ samples: [(Tensor, Tensor)]) throws -> (Tensor, Tensor) {
        (try stacked(samples.map(\.0)), try stacked(samples.map(\.1)))
    }
}

extension Dataset where Sample == (Tensor, Tensor, Tensor), Batch == (Tensor, Tensor, Tensor) {
    /// Stacks the first, the second and the third tensors.
    public func collate(_ samples: [(Tensor, Tensor, Tensor)]) throws -> (Tensor, Tensor, Tensor) {
        (try stacked(samples.map(\.0)), try stacked(samples.map(\.1)), try stacked(samples.map(\.2)))
    }
}

/// A sample or a batch that could not be read.
public struct DataError: Error, CustomStringConvertible {
    /// The index of the sample in its data set, where it is known.
    public let index: Int?
    /// The number of the batch in its epoch, where the sample is not known.
    public let batch: Int?
    /// The original error, often a `FormatError` or `FileError` that names the file.
    public let underlying: any Error

    /// `underlying` was thrown for sample `index`.
    public init(index: Int, underlying: any Error) {
        self.index = index
        batch = nil
        self.underlying = underlying
    }

    /// `underlying` was thrown for some sample of batch number `batch`.
    public init(batch: Int, underlying: any Error) {
        index = nil
        self.batch = batch
        self.underlying = underlying
    }

    /// The file that the underlying error names, if any.
    public var file: String? { (underlying as? FormatError)?.file ?? (underlying as? FileError)?.file }

    /// `sample 7: cats/a.png, byte 33: …`
    public var description: String { "\(index.map { "sample \($0)" } ?? "batch \(batch ?? 0)"): \(underlying)" }
}

/// Samples that do not fit together; `position` is the index in the batch of the first one that differs.
struct CollationError: Error, CustomStringConvertible {
    let position: Int
    let description: String
}

/// Stacks tensors of one shape and dtype along a new first dimension: [count, …]. An error names the first that differs.
package func stacked(_ tensors: [Tensor]) throws -> Tensor {
    guard let first = tensors.first else { return try Tensor.uninitialized([0], .float32, .cpu) }
    var shape = first.shape
    shape.insert(tensors.count, at: 0)
    for (position, tensor) in tensors.enumerated() where tensor.shape != first.shape || tensor.dtype != first.dtype {
        let description =
            "a tensor of shape \(tensor.shape) and dtype \(tensor.dtype), where the batch's first has \(first.shape) and \(first.dtype); make samples alike, or give the loader a collate function"
        throw CollationError(position: position, description: description)
    }
    return try tensor(shape, first.dtype) { out in
        let size = first.numel * first.dtype.size
        guard size > 0 else { return }
        for (position, tensor) in tensors.enumerated() {
            try withHostBytes(of: tensor) {
                out.baseAddress!.advanced(by: position * size).copyMemory(from: $0.baseAddress!, byteCount: size)
            }
        }
    }
}
