import ApusCore
import ApusFormats
import Glibc

/// PNG files in one folder a class: `path/cat/1.png`, `path/dog/a/2.png`. PyTorch: `torchvision.datasets.ImageFolder`.
///
/// Classes are the subfolders sorted by name (by bytes), files likewise. A sample is float32 [C, H, W] from 0 to 1, with 3 channels, or 1 where
/// `gray`; it is read when it is asked for. A file that cannot be read is an error that names it and the sample's number.
/// Files whose name does not end in `.png`, and those whose name begins with a dot, are left out.
public struct ImageFolder: Dataset {
    public typealias Sample = (Tensor, Tensor)
    public typealias Batch = (Tensor, Tensor)
    /// The subfolders' names.
    public let classes: [String]
    /// Each sample's file and class.
    public let files: [(path: String, label: Int)]
    private let gray: Bool
    private let size: (height: Int, width: Int)?

    public var count: Int { files.count }

    /// Lists the files in `path`. With `size` each picture is resized to it (``PNGImage/resized(width:height:)``); without, those of a batch
    /// must have one size. Throws ``FileError`` where a folder cannot be read and ``FormatError`` where a class has no picture.
    public init(_ path: String, gray: Bool = false, size: (height: Int, width: Int)? = nil) throws {
        if let size, size.height < 1 || size.width < 1 { fail("ImageFolder", "size \(size.height) × \(size.width) must be at least 1 × 1") }
        self.gray = gray
        self.size = size.map { (max($0.height, 1), max($0.width, 1)) }
        var files: [(path: String, label: Int)] = []
        classes = try ImageFolder.list(path).filter { ImageFolder.identity("\(path)/\($0)") != nil }
        guard !classes.isEmpty else { throw FormatError(file: path, reason: "the folder has no subfolders; each class needs one, with its PNG files") }
        for (label, name) in classes.enumerated() {
            var found: [String] = []
            try ImageFolder.collect("\(path)/\(name)", within: [path, "\(path)/\(name)"].compactMap(ImageFolder.identity), into: &found)
            guard !found.isEmpty else { throw FormatError(file: "\(path)/\(name)", reason: "the class's folder holds no PNG file") }
            files += found.map { ($0, label) }
        }
        self.files = files
    }

    public subscript(index: Int) -> (Tensor, Tensor) {
        get throws {
            guard files.indices.contains(index) else { throw DataError(index: index, underlying: NoSuchSample(count: count)) }
            let (path, label) = files[index]
            var image = try PNGImage(contentsOf: path, mode: gray ? .gray : .rgb)
            if let size { image = image.resized(width: size.width, height: size.height) }
            return (try image.tensor().to(.float32) / 255, Tensor([label], shape: []))
        }
    }

    /// The visible names in a folder, sorted by bytes.
    private static func list(_ path: String) throws -> [String] {
        guard let folder = opendir(path) else { throw FileError(file: path, operation: "read", code: errno) }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self)) }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// What identifies a folder, nil for anything else.
    private static func identity(_ path: String) -> [UInt64]? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return nil }
        return [UInt64(status.st_dev), UInt64(status.st_ino)]
    }

    /// The PNG files below `path`. Links to folders are followed, but not into one that we are already in.
    private static func collect(_ path: String, within outer: [[UInt64]], into files: inout [String]) throws {
        for name in try list(path) {
            let inner = "\(path)/\(name)"
            if let folder = identity(inner) {
                if !outer.contains(folder) { try collect(inner, within: outer + [folder], into: &files) }
            } else if name.lowercased().hasSuffix(".png") {
                files.append(inner)
            }
        }
    }
}
