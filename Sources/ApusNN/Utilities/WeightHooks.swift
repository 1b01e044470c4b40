import ApusCore

// Deprecated forms of `Parametrizations` with other keys, for state dicts that have them.

/// w = g·v/‖v‖ with the parameters `weight_g` and `weight_v`; `dim` as in `Parametrizations.weightNorm`, which takes the place of this
/// function. PyTorch: `nn.utils.weight_norm`, which is deprecated.
@discardableResult public func weightNorm<Layer: Module>(_ module: Layer, _ name: String = "weight", dim: Int? = 0) -> Layer {
    guard let target = normalizable("weightNorm", module, name) else { return module }
    let kept = dim == -1 ? nil : dim
    let value = target.detach()
    let length = noGrad { WeightNormalization.length(value, kept) }
    if length.isPoisoned { return module }
    module.registerParameter(name + "_g", Parameter(length, requiresGrad: true))
    module.registerParameter(name + "_v", Parameter(value, requiresGrad: true))
    module.derive(name, target, by: LengthAndDirection(dim: kept))
    return module
}

/// Makes the normalised weight a parameter again. PyTorch: `nn.utils.remove_weight_norm`.
@discardableResult public func removeWeightNorm<Layer: Module>(_ module: Layer, _ name: String = "weight") -> Layer {
    guard let target = module.derived.first(where: { $0.name == name && $0.rule is LengthAndDirection })?.target else {
        fail("removeWeightNorm", "'\(name)' of \(module.typeName) has no weight norm")
        return module
    }
    module.underive(name, value: noGrad { target.clone() }, requiresGrad: true)
    module.unregister(parameters: [name + "_g", name + "_v"])
    return module
}

/// w/σ(w) with the parameter `weight_orig` and the buffers `weight_u` and `weight_v`. PyTorch: `nn.utils.spectral_norm`.
/// See `Parametrizations.spectralNorm`, which PyTorch recommends.
@discardableResult public func spectralNorm<Layer: Module>(
    _ module: Layer, _ name: String = "weight", nPowerIterations: Int = 1, eps: Double = 1e-12, dim: Int? = nil
) -> Layer {
    guard let target = normalizable("spectralNorm", module, name) else { return module }
    let rows = dim ?? (Parametrizations.isTransposed(module) ? 1 : 0)
    guard nPowerIterations > 0, rows >= -target.ndim, rows < target.ndim else {
        fail(
            "spectralNorm",
            "nPowerIterations (\(nPowerIterations)) must be positive, and dim (\(rows)) one of a weight of shape \(target.shape)")
        return module
    }
    let iteration = PowerIteration(target, dim: rows < 0 ? rows + target.ndim : rows, eps)
    module.registerParameter(name + "_orig", Parameter(target.detach(), requiresGrad: target.requiresGrad))
    module.registerBuffer(name + "_u", iteration.u)
    module.registerBuffer(name + "_v", iteration.v)
    module.derive(name, target, by: LargestSingularValue(dim: iteration.dim, eps: eps, steps: nPowerIterations))
    return module
}

/// Makes the normalised weight a parameter again. PyTorch: `nn.utils.remove_spectral_norm`.
@discardableResult public func removeSpectralNorm<Layer: Module>(_ module: Layer, _ name: String = "weight") -> Layer {
    guard let target = module.derived.first(where: { $0.name == name && $0.rule is LargestSingularValue })?.target else {
        fail("removeSpectralNorm", "'\(name)' of \(module.typeName) has no spectral norm")
        return module
    }
    module.underive(name, value: target.detach().clone(), requiresGrad: true)
    module.unregister(parameters: [name + "_orig"], buffers: [name + "_u", name + "_v"])
    return module
}

/// The parameter or buffer of that name; nil after an error.
private func normalizable(_ op: String, _ module: Module, _ name: String) -> Tensor? {
    guard let target = module.tensor(named: name) else {
        fail(op, "\(module.typeName) has no parameter named '\(name)'")
        return nil
    }
    guard target.computed == nil else {
        fail(op, "'\(name)' of \(module.typeName) is computed already; remove that first")
        return nil
    }
    return target.isPoisoned ? nil : target
}

private struct LengthAndDirection: Derivation {
    let dim: Int?

    func computation(_ name: String, in module: Module) -> () -> Tensor {
        guard let g = module.tensor(named: name + "_g"), let v = module.tensor(named: name + "_v") else {
            return { fail("weightNorm", "\(name)_g or \(name)_v is gone") }
        }
        return { WeightNormalization.weight(g, v, dim) }
    }
    func remedy(_ name: String) -> String { "change \(name)_g and \(name)_v" }
}

private struct LargestSingularValue: Derivation {
    let dim: Int
    let eps: Double
    let steps: Int

    func computation(_ name: String, in module: Module) -> () -> Tensor {
        guard let original = module.tensor(named: name + "_orig"), let u = module.tensor(named: name + "_u") as? Buffer,
            let v = module.tensor(named: name + "_v") as? Buffer
        else { return { fail("spectralNorm", "\(name)_orig, \(name)_u or \(name)_v is gone") } }
        let iteration = PowerIteration(u: u, v: v, dim: dim, eps: eps)
        // Reads the module's mode without retaining the module, which holds these tensors.
        let isTraining = { [weak module] in module?.training ?? false }
        return {
            let matrix = iteration.matrix(original)
            if isTraining() && !Context.current.isReadingComputed && !isRecomputing {
                noGrad { iteration.advance(matrix.detach(), steps, leftFirst: false) }
            }
            return original / iteration.sigma(matrix)
        }
    }
    func remedy(_ name: String) -> String { "change \(name)_orig" }
}
