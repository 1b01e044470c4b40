import ApusCore
import ApusData
import ApusFormats
import ApusSystem

/// 60,000 colour photographs of 32 × 32 pixels in 10 classes. PyTorch: `torchvision.datasets.CIFAR10`.
/// https://www.cs.toronto.edu/~kriz/cifar.html
///
/// Reads the files of the binary version (`data_batch_1.bin` to `data_batch_5.bin`, `test_batch.bin`), gzipped or not, in the folder `root`
/// or its `cifar-10-batches-bin`, or else the downloaded `cifar-10-binary.tar.gz` in the same places. Without `root` it looks in the folder
/// `APUS_DATA`, then in `/usr/share/datasets/cifar-10-batches-bin`.
public struct CIFAR10: LabelledImages {
    /// All images, uint8 [N, C, H, W].
    public let images: Tensor
    /// The class of each image, int64 [N].
    public let labels: Tensor
    public var transform: Compose<Picture, Tensor>?
    /// The names of the classes.
    public let classes = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]

    /// The bytes of a record: a label, then the red, green and blue planes.
    private static let recordSize = 1 + 3 * 32 * 32

    /// Reads the training set (50,000) or the test set (10,000). Throws ``DatasetNotFound``, `FormatError` or `FileError`.
    public init(_ split: Split = .train, root: String? = nil, transform: Compose<Picture, Tensor>? = nil) throws {
        self.transform = transform
        let folder = KnownFiles(
            title: "CIFAR-10", folders: ["cifar-10-batches-bin", "cifar-10"],
            remedy:
                "put https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz there, unpacked or not, or name the folder with root: or APUS_DATA"
        )
        let names = split == .test ? ["test_batch.bin"] : (1...5).map { "data_batch_\($0).bin" }
        let parts: [(images: Tensor, labels: Tensor)]
        if folder.find(names[0], root: root) == nil, let archive = folder.find("cifar-10-binary.tar", root: root) {
            parts = try CIFAR10.read(names, in: archive)
        } else {
            parts = try names.map { name in
                let path = try folder.file(name, root: root)
                return try CIFAR10.records(ByteReader(path).readAll(maximum: CIFAR10.maximumSize), path)
            }
        }
        images = Tensor.cat(parts.map(\.images), dim: 0)
        labels = Tensor.cat(parts.map(\.labels), dim: 0)
    }

    private static let maximumSize = 100_000 * recordSize

    /// Reads the files `names` of an archive, in that order.
    private static func read(_ names: [String], in archive: String) throws -> [(images: Tensor, labels: Tensor)] {
        let reader = try TarReader(archive)
        var found: [String: (images: Tensor, labels: Tensor)] = [:]
        while found.count < names.count, let (path, size) = try reader.next() {
            guard let name = path.split(separator: "/").last.map(String.init), names.contains(name) else { continue }
            guard size <= maximumSize else {
                throw FormatError(file: archive, place: .key(path), reason: "\(size) bytes, more than \(maximumSize)")
            }
            found[name] = try records(reader.contents(), "\(archive), \(printable(path))")
        }
        return try names.map { name in
            guard let part = found[name] else { throw FormatError(file: archive, reason: "there is no \(name) in the archive") }
            return part
        }
    }

    /// Parses the records of a file: 10,000 in the original files, but any number is accepted. `path` names the file in errors.
    private static func records(_ bytes: [UInt8], _ path: String) throws -> (images: Tensor, labels: Tensor) {
        guard !bytes.isEmpty, bytes.count % recordSize == 0 else {
            throw FormatError(
                file: path, place: .offset(bytes.count),
                reason: "\(bytes.count) bytes are no whole number of records of \(recordSize) bytes")
        }
        let records = Tensor(bytes: bytes, shape: [bytes.count / recordSize, recordSize], dtype: .uint8)
        let classes = try ApusVision.labels(records.select(1, 0), classes: 10, file: path, firstOffset: 0, step: recordSize)
        return (records.narrow(1, 1, recordSize - 1).reshape(-1, 3, 32, 32), classes)
    }
}
