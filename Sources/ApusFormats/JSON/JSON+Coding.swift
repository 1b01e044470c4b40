import ApusSystem

// Swift's `Codable` for `JSON`. Foundation has an equivalent, but adds tens of megabytes.

extension JSON {
    /// `value` encoded by its `Codable` conformance. Members of objects are sorted by the bytes of their keys, so equal values give equal
    /// text. Numbers that JSON lacks (NaN, infinities) and integers beyond Int64 become strings. The value finds `userInfo` in its encoder.
    package init(encoding value: some Encodable, userInfo: [CodingUserInfoKey: Any] = [:]) throws {
        let encoder = JSONEncoder(path: [], userInfo)
        try value.encode(to: encoder)
        self = encoder.result
    }

    /// Decodes a value that `init(encoding:)` encoded. Throws a `DecodingError`, which ``JSON/problem(_:)`` puts into words.
    package func decoded<Value: Decodable>(as type: Value.Type = Value.self, userInfo: [CodingUserInfoKey: Any] = [:]) throws -> Value {
        try Value(from: JSONDecoder(json: self, path: [], userInfo))
    }

    /// Where and why decoding failed: `history.2.loss: a string, where a number is wanted`.
    package static func problem(_ error: any Error) -> String {
        func place(_ path: [any CodingKey]) -> String { path.isEmpty ? "" : path.map(\.stringValue).joined(separator: ".") + ": " }
        return switch error as? DecodingError {
        case .keyNotFound(let key, let context)?: place(context.codingPath + [key]) + "missing"
        case .typeMismatch(_, let context)?, .valueNotFound(_, let context)?, .dataCorrupted(let context)?:
            place(context.codingPath) + context.debugDescription
        default: "\(error)"
        }
    }
}

/// A JSON value within an encoded value is kept as it is.
extension JSON: Codable {
    package func encode(to encoder: any Encoder) throws {
        guard let encoder = encoder as? JSONEncoder else {
            throw EncodingError.invalidValue(
                self, .init(codingPath: encoder.codingPath, debugDescription: "JSON is coded within JSON alone"))
        }
        encoder.take(self)
    }

    package init(from decoder: any Decoder) throws {
        guard let decoder = decoder as? JSONDecoder else {
            throw DecodingError.typeMismatch(
                JSON.self, .init(codingPath: decoder.codingPath, debugDescription: "JSON is coded within JSON alone"))
        }
        self = decoder.json
    }
}

/// A key that is a name or an index.
private struct AnyKey: CodingKey {
    let stringValue: String
    let intValue: Int?
    init(stringValue: String) { (self.stringValue, intValue) = (stringValue, nil) }
    init(intValue: Int) { (stringValue, self.intValue) = (String(intValue), intValue) }
}

// MARK: Writing

private final class JSONEncoder: Encoder {
    let codingPath: [any CodingKey]
    let userInfo: [CodingUserInfoKey: Any]
    private var finish: () -> JSON = { .object([]) }
    init(path: [any CodingKey], _ userInfo: [CodingUserInfoKey: Any]) { (codingPath, self.userInfo) = (path, userInfo) }

    var result: JSON { finish() }

    func take(_ json: JSON) { finish = { json } }

    final class Object {
        var members: [(key: String, value: () -> JSON)] = []
    }
    final class List {
        var elements: [() -> JSON] = []
    }

    func container<Key: CodingKey>(keyedBy _: Key.Type) -> KeyedEncodingContainer<Key> {
        let object = Object()
        finish = { .object(object.members.map { JSON.Member($0.key, $0.value()) }.sorted { ByteKey($0.key) < ByteKey($1.key) }) }
        return KeyedEncodingContainer(Keyed(object: object, codingPath: codingPath, userInfo: userInfo))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        let list = List()
        finish = { .array(list.elements.map { $0() }) }
        return Unkeyed(list: list, codingPath: codingPath, userInfo: userInfo)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { Single(encoder: self, codingPath: codingPath) }

    struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let object: Object
        let codingPath: [any CodingKey]
        let userInfo: [CodingUserInfoKey: Any]
        private func nested(_ key: any CodingKey) -> JSONEncoder {
            let encoder = JSONEncoder(path: codingPath + [key], userInfo)
            object.members.append((key.stringValue, { encoder.result }))
            return encoder
        }
        func encodeNil(forKey key: Key) { object.members.append((key.stringValue, { .null })) }
        func encode(_ value: some Encodable, forKey key: Key) throws { try value.encode(to: nested(key)) }
        func nestedContainer<Inner: CodingKey>(keyedBy type: Inner.Type, forKey key: Key) -> KeyedEncodingContainer<Inner> {
            nested(key).container(keyedBy: type)
        }
        func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { nested(key).unkeyedContainer() }
        func superEncoder() -> any Encoder { nested(AnyKey(stringValue: "super")) }
        func superEncoder(forKey key: Key) -> any Encoder { nested(key) }
    }

