import ApusCore
import ApusSystem

/// A JSON value as written: objects keep the order of their keys, integers stay exact.
package enum JSON: Hashable, Sendable {
    case null
    case bool(Bool)
    /// An integer, without fraction and exponent, that fits into 64 bits.
    case int(Int64)
    case double(Double)
    case string(String)
    case array([JSON])
    case object([Member])

    package struct Member: Hashable, Sendable {
        package var key: String
        package var value: JSON
        package init(_ key: String, _ value: JSON) {
            self.key = key
            self.value = value
        }
    }

    /// The value of a key in an object; nil if there is none. Keys are compared by bytes.
    package subscript(key: String) -> JSON? {
        if case .object(let members) = self { members.first { $0.key.isSame(as: key) }?.value } else { nil }
    }

    package var string: String? { if case .string(let value) = self { value } else { nil } }
    package var int: Int? { if case .int(let value) = self { Int(value) } else { nil } }
    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    package var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
    package var members: [Member]? { if case .object(let value) = self { value } else { nil } }
    package var double: Double? {
        switch self {
        case .int(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }

    /// The kind of value, for messages.
    package var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .int, .double: "a number"
        case .string: "a string"
        case .array: "a list"
        case .object: "an object"
        }
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByNilLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int64) { self = .int(value) }
    package init(floatLiteral value: Double) { self = .double(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(nilLiteral: ()) { self = .null }
    package init(arrayLiteral elements: JSON...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSON)...) { self = .object(elements.map { Member($0.0, $0.1) }) }
}

// MARK: Writing

extension JSON {
    /// The value as JSON text on one line. Numbers that JSON lacks (NaN, infinities) become null.
    package var text: String {
        var out = ""
        write(to: &out)
        return out
    }

    private func write(to out: inout String) {
        switch self {
        case .null: out += "null"
        case .bool(let value): out += value ? "true" : "false"
        case .int(let value): out += String(value)
        case .double(let value): out += value.isFinite ? String(describing: value) : "null"
        case .string(let value): JSON.writeQuoted(value, to: &out)
        case .array(let values):
            out += "["
            for (i, value) in values.enumerated() {
                if i > 0 { out += "," }
                value.write(to: &out)
            }
            out += "]"
        case .object(let members):
            out += "{"
            for (i, member) in members.enumerated() {
                if i > 0 { out += "," }
                JSON.writeQuoted(member.key, to: &out)
                out += ":"
                member.value.write(to: &out)
            }
            out += "}"
        }
    }

    private static func writeQuoted(_ string: String, to out: inout String) {
        out += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case _ where scalar.value < 0x20:
                let hex = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: out.unicodeScalars.append(scalar)
            }
        }
        out += "\""
    }
}

// MARK: Reading

/// An error in a JSON text, and its place (bytes from the start).
package struct JSONError: Error, Hashable, CustomStringConvertible {
    package let offset: Int
    package let message: String
    package var description: String { "byte \(offset): \(message)" }
}

extension JSON {
    /// The maximum depth of nested lists and objects.
    package static let maximumDepth = 64

    /// Parses all of `text`. Strict (RFC 8259): no comments, no trailing commas, valid UTF-8, and no duplicate keys in an object.
    package init(parsing text: UnsafeRawBufferPointer) throws(JSONError) {
        var parser = JSONParser(text: text)
        self = try parser.document()
    }

    package init(parsing text: String) throws(JSONError) {
        var text = text
        let result: Result<JSON, JSONError> = text.withUTF8 { bytes in
            do throws(JSONError) { return .success(try JSON(parsing: UnsafeRawBufferPointer(bytes))) } catch { return .failure(error) }
        }
        self = try result.get()
    }

    /// Parses the file at `path`; errors name line and column.
    package init(contentsOf path: String) throws {
        let file = try MappedFile(path)
        defer { withExtendedLifetime(file) {} }
        let bytes = UnsafeRawBufferPointer(file.bytes)
        do throws(JSONError) {
            self = try JSON(parsing: bytes)
        } catch {
            let before = bytes[..<min(error.offset, bytes.count)]
            let line = before.count { $0 == UInt8(ascii: "\n") }
            let column = before.reversed().prefix { $0 != UInt8(ascii: "\n") }.count
            throw FormatError(file: path, place: .line(line + 1, column: column + 1), reason: error.message)
        }
    }
}

private struct JSONParser {
    let text: UnsafeRawBufferPointer
    var at = 0
    var depth = 0

    mutating func document() throws(JSONError) -> JSON {
        skipSpace()
        let result = try value()
        skipSpace()
        if at < text.count { throw error("there is more after the end of the JSON value") }
        return result
    }

    func error(_ message: String) -> JSONError { JSONError(offset: at, message: message) }

    var next: UInt8? { at < text.count ? text[at] : nil }

    mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { at += 1 }
    }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        at += 1
        return true
    }

    /// A description of the byte at the current position, for messages.
    var found: String {
        guard let byte = next else { return "the text ends" }
        return byte > 0x20 && byte < 0x7F ? "'\(Unicode.Scalar(byte))' stands" : "byte 0x\(String(byte, radix: 16)) stands"
    }

    mutating func value() throws(JSONError) -> JSON {
        switch next {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case let byte? where byte == UInt8(ascii: "-") || isDigit(byte): return try number()
        default: throw error("\(found) where a JSON value should begin")
        }
    }

    mutating func word(_ word: StaticString, _ value: JSON) throws(JSONError) -> JSON {
        let count = word.utf8CodeUnitCount
        guard text.count - at >= count, (0..<count).allSatisfy({ text[at + $0] == word.utf8Start[$0] }) else {
            throw error("an unknown word, where 'true', 'false' or 'null' should stand")
        }
        at += count
        return value
    }

    mutating func enter() throws(JSONError) {
        depth += 1
        if depth > JSON.maximumDepth { throw error("lists and objects nest deeper than \(JSON.maximumDepth)") }
        at += 1
        skipSpace()
    }

    mutating func array() throws(JSONError) -> JSON {
        try enter()
        defer { depth -= 1 }
        var values: [JSON] = []
        if take("]") { return .array(values) }
        while true {
            values.append(try value())
            skipSpace()
            if take("]") { return .array(values) }
            guard take(",") else { throw error("\(found) in a list where ',' or ']' should stand") }
            skipSpace()
        }
    }

    mutating func object() throws(JSONError) -> JSON {
        try enter()
        defer { depth -= 1 }
        var members: [JSON.Member] = []
        var seen: Set<ByteKey> = []
        if take("}") { return .object(members) }
        while true {
            let start = at
            guard next == UInt8(ascii: "\"") else { throw error("\(found) in an object where a key should stand") }
            let key = try string()
            guard seen.insert(ByteKey(key)).inserted else {
                throw JSONError(offset: start, message: "key '\(printable(key))' stands twice in an object")
            }
            skipSpace()
            guard take(":") else { throw error("\(found) after key '\(printable(key))' where ':' should stand") }
            skipSpace()
            members.append(JSON.Member(key, try value()))
            skipSpace()
            if take("}") { return .object(members) }
            guard take(",") else { throw error("\(found) in an object where ',' or '}' should stand") }
            skipSpace()
        }
    }

    mutating func number() throws(JSONError) -> JSON {
        let start = at
        var isWhole = true
        _ = take("-")
        if take("0") {
            if let byte = next, isDigit(byte) { throw error("a number begins with 0") }
        } else {
            try digits()
        }
        if take(".") {
            isWhole = false
            try digits()
        }
        if take("e") || take("E") {
            isWhole = false
            if !take("+") { _ = take("-") }
            try digits()
        }
        // A longer literal has no more useful digits, and its exact conversion takes more than linear time.
        guard at - start <= 400 else { throw JSONError(offset: start, message: "a number of \(at - start) characters") }
        let literal = String(decoding: text[start..<at], as: UTF8.self)
        if isWhole, let value = Int64(literal) { return .int(value) }
        guard let value = Double(literal), value.isFinite else {
            throw JSONError(offset: start, message: "number \(printable(literal)) is beyond what 64 bits hold")
        }
        return .double(value)
    }

    func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    mutating func digits() throws(JSONError) {
        guard let byte = next, isDigit(byte) else { throw error("\(found) in a number where a digit should stand") }
        while let byte = next, isDigit(byte) { at += 1 }
    }

    mutating func string() throws(JSONError) -> String {
        at += 1
        let start = at
        // The common case: no escapes.
        while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { at += 1 }
        if next == UInt8(ascii: "\"") {
            defer { at += 1 }
            return try decode(text[start..<at], start)
        }
        var bytes = Array(text[start..<at])
        while true {
            guard let byte = next else { throw error("the text ends within a string") }
            at += 1
            switch byte {
            case UInt8(ascii: "\""): return try decode(bytes, start)
            case UInt8(ascii: "\\"): try escape(into: &bytes)
            case 0..<0x20:
                at -= 1
                throw error("control character 0x\(String(byte, radix: 16)) within a string")
            default: bytes.append(byte)
            }
        }
    }

    func decode(_ bytes: some Collection<UInt8>, _ start: Int) throws(JSONError) -> String {
        guard let string = String(validating: bytes, as: UTF8.self) else {
            throw JSONError(offset: start, message: "a string that is not valid UTF-8")
        }
        return string
    }

    mutating func escape(into bytes: inout [UInt8]) throws(JSONError) {
        let start = at - 1
        guard let byte = next else { throw error("the text ends within a string") }
        at += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(byte)
        case UInt8(ascii: "b"): bytes.append(0x08)
        case UInt8(ascii: "f"): bytes.append(0x0C)
        case UInt8(ascii: "n"): bytes.append(0x0A)
        case UInt8(ascii: "r"): bytes.append(0x0D)
        case UInt8(ascii: "t"): bytes.append(0x09)
        case UInt8(ascii: "u"):
            var code = try hex()
            if code & 0xFC00 == 0xD800 {
                guard take("\\"), take("u") else { throw JSONError(offset: start, message: "half of a surrogate pair") }
                let low = try hex()
                guard low & 0xFC00 == 0xDC00 else { throw JSONError(offset: start, message: "half of a surrogate pair") }
                code = 0x10000 + (code & 0x3FF) << 10 + (low & 0x3FF)
            }
            guard let scalar = Unicode.Scalar(code) else { throw JSONError(offset: start, message: "half of a surrogate pair") }
            bytes.append(contentsOf: UTF8.encode(scalar)!)
        default: throw JSONError(offset: start, message: "an unknown escape in a string")
        }
    }

    mutating func hex() throws(JSONError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw error("\\u needs four hexadecimal digits")
            }
            code = code << 4 | UInt32(digit)
            at += 1
        }
        return code
    }
}
