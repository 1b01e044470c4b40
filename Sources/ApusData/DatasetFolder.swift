import ApusCore
import ApusFormats
import ApusSystem
import Glibc

/// Where a known data set's files are looked for.
struct DatasetFolder {
    /// What messages call it: `Fashion-MNIST`.
    let title: String
    /// Folder names below a folder of data sets: the Debian package's, torchvision's.
    let folders: [String]
    /// How to come by the files.
    let remedy: String

    /// The path of the file `name`, plain or with `.gz`.
    ///
    /// In `root` where it is given, or one of `folders` in it; else in `APUS_DATA`, then in `/usr/share/datasets`.
    func file(_ name: String, root: String?) throws -> String {
        if let path = find(name, root: root) { return path }
        throw DatasetNotFound(title: title, file: name, places: places(root), remedy: remedy)
    }

    /// As ``file(_:root:)``, nil where there is none.
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

/// A known data set whose files are in none of the places where they may be.
public struct DatasetNotFound: Error, CustomStringConvertible {
    /// The name in reports.
    public let title: String
    /// The file that is missing; it may also have the ending `.gz`.
    public let file: String
    /// The folders that were looked at, in order.
    public let places: [String]
    let remedy: String

    public var description: String {
        "\(title): there is no \(file) (or \(file).gz) in \(places.joined(separator: ", ")); \(remedy)"
    }
}
