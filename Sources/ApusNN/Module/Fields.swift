import ApusCore
import Synchronization

// The runtime's description of types. `Mirror` reads the same, but does not tell where a field lies, nor anything without a value.

/// One stored property of a class (its own or a superclass's) or of a struct, or one element of a tuple.
struct StoredField {
    let name: String
    let type: Any.Type
    let offset: Int
    /// Not `weak` or `unowned`.
    let isStrong: Bool

    private init(_ owner: Any.Type, _ index: Int) {
        var metadata = FieldMetadata()
        type = fieldMetadata(owner, index: index, into: &metadata)
        name = metadata.name.map { String(cString: $0) } ?? ""
        metadata.free?(metadata.name)
        isStrong = metadata.isStrong
        offset = fieldOffset(owner, index: index)
    }

    /// Those of a class, struct or tuple, in order.
    static func all(of owner: Any.Type) -> [StoredField] { (0..<fieldCount(owner)).map { StoredField(owner, $0) } }
}

/// What kind of type it is, as far as a search for members cares.
enum TypeKind {
    case `class`, record, `enum`, existential, other

    init(_ type: Any.Type) {
        switch metadataKind(type) {
        case 0: self = .class
        // A struct, a tuple.
        case 0x200, 0x301: self = .record
        // An enum, an optional.
        case 0x201, 0x202: self = .enum
        // A protocol, and one with constraints.
        case 0x303, 0x307: self = .existential
        default: self = .other
        }
    }
}

/// Whether a value of that type can hold a module, parameter or buffer. Answers are remembered: a walk asks for every property, and most are
/// numbers and text.
func mayHoldMembers(_ type: Any.Type) -> Bool {
    let key = ObjectIdentifier(type)
    if let known = answers.withLock({ $0[key] }) { return known }
    var path: Set<ObjectIdentifier> = []
    let answer = findMembers(type, certainly: false, &path)
    answers.withLock { $0[key] = answer }
    return answer
}

/// Whether every value of that type that is not empty holds one, as far as the type says.
func promisesMembers(_ type: Any.Type) -> Bool {
    var path: Set<ObjectIdentifier> = []
    return findMembers(type, certainly: true, &path)
}

private let answers = Mutex<[ObjectIdentifier: Bool]>([:])

/// `path` holds the types that are being looked at, which contain themselves where they are met again.
private func findMembers(_ type: Any.Type, certainly: Bool, _ path: inout Set<ObjectIdentifier>) -> Bool {
    if let holder = type as? any MemberHolding.Type { return holder.contents.contains { findMembers($0, certainly: certainly, &path) } }
    switch TypeKind(type) {
    // A parameter may be kept as a tensor.
    case .class: return type is Module.Type || type is Parameter.Type || type is Buffer.Type || !certainly && type is Tensor.Type
    case .existential: return !certainly
    // An enum's cases are only known with a value. A reference takes a word.
    case .enum: return !certainly && size(type) >= MemoryLayout<UnsafeRawPointer>.size
    case .record:
        guard path.insert(ObjectIdentifier(type)).inserted else { return false }
        defer { path.remove(ObjectIdentifier(type)) }
        return StoredField.all(of: type).contains { findMembers($0.type, certainly: certainly, &path) }
    case .other: return false
    }
}

private func size<Value>(_ type: Value.Type) -> Int { MemoryLayout<Value>.size }

/// What the runtime does to values of an enum: its table of witnesses.
struct EnumWitnesses {
    private typealias Tag = @convention(c) (UnsafeRawPointer, UnsafeRawPointer) -> UInt32
    private typealias Project = @convention(c) (UnsafeMutableRawPointer, UnsafeRawPointer) -> Void
    private typealias Inject = @convention(c) (UnsafeMutableRawPointer, UInt32, UnsafeRawPointer) -> Void
    private let type: UnsafeRawPointer
    private let table: UnsafePointer<UnsafeRawPointer>

    init(_ type: Any.Type) {
        self.type = unsafeBitCast(type, to: UnsafeRawPointer.self)
        // The word before a type's metadata. Eight functions, size, stride and flags come before an enum's own three.
        table = (self.type - MemoryLayout<UnsafeRawPointer>.size).load(as: UnsafePointer<UnsafeRawPointer>.self)
    }

    /// Calls `body` with the payload of the value at `memory`, which is not a value of the enum meanwhile.
    func withPayload(of memory: UnsafeMutableRawPointer, _ body: (UnsafeMutableRawPointer) -> Void) {
        let tag = unsafeBitCast(table[11], to: Tag.self)(memory, type)
        unsafeBitCast(table[12], to: Project.self)(memory, type)
        body(memory)
        unsafeBitCast(table[13], to: Inject.self)(memory, tag, type)
    }
}

/// As the runtime fills it (`_FieldReflectionMetadata` of the standard library).
private struct FieldMetadata {
    var name: UnsafePointer<CChar>?
    var free: (@convention(c) (UnsafePointer<CChar>?) -> Void)?
    var isStrong = false
    var isVar = false
}

/// How many bytes an object takes before and behind its reference.
@_silgen_name("_swift_getSwiftClassInstanceExtents") func instanceExtents(_ type: AnyClass) -> (negative: UInt, positive: UInt)

// The functions under `Mirror`, exported by the standard library.
@_silgen_name("swift_getMetadataKind") private func metadataKind(_ type: Any.Type) -> UInt
@_silgen_name("swift_reflectionMirror_recursiveCount") private func fieldCount(_ type: Any.Type) -> Int
@_silgen_name("swift_reflectionMirror_recursiveChildMetadata")
private func fieldMetadata(_ type: Any.Type, index: Int, into metadata: UnsafeMutablePointer<FieldMetadata>) -> Any.Type
@_silgen_name("swift_reflectionMirror_recursiveChildOffset") private func fieldOffset(_ type: Any.Type, index: Int) -> Int
