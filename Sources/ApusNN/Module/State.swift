import ApusCore
import ApusSystem

/// A state dict does not fit the module it is loaded into; holds everything that is wrong.
public struct StateDictError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A tensor whose shape differs from the module's.
    public struct Mismatch: Hashable, Sendable {
        /// The key in the state.
        public let key: String
        /// The shape in the state dict.
        public let found: [Int]
        /// The module's shape.
        public let expected: [Int]
    }

    /// The class of the module.
    public let module: String
    /// Keys that the module has and the state dict lacks, in the module's order.
    public let missing: [String]
    /// Keys that the state dict has and the module does not know, in the state dict's order.
    public let unexpected: [String]
    /// Tensors whose shape differs from the module's.
    public let mismatched: [Mismatch]

    public var description: String {
        var lines = ["the state dict does not fit \(module):"]
        if !missing.isEmpty { lines.append("missing keys: " + missing.joined(separator: ", ")) }
        if !unexpected.isEmpty { lines.append("unexpected keys: " + unexpected.joined(separator: ", ")) }
        lines += mismatched.map { "\($0.key) has shape \($0.found), the model's has \($0.expected)" }
        return lines.joined(separator: "\n  ")
    }
}

extension Module {
    /// Parameters and persistent buffers by PyTorch's keys (`conv1.weight`). The tensors share the module's memory; a module, parameter or
    /// buffer with several names is listed under each. Traps where two have one key. PyTorch: `state_dict()`.
    public final func stateDict() -> StateDict {
        var state = StateDict()
        for entry in stateEntries() { state[entry.key] = entry.tensor.detach() }
        return state
    }

    /// Copies the values of `state` into the module's tensors, converted to their dtype and device. PyTorch: `load_state_dict`.
    ///
    /// Throws one ``StateDictError`` that names every missing and unexpected key and every shape that differs; then nothing has changed.
    /// Without `strict` only the shapes must fit; missing and unexpected keys are returned.
    /// Where a key is missing that had another spelling in older files (`w_q` for a property `W_q`), the older key is used, and returned
    /// with the key that it is used for. Values may share memory with the module, such as views of its weights: the result is as if all
    /// were read before any is written.
    @discardableResult public final func loadStateDict(
        _ state: StateDict, strict: Bool = true
    ) throws -> (
        missingKeys: [String], unexpectedKeys: [String], olderKeys: [(found: String, takenFor: String)]
    ) {
        let (load, keys) = try loading(state, strict: strict)
        try load()
        return keys
    }

    /// Reads and checks `state` as ``loadStateDict(_:strict:)`` does; nothing changes before `load` is called.
    package final func loading(
        _ state: StateDict, strict: Bool = true
    ) throws -> (
        load: () throws -> Void,
        keys: (missingKeys: [String], unexpectedKeys: [String], olderKeys: [(found: String, takenFor: String)])
    ) {
        let own = stateEntries()
        let (state, older) = withOlderSpellings(withOlderKeys(state), own)
        let (materialized, shapes) = lazyShapes(state)
        var known: Set<ByteKey> = []
        var missing: [String] = []
        var mismatched: [StateDictError.Mismatch] = []
        var pairs: [(target: Tensor, value: Tensor)] = []
        for (key, _, tensor) in own where known.insert(ByteKey(key)).inserted {
            guard let value = state[key] else {
                missing.append(key)
                continue
            }
            let expected = shapes[ObjectIdentifier(tensor)] ?? tensor.shape
            if value.shape == expected {
                pairs.append((tensor, value))
            } else {
                mismatched.append(.init(key: key, found: Array(value.shape), expected: Array(expected)))
            }
        }
        let unexpected = state.keys.filter { !known.contains(ByteKey($0)) }
        if !mismatched.isEmpty || strict && !(missing.isEmpty && unexpected.isEmpty) {
            throw StateDictError(
                module: typeName, missing: strict ? missing : [], unexpected: strict ? unexpected : [], mismatched: mismatched)
        }
        // Everything that can fail (memory for conversions) comes before the first change.
        let values = try checked { noGrad { apart(pairs.map { ($0.target, $0.value.detach().to($0.target.device).to($0.target.dtype)) }) } }
        func load() throws {
            try checked { for (module, channels) in materialized { module.materialize(channels: channels) } }
            for (pair, value) in zip(pairs, values) {
                try pair.target.copyData(value, by: "loadStateDict")
            }
        }
        return (load, (missing, unexpected, older))
    }

