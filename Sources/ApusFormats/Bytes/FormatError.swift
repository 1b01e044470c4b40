/// Thrown if a file's contents violate its format: names the file, the place in it, and what is wrong.
public struct FormatError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A place in a file.
    public enum Place: Hashable, Sendable {
        /// Bytes from the file's start; for compressed files, in the compressed bytes.
        case offset(Int)
        /// Line and column in a text, both from 1.
        case line(Int, column: Int)
        /// The name of a tensor or value.
        case key(String)
        /// A record of an archive, and the offset from its start if the place is within it.
        case record(String, offset: Int?)
    }

    /// The file's path as given by the caller.
    public let file: String
    /// The place in the file; nil for the whole file.
    public let place: Place?
    /// What was found and what was expected.
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
        case .record(let name, let offset?): "\(file), record '\(printable(name))', byte \(offset): \(reason)"
        case .record(let name, nil): "\(file), record '\(printable(name))': \(reason)"
        case nil: "\(file): \(reason)"
        }
    }
}

/// A key from a file for use in messages: shortened, and without control characters.
package func printable(_ key: String) -> String {
    var text = ""
    // Takes a prefix instead of counting all characters: keys may be long and occur in many messages.
    let beginning = key.unicodeScalars.prefix(80)
    for scalar in beginning {
        text += scalar.value < 0x20 || scalar.value == 0x7F ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
    }
    return beginning.endIndex < key.endIndex ? text + "…" : text
}
