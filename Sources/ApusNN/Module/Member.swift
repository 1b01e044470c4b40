import ApusCore
import OrderedCollections

/// The modules and tensors in a stored property.
indirect enum Member {
    case module(Module)
    case parameter(Parameter)
    case buffer(Buffer)
    /// An array, dictionary, tuple or struct, printed as a container with that name.
    case group(String, [NamedMember])
}

/// A member with its name in keys.
struct NamedMember {
    let name: String
    /// The name in files written before today's spelling of names.
    let olderName: String
    /// The name of the property, for messages.
    let property: String
    let member: Member

    /// A member with a name that is used unchanged.
    init(_ name: String, _ member: Member, olderName: String? = nil) {
        self.name = name
        self.olderName = olderName ?? name
        property = name
        self.member = member
    }

    /// A property with that label and value; nil where it holds no member.
    init?(label: String, _ value: Any) {
        guard let member = Member(value) else { return nil }
        self.member = member
        if let given = (value as? any NameGiving)?.name {
            // The storage of `norm` is `_norm`.
            property = String(label.dropFirst())
            name = given
            olderName = given
        } else {
            property = propertyName(label)
            name = snakeCase(property)
            olderName = olderSnakeCase(property)
        }
    }
}

extension Member {
    /// nil for a value without modules, parameters and buffers.
    init?(_ value: Any) {
        guard mayHoldMembers(type(of: value)) else { return nil }
        switch value {
        case let module as Module: self = .module(module)
        case let parameter as Parameter: self = .parameter(parameter)
        case let buffer as Buffer: self = .buffer(buffer)
        case let holder as any MemberHolding:
            guard let member = holder.member else { return nil }
            self = member
        default: self.init(parts: Mirror(reflecting: value))
        }
    }

    /// A tuple or struct by its fields, an enum by the payload of its case, or a collection.
    private init?(parts mirror: Mirror) {
        let children = mirror.children
        switch mirror.displayStyle {
        case .tuple, .struct:
            let inner = children.compactMap { child in child.label.flatMap { NamedMember(label: $0, child.value) } }
            guard !inner.isEmpty else { return nil }
            self = .group(mirror.displayStyle == .tuple ? "ModuleDict" : "\(mirror.subjectType)", inner)
        case .enum:
            guard let payload = children.first?.value, let member = Member(payload) else { return nil }
            self = member
        case .collection, .set:
            guard let list = Member.list(children.lazy.map(\.value)) else { return nil }
            self = list
        default: return nil
        }
    }

    /// The elements, named by their indices.
    static func list(_ values: some Sequence) -> Member? {
        let inner = values.enumerated().compactMap { i, value in Member(value).map { NamedMember("\(i)", $0) } }
        return inner.isEmpty ? nil : .group("ModuleList", inner)
    }

    static func dictionary(_ pairs: some Sequence<(key: some Any, value: some Any)>) -> Member? {
        let inner = pairs.compactMap { key, value in Member(value).map { NamedMember("\(key)", $0) } }
        return inner.isEmpty ? nil : .group("ModuleDict", inner)
    }

    /// The parameter or buffer, if it is one.
    var tensor: Tensor? {
        switch self {
        case .parameter(let parameter): parameter
        case .buffer(let buffer): buffer
        case .module, .group: nil
        }
    }

    /// The modules directly in it.
    var modules: [Module] {
        switch self {
        case .module(let module): [module]
        case .parameter, .buffer: []
        case .group(_, let inner): inner.flatMap(\.member.modules)
        }
    }
}

/// Collections, optionals and property wrappers that may hold members. Other values are searched field by field.
protocol MemberHolding {
    /// The types of the values that it holds.
    static var contents: [Any.Type] { get }
    var member: Member? { get }
}

private protocol NameGiving { var name: String { get } }

/// The storage of a lazy property.
protocol LazyStorage { var isEmpty: Bool { get } }

extension Named: MemberHolding, NameGiving {
    static var contents: [Any.Type] { [Value.self] }
    var member: Member? { Member(wrappedValue) }
}
extension Unregistered: MemberHolding {
    static var contents: [Any.Type] { [Value.self] }
    var member: Member? { nil }
}
extension Optional: MemberHolding, LazyStorage {
    static var contents: [Any.Type] { [Wrapped.self] }
    var member: Member? { flatMap { Member($0) } }
    var isEmpty: Bool { self == nil }
}
extension Array: MemberHolding {
    static var contents: [Any.Type] { [Element.self] }
    var member: Member? { Member.list(self) }
}
extension ArraySlice: MemberHolding {
    static var contents: [Any.Type] { [Element.self] }
    var member: Member? { Member.list(self) }
}
extension ContiguousArray: MemberHolding {
    static var contents: [Any.Type] { [Element.self] }
    var member: Member? { Member.list(self) }
}
extension Dictionary: MemberHolding {
    static var contents: [Any.Type] { [Value.self] }
    // Sorted by key, since the order of a dictionary changes from run to run.
    var member: Member? { Member.dictionary(map { (key: "\($0.key)", value: $0.value) }.sorted { $0.key < $1.key }) }
}
extension OrderedDictionary: MemberHolding {
    static var contents: [Any.Type] { [Value.self] }
    var member: Member? { Member.dictionary(map { (key: $0.key, value: $0.value) }) }
}
