import ApusCore
import ApusData
import ApusFormats
import ApusSystem

/// Pictures with one folder per class: `path/cat/1.png`, `path/dog/a/2.jpg`. PyTorch: `torchvision.datasets.ImageFolder`.
///
/// The subfolders are the classes, sorted by the bytes of their names; so are the files in them. A sample is float32 [C, H, W] from 0 to 1,
/// with 3 channels, or 1 with `gray`; the file is read when the sample is requested (`Picture`).
///
/// Pictures are recognised by their contents: PNG, JPEG and WebP, whatever the name. Other files are left out and counted in ``leftOut``,
/// unless they have the extension of a picture: those, and damaged pictures, are bad pictures (``OnBadImage``). Files and folders whose
/// names begin with a dot are left out and not counted. Names need not be UTF-8; other bytes are printed as `\xE9`.
public struct ImageFolder: PictureDataset {
    /// How to treat a picture that cannot be read.
    public enum OnBadImage: String, CaseIterable, Sendable {
        /// Throw an error that names the file: from the initializer if the picture's header is wrong, else when the sample is requested.
        case stop
        /// Leave it out and list it in ``ImageFolder/skipped``. To this end the initializer decodes all pictures, so that the samples are
        /// the same in every epoch, for any number of threads, and in a resumed run.
        case skip
    }

    /// The subfolders' names.
    public let classes: [String]
    /// The file and the class of each sample.
    public let files: [(path: String, label: Int)]
    /// The number of files that are not pictures, by extension (`.txt`), most frequent first.
    public let leftOut: [(kind: String, count: Int)]
    /// The bad pictures that were left out, each with its error; empty with ``OnBadImage/stop``.
    public let skipped: [(path: String, error: any Error)]
    /// The header of each sample's file.
    package let headers: [PictureHeader]
    private let paths: [RawPath]
    /// The length in bytes of the prefix that all paths share: the folder and a slash.
    private let start: Int
    private var gray: Bool
    private let size: (height: Int, width: Int)?
    private let decoding: Picture.Decoding
    public var transform: Compose<Picture, Tensor>?

    public var count: Int { files.count }

    /// Lists the pictures in `path` and reads the header of each. `size` resizes each picture (`Picture/resized(width:height:)`) before
    /// `transform`. All samples of a batch must have the same size. `decoding` has an effect only if `size` or the first transform makes
    /// pictures smaller. Throws a `FileError` if a folder cannot be read, and a `FormatError` if a class has no picture or, with
    /// ``OnBadImage/stop``, a picture has a wrong header.
    public init(
        _ path: String, gray: Bool = false, size: (height: Int, width: Int)? = nil, decoding: Picture.Decoding = .full,
        transform: Compose<Picture, Tensor>? = nil, onBadImage: OnBadImage = .stop
    ) throws {
        self.transform = transform
        if let size, size.height < 1 || size.width < 1 { fail("ImageFolder", "size \(size.height) × \(size.width) must be at least 1 × 1") }
        self.gray = gray
        self.size = size.map { (max($0.height, 1), max($0.width, 1)) }
        self.decoding = decoding
        start = RawPath(path).bytes.count + 1
        var listing = Listing(onBadImage: onBadImage)
        var files: [(path: String, label: Int)] = []
        let found = try ClassFolders(path)
        for name in found.strays {
            listing.leaveOut(ClassFolders.kind(name) + (ImageFolder.isPicture(named: name) ? " outside of the classes' folders" : ""))
        }
        for (label, folder) in found.classes.enumerated() {
            let (first, before, skipped) = (listing.paths.count, listing.summary.map(\.kind), listing.skipped.count)
            for file in folder.files { try listing.take(file) }
            guard listing.paths.count > first else {
                var others = listing.summary.map(\.kind).filter { kind in !before.contains { $0.isSame(as: kind) } }
                if let bad = listing.skipped[skipped...].first { others.append("pictures that cannot be read (\(bad.error))") }
                throw FormatError(
                    file: folder.folder.text,
                    reason: "the class's folder holds no \(PictureHeader.Format.names) picture"
                        + (others.isEmpty ? "" : ", but \(others.joined(separator: ", "))"))
            }
            files += listing.paths[first...].map { ($0.text, label) }
        }
        classes = found.classes.map(\.title)
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

    /// The same pictures, as gray or RGB.
    package func converted(gray: Bool) -> ImageFolder {
        var converted = self
        converted.gray = gray
        return converted
    }

    /// The path of a sample's file relative to the folder, in bytes.
    package func name(_ index: Int) -> ArraySlice<UInt8> { paths[index].bytes[start...] }

    /// The pictures at any depth below a folder, sorted by name: files with the extension of a picture, and files with the contents of one.
    /// They are not read any further.
    package static func pictures(below folder: RawPath) throws -> [RawPath] {
        var listing = Listing(onBadImage: nil)
        for file in try ClassFolders.files(below: folder) { try listing.take(file) }
        return listing.paths
    }

    /// Whether a file's name has the extension of a supported picture format.
    package static func isPicture(named name: some BidirectionalCollection<UInt8>) -> Bool {
        [".png", ".jpg", ".jpeg", ".webp"].contains(ClassFolders.kind(name))
    }
}

/// Collects the pictures of a folder and counts the other files.
private struct Listing {
    /// Nil to accept files with a picture's extension without reading their headers.
    let onBadImage: ImageFolder.OnBadImage?
    var paths: [RawPath] = []
    var headers: [PictureHeader] = []
    var skipped: [(path: String, error: any Error)] = []
    private var others: [ByteKey: Int] = [:]

    init(onBadImage: ImageFolder.OnBadImage?) { self.onBadImage = onBadImage }

    /// The number of other files by kind.
    var summary: [(kind: String, count: Int)] {
        others.sorted { (-$0.value, $0.key) < (-$1.value, $1.key) }.map { ($0.key.name, $0.value) }
    }

    mutating func leaveOut(_ kind: String) { others[ByteKey(kind), default: 0] += 1 }

    /// Adds the file if it is a picture.
    mutating func take(_ path: RawPath) throws {
        let name = ClassFolders.name(path)
        do {
            let region = ByteRegion(try MappedFile(path))
            guard ImageFolder.isPicture(named: name) || region.withBytes({ PictureHeader.Format($0) }) != nil else {
                return leaveOut(ClassFolders.kind(name))
            }
            guard let onBadImage else { return paths.append(path) }
            let header = try PictureHeader(region)
            // Decoding to an eighth of the size still reads all coded data, and detects the same errors as full decoding.
            if onBadImage == .skip { _ = try Picture(region, scaledToAtLeast: (1, 1)) }
            paths.append(path)
            headers.append(header)
        } catch {
            guard ImageFolder.isPicture(named: name) || error is FormatError else { return leaveOut(ClassFolders.kind(name)) }
            guard onBadImage == .skip else { throw error }
            skipped.append((path.text, error))
        }
    }
}
