import ApusCore
import Synchronization

// The runtime's description of types. `Mirror` reads the same, but gives no offsets, and nothing without a value.

/// One stored property of a class (its own or a superclass's) or of a struct, or one element of a tuple.
struct StoredField {
    let name: String
    let type: Any.Type
    let offset: Int
    /// False for `weak` and `unowned`.
    let isStrong: Bool

    private init(_ owner: Any.Type, _ index: Int) {
        var metadata = FieldMetadata()
        type = fieldMetadata(owner, index: index, into: &metadata)
        name = metadata.name.map { String(cString: $0) } ?? ""
        metadata.free?(metadata.name)
        isStrong = metadata.isStrong
        offset = fieldOffset(owner, index: index)
    }

    /// The fields of a class, struct or tuple, in order.
    static func all(of owner: Any.Type) -> [StoredField] { (0..<fieldCount(owner)).map { StoredField(owner, $0) } }
}

/// The kinds of types that a search for members distinguishes.
enum TypeKind {
    case `class`, record, `enum`, existential, other

    init(_ type: Any.Type) {
        switch metadataKind(type) {
        case 0: self = .class
        // A struct or a tuple.
        case 0x200, 0x301: self = .record
        // An enum or an optional.
        case 0x201, 0x202: self = .enum
        // A protocol, or a protocol with constraints.
        case 0x303, 0x307: self = .existential
        default: self = .other
        }
    }
}

/// Whether a value of that type can hold a module, parameter or buffer. Answers are cached, since a search asks for every property, and
/// most are numbers and text.
func mayHoldMembers(_ type: Any.Type) -> Bool {
    let key = ObjectIdentifier(type)
    if let known = answers.withLock({ $0[key] }) { return known }
    var path: Set<ObjectIdentifier> = []
    let answer = findMembers(type, certainly: false, &path)
    answers.withLock { $0[key] = answer }
    return answer
}

/// Whether every nonempty value of that type holds a member, as far as the type tells.
func promisesMembers(_ type: Any.Type) -> Bool {
    var path: Set<ObjectIdentifier> = []
    return findMembers(type, certainly: true, &path)
}

private let answers = Mutex<[ObjectIdentifier: Bool]>([:])

/// `path` holds the types whose search has begun, to stop at types that contain themselves.
private func findMembers(_ type: Any.Type, certainly: Bool, _ path: inout Set<ObjectIdentifier>) -> Bool {
    if let holder = type as? any MemberHolding.Type { return holder.contents.contains { findMembers($0, certainly: certainly, &path) } }
    switch TypeKind(type) {
    // A parameter may be stored in a property of type Tensor.
    case .class: return type is Module.Type || type is Parameter.Type || type is Buffer.Type || !certainly && type is Tensor.Type
    case .existential: return !certainly
    // The cases of an enum are known only with a value. A reference needs at least a word.
    case .enum: return !certainly && size(type) >= MemoryLayout<UnsafeRawPointer>.size
    case .record:
        guard path.insert(ObjectIdentifier(type)).inserted else { return false }
        defer { path.remove(ObjectIdentifier(type)) }
        return StoredField.all(of: type).contains { findMembers($0.type, certainly: certainly, &path) }
    case .other: return false
    }
}

private func size<Value>(_ type: Value.Type) -> Int { MemoryLayout<Value>.size }

/// The runtime's functions for values of an enum, from its value witness table.
struct EnumWitnesses {
    private typealias Tag = @convention(c) (UnsafeRawPointer, UnsafeRawPointer) -> UInt32
    private typealias Project = @convention(c) (UnsafeMutableRawPointer, UnsafeRawPointer) -> Void
    private typealias Inject = @convention(c) (UnsafeMutableRawPointer, UInt32, UnsafeRawPointer) -> Void
    private let type: UnsafeRawPointer
    private let table: UnsafePointer<UnsafeRawPointer>

    init(_ type: Any.Type) {
        self.type = unsafeBitCast(type, to: UnsafeRawPointer.self)
        // The word before a type's metadata points to the table. Eight functions, size, stride and flags precede the enum's functions.
        table = (self.type - MemoryLayout<UnsafeRawPointer>.size).load(as: UnsafePointer<UnsafeRawPointer>.self)
    }

    /// Calls `body` with the payload of the value at `memory`, which is no valid enum value until `body` returns.
    func withPayload(of memory: UnsafeMutableRawPointer, _ body: (UnsafeMutableRawPointer) -> Void) {
        let tag = unsafeBitCast(table[11], to: Tag.self)(memory, type)
        unsafeBitCast(table[12], to: Project.self)(memory, type)
        body(memory)
        unsafeBitCast(table[13], to: Inject.self)(memory, tag, type)
    }
}

/// Laid out as the runtime fills it (`_FieldReflectionMetadata` of the standard library).
private struct FieldMetadata {
    var name: UnsafePointer<CChar>?
    var free: (@convention(c) (UnsafePointer<CChar>?) -> Void)?
    var isStrong = false
    var isVar = false
}

/// The number of bytes that an object takes before and after its address.
@_silgen_name("_swift_getSwiftClassInstanceExtents") func instanceExtents(_ type: AnyClass) -> (negative: UInt, positive: UInt)

// The functions that `Mirror` uses, exported by the standard library.
@_silgen_name("swift_getMetadataKind") private func metadataKind(_ type: Any.Type) -> UInt
@_silgen_name("swift_reflectionMirror_recursiveCount") private func fieldCount(_ type: Any.Type) -> Int
@_silgen_name("swift_reflectionMirror_recursiveChildMetadata")
private func fieldMetadata(_ type: Any.Type, index: Int, into metadata: UnsafeMutablePointer<FieldMetadata>) -> Any.Type
@_silgen_name("swift_reflectionMirror_recursiveChildOffset") private func fieldOffset(_ type: Any.Type, index: Int) -> Int
