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
/// Samples of tensors, numbers, texts, and arrays and dictionaries of them are put together as ``Collatable`` says, and so are tuples of
/// two to four parts, part by part: samples `(Tensor, Int)` give batches `(Tensor, Tensor)`. A rarer tuple, such as `(Int, [Float])`, needs
/// one line, its batch: `typealias Batch = (Tensor, [Tensor])`. Swift has no way to see the parts of a tuple with labels, of a longer one or
/// of a struct: those are taken apart by ``collate(_:)``, in one line with ``defaultCollate(_:)``. A data set that reads many samples faster
/// at once than one by one implements ``batch(at:)`` instead.
///
/// Random numbers that a sample draws from the current generator are its own: in a loader they depend on the epoch's seed and the sample's
/// position in the epoch alone. A ``batch(at:)`` of one's own draws from the batch's generator.
///
/// A loader that works ahead reads the data set on threads of its own, with `workers` above 1 several samples at once. While a loop over the
/// loader runs, other threads must therefore not change the data set; when the loop has ended, no thread reads it any more. For several
/// workers reading must not change it either. A value that only reads what it holds fulfils that, and any number of threads may use a tensor
/// in ops that nobody changes (but for weights under a parametrization, which are computed when they are used). Swift's `Sendable` cannot
/// say it, since a tensor may be changed and is not `Sendable`: it would exclude most data sets. A class may change itself as it reads, with
/// a cache or an open file, so a loader takes one for several workers only if it says ``allowsConcurrentReads``; objects within a struct are
/// the business of who wrote it.
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

    /// Whether several threads may read samples at once. By default true for values, and false for classes: a class whose subscript changes
    /// nothing, or only with a lock held, says `var allowsConcurrentReads: Bool { true }`.
    var allowsConcurrentReads: Bool { get }
}

extension Dataset {
    public var allowsConcurrentReads: Bool { !(Self.self is AnyObject.Type) }

    public func batch(at indices: [Int]) throws -> Batch { try batchOneByOne(at: indices) }

    /// What ``batch(at:)`` is by default. Each sample draws from a generator of its own.
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