    /// The values; those that share memory with a target are copied, since they must be read before the target is written.
    private func apart(_ pairs: [(target: Tensor, value: Tensor)]) -> [Tensor] {
        var writers: [ObjectIdentifier: Int] = [:]
        for (target, _) in pairs { writers[ObjectIdentifier(target.storage), default: 0] += 1 }
        return pairs.map { target, value in
            guard let count = writers[ObjectIdentifier(value.storage)] else { return value }
            // A tensor that is loaded with itself, and whose storage no other value is loaded into.
            let isItself =
                count == 1 && value.storage === target.storage && value.strides == target.strides && value.offset == target.offset
            return isItself ? value : value.clone()
        }
    }

    /// `state` with the keys of members that were renamed replaced by their keys of today.
    private func withOlderKeys(_ state: StateDict) -> StateDict {
        var renamed = state
        for place in allMembers() {
            for names in place.module.olderKeys {
                let keys = names.map { (place.key($0.old), place.key($0.new)) }
                guard keys.allSatisfy({ state[$0.0] != nil }) else { continue }
                for (old, new) in keys {
                    renamed[new] = state[old]
                    renamed[old] = nil
                }
            }
        }
        return renamed
    }

    /// `state` with older spellings of keys replaced by today's where those are missing. An older spelling is ignored if it is the key of
    /// another tensor today, or was that of two tensors.
    private func withOlderSpellings(_ state: StateDict, _ own: [StateEntry]) -> (StateDict, [(found: String, takenFor: String)]) {
        guard own.contains(where: { !$0.key.isSame(as: $0.olderKey) && state[$0.key] == nil }) else { return (state, []) }
        let keys = Set(own.map { ByteKey($0.key) })
        let counts = Dictionary(own.map { (ByteKey($0.olderKey), 1) }, uniquingKeysWith: +)
        var renamed = state
        var taken: [(found: String, takenFor: String)] = []
        for (key, olderKey, _) in own where state[key] == nil && counts[ByteKey(olderKey)] == 1 && !keys.contains(ByteKey(olderKey)) {
            guard let value = state[olderKey] else { continue }
            renamed[key] = value
            renamed[olderKey] = nil
            taken.append((olderKey, key))
        }
        return (renamed, taken)
    }

    /// The lazy modules whose number of channels `state` determines, and the shapes of their tensors.
    private func lazyShapes(_ state: StateDict) -> (modules: [(any LazyModule, Int)], shapes: [ObjectIdentifier: Shape]) {
        var modules: [(any LazyModule, Int)] = []
        var shapes: [ObjectIdentifier: Shape] = [:]
        for place in allMembers() {
            guard let lazy = place.module as? any LazyModule, lazy.isLazy else { continue }
            let tensors =
                place.members.parameters.map { ($0.name, $0.parameter as Tensor) }
                + place.members.buffers.map { ($0.name, $0.buffer as Tensor) }
            let told = tensors.lazy.compactMap { name, _ in state[place.key(name)].flatMap { lazy.channels(name, $0.shape) } }.first
            guard let channels = told, channels > 0 else { continue }
            modules.append((lazy, channels))
            for (name, tensor) in tensors { shapes[ObjectIdentifier(tensor)] = lazy.shape(name, channels: channels) }
        }
        return (modules, shapes)
    }

    private typealias StateEntry = (key: String, olderKey: String, tensor: Tensor)

    private func stateEntries() -> [StateEntry] {
        var tensors: [ByteKey: Tensor] = [:]
        let entries = allMembers().flatMap { place in
            place.module.check(place.members)
            let members =
                place.members.parameters.map { ($0.name, $0.parameter as Tensor) }
                + place.members.buffers.filter(\.buffer.isPersistent).map { ($0.name, $0.buffer as Tensor) }
            return members.map { (key: place.key($0.0), olderKey: place.olderKey($0.0), tensor: $0.1) }
        }
        for (key, _, tensor) in entries {
            guard let other = tensors.updateValue(tensor, forKey: ByteKey(key)), other !== tensor else { continue }
            fail(typeName, "two tensors have the key '\(key)': a name with a dot in it is also the path of another; rename one")
        }
        return entries
    }
}

/// A module whose tensors get their shapes from the first input, or from the state that is loaded before it. PyTorch: `LazyModuleMixin`.
protocol LazyModule: Module {
    /// Whether the shapes are not known yet.
    var isLazy: Bool { get }
    /// The number of input channels, from the shape of a tensor of that key in a state dict; nil where it cannot be told.
    func channels(_ key: String, _ shape: Shape) -> Int?
    /// The shape of the tensor `key` for that number of channels.
    func shape(_ key: String, channels: Int) -> Shape
    /// Allocates the tensors.
    func materialize(channels: Int)
}
