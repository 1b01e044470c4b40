import ApusCore
import OrderedCollections

/// Builds values like others with other objects in them: in arrays, optionals, dictionaries, tuples, structs and enums, however deep.
class Rewriter {
    /// What takes the place of an object that is met; itself unless a subclass says otherwise.
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

    /// What an existential holds is rewritten as what it is. One within another comes apart by the cast, not by opening it.
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

    /// An enum with another payload in the same case. One whose payload lies elsewhere (`indirect`) stays what it is.
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

    /// Makes in `target` the value like the one at `source`.
    final func initialize<Field>(_ type: Field.Type, from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer) {
        target.assumingMemoryBound(to: type).initialize(to: rewrite(source.assumingMemoryBound(to: type).pointee))
    }

    /// Fails where a field is `weak` or `unowned`: what its copy should refer to is not known.
    final func areStrong(_ fields: [StoredField], of owner: String) -> Bool {
        guard let field = fields.first(where: { !$0.isStrong }) else { return true }
        fail(
            "\(owner).copy",
            "property '\(field.name)' is weak or unowned, so what the copy's should refer to is unknown; make it strong, or build the copy by hand"
        )
        return false
    }
}

/// Values that are rewritten by their elements rather than by the memory they take.
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
        // With the same indices.
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

/// Reads or exchanges the tensors of a value, in the order of its fields.
final class TensorRewriter: Rewriter {
    /// The tensors that were met.
    private(set) var found: [Tensor] = []
    private var replacements: ArraySlice<Tensor>?

    /// One that takes `replacements` for the tensors it meets; none, to find them.
    init(replacements: [Tensor]? = nil) { self.replacements = replacements?[...] }

    override func replacement(for object: AnyObject) -> AnyObject {
        guard let tensor = object as? Tensor else { return object }
        if replacements != nil { return replacements!.removeFirst() }
        found.append(tensor)
        return tensor
    }
}
