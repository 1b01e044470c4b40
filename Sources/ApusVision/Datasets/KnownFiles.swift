import ApusCore
import ApusData
import ApusFormats
import ApusSystem
import Glibc

/// The places where the files of a known data set are searched.
struct KnownFiles {
    /// The name in messages: `Fashion-MNIST`.
    let title: String
    /// Names of folders within a folder of data sets: the Debian package's and torchvision's.
    let folders: [String]
    /// How to get the files.
    let remedy: String

    /// The path of the file `name`, plain or with `.gz`.
    ///
    /// Searched in `root` and its `folders` if given; else in `APUS_DATA` and its `folders`, then in `/usr/share/datasets`.
    func file(_ name: String, root: String?) throws -> String {
        if let path = find(name, root: root) { return path }
        throw DatasetNotFound(title: title, file: name, places: places(root), remedy: remedy)
    }

    /// ``file(_:root:)``, but nil if the file is not found.
    func find(_ name: String, root: String?) -> String? {
        for place in places(root) {
            for path in ["\(place)/\(name)", "\(place)/\(name).gz"] where Folder.exists(path) { return path }
        }
        return nil
    }

    private func places(_ root: String?) -> [String] {
        var places: [String] = []
        if let root {
            places = [root] + folders.map { "\(root)/\($0)" }
        } else {
            if let data = environment("APUS_DATA") { places = [data] + folders.map { "\(data)/\($0)" } }
            places.append("/usr/share/datasets/\(folders[0])")
        }
        return places
    }
}

/// Thrown if the files of a known data set are not in any of the searched folders.
public struct DatasetNotFound: Error, CustomStringConvertible {
    /// The data set's name.
    public let title: String
    /// The missing file; it may also end in `.gz`.
    public let file: String
    /// The folders that were searched, in order.
    public let places: [String]
    let remedy: String

    public var description: String {
        "\(title): there is no \(file) (or \(file).gz) in \(places.joined(separator: ", ")); \(remedy)"
    }
}
