import ApusCore
import ApusSystem

/// The objects of a pickle: a flat list, in which objects refer to others by index.
///
/// Hostile pickles nest a million tuples, contain themselves, or reach one list in 10³⁹ ways. With a flat list nothing recurses: not
/// reading, not walking, not freeing. The objects take memory in proportion to the pickle's bytes.
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
        /// Indices into `tensors`, `storages` and `records`.
        case tensor(Int)
        case storage(Int)
        case record(Int)
        /// A class or function, by module and name.
        case global(module: String, name: String)
    }

    enum DictionaryKind { case plain, ordered, counter, defaulting }

    /// An object of a class that this reader does not know. The class is never called.
    struct Record {
        /// Module and name of the class, or of the function that would have created the object.
        var className: String
        /// The arguments, a tuple.
        var arguments: Index
        /// The state from which Python would have set its attributes.
        var state: Index?
        /// Elements that were appended or set by key, for subclasses of list and dict.
        var items: [Index] = []
        var hasKeys = false
    }

    struct Node {
        var kind: Kind
        /// The first container of the object, and its key there; they make up the path in messages.
        var parent: Index = -1
        /// The index of the key's node in a dictionary; −1 if the parent is a record; −2 − position in a list.
        var key: Index = -1
    }

    private(set) var nodes: [Node] = []
    var tensors: [PickledTensor] = []
    var storages: [PickledStorage] = []
    var records: [Record] = []
    /// The state that BUILD set on objects other than records: `_metadata` of a state dict.
    var attributes: [Index: Index] = [:]
    /// The values of each dictionary by key; built after reading.
    private var indexes: [Index: [Key: Index]] = [:]

    /// A key by its value, compared as Python does.
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

    /// Records the container of an object, unless it already has one.
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

    /// A key as a part of a name; nil for keys that cannot be one.
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

    /// The path of the object, names joined by dots; empty for the root.
    func path(_ index: Index) -> String {
        var parts: [String] = []
        var at = index
        // A container may contain itself, so the walk is bounded.
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

    /// Records the containers of the objects from index `first` on, and indexes the dictionaries. Returns a duplicate key and its
    /// dictionary, if there is one.
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

    /// A short description of an object, for messages.
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

    /// The value of a key in a dictionary.
    func value(_ dictionary: Index, _ key: Key) -> Index? { indexes[dictionary]?[key] }
}

/// A storage: the bytes that tensors of a pickle are views of.
struct PickledStorage {
    /// The key of the storage in the file.
    var key: String
    /// PyTorch's name of the element type; `untyped` counts bytes.
    var elementType: String
    /// The size of an element in bytes; 0 for an unknown type.
    var elementSize: Int
    /// The number of elements according to the file; checked when a tensor asks for the bytes.
    var count: Int
    /// Part of another storage, in elements (files before 1.6).
    var view: (key: String, offset: Int, count: Int)?
    /// Whether the record must have exactly this many elements; if the file does not say how many there are, it may have more.
    var isExact = true
}

/// A tensor as described by the pickle.
struct PickledTensor {
    /// The index of the storage; nil for a tensor without values.
    var storage: Int?
    /// PyTorch's name of the dtype.
    var dtype: String
    var shape: [Int] = []
    var strides: [Int] = []
    var offset = 0
    var requiresGrad = false
    var isParameter = false
    /// Whether the values are those of the storage negated, as in the imaginary part of a conjugate.
    var isNegated = false
    /// Why the description is invalid.
    var problem: String?
    /// Why Apus does not support this tensor: its layout, quantization, or that it has no values.
    var unsupported: String?
    /// The largest offset in the storage that the tensor reaches if it is not empty; nil beyond 64 bits.
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
    /// The tensor itself, if the object was created in this program and not read.
    var value: Tensor?
}
