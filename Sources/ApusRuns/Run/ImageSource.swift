import ApusCore
import ApusData
import ApusFormats
import ApusSystem
import ApusVision
import Glibc

/// A folder of images: whether it has two parts or is split, and the size and colours of its images.
struct ImageSource {
    let path: String
    private let decoding: Picture.Decoding
    private let onBadImage: ImageFolder.OnBadImage
    /// The folders for the two parts, with a folder for each class; nil where there is no such part. Both are nil where the folders of the
    /// classes lie in `path` itself.
    private let train, test: String?

    /// Folders for testing beside `test`, which are not read.
    private let ignored: [String]

    init(_ path: String, decoding: Picture.Decoding = .full, onBadImage: ImageFolder.OnBadImage = .stop) throws {
        (self.path, self.decoding, self.onBadImage) = (path, decoding, onBadImage)
        try DataSource.check(path)
        func listing(_ name: String) throws -> (hasFolders: Bool, hasPictures: Bool) {
            let folder = RawPath(path).appending(Array(name.utf8))
            let names = try (folder.folderIdentity == nil ? [] : folder.names() ?? []).filter { $0.first != UInt8(ascii: ".") }
            return (
                names.contains { folder.appending($0).folderIdentity != nil },
                names.contains { ImageFolder.isPicture(named: $0) }
            )
        }
        let parts = try ["test", "val", "validation", "valid"].filter { try listing($0).hasFolders }
        test = parts.first.map { "\(path)/\($0)" }
        ignored = Array(parts.dropFirst())
        // A folder `train` that contains pictures, without a folder for testing beside it, is a class named "train".
        let found = try listing("train")
        train = found.hasFolders && (test != nil || !found.hasPictures) ? "\(path)/train" : nil
    }

    /// Loads both parts. All images get the size of the first one for training, and are in colour if one of them all is.
    func load(_ deal: Deal, _ wanted: InputRequest = InputRequest()) throws -> RunData {
        switch (train, test) {
        case (let train?, let test?):
            var (learned, tested) = try (folder(train), folder(test))
            guard tested.classes.map(ByteKey.init) == learned.classes.map(ByteKey.init) else {
                throw RunError(
                    "\(test) has the classes \(tested.classes.joined(separator: ", ")), \(train) has \(learned.classes.joined(separator: ", ")); they must be the same"
                )
            }
            let input = shape([learned, tested], deal, wanted)
            (learned, tested) = (converted(learned, input), converted(tested, input))
            let kinds = learned.leftOut + tested.leftOut.filter { kind in !learned.leftOut.contains { $0.kind.isSame(as: kind.kind) } }
            let leftOut = kinds.map { kind in
                (
                    kind.kind,
                    [learned, tested].reduce(0) { sum, part in sum + (part.leftOut.first { $0.kind.isSame(as: kind.kind) }?.count ?? 0) }
                )
            }
            let unread = ignored.map { (kind: "folder '\($0)' beside '\(AtomicFile.split(test).name)'", count: 1) }
            return RunData(
                train: data(learned, nil, input), test: data(tested, nil, input), deal: nil, pictures: PictureFacts([learned, tested]),
                leftOut: leftOut + unread, skipped: learned.skipped + tested.skipped)
        case (_?, nil): throw RunError("\(path) has a folder train, and none named test, val, validation or valid")
        case (nil, let test?) where !isFirst(deal):
            throw RunError("\(path) has a folder \(AtomicFile.split(test).name), and none named train")
        default:
            let found = try folder(path)
            guard found.count >= 10 else {
                throw RunError("\(path) has \(found.count) images; at least 10 are wanted, of which a tenth is for testing")
            }
            let input = shape([found], deal, wanted)
            let all = converted(found, input)
            let (train, test, dealt) = deal.out(all)
            guard !train.isEmpty else {
                throw RunError(
                    "\(path) has no images to learn from: the seed has all \(all.count) for testing; choose another \(option: .seed)")
            }
            return whole(all, train, test, dealt, input)
        }
    }

    /// The images for testing, with the `input` shape of the model. `all` is the whole folder, where it has no separate part for testing.
    /// A model that `learnedElsewhere`, from a separate part or a named data set, is tested on all images of a folder without parts.
    func loadTest(
        _ deal: Deal?, learnedElsewhere: Bool, input: [Int]
    ) throws -> (data: ImageData, all: RunData?, skipped: [(path: String, error: any Error)]) {
        func every(_ path: String) throws -> (data: ImageData, all: RunData?, skipped: [(path: String, error: any Error)]) {
            let found = converted(try folder(path), input)
            return (data(found, nil, input), nil, found.skipped)
        }
        if let test { return try every(test) }
        if train != nil { throw RunError("\(path) has a folder train, and none named test, val, validation or valid") }
        if learnedElsewhere { return try every(path) }
        guard let deal else {
            throw RunError(
                "\(path) has no folder test, and the weights do not say which of its images they were not learned from; name the run's folder, or put images in \(path)/test"
            )
        }
        let all = converted(try folder(path), input)
        let (train, test, dealt) = deal.out(all)
        guard !test.isEmpty else {
            throw RunError("none of the \(all.count) images in \(path) is for testing; put those to test on in \(path)/test")
        }
        return (data(all, test, input), whole(all, train, test, dealt, input), all.skipped)
    }

    private func isFirst(_ deal: Deal) -> Bool { if case .shuffled = deal { true } else { false } }

    private func folder(_ path: String) throws -> ImageFolder { try ImageFolder(path, decoding: decoding, onBadImage: onBadImage) }

    private func converted(_ folder: ImageFolder, _ input: [Int]) -> ImageFolder { folder.converted(gray: input[0] == 1) }

    /// The data of a folder without parts.
    private func whole(_ all: ImageFolder, _ train: [Int], _ test: [Int], _ deal: Deal, _ input: [Int]) -> RunData {
        RunData(
            train: data(all, train, input), test: data(all, test, input), deal: deal, pictures: PictureFacts([all]), leftOut: all.leftOut,
            skipped: all.skipped)
    }

    /// Channels, height and width: what is wanted, else three channels if any image has them, and the size of the first image.
    private func shape(_ parts: [ImageFolder], _ deal: Deal, _ wanted: InputRequest) -> [Int] {
        let first = parts[0].headers[0]
        let scale = min(1, Double(DataSource.maximumSide) / Double(max(first.width, first.height)))
        let isGray = isFirst(deal) ? first.channels == 1 : parts.allSatisfy { $0.headers.allSatisfy { $0.channels == 1 } }
        let size = [first.height, first.width].map { max(1, Int(Double($0) * scale)) }
        return [wanted.channels ?? (isGray ? 1 : 3)] + (wanted.size ?? size)
    }

    /// The chosen images of a folder; all where `chosen` is nil.
    private func data(_ folder: ImageFolder, _ chosen: [Int]?, _ input: [Int]) -> ImageData {
        let indices = chosen ?? Array(0..<folder.count)
        var (counts, digest) = ([Int](repeating: 0, count: folder.classes.count), UInt64(0))
        for index in indices {
            counts[folder.files[index].label] += 1
            digest &+= Deal.hash(0, folder.name(index))
        }
        return ImageData(folder, chosen, folder.classes, input, counts, digest)
    }
}
