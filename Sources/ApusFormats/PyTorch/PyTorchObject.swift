import ApusCore
import ApusSystem

/// An object of a PyTorch file: a tensor, or one of Python's values and containers.
///
/// ```swift
/// let root = try PyTorchFile("checkpoint.pt").root
/// let epoch = root["epoch"]?.int
/// let weight = try root["model"]?["conv1.weight"]?.tensor()
/// ```
/// Objects of classes that the reader does not know are records with the name of the class and its state; nothing is ever called. A
/// `PyTorchObject` is a reference into the file's contents, cheap to hold and pass. Objects to write are literals: `["epoch": 3, "model":
/// …]`.
public struct PyTorchObject {
    let contents: PyTorchContents
    let index: PickleHeap.Index

    private var heap: PickleHeap { contents.heap }

    private func at(_ index: PickleHeap.Index) -> PyTorchObject { PyTorchObject(contents: contents, index: index) }

    /// The kinds of objects.
    public enum Kind: Hashable, Sendable {
        /// Python's None, and values of Python's and PyTorch's types.
        case null, bool, int, float, complex, string, bytes, list, tuple, set, dictionary, size, device, dtype, tensor, storage
        /// The name of a class or function.
        case name
        /// An object of a class that Apus does not know.
        case record
    }

    /// The kind of the object.
    public var kind: Kind {
        switch heap[index] {
        case .none: .null
        case .bool: .bool
        case .int, .bigInteger: .int
        case .float: .float
        case .complex: .complex
        case .string: .string
        case .bytes: .bytes
        case .list: .list
        case .tuple: .tuple
        case .set: .set
        case .dictionary: .dictionary
        case .size: .size
        case .device: .device
        case .dtype: .dtype
        case .tensor: .tensor
        case .storage: .storage
        case .record: .record
        case .global: .name
        }
    }

    // MARK: Values

    /// The value of a bool; nil for others.
    public var bool: Bool? { if case .bool(let value) = heap[index] { value } else { nil } }

    /// The value of an integer that fits, or of an integer NumPy scalar; nil for others.
    public var int: Int? {
        switch heap[index] {
        case .int(let value): value
        case .record: NumPyRecord.scalar(heap, index).flatMap { $0.dtype.isFloatingPoint ? nil : $0.item(Int.self) }
        default: nil
        }
    }

    /// The value of a number or NumPy scalar as a Double; nil for others.
    public var double: Double? {
        switch heap[index] {
        case .float(let value): value
        case .int(let value): Double(value)
        case .bigInteger(let text): Double(text)
        case .record: NumPyRecord.scalar(heap, index)?.item()
        default: nil
        }
    }

    /// The decimal digits of an integer of any size; nil for others.
    public var decimal: String? {
        switch heap[index] {
        case .int(let value): "\(value)"
        case .bigInteger(let text): text
        default: nil
        }
    }

    /// The real and imaginary part of a complex number; nil for others.
    public var complex: (real: Double, imaginary: Double)? {
        if case .complex(let real, let imaginary) = heap[index] { (real, imaginary) } else { nil }
    }

    /// The value of a string; the name of a device (`cuda:0`), a dtype (`float32`), a class or a function.
    public var string: String? {
        switch heap[index] {
        case .string(let text), .device(let text), .dtype(let text): text
        case .global(let module, let name): "\(module).\(name)"
        default: nil
        }
    }

    /// A number, bool, None or string as text; nil for others.
    var plainText: String? {
        switch heap[index] {
        case .none: "None"
        case .bool(let value): value ? "True" : "False"
        case .float(let value): "\(value)"
        case .record: NumPyRecord.scalar(heap, index).map { $0.dtype == .bool ? ($0.item(Int.self) == 1 ? "True" : "False") : "\($0)" }
        default: decimal ?? (kind == .name ? nil : string)
        }
    }

    /// The value of bytes; nil for others.
    public var bytes: [UInt8]? { if case .bytes(let bytes, _) = heap[index] { bytes } else { nil } }

