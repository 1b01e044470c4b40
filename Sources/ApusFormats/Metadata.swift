import ApusCore
import ApusSystem

/// Strings by name: what a file says of itself beside its tensors.
///
/// A dictionary whose keys are the same where their bytes are, as in files and in Python; Swift's own takes names for one that Unicode calls
/// equivalent. It is gone through in the order of the keys' bytes. `let metadata: Metadata = ["format": "pt"]`
public struct Metadata: Equatable, Sendable {
    private var values: [ByteKey: String] = [:]

    /// Without entries.
    public init() {}

    /// The entries of a dictionary.
    public init(_ dictionary: [String: String]) {
        for (key, value) in dictionary { self[key] = value }
    }

    /// The string of that name, nil where there is none.
    public subscript(key: String) -> String? {
        get { values[ByteKey(key)] }
        set { values[ByteKey(key)] = newValue }
    }

    /// Takes an entry away, and says what it was.
    @discardableResult public mutating func removeValue(forKey key: String) -> String? { values.removeValue(forKey: ByteKey(key)) }

    /// The names, in the order of their bytes.
    public var keys: [String] { values.keys.sorted().map(\.name) }
    /// The number of entries.
    public var count: Int { values.count }
    /// Whether there are no entries.
    public var isEmpty: Bool { values.isEmpty }
}

extension Metadata: Sequence {
    public func makeIterator() -> IndexingIterator<[(key: String, value: String)]> {
        values.sorted { $0.key < $1.key }.map { (key: $0.key.name, value: $0.value) }.makeIterator()
    }
}

extension Metadata: ExpressibleByDictionaryLiteral {
    /// A name that is written twice has the last of its values.
    public init(dictionaryLiteral elements: (String, String)...) {
        for (key, value) in elements { self[key] = value }
    }
}

extension Metadata: CustomStringConvertible {
    public var description: String { "[" + map { "\($0.key): \($0.value)" }.joined(separator: ", ") + "]" }
}
