import ApusCore

/// A parametrization that can be assigned to: `forward(rightInverse(x))` is x, or the nearest value that it can have.
public protocol InvertibleParametrization: Module {
    /// The original from which `value` is computed; nil where it cannot be found.
    func rightInverse(_ value: Tensor) -> Tensor?
}

/// A parametrization of one tensor by several, which become `original0`, `original1` and so on.
public protocol JointParametrization: Module {
    /// The tensor computed from the originals.
    func callAsFunction(_ originals: [Tensor]) -> Tensor
    /// Originals from which `value`, or the nearest possible value, is computed.
    func rightInverse(_ value: Tensor) -> [Tensor]
}

/// The parametrizations of one tensor, applied in order, and the tensor (`original`) or tensors (`original0`, …) that they start from.
/// PyTorch: `nn.utils.parametrize.ParametrizationList`; `registerParametrization` makes it.
public final class ParametrizationList: ModuleList {
    /// Whether shape and dtype of the result are left unchecked.
    public internal(set) var unsafe: Bool
    /// The original tensors, in order.
    @Unregistered public private(set) var originals: [Tensor]

    fileprivate init(_ parametrization: Module, _ originals: [Tensor], unsafe: Bool) {
        self.unsafe = unsafe
        self.originals = originals
        super.init()
        for (i, original) in originals.enumerated() {
            let name = parametrization is any JointParametrization ? "original\(i)" : "original"
            if let buffer = original as? Buffer { registerBuffer(name, buffer) } else { registerParameter(name, original as? Parameter) }
        }
        append(parametrization)
    }

    /// The parametrizations, in order.
    var values: [Module] { extras?.modules.map(\.module) ?? [] }

    /// The parametrized tensor.
    @discardableResult public func callAsFunction() -> Tensor {
        var x = originals[0]
        for (i, parametrization) in values.enumerated() {
            if i == 0, let joint = parametrization as? any JointParametrization { x = joint(originals) } else { x = parametrization(x) }
        }
        return x
    }

    /// Sets the originals so that the parametrized tensor becomes `value`, or the nearest possible value. PyTorch: `right_inverse`, and
    /// assignment to a parametrized attribute. Traps where a parametrization has no inverse, or it gives other shapes or dtypes.
    public func rightInverse(_ value: Tensor) {
        noGrad {
            var x = value.detach()
            for (i, parametrization) in values.enumerated().reversed() {
                if i == 0, let joint = parametrization as? any JointParametrization {
                    set(joint.rightInverse(x))
                    return
                }
                guard let inverse = (parametrization as? any InvertibleParametrization)?.rightInverse(x) else {
                    fail("ParametrizationList.rightInverse", "\(parametrization.typeName) has no inverse, so that nothing can be assigned")
                    return
                }
                x = inverse
            }
            set([x])
        }
    }

    private func set(_ values: [Tensor]) {
        for x in values where x.isPoisoned { return }
        guard values.count == originals.count, zip(values, originals).allSatisfy({ $0.shape == $1.shape && $0.dtype == $1.dtype }) else {
            fail(
                "ParametrizationList.rightInverse",
                "gives \(values.map { "\($0.dtype) \($0.shape)" }), the originals are \(originals.map { "\($0.dtype) \($0.shape)" })")
            return
        }
        for (value, original) in zip(values, originals) { original.copy_(value) }
    }

    @available(*, unavailable, message: "ParametrizationList takes no input: list()")
    public override func callAsFunction(_ x: Tensor) -> Tensor { needsOtherInputs("list()") }
}

/// A tensor of a module computed by its `parametrizations`.
struct Parametrized: Derivation {
    /// The suffixes of the originals' names in state dicts of the deprecated form, where there is one.
    var olderSuffixes: [String] = []

    func computation(_ name: String, in module: Module) -> () -> Tensor {
        let list = module.parametrizationDict?[name] as? ParametrizationList
        return { list?() ?? fail("parametrize", "the parametrizations of \(name) are gone; remove them with removeParametrizations") }
    }