    /// Whether bytes are Python's `bytearray`.
    var isMutable: Bool { if case .bytes(_, let isMutable) = heap[index] { isMutable } else { false } }

    /// The extents of a `torch.Size`; nil for others.
    public var size: [Int]? { if case .size(let extents) = heap[index] { extents } else { nil } }

    // MARK: Containers

    /// The number of elements of a list, tuple, set or dictionary; 0 for others.
    public var count: Int {
        switch heap[index] {
        case .dictionary(let items, _): items.count / 2
        default: heap.elements(index)?.count ?? 0
        }
    }

    /// The elements of a list, tuple or set; empty for others.
    public var elements: [PyTorchObject] { (heap.elements(index) ?? []).map(at) }

    /// The keys and values of a dictionary in their order; empty for others.
    public var items: [(key: PyTorchObject, value: PyTorchObject)] {
        let all: [PickleHeap.Index] =
            switch heap[index] {
            case .dictionary(let items, _): items
            case .record(let number) where heap.records[number].hasKeys: heap.records[number].items
            default: []
            }
        return stride(from: 0, to: all.count, by: 2).map { (at(all[$0]), at(all[$0 + 1])) }
    }

    /// The value of a key in a dictionary, or an attribute of a record; nil if there is none.
    public subscript(name: String) -> PyTorchObject? {
        // Only one level of state: an object may be its own state.
        let key = PickleHeap.Key.string(ByteKey(name))
        return (heap.value(index, key) ?? state.flatMap { heap.value($0.index, key) }).map(at)
    }

    /// The value of an integer key in a dictionary, or an element of a list or tuple; nil if there is none.
    public subscript(number: Int) -> PyTorchObject? {
        if let elements = heap.elements(index) { return elements.indices.contains(number) ? at(elements[number]) : nil }
        return heap.value(index, .int(number)).map(at)
    }

    /// The object at a path of names joined by dots (`"state.0.exp_avg"`); names may contain dots. Nil if there is none.
    public subscript(path path: String) -> PyTorchObject? {
        if path.isEmpty { return self }
        var dots = path.utf8.indices.filter { path.utf8[$0] == UInt8(ascii: ".") }
        dots.append(path.utf8.endIndex)
        // Tries longer names first.
        for dot in dots.reversed() {
            let name = String(path[..<dot])
            guard let found = self[name] ?? Int(name).flatMap({ self[$0] }) else { continue }
            if dot == path.utf8.endIndex { return found }
            if let inner = found[path: String(path[path.utf8.index(after: dot)...])] { return inner }
        }
        return nil
    }

    // MARK: Records

    /// The class of a record (`argparse.Namespace`).
    public var className: String? { if case .record(let number) = heap[index] { heap.records[number].className } else { nil } }

    /// The state that would have been set on a record: for most classes a dictionary of attributes. For a state dict, `_metadata` and the
    /// like.
    public var state: PyTorchObject? {
        if case .record(let number) = heap[index] { return heap.records[number].state.map(at) }
        return heap.attributes[index].map(at)
    }

    /// The arguments with which the class of a record would have been called.
    public var arguments: [PyTorchObject] {
        if case .record(let number) = heap[index] { return (heap.elements(heap.records[number].arguments) ?? []).map(at) }
        return []
    }

    // MARK: Tensors

    /// Whether ``tensor()`` applies: to a tensor, a parameter, or a NumPy array.
    public var isTensor: Bool { kind == .tensor || NumPyRecord.isArray(heap, index) }
    /// Whether the tensor was a `torch.nn.Parameter`.
    public var isParameter: Bool { described?.isParameter ?? false }
    /// Whether the tensor required a gradient.
    public var requiresGrad: Bool { described?.requiresGrad ?? false }
    /// The tensor's shape, without reading it.
    public var shape: Shape? { described.map { $0.value?.shape ?? Shape($0.shape) } }
    /// PyTorch's name of the tensor's dtype, which Apus may not have.
    public var dtypeName: String? { described.map { $0.value?.dtype.description ?? ($0.dtype == "untyped" ? "uint8" : $0.dtype) } }

