import ApusCore
import ApusData
import ApusFormats
import ApusSystem
import Glibc

/// Pictures with one folder per class: `path/cat/1.png`, `path/dog/a/2.jpg`. PyTorch: `torchvision.datasets.ImageFolder`.
///
/// Classes are the subfolders sorted by name (by bytes), and so are the files. A sample is float32 [C, H, W] from 0 to 1, with 3 channels,
/// or 1 with `gray`; it is read when it is requested (``Picture``).
///
/// What is a picture, the files' contents say: PNG, JPEG and WebP are taken whatever their names. Other files are left out, and counted in
/// ``leftOut``, unless their names end as those of pictures do; those are bad pictures, and so are damaged ones. Files and folders whose
/// names begin with a dot are left out without being counted. Names need not be UTF-8; other bytes are printed as `\xE9`.
public struct ImageFolder: PictureDataset {
    /// What becomes of a picture that cannot be read.
    public enum OnBadImage: String, CaseIterable, Sendable {
        /// It throws an error that names the file: where the folder is opened if the picture's header is wrong, else when the sample is
        /// requested.
        case stop
        /// It is left out and listed in ``ImageFolder/skipped``. For that all pictures are decoded where the folder is opened, so that the
        /// samples are the same in every epoch, for any number of threads, and when a run is gone on with.
        case skip
    }

    /// The subfolders' names.
    public let classes: [String]
    /// The file and the class of each sample.
    public let files: [(path: String, label: Int)]
    /// The number of files that are no pictures, by kind (`.txt`), most frequent first.
    public let leftOut: [(kind: String, count: Int)]
    /// The bad pictures that were left out, and what is wrong with each; none with ``OnBadImage/stop``.
    public let skipped: [(path: String, error: any Error)]
    /// What the file of each sample says before its pixels.
    package let headers: [PictureHeader]
    private let paths: [RawPath]
    /// The length in bytes of the prefix that all paths share: the folder and a slash.
    private let start: Int
    private var gray: Bool
    private var size: (height: Int, width: Int)?
    private let decoding: Picture.Decoding
    public var transform: Compose<Picture, Tensor>?

    public var count: Int { files.count }

    /// Lists the pictures in `path`, and reads the header of each. `size` resizes each picture (`Picture/resized(width:height:)`) before
    /// `transform` gets it. The samples of a batch must have one size. `decoding` matters where `size` or the first of the transforms brings
    /// pictures to a smaller size. Throws `FileError` where a folder cannot be read, and
    /// `FormatError` where a class has no picture or, with ``OnBadImage/stop``, a picture has a wrong header.
    public init(
        _ path: String, gray: Bool = false, size: (height: Int, width: Int)? = nil, decoding: Picture.Decoding = .full,
        transform: Compose<Picture, Tensor>? = nil, onBadImage: OnBadImage = .stop
    ) throws {
        self.transform = transform
        if let size, size.height < 1 || size.width < 1 { fail("ImageFolder", "size \(size.height) × \(size.width) must be at least 1 × 1") }
        self.gray = gray
        self.size = size.map { (max($0.height, 1), max($0.width, 1)) }
        self.decoding = decoding
        let root = RawPath(path)
        start = root.bytes.count + 1
        var listing = Listing(onBadImage: onBadImage)
        var classes: [String] = []
        var files: [(path: String, label: Int)] = []
        for name in try Listing.names(root) {
            let folder = root.appending(name)
            guard folder.folderIdentity != nil else {
                listing.leaveOut(Listing.kind(name) + (ImageFolder.isPicture(named: name) ? " outside of the classes' folders" : ""))
                continue
            }
            let (title, first, before) = (RawPath.text(name), listing.paths.count, listing.summary.map(\.kind))
            if classes.contains(where: { $0.isSame(as: title) }) {
                throw FormatError(
                    file: path,
                    reason: "two classes are named '\(printable(title))' where bytes that are not UTF-8 are spelt out; rename one")
            }
            let skipped = listing.skipped.count
            try listing.collect(folder, within: [root, folder].compactMap(\.folderIdentity))
            guard listing.paths.count > first else {
                var others = listing.summary.map(\.kind).filter { kind in !before.contains { $0.isSame(as: kind) } }
                if let bad = listing.skipped[skipped...].first { others.append("pictures that cannot be read (\(bad.error))") }
                throw FormatError(
                    file: folder.text,
                    reason: "the class's folder holds no \(PictureHeader.Format.names) picture"
                        + (others.isEmpty ? "" : ", but \(others.joined(separator: ", "))"))
            }
            files += listing.paths[first...].map { ($0.text, classes.count) }
            classes.append(title)
        }
        guard !classes.isEmpty else {
            throw FormatError(file: path, reason: "the folder has no subfolders; each class needs one, with its pictures")
        }
        self.classes = classes
        self.files = files
        (paths, headers, leftOut, skipped) = (listing.paths, listing.headers, listing.summary, listing.skipped)
    }