    func remedy(_ name: String) -> String {
        "change parametrizations.\(name).original, or assign with parametrization(\"\(name)\").rightInverse"
    }

    func olderKeys(_ name: String) -> [(old: String, new: String)] {
        olderSuffixes.enumerated().map { ("\(name)\($1)", "parametrizations.\(name).original\($0)") }
    }
}

extension Module {
    final var parametrizationDict: ModuleDict? { extras?.modules.first { $0.name == "parametrizations" }?.module as? ModuleDict }

    /// The `ParametrizationList`s by the names of the parametrized tensors; nil where there are none. PyTorch: `module.parametrizations`.
    public final var parametrizations: ModuleDict? { derived.contains { $0.rule is Parametrized } ? parametrizationDict : nil }

    /// The parametrizations of the tensor of that name; nil where there are none. PyTorch: `module.parametrizations.weight`.
    public final func parametrization(_ tensorName: String) -> ParametrizationList? {
        parametrizations?[tensorName] as? ParametrizationList
    }
}

/// Makes the parameter or buffer `tensorName` the output of `parametrization`. PyTorch: `nn.utils.parametrize.register_parametrization`.
///
/// ```swift
/// final class Symmetric: Module {
///     override func forward(_ x: Tensor) -> Tensor { x.triu() + x.triu(1).transpose(0, 1) }
/// }
/// registerParametrization(linear, "weight", Symmetric())
/// ```
///
/// From then on `linear.weight` is computed whenever it is read, but once during a call of the layer. Gradients reach
/// `parametrizations.weight.original`, a new parameter; the weight itself is no parameter any more, so create the optimizer afterwards.
/// Several parametrizations are applied in the order of registration. The original starts as the inverse of the current value where the
/// parametrization has one (`InvertibleParametrization`, `JointParametrization`), else as the current value.
///
/// Traps where there is no such tensor, where it is computed otherwise (pruned, or by the functions `weightNorm` or `spectralNorm`), or,
/// without `unsafe`, where shape or dtype would change.
@discardableResult public func registerParametrization<Layer: Module>(
    _ module: Layer, _ tensorName: String, _ parametrization: Module, unsafe: Bool = false
) -> Layer {
    register(module, tensorName, parametrization, unsafe, Parametrized())
    return module
}

func register(_ module: Module, _ name: String, _ parametrization: Module, _ unsafe: Bool, _ rule: Parametrized) {
    let op = "registerParametrization"
    guard let target = module.tensor(named: name) else {
        fail(op, "\(module.typeName) has no parameter or buffer named '\(name)'")
        return
    }
    if target.isPoisoned { return }
    parametrization.train(module.training)
    if let list = module.parametrization(name) {
        guard unsafe || fits(noGrad { parametrization(target) }, target, op, name, "parametrization") else { return }
        if !unsafe, let inverse = (parametrization as? any InvertibleParametrization)?.rightInverse(target),
            !fits(inverse, target, op, name, "inverse")
        {
            return
        }
        list.append(parametrization)
        list.unsafe = list.unsafe || unsafe
        module.bindDerived()
        return
    }
    guard target.computed == nil else {
        fail(op, "'\(name)' of \(module.typeName) is computed already: it is pruned or normalised; remove that first")
        return
    }
    let value = target.detach()
    let made: [Tensor] = noGrad {
        if let joint = parametrization as? any JointParametrization { return joint.rightInverse(value) }
        return [(parametrization as? any InvertibleParametrization)?.rightInverse(value) ?? value]
    }
    for x in made where x.isPoisoned { return }
    if !(parametrization is any JointParametrization), made[0].dtype != value.dtype {
        fail(op, "the inverse of \(parametrization.typeName) gives \(made[0].dtype), but '\(name)' is \(value.dtype)")
        return
    }
    let originals = made.map { x -> Tensor in
        (target as? Buffer).map { Buffer(x.detach(), persistent: $0.isPersistent) }
            ?? Parameter(x.detach(), requiresGrad: target.requiresGrad)
    }
    let list = ParametrizationList(parametrization, originals, unsafe: unsafe)
    list.train(module.training)
    guard unsafe || fits(noGrad { list() }, target, op, name, "parametrization") else { return }
    let dictionary = module.parametrizationDict ?? ModuleDict()
    if module.parametrizationDict == nil { module.addModule("parametrizations", dictionary) }
    dictionary[name] = list
    module.derive(name, target, by: rule)
}

