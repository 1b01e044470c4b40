import ApusCore
import ApusFormats
import ApusSystem
import Glibc

/// PNG files with one folder per class: `path/cat/1.png`, `path/dog/a/2.png`. PyTorch: `torchvision.datasets.ImageFolder`.
///
/// Classes are the subfolders sorted by name (by bytes), and so are the files. A sample is float32 [C, H, W] from 0 to 1, with 3 channels,
/// or 1 with `gray`; it is read when it is requested. A file that cannot be read throws an error that names it and the sample's index.
/// Files whose names do not end in `.png` are skipped, and counted in ``leftOut``; files and folders whose names begin with a dot are
/// skipped without being counted. Names need not be UTF-8; other bytes are printed as `\xE9`.
public struct ImageFolder: Dataset {
    public typealias Sample = (Tensor, Tensor)
    public typealias Batch = (Tensor, Tensor)
    /// The subfolders' names.
    public let classes: [String]
    /// The file and the class of each sample.
    public let files: [(path: String, label: Int)]
    /// The number of skipped files by kind (`.jpg`), most frequent first.
    public let leftOut: [(kind: String, count: Int)]
    private let paths: [RawPath]
    /// The length in bytes of the prefix that all paths share: the folder and a slash.
    private let start: Int
    private let gray: Bool
    private let size: (height: Int, width: Int)?

    public var count: Int { files.count }

    /// Lists the files in `path`. `size` resizes each picture (`PNGImage/resized(width:height:)`); without it the pictures of a batch must
    /// have one size. Throws `FileError` where a folder cannot be read and `FormatError` where a class has no picture.
    public init(_ path: String, gray: Bool = false, size: (height: Int, width: Int)? = nil) throws {
        if let size, size.height < 1 || size.width < 1 { fail("ImageFolder", "size \(size.height) × \(size.width) must be at least 1 × 1") }
        self.gray = gray
        self.size = size.map { (max($0.height, 1), max($0.width, 1)) }
        let root = RawPath(path)
        start = root.bytes.count + 1
        var listing = Listing()
        var classes: [String] = []
        var files: [(path: String, label: Int)] = []
        for name in try Listing.names(root) {
            let folder = root.appending(name)
            guard folder.folderIdentity != nil else {
                listing.leaveOut(Listing.isPNG(name) ? ".png outside of the classes' folders" : Listing.kind(name))
                continue
            }
            let (title, first, before) = (RawPath.text(name), listing.paths.count, listing.summary.map(\.kind))
            if classes.contains(where: { $0.isSame(as: title) }) {
                throw FormatError(
                    file: path,
                    reason: "two classes are named '\(printable(title))' where bytes that are not UTF-8 are spelt out; rename one")
            }
            try listing.collect(folder, within: [root, folder].compactMap(\.folderIdentity))
            guard listing.paths.count > first else {
                let kinds = listing.summary.map(\.kind).filter { kind in !before.contains { $0.isSame(as: kind) } }
                throw FormatError(
                    file: folder.text,
                    reason: "the class's folder holds no PNG file" + (kinds.isEmpty ? "" : ", but \(kinds.joined(separator: ", "))"))
            }
            files += listing.paths[first...].map { ($0.text, classes.count) }
            classes.append(title)
        }
        guard !classes.isEmpty else {
            throw FormatError(file: path, reason: "the folder has no subfolders; each class needs one, with its PNG files")
        }
        self.classes = classes
        self.files = files
        paths = listing.paths
        leftOut = listing.summary
    }

    public subscript(index: Int) -> (Tensor, Tensor) {
        get throws {
            guard files.indices.contains(index) else { throw DataError(index: index, underlying: NoSuchSample(count: count)) }
            var image = try PNGImage(contentsOf: paths[index], mode: gray ? .gray : .rgb)
            if let size { image = image.resized(width: size.width, height: size.height) }
            return (try image.tensor().to(.float32) / 255, Tensor([files[index].label], shape: []))
        }
    }

    /// The path of a sample's file relative to the folder, in bytes.
    package func name(_ index: Int) -> ArraySlice<UInt8> { paths[index].bytes[start...] }

    /// The size and channels (1 or 3) of a sample, from its file's header alone.
    package func header(_ index: Int) throws -> (width: Int, height: Int, channels: Int) { try PNGImage.header(of: paths[index]) }
}

/// The PNG files of a folder, and the number of other files.
private struct Listing {
    var paths: [RawPath] = []
    private var others: [ByteKey: Int] = [:]

    /// The number of skipped files of each kind.
    var summary: [(kind: String, count: Int)] {
        others.sorted { (-$0.value, $0.key) < (-$1.value, $1.key) }.map { ($0.key.name, $0.value) }
    }

    mutating func leaveOut(_ kind: String) { others[ByteKey(kind), default: 0] += 1 }

    /// The visible names in a folder, sorted by bytes.
    static func names(_ folder: RawPath) throws(FileError) -> [[UInt8]] {
        guard let names = try folder.names() else { throw FileError(file: folder.text, operation: "read", code: ENOENT) }
        return names.filter { $0.first != UInt8(ascii: ".") }
    }

    static func isPNG(_ name: [UInt8]) -> Bool { kind(name) == ".png" }

    /// The extension of a name, in lower case.
    static func kind(_ name: [UInt8]) -> String {
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")), dot > 0, dot + 1 < name.count else { return "unnamed kind" }
        return RawPath.text(name[dot...].map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 })
    }

    /// Adds the files below `folder`. Links to folders are followed unless they lead to a folder around them.
    mutating func collect(_ folder: RawPath, within outer: [[UInt64]]) throws(FileError) {
        for name in try Listing.names(folder) {
            let inner = folder.appending(name)
            if let identity = inner.folderIdentity {
                if !outer.contains(identity) { try collect(inner, within: outer + [identity]) }
            } else if Listing.isPNG(name) {
                paths.append(inner)
            } else {
                leaveOut(Listing.kind(name))
            }
        }
    }
}
