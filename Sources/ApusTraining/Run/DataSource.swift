import ApusCore
import ApusData
import ApusFormats
import Glibc

/// Images with labels, wherever they come from.
public struct ImageData: Dataset {
    public typealias Sample = (Tensor, Tensor)
    public typealias Batch = (Tensor, Tensor)
    public let count: Int
    /// The names of the classes, in the order of their numbers.
    public let classes: [String]
    /// Channels, height and width of an image.
    public let input: [Int]
    private let sample: (Int) throws -> Sample
    private let many: ([Int]) throws -> Batch

    /// Forgets which kind of data set `base` is.
    public init<Base: Dataset>(_ base: Base, classes: [String], input: [Int]) where Base.Sample == (Tensor, Tensor), Base.Batch == (Tensor, Tensor) {
        count = base.count
        self.classes = classes
        self.input = input
        sample = { try base[$0] }
        many = { try base.batch(at: $0) }
    }

    public subscript(index: Int) -> Sample { get throws { try sample(index) } }
    public func batch(at indices: [Int]) throws -> Batch { try many(indices) }

    /// What a run remembers of its data, to notice that it goes on with others.
    var fingerprint: JSON {
        ["count": .int(Int64(count)), "classes": .array(classes.map { .string($0) }), "input": .array(input.map { .int(Int64($0)) })]
    }
}

/// Where the images of a run come from: a data set by name, or a folder.
public enum DataSource {
    /// The data sets that have a name.
    public static let names = ["fashion-mnist", "mnist", "cifar-10"]

    /// A folder's images are made smaller until the longer side has at most that many pixels.
    static let maximumSide = 224

    /// The images of `name` to learn from and to test on.
    ///
    /// A folder has subfolders `train` and `test` (or `val`) with a folder of PNG files for each class; or the classes' folders alone, of whose
    /// images every tenth, chosen at random by `seed`, is for testing. All images get the size of the first one.
    public static func load(_ name: String, seed: UInt64) throws -> (train: ImageData, test: ImageData) {
        try (load(name, .train, seed: seed), load(name, .test, seed: seed))
    }

    /// One part of it.
    public static func load(_ name: String, _ split: Split, seed: UInt64) throws -> ImageData {
        func erased(_ data: some LabelledImages) throws -> ImageData {
            let data = ImageData(data, classes: data.classes, input: [data.images.size(1), data.images.size(2), data.images.size(3)])
            guard data.count > 0 else { throw RunError("\(name) has no images") }
            return data
        }
        switch name {
        case "fashion-mnist": return try erased(FashionMNIST(split))
        case "mnist": return try erased(MNIST(split))
        case "cifar-10": return try erased(CIFAR10(split))
        default: return try folder(name, split, seed)
        }
    }

    /// A data set's name as it is; a folder's path from the root on, without links, where there is such a folder.
    static func absolute(_ name: String) -> String {
        guard !names.contains(name), let path = realpath(name, nil) else { return name }
        defer { free(path) }
        return String(cString: path)
    }

    /// Throws where `name` is neither a data set nor a folder: before a run's own folder is made.
    public static func check(_ name: String) throws {
        guard !names.contains(name) else { return }
        var status = stat()
        guard stat(name, &status) == 0 else {
            let hint = nearest(to: name, in: names).map { "did you mean '\($0)'? " } ?? ""
            throw RunError("there is neither a data set nor a folder '\(printable(name))'; \(hint)the data sets are \(names.joined(separator: ", "))")
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw RunError("\(name) is a file; data is a folder of images or one of \(names.joined(separator: ", "))") }
    }

    /// Whether a data set's files are where they are looked for and can be read.
    package static func isPresent(_ name: String) -> Bool { (try? load(name, .test, seed: 0)) != nil }

    private static func folder(_ path: String, _ split: Split, _ seed: UInt64) throws -> ImageData {
        try check(path)
        let parts = try RunFolder.names(in: path) ?? []
        let train = parts.contains("train") ? "\(path)/train" : path
        let test = ["test", "val"].first { parts.contains($0) }.map { "\(path)/\($0)" }
        if parts.contains("train"), test == nil { throw RunError("\(path) has a folder train, and none named test or val") }
        // Size and channels are those of the first image to learn from, for all.
        let listing = try ImageFolder(train)
        let first = try PNGImage(contentsOf: listing.files[0].path)
        let scale = min(1, Double(maximumSide) / Double(max(first.width, first.height)))
        let size = (height: max(1, Int(Double(first.height) * scale)), width: max(1, Int(Double(first.width) * scale)))
        let input = [first.channels, size.height, size.width]
        func images(_ path: String) throws -> ImageFolder { try ImageFolder(path, gray: first.channels == 1, size: size) }
        if let test, parts.contains("train") {
            guard split == .test else { return ImageData(try images(train), classes: listing.classes, input: input) }
            let data = try images(test)
            guard data.classes == listing.classes else {
                throw RunError("\(test) has the classes \(data.classes.joined(separator: ", ")), \(train) has \(listing.classes.joined(separator: ", ")); they must be the same")
            }
            return ImageData(data, classes: data.classes, input: input)
        }
        let all = try images(path)
        guard all.count >= 10 else { throw RunError("\(path) has \(all.count) images; at least 10 are wanted, of which a tenth is for testing") }
        let order = Tensor.randperm(all.count, generator: Generator(seed: seed)).array(Int.self)
        let testCount = all.count / 10
        let chosen = split == .test ? order[..<testCount] : order[testCount...]
        return ImageData(Subset(all, chosen.sorted()), classes: all.classes, input: input)
    }
}
