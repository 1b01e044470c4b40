/// A file whose contents are not what its format says: which file, where in it, what is wrong.
public struct FormatError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Where in a file.
    public enum Place: Hashable, Sendable {
        /// Bytes from the file's start; for compressed files, in the compressed bytes.
        case offset(Int)
        /// Line and column of a text, both from 1.
        case line(Int, column: Int)
        /// The name of a tensor or value.
        case key(String)
    }

    /// The file's path as it was given.
    public let file: String
    /// Where in it, nil where the whole file is meant.
    public let place: Place?
    /// What was found and what was wanted.
    public let reason: String

    /// An error at a place of a file.
    public init(file: String, place: Place? = nil, reason: String) {
        self.file = file
        self.place = place
        self.reason = reason
    }

    /// `net.safetensors, 'conv1.weight': …` or `net.safetensors, byte 17: …`.
    public var description: String {
        switch place {
        case .offset(let offset): "\(file), byte \(offset): \(reason)"
        case .line(let line, let column): "\(file), line \(line), column \(column): \(reason)"
        case .key(let key): "\(file), '\(printable(key))': \(reason)"
        case nil: "\(file): \(reason)"
        }
    }
}

/// A key from a file as it may stand in a message: short, and without control characters.
package func printable(_ key: String) -> String {
    var text = ""
    for scalar in key.unicodeScalars.prefix(80) {
        text += scalar.value < 0x20 || scalar.value == 0x7F ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
    }
    return key.unicodeScalars.count > 80 ? text + "…" : text
}
