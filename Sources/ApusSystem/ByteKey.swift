/// A name as a dictionary key. Two names are equal if their bytes are equal.
///
/// Swift's strings are equal if Unicode calls them equivalent (`é` as one scalar and as two, `K` and the Kelvin sign); names in files,
/// folders and Python are not. Dictionaries keyed by names from outside use this type.
package struct ByteKey: Hashable, Comparable, Sendable {
    /// The name.
    package let name: String

    package init(_ name: String) { self.name = name }

    package static func == (a: ByteKey, b: ByteKey) -> Bool { a.name.utf8.elementsEqual(b.name.utf8) }
    package static func < (a: ByteKey, b: ByteKey) -> Bool { a.name.utf8.lexicographicallyPrecedes(b.name.utf8) }

    package func hash(into hasher: inout Hasher) {
        var name = name
        name.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

extension String {
    /// Whether both have the same bytes.
    package func isSame(as other: String) -> Bool { ByteKey(self) == ByteKey(other) }

    /// The text after `prefix`, nil if the bytes do not begin with those of `prefix`. A combining mark after the prefix's last letter
    /// belongs to the rest.
    package func after(_ prefix: String) -> String? {
        utf8.starts(with: prefix.utf8) ? String(Substring(utf8.dropFirst(prefix.utf8.count))) : nil
    }
}