private func fits(_ result: Tensor, _ target: Tensor, _ op: String, _ name: String, _ what: String) -> Bool {
    if result.isPoisoned { return false }
    if result.shape == target.shape && result.dtype == target.dtype { return true }
    fail(
        op,
        "the \(what) gives \(result.dtype) \(result.shape), but '\(name)' is \(target.dtype) \(target.shape); pass unsafe: true where that is intended"
    )
    return false
}

/// Whether any parameter or buffer of the module (or that one) is parametrized. PyTorch: `nn.utils.parametrize.is_parametrized`.
public func isParametrized(_ module: Module, _ tensorName: String? = nil) -> Bool {
    guard let dictionary = module.parametrizations else { return false }
    return tensorName.map { dictionary[$0] != nil } ?? (dictionary.count > 0)
}

/// Makes a parametrized tensor a parameter or buffer again, with its current value, or with that of the original where `leaveParametrized`
/// is false (for parametrizations of one tensor). Its gradient and optimizer state are lost.
/// PyTorch: `nn.utils.parametrize.remove_parametrizations`.
@discardableResult public func removeParametrizations<Layer: Module>(
    _ module: Layer, _ tensorName: String, leaveParametrized: Bool = true
) -> Layer {
    guard let list = module.parametrization(tensorName), let dictionary = module.parametrizations else {
        fail("removeParametrizations", "'\(tensorName)' of \(module.typeName) is not parametrized")
        return module
    }
    guard leaveParametrized || list.originals.count == 1 && !(list[0] is any JointParametrization) else {
        fail(
            "removeParametrizations",
            "'\(tensorName)' is made of several originals, none of which could take its place; leave it parametrized")
        return module
    }
    let value = leaveParametrized ? noGrad { list().clone() } : list.originals[0]
    if value.isPoisoned { return module }
    module.underive(tensorName, value: value, requiresGrad: list.originals.contains { $0.requiresGrad })
    dictionary[tensorName] = nil
    if dictionary.count == 0 { module.unregister(modules: ["parametrizations"]) }
    return module
}

/// Runs `body`, in which every parametrized tensor is computed at most once. PyTorch: `nn.utils.parametrize.cached`.
@discardableResult public func cachedParametrizations<Result>(_ body: () throws -> Result) rethrows -> Result {
    let context = Context.current
    let outer = context.computed
    if outer == nil { context.computed = [:] }
    defer { context.computed = outer }
    return try body()
}

/// Registers the parametrizations of `from` (or of one tensor) with `to` as well, and copies the originals. The modules are shared.
/// PyTorch: `nn.utils.parametrize.transfer_parametrizations_and_params`.
@discardableResult public func transferParametrizationsAndParams<Layer: Module>(
    from: Module, to: Layer, _ tensorName: String? = nil
) -> Layer {
    for name in tensorName.map({ [$0] }) ?? from.parametrizations?.keys ?? [] {
        guard let list = from.parametrization(name) else { continue }
        if to.tensor(named: name) == nil { to.registerParameter(name, Parameter(noGrad { list().clone() })) }
        for parametrization in list.values { register(to, name, parametrization, list.unsafe, Parametrized()) }
        guard let made = to.parametrization(name) else { continue }
        noGrad {
            for (original, value) in zip(made.originals, list.originals) { original.copy_(value) }
        }
    }
    return to
}
