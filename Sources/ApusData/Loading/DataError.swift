import ApusFormats
import ApusSystem

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