    public func picture(at index: Int) throws -> Picture {
        guard files.indices.contains(index) else { throw DataError(index: index, underlying: NoSuchSample(count: count)) }
        let wanted = size ?? transform?.firstSize(height: headers[index].height, width: headers[index].width)
        let picture = try Picture(
            contentsOf: paths[index], mode: gray ? .gray : .rgb, scaledToAtLeast: decoding == .scaled ? wanted : nil)
        return size.map { picture.resized(width: $0.width, height: $0.height) } ?? picture
    }

    public func label(at index: Int) throws -> Int {
        guard files.indices.contains(index) else { throw DataError(index: index, underlying: NoSuchSample(count: count)) }
        return files[index].label
    }

    /// The same pictures in other colours and another size.
    package func converted(gray: Bool, size: (height: Int, width: Int)?) -> ImageFolder {
        var converted = self
        (converted.gray, converted.size) = (gray, size)
        return converted
    }

    /// The path of a sample's file relative to the folder, in bytes.
    package func name(_ index: Int) -> ArraySlice<UInt8> { paths[index].bytes[start...] }

    /// The pictures at any depth below a folder, sorted by name: files that are named as pictures, and those whose contents are; none is read further.
    package static func pictures(below folder: RawPath) throws -> [RawPath] {
        var listing = Listing(onBadImage: nil)
        try listing.collect(folder, within: [folder].compactMap(\.folderIdentity))
        return listing.paths
    }

    /// Whether a file's name ends as those of pictures do that are read.
    package static func isPicture(named name: [UInt8]) -> Bool { [".png", ".jpg", ".jpeg", ".webp"].contains(Listing.kind(name)) }
}

/// The pictures of a folder, and what else there is.
private struct Listing {
    /// Nil to take pictures as they are named, without a look at their headers.
    let onBadImage: ImageFolder.OnBadImage?
    var paths: [RawPath] = []
    var headers: [PictureHeader] = []
    var skipped: [(path: String, error: any Error)] = []
    private var others: [ByteKey: Int] = [:]

    init(onBadImage: ImageFolder.OnBadImage?) { self.onBadImage = onBadImage }

    /// The number of other files of each kind.
    var summary: [(kind: String, count: Int)] {
        others.sorted { (-$0.value, $0.key) < (-$1.value, $1.key) }.map { ($0.key.name, $0.value) }
    }

    mutating func leaveOut(_ kind: String) { others[ByteKey(kind), default: 0] += 1 }

    /// The visible names in a folder, sorted by bytes.
    static func names(_ folder: RawPath) throws(FileError) -> [[UInt8]] {
        guard let names = try folder.names() else { throw FileError(file: folder.text, operation: "read", code: ENOENT) }
        return names.filter { $0.first != UInt8(ascii: ".") }
    }

    /// The extension of a name, in lower case.
    static func kind(_ name: [UInt8]) -> String {
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")), dot > 0, dot + 1 < name.count else { return "unnamed kind" }
        return RawPath.text(name[dot...].map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 })
    }

    /// Adds the files below `folder`. Links to folders are followed unless they lead to a folder around them.
    mutating func collect(_ folder: RawPath, within outer: [[UInt64]]) throws {
        for name in try Listing.names(folder) {
            let inner = folder.appending(name)
            if let identity = inner.folderIdentity {
                if !outer.contains(identity) { try collect(inner, within: outer + [identity]) }
            } else {
                try take(inner, name)
            }
        }
    }

    /// Adds the file if it is a picture.
    private mutating func take(_ path: RawPath, _ name: [UInt8]) throws {
        do {
            let region = ByteRegion(try MappedFile(path))
            guard ImageFolder.isPicture(named: name) || region.withBytes({ PictureHeader.Format($0) }) != nil else {
                return leaveOut(Listing.kind(name))
            }
            guard let onBadImage else { return paths.append(path) }
            let header = try PictureHeader(region)
            // An eighth of the pixels takes all that is coded, and is wrong where all of them are.
            if onBadImage == .skip { _ = try Picture(region, scaledToAtLeast: (1, 1)) }
            paths.append(path)
            headers.append(header)
        } catch {
            guard ImageFolder.isPicture(named: name) || error is FormatError else { return leaveOut(Listing.kind(name)) }
            guard onBadImage == .skip else { throw error }
            skipped.append((path.text, error))
        }
    }
}
