import ApusCore
import ApusData
import ApusFormats

/// Images of one size in memory, each with a class; MNIST, Fashion-MNIST and CIFAR-10 conform.
///
/// Without a transform a sample is an image as float32 [C, H, W] from 0 to 1.
public protocol LabelledImages: PictureDataset {
    /// The images as they are stored, uint8 [N, C, H, W].
    var images: Tensor { get }
    /// The classes, int64 [N].
    var labels: Tensor { get }
}

extension LabelledImages {
    /// The parts of the data set: `FashionMNIST.Split`.
    public typealias Split = ApusVision.Split

    public var count: Int { images.size(0) }

    public subscript(index: Int) -> (Tensor, Tensor) {
        let (image, label) = (images.select(0, index), labels.select(0, index))
        guard let transform, !image.isPoisoned else { return (image.to(.float32) / 255, label) }
        do { return (transform(try Picture(bytes: image)), label) } catch { return (fail("\(Self.self)", "\(error)"), label) }
    }

    public func picture(at index: Int) throws -> Picture {
        try checkSample(index)
        return try Picture(bytes: images.select(0, index))
    }

    public func label(at index: Int) throws -> Int {
        try checkSample(index)
        return labels.select(0, index).item()
    }

    private func checkSample(_ index: Int) throws {
        guard index >= 0, index < count else { throw DataError(index: index, underlying: NoSuchSample(count: count)) }
    }

    public func batch(at indices: [Int]) throws -> (Tensor, Tensor) {
        if transform != nil { return try batchOneByOne(at: indices) }
        let index = try sampleIndex(indices, count: count)
        return (images.indexSelect(dim: 0, index).to(.float32) / 255, labels.indexSelect(dim: 0, index))
    }
}

/// The training or the test part of a data set.
public enum Split: Sendable, Hashable {
    /// The training set, and the test set.
    case train, test
}

/// Labels read as bytes, converted to int64. Throws an error with the byte's offset if a label is not below `classes`.
func labels(_ bytes: Tensor, classes: Int, file: String, firstOffset: Int, step: Int = 1) throws -> Tensor {
    let all = bytes.bytes()
    if let bad = all.firstIndex(where: { Int($0) >= classes }) {
        throw FormatError(
            file: file, place: .offset(firstOffset + bad * step), reason: "label \(bad) is \(all[bad]), there are \(classes) classes")
    }
    return bytes.to(.int64)
}
