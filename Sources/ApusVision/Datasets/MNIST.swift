import ApusCore
import ApusData
import ApusFormats
import ApusSystem

/// 70,000 gray images of clothing, 28 × 28 pixels, in 10 classes. PyTorch: `torchvision.datasets.FashionMNIST`.
/// https://arxiv.org/abs/1708.07747
///
/// Reads the four original files (`train-images-idx3-ubyte` and so on), gzipped or not, in the folder `root` or its `fashion-mnist`.
/// Without `root` it looks in the folder that the environment variable `APUS_DATA` names, then in `/usr/share/datasets/fashion-mnist`,
/// where Debian's package `dataset-fashion-mnist` installs them.
public struct FashionMNIST: LabelledImages {
    /// All images, uint8 [N, C, H, W].
    public let images: Tensor
    /// The class of each image, int64 [N].
    public let labels: Tensor
    public var transform: Compose<Picture, Tensor>?
    /// The names of the classes.
    public let classes = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]

    /// Reads the training set (60,000) or the test set (10,000). Throws ``DatasetNotFound``, `FormatError` or `FileError`.
    public init(_ split: Split = .train, root: String? = nil, transform: Compose<Picture, Tensor>? = nil) throws {
        self.transform = transform
        let folder = KnownFiles(
            title: "Fashion-MNIST", folders: ["fashion-mnist", "FashionMNIST/raw"],
            remedy: "install it with `apt install dataset-fashion-mnist`, or name the folder with root: or APUS_DATA")
        (images, labels) = try readMNIST(folder, split, root)
    }
}

/// 70,000 gray images of handwritten digits, 28 × 28 pixels. PyTorch: `torchvision.datasets.MNIST`. http://yann.lecun.com/exdb/mnist
///
/// Files and places are as for ``FashionMNIST``; the folder is named `mnist`.
public struct MNIST: LabelledImages {
    /// All images, uint8 [N, C, H, W].
    public let images: Tensor
    /// The class of each image, int64 [N].
    public let labels: Tensor
    public var transform: Compose<Picture, Tensor>?
    /// The names of the classes.
    public let classes = (0..<10).map { "\($0)" }

    /// Reads the training set (60,000) or the test set (10,000). Throws ``DatasetNotFound``, `FormatError` or `FileError`.
    public init(_ split: Split = .train, root: String? = nil, transform: Compose<Picture, Tensor>? = nil) throws {
        self.transform = transform
        let folder = KnownFiles(
            title: "MNIST", folders: ["mnist", "MNIST/raw"],
            remedy:
                "put the original files there (https://ossci-datasets.s3.amazonaws.com/mnist has them), or name their folder with root: or APUS_DATA"
        )
        (images, labels) = try readMNIST(folder, split, root)
    }
}

/// 70,000 gray images of 10 handwritten hiragana, 28 × 28 pixels. torchvision: `KMNIST`. https://arxiv.org/abs/1812.01718
///
/// Files and places are as for ``FashionMNIST``; the folder is named `kmnist`.
public struct KMNIST: LabelledImages {
    /// All images, uint8 [N, C, H, W].
    public let images: Tensor
    /// The class of each image, int64 [N].
    public let labels: Tensor
    public var transform: Compose<Picture, Tensor>?
    /// The names of the classes.
    public let classes = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]

    /// Reads the training set (60,000) or the test set (10,000). Throws ``DatasetNotFound``, `FormatError` or `FileError`.
    public init(_ split: Split = .train, root: String? = nil, transform: Compose<Picture, Tensor>? = nil) throws {
        self.transform = transform
        let folder = KnownFiles(
            title: "KMNIST", folders: ["kmnist", "KMNIST/raw"],
            remedy: "put the original files there (http://codh.rois.ac.jp/kmnist has them), or name their folder with root: or APUS_DATA")
        (images, labels) = try readMNIST(folder, split, root)
    }
}

private func readMNIST(_ folder: KnownFiles, _ split: Split, _ root: String?) throws -> (images: Tensor, labels: Tensor) {
    let prefix = split == .train ? "train" : "t10k"
    let imagePath = try folder.file("\(prefix)-images-idx3-ubyte", root: root)
    let labelPath = try folder.file("\(prefix)-labels-idx1-ubyte", root: root)
    let images = try IDX.load(imagePath)
    guard images.dtype == .uint8, images.ndim == 3, images.size(1) == 28, images.size(2) == 28 else {
        throw FormatError(
            file: imagePath, place: .offset(0),
            reason: "\(images.dtype) of shape \(images.shape), where pictures are uint8 of shape [N, 28, 28]")
    }
    let classes = try IDX.load(labelPath)
    guard classes.dtype == .uint8, classes.shape == [images.size(0)] else {
        throw FormatError(
            file: labelPath, place: .offset(0),
            reason:
                "\(classes.dtype) of shape \(classes.shape), where \(images.size(0)) pictures need uint8 labels of shape [\(images.size(0))]"
        )
    }
    return (images.unsqueeze(1), try labels(classes, classes: 10, file: labelPath, firstOffset: 8))
}
