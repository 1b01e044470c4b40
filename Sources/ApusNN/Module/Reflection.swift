import ApusCore
import ApusSystem

/// Gives a layer or parameter another name in keys and printed forms: `@Named("LayerNorm") var norm = LayerNorm([32])`.
@propertyWrapper public struct Named<Value> {
    /// The name used instead of the property's.
    public let name: String
    /// The layer or parameter.
    public var wrappedValue: Value

    /// `value` under `name`.
    public init(wrappedValue value: Value, _ name: String) {
        wrappedValue = value
        self.name = name
    }
}

/// Keeps a stored property out of the module's members, because it is registered by name or belongs to another object. The module may
/// call the layers in it, but an optimizer of the module's parameters does not get theirs.
@propertyWrapper public struct Unregistered<Value> {
    /// The value of the property.
    public var wrappedValue: Value

    /// `value`, hidden from reflection.
    public init(wrappedValue value: Value) { wrappedValue = value }
}

/// The members of one module, without its children's, in PyTorch's order: properties, superclass first, then members registered by name.
struct Members {
    /// The members with their nesting, for printing.
    let tree: [NamedMember]
    /// Lazy properties whose layers do not exist yet.
    let unmade: [String]
    private(set) var modules: [(name: String, module: Module)] = []
    private(set) var parameters: [(name: String, parameter: Parameter)] = []
    private(set) var buffers: [(name: String, buffer: Buffer)] = []
    /// The names in older files, where they differ from today's.
    private(set) var olderNames: [String: String] = [:]

    init(_ tree: [NamedMember], unmade: [String]) {
        self.tree = tree
        self.unmade = unmade
        for part in tree { add(part.name, part.olderName, part.member) }
    }

    private mutating func add(_ name: String, _ olderName: String, _ member: Member) {
        switch member {
        case .module(let module): modules.append((name, module))
        case .parameter(let parameter): parameters.append((name, parameter))
        case .buffer(let buffer): buffers.append((name, buffer))
        case .group(_, let inner):
            for part in inner { add("\(name).\(part.name)", "\(olderName).\(part.olderName)", part.member) }
            return
        }
        if name != olderName { olderNames[name] = olderName }
    }

    /// What is wrong with the members: two with the same key, or a lazy property without its layers, which would silently be left out.
    var fault: String? {
        if let name = unmade.first {
            return
                "the lazy property '\(name)' has not been made, so that its layers are not among the module's; read it once before, as in init, or make it a let"
        }
        return Members.collision(tree)
    }

    private static func collision(_ parts: [NamedMember]) -> String? {
        var properties: [ByteKey: String] = [:]
        for part in parts where parts.count > 1 {
            guard let other = properties.updateValue(part.property, forKey: ByteKey(part.name)) else { continue }
            let both =
                other == part.property
                ? "two members '\(other)' (of the class and of a superclass, or of one dictionary)"
                : "the properties '\(other)' and '\(part.property)'"
            return "\(both) have the same key '\(part.name)'; rename one, or give it a key of its own with @Named"
        }
        for case .group(_, let inner) in parts.lazy.map(\.member) {
            if let fault = collision(inner) { return fault }
        }
        return nil
    }
}

extension Module {
    final func members() -> Members {
        var found: [NamedMember] = []
        var unmade: [String] = []
        forEachProperty { label, value in
            if let member = NamedMember(label: label, value) {
                found.append(member)
            } else if isLazy(label), let storage = value as? any LazyStorage, storage.isEmpty, promisesMembers(type(of: value)) {
                unmade.append(propertyName(label))
            }
        }
        if let extras {
            let registered: [(name: String, member: Member)] =
                extras.parameters.map { ($0.name, .parameter($0.parameter)) } + extras.buffers.map { ($0.name, .buffer($0.buffer)) }
                + extras.modules.map { ($0.name, .module($0.module)) }
            found += registered.map { NamedMember($0.name, $0.member, olderName: extras.olderNames[$0.name]) }
        }
        // A computed tensor is no member; the tensors that it is computed from are. A property may also hold another module's computed
        // tensor, such as a tied weight that was parametrized there.
        let computed = derived
        found.removeAll { part in
            guard let tensor = part.member.tensor else { return false }
            return tensor.computed != nil || computed.contains { $0.target === tensor }
        }
        return Members(found, unmade: unmade)
    }

    /// Calls `body` with the stored properties that may hold members, those of superclasses first.
    final func forEachProperty(_ body: (_ label: String, _ value: Any) -> Void) {
        var layers: [Mirror] = []
        var mirror: Mirror? = Mirror(reflecting: self)
        while let current = mirror, current.subjectType != Module.self {
            layers.append(current)
            mirror = current.superclassMirror
        }
        for layer in layers.reversed() {
            for case (let label?, let value) in layer.children where mayHoldMembers(type(of: value)) { body(label, value) }
        }
    }

    /// Fails where keys collide or lazy layers do not exist yet.
    final func check(_ members: Members) {
        if let fault = members.fault { fail(typeName, fault) }
    }

    // MARK: Members by name

    /// Adds a layer with a name that is used unchanged. PyTorch: `add_module`, `register_module`. Traps where the name is empty, has a dot
    /// or is taken, as `registerParameter` and `registerBuffer` do.
    public final func addModule(_ name: String, _ module: Module) {
        guard isFree(name, "addModule") else { return }
        extrasForWriting.modules.append((name, module))
    }

    /// Adds a parameter with a name that is used unchanged; nil (no bias, for example) registers nothing. PyTorch: `register_parameter`.
    public final func registerParameter(_ name: String, _ parameter: Parameter?) {
        guard isFree(name, "registerParameter"), let parameter else { return }
        extrasForWriting.parameters.append((name, parameter))
    }

    /// Adds a buffer with a name that is used unchanged, and returns it. A `Buffer` is added itself and keeps its own `isPersistent`; any
    /// other tensor becomes one. PyTorch: `register_buffer`.
    @discardableResult public final func registerBuffer(_ name: String, _ tensor: Tensor, persistent: Bool = true) -> Buffer {
        let buffer = tensor as? Buffer ?? Buffer(tensor, persistent: persistent)
        if isFree(name, "registerBuffer") { extrasForWriting.buffers.append((name, buffer)) }
        return buffer
    }

    private func isFree(_ name: String, _ method: String) -> Bool {
        if name.isEmpty || name.contains(".") {
            fail("\(typeName).\(method)", "the name '\(name)' must not be empty or contain a dot, which separates the names in a path")
            return false
        }
        if members().tree.contains(where: { $0.name.isSame(as: name) }) {
            fail("\(typeName).\(method)", "there already is a member named '\(name)'")
            return false
        }
        return true
    }
}
