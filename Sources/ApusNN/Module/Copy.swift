import ApusCore
import CContext
import OrderedCollections

extension Module {
    /// A deep copy: layers, parameters and buffers are copied once each and referred to as here, so that what is shared in it is
    /// shared in the copy. PyTorch: `copy.deepcopy(module)`.
    ///
    /// Works for every subclass without a line in it: an object of the same class is made field by field. A field that is or holds (in arrays,
    /// optionals, dictionaries and the property wrappers here) a module, parameter, buffer or tensor gets a copy of that; every other value is
    /// copied as an assignment would, so structs are copies and other objects are shared. Initialisers do not run. A tensor's copy is a leaf with
    /// the same values, `requiresGrad` and gradient. Hooks are kept. A stored property that is `weak` or `unowned` traps: what it should refer to is not known.
    public final func copy() -> Self {
        ModuleCopier().copy(self) as! Self
    }
}

/// Copies what modules are made of, each object once.
final class ModuleCopier {
    private var made: [ObjectIdentifier: AnyObject] = [:]

    /// What a stored property of the copy holds in place of `value`.
    func copy<Value>(value: Value) -> Value {
        if let module = value as? Module { return copy(module) as! Value }
        if let tensor = value as? Tensor { return copy(tensor) as! Value }
        if let extras = value as? ModuleExtras { return copy(extras) as! Value }
        if let holder = value as? any CopiedInDepth { return holder.copied(by: self) as! Value }
        return value
    }

    func copy(_ tensor: Tensor) -> Tensor {
        remembered(tensor) {
            let values = noGrad { tensor.detach().clone() }
            let copy: Tensor =
                switch tensor {
                case is Parameter: Parameter(values, requiresGrad: false)
                case let buffer as Buffer: Buffer(values, persistent: buffer.isPersistent)
                default: values
                }
            if tensor.requiresGrad { copy.requiresGrad = true }
            if let grad = tensor.grad { copy.grad = noGrad { grad.detach().clone() } }
            return copy
        }
    }

    private func copy(_ extras: ModuleExtras) -> ModuleExtras {
        remembered(extras) {
            let copy = ModuleExtras()
            copy.parameters = extras.parameters.map { ($0.name, self.copy($0.parameter) as! Parameter) }
            copy.buffers = extras.buffers.map { ($0.name, self.copy($0.buffer) as! Buffer) }
            copy.modules = extras.modules.map { ($0.name, self.copy($0.module)) }
            copy.hooks = extras.hooks.map(ModuleHooks.init(copying:))
            copy.hooks?.derived = extras.hooks?.derived.map { DerivedMember(name: $0.name, target: self.copy($0.target), rule: $0.rule) } ?? []
            return copy
        }
    }

    private func remembered<Object: AnyObject>(_ object: Object, _ make: () -> Object) -> Object {
        if let known = made[ObjectIdentifier(object)] { return known as! Object }
        let copy = make()
        made[ObjectIdentifier(object)] = copy
        return copy
    }

    /// Makes an object of the module's class and initialises its fields one by one.
    func copy(_ module: Module) -> Module {
        if let known = made[ObjectIdentifier(module)] { return known as! Module }
        let type: AnyClass = Swift.type(of: module)
        let fields = (0..<fieldCount(type)).map { ObjectField(type, $0) }
        if let field = fields.first(where: { !$0.isStrong }) {
            fail("\(module.typeName).copy", "property '\(field.name)' is weak or unowned, so what the copy's should refer to is unknown; make it strong, or build the copy by hand")
            return module
        }
        let size = Int(instanceExtents(type).positive)
        let strictest = fields.map { alignment(of: $0.type) }.max() ?? 1
        // The object's reference count is 1 and belongs to this function. Its class is `type` and every field is initialised below before
        // anything can see it, except in `made`, where a module that contains itself finds the reference and nothing else.
        let memory = apus_allocate_object(unsafeBitCast(type, to: UnsafeRawPointer.self), size, max(strictest, 16) - 1)
        let copy = Unmanaged<Module>.fromOpaque(memory)
        let source = UnsafeRawPointer(Unmanaged.passUnretained(module).toOpaque())
        made[ObjectIdentifier(module)] = copy.takeUnretainedValue()
        for field in fields { initialize(field.type, from: source + field.offset, to: memory + field.offset) }
        let made = copy.takeRetainedValue()
        made.bindDerived()
        return made
    }

