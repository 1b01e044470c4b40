import ApusCore

/// A Python literal in the header of a NumPy file: the subset of `ast.literal_eval` that occurs there.
enum PythonLiteral {
    case text(String)
    /// As it is written: `3`, `-2`, `3L` (Python 2), `2.0`.
    case number(String)
    case bool(Bool)
    case none
    case tuple([PythonLiteral])
    case list([PythonLiteral])
    case dictionary([(key: PythonLiteral, value: PythonLiteral)])

    /// Parses the whole region, which may have spaces and newlines around the literal.
    init(_ region: ByteRegion) throws(FormatError) {
        var parser = Parser(region)
        self = try parser.value(depth: 0)
        guard parser.next() == nil else { throw parser.error("text after the header's value") }
    }

    /// A short form for messages.
    var text: String {
        switch self {
        case .text(let text): "'\(printable(text))'"
        case .number(let text): printable(text)
        case .bool(let value): value ? "True" : "False"
        case .none: "None"
        case .tuple(let items): "(" + items.prefix(10).map(\.text).joined(separator: ", ") + (items.count == 1 ? ",)" : ")")
        case .list: "a list"
        case .dictionary: "a dictionary"
        }
    }

    /// The value of an integer of 64 bits; nil for anything else.
    var integer: Int? {
        guard case .number(let text) = self else { return nil }
        return Int(text.hasSuffix("L") ? String(text.dropLast()) : text)
    }

    private struct Parser {
        private static let maximumDepth = 32
        private let region: ByteRegion
        private var at = 0

        init(_ region: ByteRegion) { self.region = region }

        func error(_ reason: String) -> FormatError { region.error(at: at, "header: \(reason)") }

        /// The next byte that is not white space; nil at the end.
        mutating func next() -> UInt8? {
            while at < region.count, [0x20, 0x09, 0x0A, 0x0D].contains(region.bytes[at]) { at += 1 }
            return at < region.count ? region.bytes[at] : nil
        }

        /// Consumes `byte` if it is next.
        private mutating func take(_ byte: Character) -> Bool {
            guard next() == byte.asciiValue else { return false }
            at += 1
            return true
        }

        mutating func value(depth: Int) throws(FormatError) -> PythonLiteral {
            guard depth < Parser.maximumDepth else { throw error("values within values, more than \(Parser.maximumDepth) deep") }
            guard let byte = next() else { throw error("it ends within a value") }
            switch Character(UnicodeScalar(byte)) {
            case "(":
                let (items, hasComma) = try items(")", depth: depth)
                // Without a comma these are just parentheses.
                return items.count == 1 && !hasComma ? items[0] : .tuple(items)
            case "[": return .list(try items("]", depth: depth).items)
            case "{": return try dictionary(depth: depth)
            case "'", "\"": return .text(try string())
            default: return try word()
            }
        }

        private mutating func items(_ end: Character, depth: Int) throws(FormatError) -> (items: [PythonLiteral], hasComma: Bool) {
            at += 1
            var items: [PythonLiteral] = []
            var hasComma = false
            while !take(end) {
                if !items.isEmpty {
                    guard take(",") else { throw error("no ',' or '\(end)' after a value") }
                    hasComma = true
                    if take(end) { break }
                }
                items.append(try value(depth: depth + 1))
            }
            return (items, hasComma)
        }

        private mutating func dictionary(depth: Int) throws(FormatError) -> PythonLiteral {
            at += 1
            var members: [(key: PythonLiteral, value: PythonLiteral)] = []
            while !take("}") {
                if !members.isEmpty {
                    guard take(",") else { throw error("no ',' or '}' after a value") }
                    if take("}") { break }
                }
                let key = try value(depth: depth + 1)
                guard take(":") else { throw error("no ':' after a key") }
                members.append((key, try value(depth: depth + 1)))
            }
            return .dictionary(members)
        }

        /// A string. Only escaped quotes and backslashes are supported; other escapes occur only in field names.
        private mutating func string() throws(FormatError) -> String {
            let start = at, quote = region.bytes[at]
            var text: [UInt8] = []
            at += 1
            while at < region.count, region.bytes[at] != quote {
                if region.bytes[at] == UInt8(ascii: "\\"), at + 1 < region.count { at += 1 }
                text.append(region.bytes[at])
                at += 1
            }
            guard at < region.count else {
                at = start
                throw error("no quote ends the text")
            }
            at += 1
            return String(decoding: text, as: UTF8.self)
        }

        /// A number, `True`, `False` or `None`; or a string with a prefix letter, as Python 2 writes it.
        private mutating func word() throws(FormatError) -> PythonLiteral {
            let start = at
            func isPart(_ byte: UInt8) -> Bool {
                let character = Character(UnicodeScalar(byte))
                return character.isASCII && (character.isLetter || character.isNumber) || "+-._".contains(character)
            }
            while at < region.count, isPart(region.bytes[at]) { at += 1 }
            let word = String(decoding: region.bytes[start..<at], as: UTF8.self)
            switch word {
            case "True": return .bool(true)
            case "False": return .bool(false)
            case "None": return .none
            case "u", "b":
                if at < region.count, region.bytes[at] == UInt8(ascii: "'") || region.bytes[at] == UInt8(ascii: "\"") {
                    return .text(try string())
                }
            default:
                if let first = word.utf8.first, (0x30...0x39).contains(first) || "+-.".utf8.contains(first) { return .number(word) }
            }
            at = start
            throw error("neither text, nor a number, True, False, None, nor '(', '[' or '{'")
        }
    }
}
