import ApusCore
import OrderedCollections

/// Rebuilds values with other objects in them, inside arrays, optionals, dictionaries, tuples, structs and enums at any depth.
class Rewriter {
    /// The object that replaces `object`; the object itself unless a subclass overrides this.
    func replacement(for object: AnyObject) -> AnyObject { object }

    /// `value` with its objects replaced.
    final func rewrite<Value>(_ value: Value) -> Value {
        if let holder = value as? any Rewritable { return holder.rewritten(by: self) as! Value }
        return switch TypeKind(Value.self) {
        case .class: rewrite(object: value)
        case .existential: rewrite(existential: value) as! Value
        case .record where mayHoldMembers(Value.self): rewrite(record: value)
        case .enum where mayHoldMembers(Value.self): rewrite(enum: value)
        case .record, .enum, .other: value
        }
    }

    private func rewrite<Value>(object value: Value) -> Value {
        let new = replacement(for: value as AnyObject)
        if let new = new as? Value { return new }
        fail(
            "\(Value.self)",
            "a \(Swift.type(of: new)) cannot take the place of a value that is declared as \(Value.self); declare it as Tensor")
        return value
    }

    /// The value in an existential is rewritten by its dynamic type. The cast also unwraps an existential within an existential.
    private func rewrite(existential value: Any) -> Any {
        let type: Any.Type = Swift.type(of: value)
        return rewrite(value, as: type)
    }
    private func rewrite<Held>(_ value: Any, as type: Held.Type) -> Any { rewrite(value as! Held) }

    /// A struct or tuple, field by field.
    private func rewrite<Value>(record value: Value) -> Value {
        let fields = StoredField.all(of: Value.self)
        guard areStrong(fields, of: "\(Value.self)") else { return value }
        let memory = UnsafeMutablePointer<Value>.allocate(capacity: 1)
        defer { memory.deallocate() }
        withUnsafePointer(to: value) { source in
            for field in fields {
                initialize(field.type, from: UnsafeRawPointer(source) + field.offset, to: UnsafeMutableRawPointer(memory) + field.offset)
            }
        }
        return memory.move()
    }

    /// An enum with a new payload in the same case. An enum whose payload is stored elsewhere (`indirect`) stays unchanged.
    private func rewrite<Value>(enum value: Value) -> Value {
        guard let payload = Mirror(reflecting: value).children.first?.value else { return value }
        let memory = UnsafeMutablePointer<Value>.allocate(capacity: 1)
        defer { memory.deallocate() }
        memory.initialize(to: value)
        EnumWitnesses(Value.self).withPayload(of: memory) { rewrite(payload, in: $0) }
        return memory.move()
    }

    private func rewrite<Payload>(_ payload: Payload, in memory: UnsafeMutableRawPointer) {
        let word = min(MemoryLayout<UInt>.size, MemoryLayout<Payload>.size)
        let isHere = withUnsafeBytes(of: payload) { bytes in
            (0..<word).allSatisfy { bytes[$0] == memory.load(fromByteOffset: $0, as: UInt8.self) }
        }
        if isHere { memory.assumingMemoryBound(to: Payload.self).pointee = rewrite(payload) }
    }

    /// Initialises `target` with the rewritten value at `source`.
    final func initialize<Field>(_ type: Field.Type, from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer) {
        target.assumingMemoryBound(to: type).initialize(to: rewrite(source.assumingMemoryBound(to: type).pointee))
    }

    /// Fails where a field is `weak` or `unowned`, since it is unknown what its copy should refer to.
    final func areStrong(_ fields: [StoredField], of owner: String) -> Bool {
        guard let field = fields.first(where: { !$0.isStrong }) else { return true }
        fail(
            "\(owner).copy",
            "property '\(field.name)' is weak or unowned, so what the copy's should refer to is unknown; make it strong, or build the copy by hand"
        )
        return false
    }
}

/// Values that are rewritten element by element instead of field by field.
protocol Rewritable {
    func rewritten(by rewriter: Rewriter) -> Self
}

extension Optional: Rewritable {
    func rewritten(by rewriter: Rewriter) -> Self { map { rewriter.rewrite($0) } }
}
extension Array: Rewritable {
    func rewritten(by rewriter: Rewriter) -> Self { mayHoldMembers(Element.self) ? map { rewriter.rewrite($0) } : self }
}
extension ArraySlice: Rewritable {
    func rewritten(by rewriter: Rewriter) -> Self {
        // Keeps the indices.
        var copy = self
        if mayHoldMembers(Element.self) { for i in indices { copy[i] = rewriter.rewrite(self[i]) } }
        return copy
    }
}
extension ContiguousArray: Rewritable {
    func rewritten(by rewriter: Rewriter) -> Self { mayHoldMembers(Element.self) ? ContiguousArray(map { rewriter.rewrite($0) }) : self }
}
extension Dictionary: Rewritable {
    func rewritten(by rewriter: Rewriter) -> Self { mayHoldMembers(Value.self) ? mapValues { rewriter.rewrite($0) } : self }
}
extension OrderedDictionary: Rewritable {
    func rewritten(by rewriter: Rewriter) -> Self { mayHoldMembers(Value.self) ? mapValues { rewriter.rewrite($0) } : self }
}

/// Finds or replaces the tensors in a value, in the order of its fields.
final class TensorRewriter: Rewriter {
    /// The tensors found so far.
    private(set) var found: [Tensor] = []
    private var replacements: ArraySlice<Tensor>?

    /// Replaces the tensors it meets by `replacements` in order; with nil it only finds them.
    init(replacements: [Tensor]? = nil) { self.replacements = replacements?[...] }

    override func replacement(for object: AnyObject) -> AnyObject {
        guard let tensor = object as? Tensor else { return object }
        if replacements != nil { return replacements!.removeFirst() }
        found.append(tensor)
        return tensor
    }
}
