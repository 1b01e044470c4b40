import ApusCore
import ApusSystem

extension Module {
    /// Runs `body` with `tensors` in place of the module's parameters and buffers of those keys. Gradients flow to them.
    /// PyTorch: `torch.func.functional_call`.
    ///
    /// ```swift
    /// let loss = model.functionalCall(weights) { criterion(model(x), y) }
    /// ```
    /// Traps on a key that the module lacks and on a tensor of another shape, and with `strict` where one of its own keys is missing.
    public final func functionalCall<Result>(_ tensors: StateDict, strict: Bool = false, _ body: () throws -> Result) rethrows -> Result {
        var own: [ByteKey: Tensor] = [:]
        for (name, parameter) in namedParameters() { own[ByteKey(name)] = parameter }
        for (name, buffer) in namedBuffers() { own[ByteKey(name)] = buffer }
        var pairs: [(original: Tensor, replacement: Tensor)] = []
        for key in tensors.keys {
            let replacement = tensors[key]!
            guard let original = own[ByteKey(key)] else {
                fail(
                    typeName,
                    "functionalCall: there is no parameter or buffer '\(key)'; there are \(own.keys.map(\.name).sorted().joined(separator: ", "))"
                )
                continue
            }
            guard replacement.isPoisoned || replacement.shape == original.shape else {
                fail(typeName, "functionalCall: '\(key)' has shape \(replacement.shape), the module's has \(original.shape)")
                continue
            }
            pairs.append((original, replacement))
        }
        if strict {
            let missing = own.keys.map(\.name).filter { tensors[$0] == nil }.sorted()
            if !missing.isEmpty {
                fail(
                    typeName,
                    "functionalCall: \(missing.joined(separator: ", ")) \(missing.count == 1 ? "is" : "are") missing, but strict asks for all"
                )
            }
        }
        // Tensors that are computed from those of another dtype or device have that too.
        let changesForm = pairs.contains { $0.original.dtype != $0.replacement.dtype || $0.original.device != $0.replacement.device }
        func bind() { if changesForm { for module in modules() { module.bindDerived() } } }
        defer { bind() }
        return try Tensor.substituting(pairs) {
            bind()
            return try body()
        }
    }

    /// The same with an ordinary dictionary, such as `Dictionary(uniqueKeysWithValues: model.namedParameters())`.
    @_disfavoredOverload public final func functionalCall<Result>(
        _ tensors: [String: Tensor], strict: Bool = false, _ body: () throws -> Result
    ) rethrows -> Result {
        try functionalCall(StateDict(tensors), strict: strict, body)
    }

    /// The same with an ordinary dictionary.
    @_disfavoredOverload public final func functionalCall(_ tensors: [String: Tensor], _ x: Tensor, strict: Bool = false) -> Tensor {
        functionalCall(StateDict(tensors), x, strict: strict)
    }

    /// The output for `x`, computed with `tensors` in place of the parameters and buffers; traps as the form with a closure does.
    public final func functionalCall(_ tensors: StateDict, _ x: Tensor, strict: Bool = false) -> Tensor {
        functionalCall(tensors, strict: strict) { self(x) }
    }
}

/// The parameters and buffers of models with the same layers, stacked along a new first dimension. With `Func.vmap` and `functionalCall`
/// this runs an ensemble. PyTorch: `torch.func.stack_module_state`. A stacked parameter requires a gradient where the models' do. Traps
/// where there is no model, or where the models differ in keys, in shapes or in what requires a gradient.
public func stackModuleState(_ models: [Module]) -> (parameters: StateDict, buffers: StateDict) {
    func stacked(_ named: [[(name: String, tensor: Tensor)]]) -> StateDict {
        var result = StateDict()
        guard let first = named.first else { return result }
        for (i, (name, _)) in first.enumerated() {
            guard named.allSatisfy({ $0.count == first.count && $0[i].name == name }) else {
                fail("stackModuleState", "the models differ: not all have '\(name)' at place \(i)")
                return result
            }
            let requires = first[i].tensor.requiresGrad
            guard named.allSatisfy({ $0[i].tensor.requiresGrad == requires }) else {
                fail("stackModuleState", "'\(name)' requires a gradient in some of the models but not in all; freeze it in all or in none")
                return result
            }
            result[name] = Tensor.stack(named.map { $0[i].tensor.detach() }).requiresGrad_(requires)
        }
        return result
    }
    if models.isEmpty { fail("stackModuleState", "got no models") }
    return (
        stacked(models.map { $0.namedParameters().map { (name: $0.name, tensor: $0.parameter as Tensor) } }),
        stacked(models.map { $0.namedBuffers().map { (name: $0.name, tensor: $0.buffer as Tensor) } })
    )
}
