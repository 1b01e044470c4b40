import ApusCore
import ApusSystem

/// Strings by name that a file stores with its tensors.
///
/// A dictionary that compares keys by their bytes, as files and Python do; Swift's Dictionary compares them by Unicode equivalence. Keys
/// are in the order of their bytes. `let metadata: Metadata = ["format": "pt"]`
public struct Metadata: Equatable, Sendable {
    private var values: [ByteKey: String] = [:]

    /// Empty metadata.
    public init() {}

    /// The entries of a dictionary.
    public init(_ dictionary: [String: String]) {
        for (key, value) in dictionary { self[key] = value }
    }

    /// The string of that name; nil if there is none.
    public subscript(key: String) -> String? {
        get { values[ByteKey(key)] }
        set { values[ByteKey(key)] = newValue }
    }

    /// Removes an entry and returns its value.
    @discardableResult public mutating func removeValue(forKey key: String) -> String? { values.removeValue(forKey: ByteKey(key)) }

    /// The names, sorted by their bytes.
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
    /// For a name that occurs twice, the last value counts.
    public init(dictionaryLiteral elements: (String, String)...) {
        for (key, value) in elements { self[key] = value }
    }
}

extension Metadata: CustomStringConvertible {
    public var description: String { "[" + map { "\($0.key): \($0.value)" }.joined(separator: ", ") + "]" }
}
