import Foundation

/// A folder of one test, removed with it.
package final class TemporaryFolder {
    package let path: String

    package init() {
        var template = Array("/tmp/apus-test-XXXXXX".utf8CString)
        path = String(cString: mkdtemp(&template))
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    package func file(_ name: String) -> String { path + "/" + name }

    /// Writes a file, with the folders it needs, and says where it is.
    @discardableResult package func write(_ bytes: [UInt8], _ name: String = "file") -> String {
        let path = file(name)
        try! FileManager.default.createDirectory(atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        let stream = fopen(path, "w")!
        precondition(fwrite(bytes, 1, bytes.count, stream) == bytes.count)
        precondition(fclose(stream) == 0)
        return path
    }

    package var names: [String] { try! FileManager.default.contentsOfDirectory(atPath: path).sorted() }
}

/// A folder for `body` alone, by its path.
package func withFolder<Result>(_ body: (String) throws -> Result) rethrows -> Result {
    let folder = TemporaryFolder()
    return try withExtendedLifetime(folder) { try body(folder.path) }
}

package func bytes(ofFile path: String) -> [UInt8] { [UInt8](FileManager.default.contents(atPath: path)!) }
