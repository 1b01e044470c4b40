import Glibc

/// A path as bytes, as the system has it. It need not be UTF-8, so a Swift string cannot hold every path.
package struct RawPath: Hashable, Sendable {
    /// The bytes, without the terminating null.
    package let bytes: [UInt8]

    package init(_ path: String) { bytes = Array(path.utf8) }
    package init(bytes: [UInt8]) { self.bytes = bytes }

    /// The path for messages and names; bytes that are not UTF-8 are written as `\\xE9`.
    package var text: String { RawPath.text(bytes) }

    /// The path of the file or folder `name` in this folder.
    package func appending(_ name: [UInt8]) -> RawPath { RawPath(bytes: bytes + [UInt8(ascii: "/")] + name) }

    /// The path as C takes it.
    package func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        (bytes + [0]).withUnsafeBufferPointer { $0.withMemoryRebound(to: CChar.self) { body($0.baseAddress!) } }
    }

    package static func text(_ bytes: [UInt8]) -> String {
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        var (text, parser, iterator, at) = ("", Unicode.UTF8.ForwardParser(), bytes.makeIterator(), 0)
        while true {
            switch parser.parseScalar(from: &iterator) {
            case .valid(let encoded):
                text.unicodeScalars.append(UTF8.decode(encoded))
                at += encoded.count
            case .error(let length):
                for byte in bytes[at..<(at + length)] { text += "\\x" + String(byte, radix: 16, uppercase: true) }
                at += length
            case .emptyInput: return text
            }
        }
    }

    /// The names in the folder, sorted by bytes; nil if there is no such folder.
    package func names() throws(FileError) -> [[UInt8]]? {
        guard let folder = withCString({ opendir($0) }) else {
            if errno == ENOENT { return nil }
            throw FileError(file: text, operation: "read", code: errno)
        }
        defer { closedir(folder) }
        var names: [[UInt8]] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                let bytes = UnsafeRawPointer(pointer).assumingMemoryBound(to: UInt8.self)
                return Array(
                    UnsafeBufferPointer(start: bytes, count: strlen(UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self))))
            }
            if name != [UInt8(ascii: ".")], name != Array("..".utf8) { names.append(name) }
        }
        return names.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// Device and inode, which identify a folder; nil if this is no folder.
    package var folderIdentity: [UInt64]? {
        var status = stat()
        guard withCString({ stat($0, &status) }) == 0, status.st_mode & S_IFMT == S_IFDIR else { return nil }
        return [UInt64(status.st_dev), UInt64(status.st_ino)]
    }
}
