import ApusCore

/// Samples read by index, from which a ``DataLoader`` makes batches. PyTorch: `torch.utils.data.Dataset`.
///
/// A custom data set needs a count and a subscript, which may throw:
/// ```swift
/// struct Squares: Dataset {
///     let count = 100
///     subscript(index: Int) -> (Tensor, Tensor) { (Tensor(Float(index)), Tensor(Float(index * index))) }
/// }
/// ```
/// Samples of tensors, numbers, strings, and arrays and dictionaries of these are collated as ``Collatable`` says, and tuples of two to
/// four of them part by part: samples `(Tensor, Int)` give batches `(Tensor, Tensor)`. A rarer tuple, such as `(Int, [Float])`, needs one
/// line that names its batch: `typealias Batch = (Tensor, [Tensor])`. Swift cannot see the parts of a labelled or longer tuple or of a
/// struct: for those implement ``collate(_:)``, in one line with `defaultCollate(_:)`. A data set that reads many samples at once faster
/// than one by one implements ``batch(at:)`` instead.
///
/// The random numbers that a sample draws from the current generator belong to that sample: in a loader they depend only on the epoch's
/// seed and the sample's position in the epoch. A custom ``batch(at:)`` draws from the batch's generator.
///
/// A loader that works ahead reads the data set on threads of its own, several samples at once if `workers` is above 1. Other threads must
/// therefore not change the data set while a loop over the loader runs; when the loop has ended, no thread reads it any more. With several
/// workers, reading must not change the data set either. A value that only reads what it holds satisfies this: any number of threads may
/// use a tensor in ops as long as no thread changes it (except for weights under a parametrization, which are computed on use). `Sendable`
/// cannot express this contract, since a tensor is mutable and not `Sendable`: it would exclude most data sets. A class may change itself
/// as it reads, with a cache or an open file, so a loader with several workers accepts one only if it declares ``allowsConcurrentReads``.
/// The author of a struct that holds objects is responsible for them.
public protocol Dataset<Sample> {
    /// The result of the subscript: commonly `(Tensor, Tensor)`, an input and its label.
    associatedtype Sample
    /// Several samples, collated.
    associatedtype Batch = Sample

    /// The number of samples. PyTorch: `len(dataset)`.
    var count: Int { get }

    /// The sample at `index`, from 0.
    subscript(index: Int) -> Sample { get throws }

    /// Several samples as one batch. PyTorch: `collate_fn`.
    func collate(_ samples: [Sample]) throws -> Batch

    /// The samples at `indices` as one batch. By default reads one after the other and collates them; errors name the sample.
    func batch(at indices: [Int]) throws -> Batch

    /// Whether several threads may read samples at once. By default true for value types and false for classes: a class whose subscript
    /// changes nothing, or only with a lock held, declares `var allowsConcurrentReads: Bool { true }`.
    var allowsConcurrentReads: Bool { get }
}

extension Dataset {
    public var allowsConcurrentReads: Bool { !(Self.self is AnyObject.Type) }

    public func batch(at indices: [Int]) throws -> Batch { try batchOneByOne(at: indices) }

    /// The default implementation of ``batch(at:)``. Each sample draws from a generator of its own.
    package func batchOneByOne(at indices: [Int]) throws -> Batch {
        let start = Generator.current.take(1)
        var samples: [Sample] = []
        samples.reserveCapacity(indices.count)
        for (k, index) in indices.enumerated() {
            do {
                // A programming error in the subscript is thrown too, so that the error names the sample.
                samples.append(try withGenerator(start.ofSample(k)) { try checked { try self[index] } })
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
