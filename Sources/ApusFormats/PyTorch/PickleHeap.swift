import ApusCore
import ApusSystem

/// The objects of a pickle: a flat list, in which one refers to others by their numbers.
///
/// Hostile pickles nest a million tuples, hold themselves, or reach one list in 10³⁹ ways. With a flat list nothing recurses: not reading,
/// not walking, not freeing. An object is at most what the pickle's bytes pay for.
final class PickleHeap {
    typealias Index = Int32

    enum Kind {
        case none
        case bool(Bool)
        case int(Int)
        /// An integer beyond 64 bits, in decimal.
        case bigInteger(String)
        case float(Double)
        case complex(Double, Double)
        case string(String)
        case bytes([UInt8], isMutable: Bool)
        case list([Index])
        case tuple([Index])
        case set([Index])
        /// Keys and values alternate.
        case dictionary([Index], DictionaryKind)
        case size([Int])
        case device(String)
        /// PyTorch's name, `float32`.
        case dtype(String)
        /// Numbers of `tensors`, `storages` and `records`.
        case tensor(Int)
        case storage(Int)
        case record(Int)
        /// A class or function, by its module and name.
        case global(module: String, name: String)
    }

    enum DictionaryKind { case plain, ordered, counter, defaulting }

    /// An object of a class that this reader does not know: nothing of it is ever called.
    struct Record {
        /// Module and name of the class, or of the function that would have made the object.
        var className: String
        /// A tuple.
        var arguments: Index
        /// What the pickle would have set its attributes from.
        var state: Index?
        /// What was appended or set by key, for classes derived from list or dict.
        var items: [Index] = []
        var hasKeys = false
    }

    struct Node {
        var kind: Kind
        /// The first container that the object was put into, and under which key: nodes of a path for messages.
        var parent: Index = -1
        /// The number of the key's node in a dictionary, -1 where the parent is a record; in a list, the position as -2 - position.
        var key: Index = -1
    }

    private(set) var nodes: [Node] = []
    var tensors: [PickledTensor] = []
    var storages: [PickledStorage] = []
    var records: [Record] = []
    /// What BUILD set on objects that are no records: `_metadata` of a state dict.
    var attributes: [Index: Index] = [:]
    /// Values of each dictionary by its keys; made when all is read.
    private var indexes: [Index: [Key: Index]] = [:]

    /// A key by its value, as Python compares keys.
    enum Key: Hashable {
        case string(ByteKey)
        case int(Int)
        case other(Index)
    }

    func add(_ kind: Kind) -> Index {
        nodes.append(Node(kind: kind))
        return Index(nodes.count - 1)
    }

    subscript(index: Index) -> Kind {
        get { nodes[Int(index)].kind }
        _modify { yield &nodes[Int(index)].kind }
    }

    /// Notes where an object is, unless it already is somewhere.
    func adopt(_ child: Index, by parent: Index, key: Index) {
        guard nodes[Int(child)].parent < 0, child != parent else { return }
        nodes[Int(child)].parent = parent
        nodes[Int(child)].key = key
    }

    /// The elements of a list, tuple or set; nil for others.
    func elements(_ index: Index) -> [Index]? {
        switch self[index] {
        case .list(let elements), .tuple(let elements), .set(let elements): elements
        default: nil
        }
    }

    /// The text of a key as a part of a name; nil for keys that are no names.
    func name(ofKey key: Index) -> String? {
        switch self[key] {
        case .string(let text): text
        case .int(let number): "\(number)"
        case .bigInteger(let text): text
        case .bool(let flag): flag ? "True" : "False"
        case .none: "None"
        case .float(let number): "\(number)"
        default: nil
        }
    }

    /// Where the object is, as names joined by dots; empty for the whole.
    func path(_ index: Index) -> String {
        var parts: [String] = []
        var at = index
        // A container may hold itself, so the walk has a bound.
        for _ in 0..<64 {
            let node = nodes[Int(at)]
            guard node.parent >= 0 else { break }
            if node.key <= -2 {
                parts.append("\(-2 - node.key)")
            } else if node.key >= 0 {
                parts.append(name(ofKey: node.key) ?? "?")
            }
            at = node.parent
        }
        return parts.reversed().joined(separator: ".")
    }

    private func key(_ index: Index) -> Key {
        switch self[index] {
        case .string(let text): .string(ByteKey(text))
        case .int(let number): .int(number)
        case .bool(let flag): .int(flag ? 1 : 0)
        default: .other(index)
        }
    }

