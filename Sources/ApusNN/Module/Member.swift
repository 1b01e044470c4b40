import ApusCore
import OrderedCollections

/// What a stored property holds, as far as a module cares.
indirect enum Member {
    case module(Module)
    case parameter(Parameter)
    case buffer(Buffer)
    /// An array, dictionary, tuple or struct, printed as a container of that name.
    case group(String, [NamedMember])
}

/// A member under its name in keys.
struct NamedMember {
    let name: String
    /// The name in files that were written before names were spelled as they are now.
    let olderName: String
    /// The name of the property, as messages call it.
    let property: String
    let member: Member

    /// Under a name that is used as it is.
    init(_ name: String, _ member: Member) {
        self.name = name
        olderName = name
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
    /// nil for a value that holds no module, parameter or buffer.
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

    /// A tuple or struct with its fields, an enum with what its case holds, a collection.
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

    /// The elements by their positions.
    static func list(_ values: some Sequence) -> Member? {
        let inner = values.enumerated().compactMap { i, value in Member(value).map { NamedMember("\(i)", $0) } }
        return inner.isEmpty ? nil : .group("ModuleList", inner)
    }

    static func dictionary(_ pairs: some Sequence<(key: some Any, value: some Any)>) -> Member? {
        let inner = pairs.compactMap { key, value in Member(value).map { NamedMember("\(key)", $0) } }
        return inner.isEmpty ? nil : .group("ModuleDict", inner)
    }

    /// The tensor where it is one.
    var tensor: Tensor? {
        switch self {
        case .parameter(let parameter): parameter
        case .buffer(let buffer): buffer
        case .module, .group: nil
        }
    }

    /// The modules in it, without those in them.
    var modules: [Module] {
        switch self {
        case .module(let module): [module]
        case .parameter, .buffer: []
        case .group(_, let inner): inner.flatMap(\.member.modules)
        }
    }
}

/// Collections, optionals and property wrappers that may hold members. Other values are looked into field by field.
protocol MemberHolding {
    /// The types of what it holds.
    static var contents: [Any.Type] { get }
    var member: Member? { get }
}

private protocol NameGiving { var name: String { get } }

/// What a lazy property is stored in.
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
    // By sorted key: a dictionary's own order changes from run to run.
    var member: Member? { Member.dictionary(map { (key: "\($0.key)", value: $0.value) }.sorted { $0.key < $1.key }) }
}
extension OrderedDictionary: MemberHolding {
    static var contents: [Any.Type] { [Value.self] }
    var member: Member? { Member.dictionary(map { (key: $0.key, value: $0.value) }) }
}