    private var described: PickledTensor? { if case .tensor(let number) = heap[index] { heap.tensors[number] } else { nil } }

    /// A dictionary of tensors by name, as of `state_dict()`. Throws a ``FormatError`` for other objects.
    public func stateDict() throws -> StateDict {
        var result = StateDict()
        for (name, object) in try Flattening(self, file: contents.file).leaves {
            guard result[name] == nil else {
                throw FormatError(file: contents.file, place: .key(name), reason: "two tensors have this name")
            }
            result[name] = try object.tensor()
        }
        return result
    }

    /// The tensor: a view of the mapped file, with PyTorch's strides. Tensors that shared a storage share it here. Throws a ``FormatError``
    /// with its name if Apus does not support its type or layout, or if the checksum of its bytes is wrong.
    public func tensor() throws -> Tensor { try contents.tensor(index) }
}

extension PyTorchObject: CustomStringConvertible {
    /// A short description: `a dictionary of 3`, `'adam'`, `a tensor of float32 and shape [3, 4]`.
    public var description: String { heap.describe(index) }
}

// MARK: Objects to write

extension PyTorchObject {
    private init(_ kind: PickleHeap.Kind) {
        let heap = PickleHeap()
        let index = heap.add(kind)
        _ = heap.finish()
        self.init(contents: PyTorchContents(heap: heap, source: nil), index: index)
    }

    /// Python's None; `nil` stands for an object that does not exist.
    public static var null: PyTorchObject { PyTorchObject(PickleHeap.Kind.none) }

    /// A tensor, or a parameter.
    public static func tensor(_ tensor: Tensor, isParameter: Bool = false) -> PyTorchObject {
        let heap = PickleHeap()
        heap.tensors.append(
            PickledTensor(
                dtype: tensor.dtype.description, shape: Array(tensor.shape), requiresGrad: tensor.requiresGrad, isParameter: isParameter,
                value: tensor))
        return PyTorchObject(contents: PyTorchContents(heap: heap, source: nil), index: heap.add(.tensor(0)))
    }

    /// A dictionary; `isOrdered` gives an `OrderedDict`. Traps if a key occurs twice.
    public static func dictionary(_ items: [(key: PyTorchObject, value: PyTorchObject)], isOrdered: Bool = false) -> PyTorchObject {
        composed(items.flatMap { [$0.key, $0.value] }) { .dictionary($0, isOrdered ? .ordered : .plain) }
    }

    /// A list.
    public static func list(_ elements: [PyTorchObject]) -> PyTorchObject { composed(elements) { .list($0) } }
    /// A tuple.
    public static func tuple(_ elements: [PyTorchObject]) -> PyTorchObject { composed(elements) { .tuple($0) } }

    /// A `Counter` of Python: how often each object occurs.
    package static func counter(_ items: [(key: PyTorchObject, count: Int)]) -> PyTorchObject {
        composed(items.flatMap { [$0.key, PyTorchObject($0.count)] }) { .dictionary($0, .counter) }
    }

    /// The object with copies of its tensors, so that later changes in place do not affect it.
    package func withTensorsCopied() throws -> PyTorchObject {
        let copy = PyTorchObject.composed([self]) { .list($0) }
        for i in copy.contents.heap.tensors.indices {
            copy.contents.heap.tensors[i].value = noGrad { copy.contents.heap.tensors[i].value?.clone() }
        }
        return copy.elements[0]
    }

    /// Tensors by name as an `OrderedDict`, which `load_state_dict` takes.
    public init(_ tensors: StateDict) {
        self = .dictionary(tensors.map { (PyTorchObject(stringLiteral: $0.key), .tensor($0.value)) }, isOrdered: true)
    }

