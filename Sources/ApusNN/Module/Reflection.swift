import ApusCore
import OrderedCollections

/// Gives a layer or parameter a name of one's own in keys and print: `@Named("LayerNorm") var norm = LayerNorm([32])`.
@propertyWrapper public struct Named<Value> {
    /// The name in place of the property's.
    public let name: String
    /// What bears the name.
    public var wrappedValue: Value

    /// `value` under `name`.
    public init(wrappedValue value: Value, _ name: String) {
        wrappedValue = value
        self.name = name
    }
}

/// Keeps a stored property out of the module's members: for what is registered by name, or belongs to somebody else.
@propertyWrapper public struct Unregistered<Value> {
    public var wrappedValue: Value

    /// `value`, unseen by reflection.
    public init(wrappedValue value: Value) { wrappedValue = value }
}

/// What a stored property holds, as far as a module cares.
indirect enum Member {
    case module(Module)
    case parameter(Parameter)
    case buffer(Buffer)
    /// An array or dictionary, printed as PyTorch's container of that name.
    case group(String, [(name: String, member: Member)])
}

/// The members of one module, without those of its children, in PyTorch's order: as declared, superclass first, then those registered by name.
struct Members {
    var modules: [(name: String, module: Module)] = []
    var parameters: [(name: String, parameter: Parameter)] = []
    var buffers: [(name: String, buffer: Buffer)] = []

    mutating func add(_ name: String, _ member: Member) {
        switch member {
        case .module(let module): modules.append((name, module))
        case .parameter(let parameter): parameters.append((name, parameter))
        case .buffer(let buffer): buffers.append((name, buffer))
        case .group(_, let inner): for (key, member) in inner { add("\(name).\(key)", member) }
        }
    }
}

extension Module {
    /// Its members as a tree, for printing.
    final func memberTree() -> [(name: String, member: Member)] {
        var layers: [Mirror] = []
        var mirror: Mirror? = Mirror(reflecting: self)
        while let current = mirror, current.subjectType != Module.self {
            layers.append(current)
            mirror = current.superclassMirror
        }
        var found: [(name: String, member: Member)] = []
        for layer in layers.reversed() {
            for (label, value) in layer.children {
                guard let label, let member = Member(value) else { continue }
                found.append(((value as? any NameGiving)?.name ?? snakeCase(propertyName(label)), member))
            }
        }
        if let extras {
            found += extras.parameters.map { ($0.name, .parameter($0.parameter)) }
            found += extras.buffers.map { ($0.name, .buffer($0.buffer)) }
            found += extras.modules.map { ($0.name, .module($0.module)) }
        }
        let computed = derived
        if computed.isEmpty { return found }
        return found.filter { _, member in !computed.contains { $0.target === member.tensor } }
    }

    final func members() -> Members {
        var members = Members()
        for (name, member) in memberTree() { members.add(name, member) }
        return members
    }

    // MARK: Members by name

    /// Adds a layer under a name that is used as it is. PyTorch: `add_module`, `register_module`.
    public final func addModule(_ name: String, _ module: Module) {
        guard isFree(name, "addModule") else { return }
        extrasForWriting.modules.append((name, module))
    }

    /// Adds a parameter under a name that is used as it is; nil registers nothing, as where a bias is left out. PyTorch: `register_parameter`.
    public final func registerParameter(_ name: String, _ parameter: Parameter?) {
        guard isFree(name, "registerParameter"), let parameter else { return }
        extrasForWriting.parameters.append((name, parameter))
    }

    /// Adds a buffer under a name that is used as it is. PyTorch: `register_buffer`.
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
        if memberTree().contains(where: { $0.name == name }) {
            fail("\(typeName).\(method)", "there already is a member named '\(name)'")
            return false
        }
        return true
    }
}

// MARK: - Values

extension Member {
    /// nil for a value that holds no module, parameter or buffer.
    init?(_ value: Any) {
        switch value {
        case let module as Module: self = .module(module)
        case let parameter as Parameter: self = .parameter(parameter)
        case let buffer as Buffer: self = .buffer(buffer)
        case let holder as any MemberHolding:
            guard let member = holder.member else { return nil }
            self = member
        default: return nil
        }
    }
}

extension Member {
    /// The tensor where it is one.
    var tensor: Tensor? {
        switch self {
        case .parameter(let parameter): parameter
        case .buffer(let buffer): buffer
        case .module, .group: nil
        }
    }
}

/// Arrays, optionals, dictionaries and property wrappers that may hold members.
protocol MemberHolding {
    var member: Member? { get }
}

private protocol NameGiving { var name: String { get } }

extension Named: MemberHolding, NameGiving {
    var member: Member? { Member(wrappedValue) }
}
extension Unregistered: MemberHolding {
    var member: Member? { nil }
}
extension Optional: MemberHolding {
    var member: Member? { flatMap { Member($0) } }
}
extension Array: MemberHolding {
    var member: Member? {
        if Element.self is any ScalarConvertible.Type { return nil }
        let inner = enumerated().compactMap { i, value in Member(value).map { (name: "\(i)", member: $0) } }
        return inner.isEmpty ? nil : .group("ModuleList", inner)
    }
}
extension Dictionary: MemberHolding {
    var member: Member? {
        // By sorted key: a dictionary's own order changes from run to run.
        let inner = compactMap { key, value in Member(value).map { (name: "\(key)", member: $0) } }.sorted { $0.name < $1.name }
        return inner.isEmpty ? nil : .group("ModuleDict", inner)
    }
}
extension OrderedDictionary: MemberHolding {
    var member: Member? {
        let inner = compactMap { key, value in Member(value).map { (name: "\(key)", member: $0) } }
        return inner.isEmpty ? nil : .group("ModuleDict", inner)
    }
}

// MARK: - Names

/// What the user called the property whose storage has this label: `lazy var x` is stored as `$__lazy_storage_$_x`.
private func propertyName(_ label: String) -> String {
    let lazyPrefix = "$__lazy_storage_$_"
    return label.hasPrefix(lazyPrefix) ? String(label.dropFirst(lazyPrefix.count)) : label
}

/// A property's name in PyTorch's spelling: `convA` → `conv_a`, `conv1` → `conv1`, `inProjWeight` → `in_proj_weight`,
/// `weightIhL0` → `weight_ih_l0`, `fcHTTPHead` → `fc_http_head`.
package func snakeCase(_ name: String) -> String {
    let letters = Array(name)
    var result = ""
    for (i, letter) in letters.enumerated() {
        guard letter.isUppercase else {
            result.append(letter)
            continue
        }
        let startsWord = i > 0 && letters[i - 1] != "_" && (!letters[i - 1].isUppercase || i + 1 < letters.count && letters[i + 1].isLowercase)
        if startsWord { result.append("_") }
        result += letter.lowercased()
    }
    return result
}
