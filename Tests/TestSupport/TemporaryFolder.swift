import Foundation

/// A temporary folder for one test, removed when the object is released.
package final class TemporaryFolder {
    package let path: String

    package init() {
        var template = Array("/tmp/apus-test-XXXXXX".utf8CString)
        path = String(cString: mkdtemp(&template))
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    package func file(_ name: String) -> String { path + "/" + name }

    /// Writes a file, creates its folders, and returns its path.
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

/// Calls `body` with the path of a temporary folder.
package func withFolder<Result>(_ body: (String) throws -> Result) rethrows -> Result {
    let folder = TemporaryFolder()
    return try withExtendedLifetime(folder) { try body(folder.path) }
}

package func bytes(ofFile path: String) -> [UInt8] { [UInt8](FileManager.default.contents(atPath: path)!) }
