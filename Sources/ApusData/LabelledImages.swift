import ApusCore
import ApusFormats

/// Images of one size in memory, with a class each; MNIST, Fashion-MNIST and CIFAR-10 conform.
///
/// A sample is an image as float32 [C, H, W] from 0 to 1 (`byte / 255`, as torchvision's `ToTensor`) and its class as an int64 scalar;
/// a batch is [N, C, H, W] and [N].
public protocol LabelledImages: Dataset where Sample == (Tensor, Tensor), Batch == (Tensor, Tensor) {
    /// The images as they are stored, uint8 [N, C, H, W].
    var images: Tensor { get }
    /// The classes, int64 [N].
    var labels: Tensor { get }
    /// The names of the classes, by class index.
    var classes: [String] { get }
}

extension LabelledImages {
    /// The parts of the data set: `FashionMNIST.Split`.
    public typealias Split = ApusData.Split

    public var count: Int { images.size(0) }

    public subscript(index: Int) -> (Tensor, Tensor) {
        (images.select(0, index).to(.float32) / 255, labels.select(0, index))
    }

    public func batch(at indices: [Int]) throws -> (Tensor, Tensor) {
        let index = try sampleIndex(indices, count: count)
        return (images.indexSelect(dim: 0, index).to(.float32) / 255, labels.indexSelect(dim: 0, index))
    }
}

/// A part of a data set.
public enum Split: Sendable, Hashable {
    /// For training, and for testing.
    case train, test
}

/// Labels read as bytes, converted to int64. Throws an error with the byte's place if a label is not below `classes`.
func labels(_ bytes: Tensor, classes: Int, file: String, firstOffset: Int, step: Int = 1) throws -> Tensor {
    let all = bytes.bytes()
    if let bad = all.firstIndex(where: { Int($0) >= classes }) {
        throw FormatError(
            file: file, place: .offset(firstOffset + bad * step), reason: "label \(bad) is \(all[bad]), there are \(classes) classes")
    }
    return bytes.to(.int64)
}