    private func initialize<Field>(_ type: Field.Type, from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer) {
        let value = source.assumingMemoryBound(to: type).pointee
        target.assumingMemoryBound(to: type).initialize(to: copy(value: value))
    }
}

private func alignment<Field>(of type: Field.Type) -> Int { MemoryLayout<Field>.alignment }

extension ModuleHooks {
    convenience init(copying other: ModuleHooks) {
        self.init()
        beforeForward = other.beforeForward
        afterForward = other.afterForward
        beforeBackward = other.beforeBackward
        backward = other.backward
        lastID = other.lastID
    }
}

// MARK: - Holders of members

private protocol CopiedInDepth {
    func copied(by copier: ModuleCopier) -> Self
}

extension Optional: CopiedInDepth {
    fileprivate func copied(by copier: ModuleCopier) -> Self { map { copier.copy(value: $0) } }
}
extension Array: CopiedInDepth {
    fileprivate func copied(by copier: ModuleCopier) -> Self {
        Element.self is any ScalarConvertible.Type ? self : map { copier.copy(value: $0) }
    }
}
extension Dictionary: CopiedInDepth {
    fileprivate func copied(by copier: ModuleCopier) -> Self { mapValues { copier.copy(value: $0) } }
}
extension OrderedDictionary: CopiedInDepth {
    fileprivate func copied(by copier: ModuleCopier) -> Self { mapValues { copier.copy(value: $0) } }
}
extension Named: CopiedInDepth {
    fileprivate func copied(by copier: ModuleCopier) -> Self { Named(wrappedValue: copier.copy(value: wrappedValue), name) }
}
extension Unregistered: CopiedInDepth {
    fileprivate func copied(by copier: ModuleCopier) -> Self { Unregistered(wrappedValue: copier.copy(value: wrappedValue)) }
}

// MARK: - The runtime's description of a class

/// One stored property of a class, of its own or of a superclass. `Mirror` reads the same description, but does not tell where a field lies.
private struct ObjectField {
    let name: String
    let type: Any.Type
    let offset: Int
    let isStrong: Bool

    init(_ owner: AnyClass, _ index: Int) {
        var metadata = FieldMetadata()
        type = fieldMetadata(owner, index: index, into: &metadata)
        name = metadata.name.map { String(cString: $0) } ?? ""
        metadata.free?(metadata.name)
        isStrong = metadata.isStrong
        offset = fieldOffset(owner, index: index)
    }
}

/// As the runtime fills it (`_FieldReflectionMetadata` of the standard library).
private struct FieldMetadata {
    var name: UnsafePointer<CChar>?
    var free: (@convention(c) (UnsafePointer<CChar>?) -> Void)?
    var isStrong = false
    var isVar = false
}

// The functions under `Mirror`, exported by the standard library.
@_silgen_name("swift_reflectionMirror_recursiveCount") private func fieldCount(_ type: Any.Type) -> Int
@_silgen_name("swift_reflectionMirror_recursiveChildMetadata")
private func fieldMetadata(_ type: Any.Type, index: Int, into metadata: UnsafeMutablePointer<FieldMetadata>) -> Any.Type
@_silgen_name("swift_reflectionMirror_recursiveChildOffset") private func fieldOffset(_ type: Any.Type, index: Int) -> Int
@_silgen_name("_swift_getSwiftClassInstanceExtents") private func instanceExtents(_ type: AnyClass) -> (negative: UInt, positive: UInt)
