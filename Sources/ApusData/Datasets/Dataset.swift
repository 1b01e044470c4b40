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
/// Samples of tensors, numbers, texts, and arrays and dictionaries of them are put together as ``Collatable`` says, and so are pairs and
/// triples, part by part: samples `(Tensor, Int)` give batches `(Tensor, Tensor)`. A rarer tuple, such as `(Int, [Float])`, needs one line,
/// its batch: `typealias Batch = (Tensor, [Tensor])`. Other samples, and tuples with labels, need ``collate(_:)``; a data set
/// that reads many samples faster at once than one by one implements ``batch(at:)`` instead.
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
    public func batch(at indices: [Int]) throws -> Batch { try batchOneByOne(at: indices) }

    /// What ``batch(at:)`` is by default.
    package func batchOneByOne(at indices: [Int]) throws -> Batch {
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

// What makes batches of samples that need no function for it. The first three match every sample whose parts are `Collatable`, and suffice
// where the batch is known: it is that of one part, has the sample's own type (tensors give tensors), or is named by `typealias Batch`. Of
// other tuples the compiler infers no batch from a generic function, hence one function for each that is common.

extension Dataset where Sample: Collatable {
    /// The samples' own way of being put together.
    public func collate(_ samples: [Sample]) throws -> Sample.Collated { try Sample.collate(samples) }
}

extension Dataset {
    /// The first parts together and the second parts together.
    public func collate<A: Collatable, B: Collatable>(_ samples: [(A, B)]) throws -> (A.Collated, B.Collated) where Sample == (A, B) {
        try collatedPairs(samples)
    }

    /// The first, the second and the third parts together.
    public func collate<A: Collatable, B: Collatable, C: Collatable>(
        _ samples: [(A, B, C)]
    ) throws -> (A.Collated, B.Collated, C.Collated) where Sample == (A, B, C) {
        try collatedTriples(samples)
    }
}

extension Dataset where Sample == (Tensor, Int) {
    public func collate(_ samples: [(Tensor, Int)]) throws -> (Tensor, Tensor) { try collatedPairs(samples) }
}
extension Dataset where Sample == (Tensor, Float) {
    public func collate(_ samples: [(Tensor, Float)]) throws -> (Tensor, Tensor) { try collatedPairs(samples) }
}
extension Dataset where Sample == (Tensor, Double) {
    public func collate(_ samples: [(Tensor, Double)]) throws -> (Tensor, Tensor) { try collatedPairs(samples) }
}
extension Dataset where Sample == (Tensor, Bool) {
    public func collate(_ samples: [(Tensor, Bool)]) throws -> (Tensor, Tensor) { try collatedPairs(samples) }
}
extension Dataset where Sample == (Tensor, String) {
    public func collate(_ samples: [(Tensor, String)]) throws -> (Tensor, [String]) { try collatedPairs(samples) }
}
extension Dataset where Sample == (String, Int) {
    public func collate(_ samples: [(String, Int)]) throws -> ([String], Tensor) { try collatedPairs(samples) }
}
extension Dataset where Sample == (String, Tensor) {
    public func collate(_ samples: [(String, Tensor)]) throws -> ([String], Tensor) { try collatedPairs(samples) }
}
extension Dataset where Sample == (String, String) {
    public func collate(_ samples: [(String, String)]) throws -> ([String], [String]) { try collatedPairs(samples) }
}
extension Dataset where Sample == (Int, Int) {
    public func collate(_ samples: [(Int, Int)]) throws -> (Tensor, Tensor) { try collatedPairs(samples) }
}
extension Dataset where Sample == (Float, Float) {
    public func collate(_ samples: [(Float, Float)]) throws -> (Tensor, Tensor) { try collatedPairs(samples) }
}
extension Dataset where Sample == (Double, Double) {
    public func collate(_ samples: [(Double, Double)]) throws -> (Tensor, Tensor) { try collatedPairs(samples) }
}
extension Dataset where Sample == ([String: Tensor], Int) {
    public func collate(_ samples: [([String: Tensor], Int)]) throws -> ([String: Tensor], Tensor) { try collatedPairs(samples) }
}
extension Dataset where Sample == (Tensor, Tensor, Int) {
    public func collate(_ samples: [(Tensor, Tensor, Int)]) throws -> (Tensor, Tensor, Tensor) { try collatedTriples(samples) }
}
extension Dataset where Sample == (Tensor, Int, Int) {
    public func collate(_ samples: [(Tensor, Int, Int)]) throws -> (Tensor, Tensor, Tensor) { try collatedTriples(samples) }
}
extension Dataset where Sample == (Tensor, Int, String) {
    public func collate(_ samples: [(Tensor, Int, String)]) throws -> (Tensor, Tensor, [String]) { try collatedTriples(samples) }
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