    struct Unkeyed: UnkeyedEncodingContainer {
        let list: List
        let codingPath: [any CodingKey]
        let userInfo: [CodingUserInfoKey: Any]
        var count: Int { list.elements.count }
        private func nested() -> JSONEncoder {
            let encoder = JSONEncoder(path: codingPath + [AnyKey(intValue: count)], userInfo)
            list.elements.append { encoder.result }
            return encoder
        }
        func encodeNil() { list.elements.append { .null } }
        func encode(_ value: some Encodable) throws { try value.encode(to: nested()) }
        func nestedContainer<Inner: CodingKey>(keyedBy type: Inner.Type) -> KeyedEncodingContainer<Inner> {
            nested().container(keyedBy: type)
        }
        func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { nested().unkeyedContainer() }
        func superEncoder() -> any Encoder { nested() }
    }

    struct Single: SingleValueEncodingContainer {
        let encoder: JSONEncoder
        let codingPath: [any CodingKey]
        private func set(_ json: JSON) { encoder.take(json) }
        func encodeNil() { set(.null) }
        func encode(_ value: Bool) { set(.bool(value)) }
        func encode(_ value: String) { set(.string(value)) }
        func encode(_ value: Double) { set(value.isFinite ? .double(value) : .string("\(value)")) }
        func encode(_ value: Float) { encode(Double(value)) }
        func encode(_ value: Int) { set(.int(Int64(value))) }
        func encode(_ value: Int8) { set(.int(Int64(value))) }
        func encode(_ value: Int16) { set(.int(Int64(value))) }
        func encode(_ value: Int32) { set(.int(Int64(value))) }
        func encode(_ value: Int64) { set(.int(value)) }
        func encode(_ value: UInt) { encode(UInt64(value)) }
        func encode(_ value: UInt8) { set(.int(Int64(value))) }
        func encode(_ value: UInt16) { set(.int(Int64(value))) }
        func encode(_ value: UInt32) { set(.int(Int64(value))) }
        func encode(_ value: UInt64) { set(Int64(exactly: value).map(JSON.int) ?? .string(String(value))) }
        func encode(_ value: some Encodable) throws { try value.encode(to: encoder) }
    }
}

// MARK: Reading

private struct JSONDecoder: Decoder {
    let json: JSON
    let codingPath: [any CodingKey]
    let userInfo: [CodingUserInfoKey: Any]
    init(json: JSON, path: [any CodingKey], _ userInfo: [CodingUserInfoKey: Any]) {
        (self.json, codingPath, self.userInfo) = (json, path, userInfo)
    }

    private func wanted(_ type: Any.Type, _ what: String) -> DecodingError {
        .typeMismatch(type, .init(codingPath: codingPath, debugDescription: "\(json.kind), where \(what) is wanted"))
    }

    func container<Key: CodingKey>(keyedBy _: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard let members = json.members else { throw wanted([String: Any].self, "an object") }
        return KeyedDecodingContainer(
            Keyed(
                members: Dictionary(members.map { (ByteKey($0.key), $0) }) { first, _ in first }, codingPath: codingPath, userInfo: userInfo
            ))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard let elements = json.array else { throw wanted([Any].self, "a list") }
        return Unkeyed(elements: elements, codingPath: codingPath, userInfo: userInfo)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { Single(decoder: self) }

    struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let members: [ByteKey: JSON.Member]
        let codingPath: [any CodingKey]
        let userInfo: [CodingUserInfoKey: Any]
        var allKeys: [Key] { members.values.compactMap { Key(stringValue: $0.key) } }
        func contains(_ key: Key) -> Bool { members[ByteKey(key.stringValue)] != nil }
        private func nested(_ key: any CodingKey) throws -> JSONDecoder {
            guard let member = members[ByteKey(key.stringValue)] else {
                throw DecodingError.keyNotFound(key, .init(codingPath: codingPath, debugDescription: "missing"))
            }
            return JSONDecoder(json: member.value, path: codingPath + [key], userInfo)
        }
        func decodeNil(forKey key: Key) throws -> Bool { try nested(key).json == .null }
        func decode<Value: Decodable>(_: Value.Type, forKey key: Key) throws -> Value { try Value(from: nested(key)) }
        func nestedContainer<Inner: CodingKey>(keyedBy type: Inner.Type, forKey key: Key) throws -> KeyedDecodingContainer<Inner> {
            try nested(key).container(keyedBy: type)
        }
        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { try nested(key).unkeyedContainer() }
        func superDecoder() throws -> any Decoder { try nested(AnyKey(stringValue: "super")) }
        func superDecoder(forKey key: Key) throws -> any Decoder { try nested(key) }
    }

