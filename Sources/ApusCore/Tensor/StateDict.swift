import ApusSystem

/// An ordered dictionary of tensors by name, as in a model, an optimizer or a file.
///
/// PyTorch: the `OrderedDict` of `state_dict()`. Keys keep the order in which they were first set, so that files and messages are the same
/// in each run. Keys are equal if their bytes are equal, as in Python and in files. Tensors are shared, not copied.
public struct StateDict {
    private var order: [String] = []
    private var values: [Tensor] = []
    private var positions: [ByteKey: Int] = [:]

    /// An empty dictionary.
    public init() {}

    /// The entries of `pairs`, in order. Traps if a key occurs twice.
    public init(_ pairs: some Sequence<(String, Tensor)>) {
        for (key, value) in pairs { insert(key, value) }
    }

    /// A module's parameters by name: `StateDict(model.namedParameters())`.
    public init(_ parameters: some Sequence<(name: String, parameter: Parameter)>) {
        for (key, value) in parameters { insert(key, value) }
    }

    /// A module's buffers by name: `StateDict(model.namedBuffers())`.
    public init(_ buffers: some Sequence<(name: String, buffer: Buffer)>) {
        for (key, value) in buffers { insert(key, value) }
    }

    /// The entries of an ordinary dictionary in the order of their keys, since it has none of its own.
    public init(_ tensors: [String: Tensor]) {
        for (key, value) in tensors.sorted(by: { $0.key < $1.key }) { insert(key, value) }
    }

    /// The tensor with this name, nil if there is none. Setting a new key appends it; setting nil removes the entry.
    public subscript(key: String) -> Tensor? {
        get { positions[ByteKey(key)].map { values[$0] } }
        set {
            if let position = positions[ByteKey(key)] {
                if let newValue {
                    values[position] = newValue
                } else {
                    order.remove(at: position)
                    values.remove(at: position)
                    positions[ByteKey(key)] = nil
                    for later in position..<order.count { positions[ByteKey(order[later])] = later }
                }
            } else if let newValue {
                positions[ByteKey(key)] = order.count
                order.append(key)
                values.append(newValue)
            }
        }
    }

    /// The names, in order.
    public var keys: [String] { order }

    /// The number of entries.
    public var count: Int { order.count }

    /// Whether there are no entries.
    public var isEmpty: Bool { order.isEmpty }

    /// The entries whose keys begin with `prefix` and a dot, without both: `"encoder"` gives `encoder.weight` as `weight`.
    public func section(_ prefix: String) -> StateDict {
        var part = StateDict()
        for (key, value) in self {
            if let rest = key.after(prefix + ".") { part.insert(rest, value) }
        }
        return part
    }

    private mutating func insert(_ key: String, _ value: Tensor) {
        guard positions[ByteKey(key)] == nil else { return _ = fail("StateDict", "key '\(key)' is given twice") }
        self[key] = value
    }
}

extension StateDict: RandomAccessCollection {
    public var startIndex: Int { 0 }
    public var endIndex: Int { order.count }

    /// The entry at `position`.
    public subscript(position: Int) -> (key: String, value: Tensor) { (order[position], values[position]) }
}

extension StateDict: ExpressibleByDictionaryLiteral {
    /// `["weight": w, "bias": b]`, in the order written.
    public init(dictionaryLiteral elements: (String, Tensor)...) { self.init(elements) }
}

extension StateDict: CustomStringConvertible {
    /// One line per entry: `conv1.weight: float32 [8, 1, 3, 3]`.
    public var description: String {
        map { "\($0.key): \($0.value.dtype) \($0.value.shape)" }.joined(separator: "\n")
    }
}
