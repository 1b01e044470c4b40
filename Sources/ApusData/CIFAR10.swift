import ApusCore
import ApusFormats

/// 60,000 photographs, 32 × 32, in colour, in 10 classes. PyTorch: `torchvision.datasets.CIFAR10`. https://www.cs.toronto.edu/~kriz/cifar.html
///
/// Read from the files of the binary version (`data_batch_1.bin` to `data_batch_5.bin`, `test_batch.bin`), gzipped or not, in the folder `root`
/// or its `cifar-10-batches-bin`; without `root` in `APUS_DATA`, then in `/usr/share/datasets/cifar-10-batches-bin`.
public struct CIFAR10: LabelledImages {
    /// All images, [N, C, H, W].
    public let images: Tensor
    /// The class of each image.
    public let labels: Tensor
    /// The names of the classes.
    public let classes = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]

    /// A label, then the planes red, green, blue.
    private static let recordSize = 1 + 3 * 32 * 32

    /// Reads the training set (50,000) or the test set (10,000). Throws ``DatasetNotFound``, ``FormatError`` or ``FileError``.
    public init(_ split: Split = .train, root: String? = nil) throws {
        let folder = DatasetFolder(
            title: "CIFAR-10", folders: ["cifar-10-batches-bin", "cifar-10"],
            remedy: "unpack https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz there, or name the folder with root: or APUS_DATA")
        let names = split == .test ? ["test_batch.bin"] : (1...5).map { "data_batch_\($0).bin" }
        let parts = try names.map { try CIFAR10.read(folder.file($0, root: root)) }
        images = Tensor.cat(parts.map(\.images), dim: 0)
        labels = Tensor.cat(parts.map(\.labels), dim: 0)
    }

    /// 10,000 records as the original files have them; files with fewer or more whole records are read too.
    private static func read(_ path: String) throws -> (images: Tensor, labels: Tensor) {
        let reader = try ByteReader(path)
        let bytes = try reader.readAll(maximum: 100_000 * recordSize)
        guard !bytes.isEmpty, bytes.count % recordSize == 0 else {
            throw FormatError(file: path, place: .offset(bytes.count), reason: "\(bytes.count) bytes are no whole number of records of \(recordSize) bytes")
        }
        let records = Tensor(bytes: bytes, shape: [bytes.count / recordSize, recordSize], dtype: .uint8)
        let classes = try ApusData.labels(records.select(1, 0), classes: 10, file: path, firstOffset: 0, step: recordSize)
        return (records.narrow(1, 1, recordSize - 1).reshape(-1, 3, 32, 32), classes)
    }
}
