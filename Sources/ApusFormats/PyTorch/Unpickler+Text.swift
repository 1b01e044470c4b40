/// The numbers and texts of a pickle, as each opcode writes them.
extension Unpickler {
    mutating func line() throws(FormatError) -> String {
        let bytes = try cursor.line(Unpickler.names[opcode]!)
        guard bytes.count <= 1 << 16, let text = String(validating: bytes, as: UTF8.self) else {
            throw wrong("a name that is not UTF-8, or too long")
        }
        return text
    }

    mutating func length<Number: FixedWidthInteger>(_ type: Number.Type) throws(FormatError) -> Int {
        let count = try cursor.integer(type, Unpickler.names[opcode]!)
        guard let count = Int(exactly: count), count >= 0, count <= cursor.rest else {
            throw wrong("\(count) bytes should follow, \(cursor.rest) are left")
        }
        return count
    }

    mutating func piece<Number: FixedWidthInteger>(_ type: Number.Type) throws(FormatError) -> [UInt8] {
        Array(try cursor.take(try length(type), ""))
    }

    mutating func unicode(_ count: Int) throws(FormatError) -> String {
        guard let text = String(validating: try cursor.take(count, ""), as: UTF8.self) else { throw wrong("the text is not UTF-8") }
        return text
    }

    /// A string of Python 2: text if it is UTF-8, otherwise bytes.
    func text(_ bytes: [UInt8]) -> PickleHeap.Kind {
        String(validating: bytes, as: UTF8.self).map { .string($0) } ?? .bytes(bytes, isMutable: false)
    }

    /// A quoted string literal of Python 2.
    mutating func quoted() throws(FormatError) -> [UInt8] {
        let line = try cursor.line("STRING")
        let bytes = Array(line.last == 0x0D ? line.dropLast() : line[...])
        guard bytes.count >= 2, let quote = bytes.first, quote == 0x27 || quote == 0x22, bytes.last == quote else {
            throw wrong("the text is not in quotes")
        }
        var result: [UInt8] = []
        var rest = bytes[1..<(bytes.count - 1)]
        while let byte = rest.popFirst() {
            guard byte == 0x5C else {
                result.append(byte)
                continue
            }
            switch rest.popFirst() {
            case 0x6E: result.append(0x0A)
            case 0x74: result.append(0x09)
            case 0x72: result.append(0x0D)
            case 0x78:
                guard let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16), rest.count >= 2 else {
                    throw wrong("a bad escape")
                }
                result.append(value)
                rest = rest.dropFirst(2)
            case let other?: result.append(other)
            case nil: throw wrong("the text ends in a backslash")
            }
        }
        return result
    }

    /// Python's raw-unicode-escape encoding: Latin-1 with \u and \U escapes.
    mutating func rawUnicode() throws(FormatError) -> String {
        let bytes = Array(try cursor.line("UNICODE"))
        var result = String.UnicodeScalarView()
        var at = 0
        while at < bytes.count {
            let digits = bytes[at] == 0x5C && at + 1 < bytes.count ? (bytes[at + 1] == 0x75 ? 4 : bytes[at + 1] == 0x55 ? 8 : 0) : 0
            guard digits > 0 else {
                result.append(Unicode.Scalar(bytes[at]))
                at += 1
                continue
            }
            let text = String(decoding: bytes[(at + 2)..<min(at + 2 + digits, bytes.count)], as: UTF8.self)
            guard text.utf8.count == digits, let value = UInt32(text, radix: 16), let scalar = Unicode.Scalar(value) else {
                throw wrong("a bad escape")
            }
            result.append(scalar)
            at += 2 + digits
        }
        return String(result)
    }

    /// INT and LONG: decimal text; for INT, 00 and 01 are false and true.
    mutating func pushDecimal() throws(FormatError) {
        let bytes = try cursor.line(Unpickler.names[opcode]!)
        // Python's own limit.
        guard bytes.count <= 4300 else { throw wrong("a number of \(bytes.count) digits; the limit is 4300") }
        var text = String(decoding: bytes, as: UTF8.self)
        if opcode == 0x49, text == "00" || text == "01" { return push(.bool(text == "01")) }
        if opcode == 0x4C, text.last == "L" { text.removeLast() }
        let digits = text.utf8.first == 0x2D || text.utf8.first == 0x2B ? text.utf8.dropFirst() : text.utf8[...]
        guard !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw wrong("'\(printable(text))' is no whole number")
        }
        push(Int(text).map { .int($0) } ?? .bigInteger(text))
    }

    mutating func decimalIndex() throws(FormatError) -> UInt32 {
        let text = String(decoding: try cursor.line(Unpickler.names[opcode]!).prefix(32), as: UTF8.self)
        guard let index = UInt32(text) else { throw wrong("'\(printable(text))' is no number of the memo") }
        return index
    }

    /// An integer in two's complement, little-endian.
    mutating func pushLong(_ count: Int) throws(FormatError) {
        guard count >= 0, count <= cursor.rest else { throw wrong("\(count) bytes should follow, \(cursor.rest) are left") }
        // Python prints at most 4300 digits, which are 1786 bytes.
        guard count <= 1786 else { throw wrong("a number of \(count) bytes; the limit is 1786") }
        let bytes = Array(try cursor.take(count, ""))
        guard let last = bytes.last else { return push(.int(0)) }
        let isNegative = last & 0x80 != 0
        if count <= 8 {
            var value: UInt64 = isNegative ? .max : 0
            for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
            return push(.int(Int(Int64(bitPattern: value))))
        }
        push(Unpickler.decimal(bytes, isNegative: isNegative))
    }

    private static func decimal(_ bytes: [UInt8], isNegative: Bool) -> PickleHeap.Kind {
        var magnitude = bytes
        if isNegative {
            var carry: UInt16 = 1
            for i in magnitude.indices {
                let sum = UInt16(~magnitude[i]) + carry
                (magnitude[i], carry) = (UInt8(truncatingIfNeeded: sum), sum >> 8)
            }
            if carry > 0 { magnitude.append(1) }
        }
        // Groups of nine digits, the least significant first.
        var groups: [UInt64] = [0]
        for byte in magnitude.reversed() {
            var carry = UInt64(byte)
            for i in groups.indices {
                let value = groups[i] << 8 + carry
                (groups[i], carry) = (value % 1_000_000_000, value / 1_000_000_000)
            }
            if carry > 0 { groups.append(carry) }
        }
        var text = isNegative ? "-" : ""
        text += "\(groups.last!)"
        for group in groups.dropLast().reversed() {
            let digits = "\(group)"
            text += String(repeating: "0", count: 9 - digits.count) + digits
        }
        return Int(text).map { .int($0) } ?? .bigInteger(text)
    }
}