    /// Notes where the objects from number `first` are, and the keys of dictionaries. Returns a key that stands twice in one, with the dictionary.
    func finish(from first: Int = 0) -> (dictionary: Index, key: Index)? {
        for number in first..<nodes.count {
            let index = Index(number)
            switch nodes[number].kind {
            case .list(let elements), .tuple(let elements), .set(let elements):
                for (position, element) in elements.enumerated() { adopt(element, by: index, key: -2 - Index(position)) }
            case .dictionary(let items, _):
                if let twice = fill(index, items) { return (index, twice) }
            case .record(let record):
                let items = records[record].items
                if records[record].hasKeys {
                    if let twice = fill(index, items) { return (index, twice) }
                } else {
                    for (position, element) in items.enumerated() { adopt(element, by: index, key: -2 - Index(position)) }
                }
                if let state = records[record].state { adopt(state, by: index, key: -1) }
                adopt(records[record].arguments, by: index, key: -1)
            default: break
            }
        }
        return nil
    }

    private func fill(_ dictionary: Index, _ items: [Index]) -> Index? {
        guard !items.isEmpty else { return nil }
        var values: [Key: Index] = [:]
        values.reserveCapacity(items.count / 2)
        for at in stride(from: 0, to: items.count, by: 2) {
            adopt(items[at + 1], by: dictionary, key: items[at])
            guard values.updateValue(items[at + 1], forKey: key(items[at])) == nil else { return items[at] }
        }
        indexes[dictionary] = values
        return nil
    }

    /// What an object is, in a few words for messages.
    func describe(_ index: Index) -> String {
        switch self[index] {
        case .none: "None"
        case .bool(let flag): flag ? "True" : "False"
        case .int(let number): "\(number)"
        case .bigInteger(let text): text.utf8.count > 40 ? "\(text.prefix(20))… (\(text.utf8.count) digits)" : text
        case .float(let number): "\(number)"
        case .complex(let real, let imaginary): "(\(real)\(imaginary < 0 ? "" : "+")\(imaginary)j)"
        case .string(let text): "'\(printable(text))'"
        case .bytes(let bytes, _): "\(bytes.count) bytes"
        case .list(let elements): "a list of \(elements.count)"
        case .tuple(let elements): "a tuple of \(elements.count)"
        case .set(let elements): "a set of \(elements.count)"
        case .dictionary(let items, _): "a dictionary of \(items.count / 2)"
        case .size(let extents): "torch.Size(\(extents))"
        case .device(let name): "the device '\(printable(name))'"
        case .dtype(let name): "torch.\(name)"
        case .tensor(let number): "a tensor of \(tensors[number].dtype) and shape \(tensors[number].shape)"
        case .storage(let number): "storage '\(printable(storages[number].key))'"
        case .record(let number): "a \(printable(records[number].className))"
        case .global(let module, let name): "the name \(printable("\(module).\(name)"))"
        }
    }

    /// The value of a dictionary under a key.
    func value(_ dictionary: Index, _ key: Key) -> Index? { indexes[dictionary]?[key] }
}

/// The bytes that tensors of a pickle are views of.
struct PickledStorage {
    /// The name in the file.
    var key: String
    /// PyTorch's name of the elements' type; `untyped` counts bytes.
    var elementType: String
    /// Bytes of an element; 0 for a type that is not known.
    var elementSize: Int
    /// The number of elements as the file says; it is checked when a tensor asks for the bytes.
    var count: Int
    /// A part of another storage, in elements (files before 1.6).
    var view: (key: String, offset: Int, count: Int)?
    /// Whether the file's record has exactly that many elements; where the file does not say, it has at least as many.
    var isExact = true
}

/// A tensor as the pickle describes it.
struct PickledTensor {
    /// The number of the storage; nil for a tensor without values.
    var storage: Int?
    /// PyTorch's name of the dtype.
    var dtype: String
    var shape: [Int] = []
    var strides: [Int] = []
    var offset = 0
    var requiresGrad = false
    var isParameter = false
    /// Whether the values are those of the storage with the other sign, as of the imaginary part of a conjugate.
    var isNegated = false
    /// Why the description cannot be true.
    var problem: String?
    /// Why Apus has no such tensor: its layout, quantization, or that it has no values.
    var unsupported: String?
    /// The furthest element of the storage that a tensor of these extents has, where none of them is 0; nil beyond 64 bits.
    var last: Int? {
        var last = offset
        for (extent, stride) in zip(shape, strides) {
            let (reach, overflow) = max(extent - 1, 0).multipliedReportingOverflow(by: stride)
            let (sum, isTooFar) = last.addingReportingOverflow(reach)
            guard !overflow, !isTooFar else { return nil }
            last = sum
        }
        return last
    }
    /// The tensor itself, where the object was made here and not read.
    var value: Tensor?
}