    struct Unkeyed: UnkeyedDecodingContainer {
        let elements: [JSON]
        let codingPath: [any CodingKey]
        let userInfo: [CodingUserInfoKey: Any]
        var currentIndex = 0
        init(elements: [JSON], codingPath: [any CodingKey], userInfo: [CodingUserInfoKey: Any]) {
            (self.elements, self.codingPath, self.userInfo) = (elements, codingPath, userInfo)
        }
        var count: Int? { elements.count }
        var isAtEnd: Bool { currentIndex >= elements.count }
        private func current(_ type: Any.Type) throws -> JSONDecoder {
            let path = codingPath + [AnyKey(intValue: currentIndex)]
            guard !isAtEnd else {
                throw DecodingError.valueNotFound(
                    type, .init(codingPath: path, debugDescription: "the list has \(elements.count) elements only"))
            }
            return JSONDecoder(json: elements[currentIndex], path: path, userInfo)
        }
        mutating func decodeNil() throws -> Bool {
            guard try current(Optional<Any>.self).json == .null else { return false }
            currentIndex += 1
            return true
        }
        mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
            let value = try Value(from: current(type))
            currentIndex += 1
            return value
        }
        mutating func nestedContainer<Inner: CodingKey>(keyedBy type: Inner.Type) throws -> KeyedDecodingContainer<Inner> {
            try superDecoder().container(keyedBy: type)
        }
        mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { try superDecoder().unkeyedContainer() }
        mutating func superDecoder() throws -> any Decoder {
            let decoder = try current([Any].self)
            currentIndex += 1
            return decoder
        }
    }

    struct Single: SingleValueDecodingContainer {
        let decoder: JSONDecoder
        var codingPath: [any CodingKey] { decoder.codingPath }
        private func read<Value>(_ what: String, _ value: Value?) throws -> Value {
            if let value { return value }
            throw decoder.wanted(Value.self, what)
        }
        private func whole<Value: FixedWidthInteger>() throws -> Value {
            let value: Value? =
                switch decoder.json {
                case .int(let number): Value(exactly: number)
                case .string(let text): UInt64(text).flatMap { Value(exactly: $0) }
                default: nil
                }
            return try read("a whole number (\(Value.self))", value)
        }
        func decodeNil() -> Bool { decoder.json == .null }
        func decode(_: Bool.Type) throws -> Bool { try read("true or false", decoder.json.bool) }
        func decode(_: String.Type) throws -> String { try read("a string", decoder.json.string) }
        func decode(_: Double.Type) throws -> Double {
            if case .string(let text) = decoder.json, let value = Double(text), !value.isFinite { return value }
            return try read("a number", decoder.json.double)
        }
        func decode(_: Float.Type) throws -> Float { Float(try decode(Double.self)) }
        func decode(_: Int.Type) throws -> Int { try whole() }
        func decode(_: Int8.Type) throws -> Int8 { try whole() }
        func decode(_: Int16.Type) throws -> Int16 { try whole() }
        func decode(_: Int32.Type) throws -> Int32 { try whole() }
        func decode(_: Int64.Type) throws -> Int64 { try whole() }
        func decode(_: UInt.Type) throws -> UInt { try whole() }
        func decode(_: UInt8.Type) throws -> UInt8 { try whole() }
        func decode(_: UInt16.Type) throws -> UInt16 { try whole() }
        func decode(_: UInt32.Type) throws -> UInt32 { try whole() }
        func decode(_: UInt64.Type) throws -> UInt64 { try whole() }
        func decode<Value: Decodable>(_: Value.Type) throws -> Value { try Value(from: decoder) }
    }
}