    /// An object that contains others, whose nodes are copied into one list.
    private static func composed(_ parts: [PyTorchObject], _ kind: ([PickleHeap.Index]) -> PickleHeap.Kind) -> PyTorchObject {
        let heap = PickleHeap()
        var copier = HeapCopier(into: heap)
        let children = parts.map { copier.copy($0) }
        let index = heap.add(kind(children))
        if let (_, key) = heap.finish() { _ = fail("PyTorchObject", "the key \(heap.describe(key)) occurs twice") }
        return PyTorchObject(contents: PyTorchContents(heap: heap, source: nil), index: index)
    }
}

extension PyTorchObject: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(stringLiteral value: String) { self.init(.string(value)) }
    public init(integerLiteral value: Int) { self.init(.int(value)) }
    public init(floatLiteral value: Double) { self.init(.float(value)) }
    public init(booleanLiteral value: Bool) { self.init(.bool(value)) }
    public init(arrayLiteral elements: PyTorchObject...) { self = .list(elements) }
    public init(dictionaryLiteral elements: (PyTorchObject, PyTorchObject)...) {
        self = .dictionary(elements.map { (key: $0.0, value: $0.1) })
    }

    /// A string, number, or bool.
    public init(_ value: String) { self.init(.string(value)) }
    public init(_ value: Int) { self.init(.int(value)) }
    public init(_ value: Double) { self.init(.float(value)) }
    public init(_ value: Bool) { self.init(.bool(value)) }
}

/// Copies objects of other lists into one, each once, however often it is reached.
struct HeapCopier {
    private let target: PickleHeap
    /// The copies, by source list and index.
    private var copied: [ObjectIdentifier: [PickleHeap.Index: PickleHeap.Index]] = [:]

    init(into target: PickleHeap) { self.target = target }

    mutating func copy(_ object: PyTorchObject) -> PickleHeap.Index {
        let source = object.contents.heap
        var done = copied[ObjectIdentifier(source)] ?? [:]
        // Allocates a place for every reachable object before copying contents, so that an object may contain itself.
        var order: [PickleHeap.Index] = []
        var pending = [object.index]
        while let index = pending.popLast() {
            guard done[index] == nil else { continue }
            done[index] = target.add(.none)
            order.append(index)
            pending += HeapCopier.parts(source, index).reversed()
        }
        for index in order {
            let place = done[index]!
            func moved(_ parts: [PickleHeap.Index]) -> [PickleHeap.Index] { parts.map { done[$0]! } }
            switch source[index] {
            case .list(let parts): target[place] = .list(moved(parts))
            case .tuple(let parts): target[place] = .tuple(moved(parts))
            case .set(let parts): target[place] = .set(moved(parts))
            case .dictionary(let items, let kind): target[place] = .dictionary(moved(items), kind)
            case .tensor(let number):
                var tensor = source.tensors[number]
                if tensor.value == nil {
                    do { tensor.value = try object.contents.tensor(index) } catch { tensor.unsupported = "\(error)" }
                    tensor.storage = nil
                }
                target.tensors.append(tensor)
                target[place] = .tensor(target.tensors.count - 1)
            case .record(let number):
                var record = source.records[number]
                record.arguments = done[record.arguments]!
                record.state = record.state.map { done[$0]! }
                record.items = moved(record.items)
                target.records.append(record)
                target[place] = .record(target.records.count - 1)
            case .storage: target[place] = .none
            default: target[place] = source[index]
            }
            if let attribute = source.attributes[index] { target.attributes[place] = done[attribute]! }
        }
        copied[ObjectIdentifier(source)] = done
        return done[object.index]!
    }

    /// The objects that an object contains.
    static func parts(_ heap: PickleHeap, _ index: PickleHeap.Index) -> [PickleHeap.Index] {
        var parts: [PickleHeap.Index]
        switch heap[index] {
        case .dictionary(let items, _): parts = items
        case .record(let number):
            let record = heap.records[number]
            parts = [record.arguments] + (record.state.map { [$0] } ?? []) + record.items
        default: parts = heap.elements(index) ?? []
        }
        if let attribute = heap.attributes[index] { parts.append(attribute) }
        return parts
    }
}
