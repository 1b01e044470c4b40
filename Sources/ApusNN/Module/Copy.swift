import ApusCore
import CContext

extension Module {
    /// A deep copy: each layer, parameter and buffer is copied once, so that what is shared within the module is shared within the copy.
    /// PyTorch: `copy.deepcopy(module)`.
    ///
    /// Works for every subclass: makes an object of the same class field by field, without running initialisers. A field that is or holds
    /// (in arrays, optionals, dictionaries, tuples, structs and enums) a module, parameter, buffer or tensor gets a copy of it; every other
    /// value is copied as by assignment, so objects of other classes are shared. The copy of a tensor is a leaf with the same values,
    /// `requiresGrad` and gradient. Hooks are kept. Traps for a stored property that is `weak` or `unowned`, since it is unknown what the
    /// copy should refer to, and for one that holds layers that can be found but not replaced, such as an `indirect` enum.
    /// It uses functions of Swift's runtime that are not guaranteed to stay the same: before the first copy a test class is copied and
    /// examined, and where the runtime of another toolchain differs, this traps and says so.
    public final func copy() -> Self {
        guard RuntimeCheck.holds(for: "\(typeName).copy") else { return self }
        let copy = ModuleCopier().copy(self) as! Self
        let own = Set(modules().map { ObjectIdentifier($0) })
        if copy !== self, let shared = copy.namedModules().first(where: { own.contains(ObjectIdentifier($0.module)) }) {
            fail(
                "\(typeName).copy",
                "'\(shared.name)' lies in a value that cannot be taken apart, so that the copy would share it; hold it in a struct or an array, or build the copy by hand"
            )
        }
        return copy
    }
}

/// Copies the objects of modules, each once.
final class ModuleCopier: Rewriter {
    private var made: [ObjectIdentifier: AnyObject] = [:]

    override func replacement(for object: AnyObject) -> AnyObject {
        switch object {
        case let module as Module: copy(module)
        case let tensor as Tensor: copy(tensor)
        case let extras as ModuleExtras: copy(extras)
        default: object
        }
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
            copy.olderNames = extras.olderNames
            copy.hooks = extras.hooks.map(ModuleHooks.init(copying:))
            copy.hooks?.derived =
                extras.hooks?.derived.map { DerivedMember(name: $0.name, target: self.copy($0.target), rule: $0.rule) } ?? []
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
        let fields = StoredField.all(of: type)
        guard areStrong(fields, of: module.typeName) else { return module }
        let size = Int(instanceExtents(type).positive)
        let strictest = fields.map { alignment(of: $0.type) }.max() ?? 1
        // The object's reference count is 1 and belongs to this function. Its class is `type`, and every field is initialised below before
        // anything can read it; `made` holds only the reference, for a module that contains itself.
        let memory = apus_allocate_object(unsafeBitCast(type, to: UnsafeRawPointer.self), size, max(strictest, 16) - 1)
        let copy = Unmanaged<Module>.fromOpaque(memory)
        let source = UnsafeRawPointer(Unmanaged.passUnretained(module).toOpaque())
        made[ObjectIdentifier(module)] = copy.takeUnretainedValue()
        for field in fields { initialize(field.type, from: source + field.offset, to: memory + field.offset) }
        let made = copy.takeRetainedValue()
        made.bindDerived()
        return made
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
