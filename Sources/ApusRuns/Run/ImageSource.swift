import ApusCore
import ApusData
import ApusFormats
import ApusSystem
import Glibc

/// A folder of images: whether it has two parts or is split, and the size and colours of its images.
struct ImageSource {
    let path: String
    /// The folders for the two parts, with a folder for each class; nil where there is no such part. Both are nil where the folders of the
    /// classes lie in `path` itself.
    private let train, test: String?

    init(_ path: String) throws {
        self.path = path
        try DataSource.check(path)
        func listing(_ name: String) throws -> (hasFolders: Bool, hasPictures: Bool) {
            let folder = RawPath(path).appending(Array(name.utf8))
            let names = try (folder.folderIdentity == nil ? [] : folder.names() ?? []).filter { $0.first != UInt8(ascii: ".") }
            return (
                names.contains { folder.appending($0).folderIdentity != nil },
                names.contains { RawPath.text($0).lowercased().hasSuffix(".png") }
            )
        }
        test = try ["test", "val", "validation", "valid"].first { try listing($0).hasFolders }.map { "\(path)/\($0)" }
        // A folder `train` that contains pictures, without a folder for testing beside it, is a class named "train".
        let found = try listing("train")
        train = found.hasFolders && (test != nil || !found.hasPictures) ? "\(path)/train" : nil
    }

    /// Loads both parts. Size and channels are those of the images for training.
    func load(_ deal: Deal) throws -> RunData {
        switch (train, test) {
        case (let train?, let test?):
            let listing = try ImageFolder(train)
            let input = try shape(listing, deal)
            let (learned, tested) = try (folder(train, input), folder(test, input))
            guard tested.classes.map(ByteKey.init) == learned.classes.map(ByteKey.init) else {
                throw RunError(
                    "\(test) has the classes \(tested.classes.joined(separator: ", ")), \(train) has \(learned.classes.joined(separator: ", ")); they must be the same"
                )
            }
            let kinds = learned.leftOut + tested.leftOut.filter { kind in !learned.leftOut.contains { $0.kind.isSame(as: kind.kind) } }
            let leftOut = kinds.map { kind in
                (
                    kind.kind,
                    [learned, tested].reduce(0) { sum, part in sum + (part.leftOut.first { $0.kind.isSame(as: kind.kind) }?.count ?? 0) }
                )
            }
            return RunData(train: data(learned, nil, input), test: data(tested, nil, input), deal: nil, leftOut: leftOut)
        case (_?, nil): throw RunError("\(path) has a folder train, and none named test, val, validation or valid")
        case (nil, let test?) where !isFirst(deal):
            throw RunError("\(path) has a folder \(AtomicFile.split(test).name), and none named train")
        default:
            let listing = try ImageFolder(path)
            guard listing.count >= 10 else {
                throw RunError("\(path) has \(listing.count) images; at least 10 are wanted, of which a tenth is for testing")
            }
            let input = try shape(listing, deal)
            let all = try folder(path, input)
            let (train, test, dealt) = deal.out(all)
            guard !train.isEmpty else {
                throw RunError("\(path) has no images to learn from: the seed has all \(all.count) for testing; choose another by --seed")
            }
            return RunData(train: data(all, train, input), test: data(all, test, input), deal: dealt, leftOut: all.leftOut)
        }
    }

    /// The images for testing, with the `input` shape of the model. `all` is the whole folder, where it has no separate part for testing.
    /// A model that `learnedElsewhere`, from a separate part or a named data set, is tested on all images of a folder without parts.
    func loadTest(_ deal: Deal?, learnedElsewhere: Bool, input: [Int]) throws -> (data: ImageData, all: RunData?) {
        if let test { return (data(try folder(test, input), nil, input), nil) }
        if train != nil { throw RunError("\(path) has a folder train, and none named test, val, validation or valid") }
        if learnedElsewhere { return (data(try folder(path, input), nil, input), nil) }
        guard let deal else {
            throw RunError(
                "\(path) has no folder test, and the weights do not say which of its images they were not learned from; name the run's folder, or put images in \(path)/test"
            )
        }
        let all = try folder(path, input)
        let (train, test, dealt) = deal.out(all)
        guard !test.isEmpty else {
            throw RunError("none of the \(all.count) images in \(path) is for testing; put those to test on in \(path)/test")
        }
        return (
            data(all, test, input), RunData(train: data(all, train, input), test: data(all, test, input), deal: dealt, leftOut: all.leftOut)
        )
    }

    private func isFirst(_ deal: Deal) -> Bool { if case .shuffled = deal { true } else { false } }

    private func folder(_ path: String, _ input: [Int]) throws -> ImageFolder {
        try ImageFolder(path, gray: input[0] == 1, size: (input[1], input[2]))
    }

    /// Channels, height and width: three channels if any image has them, and the size of the first image.
    private func shape(_ listing: ImageFolder, _ deal: Deal) throws -> [Int] {
        let first = try listing.header(0)
        let scale = min(1, Double(DataSource.maximumSide) / Double(max(first.width, first.height)))
        var channels = first.channels
        var next = 1
        while channels == 1, next < listing.count, !isFirst(deal) {
            channels = try listing.header(next).channels
            next += 1
        }
        return [channels, max(1, Int(Double(first.height) * scale)), max(1, Int(Double(first.width) * scale))]
    }

    /// The chosen images of a folder; all where `chosen` is nil.
    private func data(_ folder: ImageFolder, _ chosen: [Int]?, _ input: [Int]) -> ImageData {
        let indices = chosen ?? Array(0..<folder.count)
        var (counts, digest) = ([Int](repeating: 0, count: folder.classes.count), UInt64(0))
        for index in indices {
            counts[folder.files[index].label] += 1
            digest &+= Deal.hash(0, folder.name(index))
        }
        return ImageData(Subset(folder, indices), folder.classes, input, counts, digest)
    }
}
