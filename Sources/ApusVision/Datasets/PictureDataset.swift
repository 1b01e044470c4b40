import ApusCore
import ApusData
import ApusFormats

/// Pictures with a class each, in memory or in files. A sample is the picture after its ``transform``, and its class as an int64 scalar; a
/// batch is [N, C, H, W] and [N].
public protocol PictureDataset: Dataset where Sample == (Tensor, Tensor), Batch == (Tensor, Tensor) {
    /// The names of the classes, by class index.
    var classes: [String] { get }
    /// Converts a picture to a sample; nil for `byte / 255` alone. PyTorch: `transform=`.
    var transform: Compose<Picture, Tensor>? { get set }
    /// The picture of sample `index`, before the transform.
    func picture(at index: Int) throws -> Picture
    /// The class of sample `index`.
    func label(at index: Int) throws -> Int
}

extension PictureDataset {
    /// The same data with another transform.
    public func transformed(by transform: Compose<Picture, Tensor>?) -> Self {
        var changed = self
        changed.transform = transform
        return changed
    }

    public subscript(index: Int) -> (Tensor, Tensor) {
        get throws {
            let picture = try picture(at: index)
            return (transform?(picture) ?? ToTensor()(picture), Tensor([try label(at: index)], shape: []))
        }
    }
}
