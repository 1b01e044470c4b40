import ApusCore

/// A module in the form of another one: members of the same names in the same order, with tensors of its own. Called, it computes what the
/// other does with them.
///
/// It needs no second object of the other's class, which only the runtime could make.
final class Likeness: Module {
    /// The module that is called; nil within another likeness, whose whole is called.
    @Unregistered private var original: Module? = nil
    private let kind: String
    private let olderKeysOfOriginal: [[(old: String, new: String)]]

    /// Each tensor of `model` cloned once, in the modes of its modules.
    convenience init(_ model: Module) {
        var made: [ObjectIdentifier: AnyObject] = [:]
        self.init(model, &made)
        original = model
    }

    private init(_ other: Module, _ made: inout [ObjectIdentifier: AnyObject]) {
        kind = other.typeName
        olderKeysOfOriginal = other.olderKeys
        super.init()
        training = other.training
        made[ObjectIdentifier(other)] = self
        func like<Object: AnyObject>(_ object: Object, _ make: () -> Object) -> Object {
            if let known = made[ObjectIdentifier(object)] as? Object { return known }
            let new = make()
            made[ObjectIdentifier(object)] = new
            return new
        }
        let (members, extras) = (other.members(), extrasForWriting)
        extras.olderNames = members.olderNames
        noGrad {
            extras.parameters = members.parameters.map { name, old in
                (name, like(old) { Parameter(old.detach().clone(), requiresGrad: old.requiresGrad) })
            }
            extras.buffers = members.buffers.map { name, old in
                (name, like(old) { Buffer(old.detach().clone(), persistent: old.isPersistent) })
            }
        }
        for (name, module) in members.modules {
            let known = made[ObjectIdentifier(module)] as? Module
            extras.modules.append((name, known ?? Likeness(module, &made)))
        }
    }

    override var typeName: String { kind }
    override var description: String { original?.description ?? super.description }
    override var olderKeys: [[(old: String, new: String)]] { olderKeysOfOriginal }

    /// Whether a call writes into another module while it lasts: its modes and the tensors of its layers.
    var borrowsLayers: Bool { original != nil }

    /// Runs `body` with the module that computes, with these tensors and modes in place of its own, by name. Traps if its tensors have got
    /// other names or shapes.
    func withLayers<Result>(_ body: (Module) throws -> Result) rethrows -> Result {
        guard let original else { return try body(self) }
        let modules = original.namedModules()
        let before = modules.map(\.module.training)
        let modes = Dictionary(uniqueKeysWithValues: namedModules().map { ($0.name, $0.module.training) })
        for (name, module) in modules { module.training = modes[name] ?? module.training }
        defer { for (module, mode) in zip(modules, before) { module.module.training = mode } }
        var tensors = StateDict()
        for (name, parameter) in namedParameters() { tensors[name] = parameter }
        for (name, buffer) in namedBuffers() { tensors[name] = buffer }
        let found =
            original.namedParameters().map { ($0.name, $0.parameter.shape) } + original.namedBuffers().map { ($0.name, $0.buffer.shape) }
        if let (name, shape) = found.first(where: { tensors[$0.0]?.shape != $0.1 }) {
            fail(
                "AveragedModel",
                "the model's \(name) of shape \(shape) has no average of this shape: the model has changed since its average began. "
                    + "AveragedModel(model, into:) keeps the averages in a model of their own")
        }
        return try original.functionalCall(tensors, strict: true) { try body(original) }
    }

    override func forward(_ x: Tensor) -> Tensor {
        guard let original else { return fail(typeName, "holds averages of a part of a model; call the whole: averaged(x)") }
        return withLayers { _ in original(x) }
    }
}
