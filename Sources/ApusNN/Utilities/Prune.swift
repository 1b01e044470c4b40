import ApusCore

/// Pruning by a mask of zeros and ones over a parameter. PyTorch: `nn.utils.prune`.
///
/// The first pruning of `weight` creates the parameter `weight_orig` and the buffer `weight_mask`; `layer.weight` is their product
/// whenever it is read, and no parameter any more, so create the optimizer afterwards. Later prunings choose among what is left. The
/// functions return the module. An integer `amount` is a number of elements (or channels), a floating-point one a fraction from 0 to 1 of
/// those that are left, rounded to the nearest number, halves to even. They trap where there is no such parameter, or the amount is out of
/// range.
public enum Prune {
    /// Prunes nothing: the mask is ones. PyTorch: `prune.identity`.
    @discardableResult public static func identity<Layer: Module>(_ module: Layer, _ name: String) -> Layer {
        apply(Identity(), module, name)
    }

    /// Prunes random elements. PyTorch: `prune.random_unstructured`.
    @discardableResult public static func randomUnstructured<Layer: Module>(
        _ module: Layer, _ name: String, amount: some ScalarConvertible
    ) -> Layer {
        apply(RandomUnstructured(amount), module, name)
    }

    /// Prunes the elements with the smallest absolute value, of the parameter or of `importanceScores`. PyTorch: `prune.l1_unstructured`.
    @discardableResult public static func l1Unstructured<Layer: Module>(
        _ module: Layer, _ name: String, amount: some ScalarConvertible, importanceScores: Tensor? = nil
    ) -> Layer {
        apply(L1Unstructured(amount), module, name, importanceScores: importanceScores)
    }

    /// Prunes random channels along `dim`. PyTorch: `prune.random_structured`.
    @discardableResult public static func randomStructured<Layer: Module>(
        _ module: Layer, _ name: String, amount: some ScalarConvertible, dim: Int
    ) -> Layer {
        apply(RandomStructured(amount, dim: dim), module, name)
    }

    /// Prunes the channels along `dim` with the smallest `n`-norm. PyTorch: `prune.ln_structured`.
    @discardableResult public static func lnStructured<Layer: Module>(
        _ module: Layer, _ name: String, amount: some ScalarConvertible, n: Double, dim: Int, importanceScores: Tensor? = nil
    ) -> Layer {
        apply(LnStructured(amount, n: n, dim: dim), module, name, importanceScores: importanceScores)
    }

    /// Prunes the elements where `mask` is 0. PyTorch: `prune.custom_from_mask`.
    @discardableResult public static func customFromMask<Layer: Module>(_ module: Layer, _ name: String, mask: Tensor) -> Layer {
        apply(CustomFromMask(mask), module, name)
    }

    /// Prunes several parameters as one: `method` chooses among the elements of all. PyTorch: `prune.global_unstructured`.
    ///
    /// `importanceScores`, if given, has a tensor or nil for each parameter. Traps for a method that prunes whole channels.
    public static func globalUnstructured(
        _ parameters: [(module: Module, name: String)], _ method: some PruningMethod, importanceScores: [Tensor?]? = nil
    ) {
        let op = "Prune.globalUnstructured"
        guard case .unstructured = method.kind else {
            fail(op, "is for methods that prune single elements, not for \(type(of: method))")
            return
        }
        var tensors: [Tensor] = []
        for (module, name) in parameters {
            guard let tensor = module.tensor(named: name) else {
                fail(op, "\(module.typeName) has no parameter named '\(name)'")
                return
            }
            tensors.append(tensor)
        }
        guard importanceScores == nil || importanceScores?.count == parameters.count else {
            fail(op, "there are \(importanceScores?.count ?? 0) importance scores for \(parameters.count) parameters")
            return
        }
        let masks: Tensor = noGrad {
            let scores = tensors.enumerated().map { (importanceScores?[$0] ?? $1).detach() }
            for (score, tensor) in zip(scores, tensors) where score.shape != tensor.shape {
                return fail(op, "importance scores of shape \(score.shape) do not fit a parameter of shape \(tensor.shape)")
            }
            let before = zip(parameters, tensors).map { place, tensor in
                place.module.tensor(named: place.name + "_mask") ?? Tensor.ones(like: tensor)
            }
            return combined(method, parametersToVector(scores), parametersToVector(before))
        }
        if masks.isPoisoned { return }
        var start = 0
        for ((module, name), tensor) in zip(parameters, tensors) {
            customFromMask(module, name, mask: masks.narrow(0, start, tensor.numel).reshape(tensor.shape))
            start += tensor.numel
        }
    }

    /// Makes the pruned values the parameter's own and removes mask and original. PyTorch: `prune.remove`.
    @discardableResult public static func remove<Layer: Module>(_ module: Layer, _ name: String) -> Layer {
        guard let member = module.derived.first(where: { $0.name == name && $0.rule is Pruned }),
            let original = module.tensor(named: name + "_orig")
        else {
            fail("Prune.remove", "'\(name)' of \(module.typeName) is not pruned")
            return module
        }
        let value = noGrad { member.target.clone() }
        module.underive(name, value: value, requiresGrad: original.requiresGrad)
        module.unregister(parameters: [name + "_orig"], buffers: [name + "_mask"])
        return module
    }

    /// Whether any parameter in the module is pruned. PyTorch: `prune.is_pruned`.
    public static func isPruned(_ module: Module) -> Bool { module.modules().contains { $0.derived.contains { $0.rule is Pruned } } }

    /// Prunes by any method, such as a custom one. PyTorch: `BasePruningMethod.apply`.
    @discardableResult public static func apply<Layer: Module>(
        _ method: some PruningMethod, _ module: Layer, _ name: String, importanceScores: Tensor? = nil
    ) -> Layer {
        let op = "Prune.\(type(of: method))"
        guard let target = module.tensor(named: name) else {
            fail(op, "\(module.typeName) has no parameter named '\(name)'")
            return module
        }
        let isPruned = module.derived.contains { $0.name == name && $0.rule is Pruned }
        guard isPruned || target.computed == nil else {
            fail(op, "'\(name)' of \(module.typeName) is computed already: it is parametrized or normalised; remove that first")
            return module
        }
        if target.isPoisoned { return module }
        if let importanceScores, importanceScores.shape != target.shape {
            fail(op, "importanceScores of shape \(importanceScores.shape) do not fit '\(name)' of shape \(target.shape)")
            return module
        }
        let before = isPruned ? module.tensor(named: name + "_mask") : nil
        let mask: Tensor = noGrad {
            let scores = (importanceScores ?? target).detach()
            guard let before else { return method.computeMask(scores, defaultMask: Tensor.ones(like: target)) }
            return combined(method, scores, before.detach().clone())
        }
        if mask.isPoisoned { return module }
        guard mask.shape == target.shape else {
            fail(op, "gave a mask of shape \(mask.shape) for '\(name)' of shape \(target.shape)")
            return module
        }
        if let before {
            noGrad { _ = before.copy_(mask) }
            return module
        }
        module.registerParameter(name + "_orig", Parameter(target.detach(), requiresGrad: target.requiresGrad))
        module.registerBuffer(name + "_mask", mask.to(target.dtype).clone())
        module.derive(name, target, by: Pruned())
        return module
    }

    /// The mask after one more method, which chooses among what the mask before left.
    static func combined(_ method: some PruningMethod, _ scores: Tensor, _ before: Tensor) -> Tensor {
        switch method.kind {
        case .global: return method.computeMask(scores, defaultMask: before)
        case .unstructured:
            let left = before.reshape([-1]).ne(0).nonzero().reshape([-1])
            let part = method.computeMask(
                scores.reshape([-1]).indexSelect(dim: 0, left), defaultMask: before.reshape([-1]).indexSelect(dim: 0, left))
            return before.reshape([-1]).scatter(0, left, part.to(before.dtype)).reshape(before.shape)
        case .structured(let dim):
            return composite("Prune.\(type(of: method))", scores, before) { () throws(OpError) in
                let at = try normalize(dim: dim, ndim: scores.ndim)
                let others = (0..<scores.ndim).filter { $0 != at }
                let left = before.ne(0).to(before.dtype).sum(dim: others).ne(0).nonzero().reshape([-1])
                let part = method.computeMask(scores.indexSelect(dim: at, left), defaultMask: before.indexSelect(dim: at, left))
                if part.isPoisoned { return part }
                // Channels that are gone stay so.
                return Tensor.zeros(like: before).indexAdd(dim: at, left, part.to(before.dtype))
            }
        }
    }
}

/// A parameter times its mask.
private struct Pruned: Derivation {
    func computation(_ name: String, in module: Module) -> () -> Tensor {
        guard let original = module.tensor(named: name + "_orig"), let mask = module.tensor(named: name + "_mask") else {
            return { fail("Prune", "the original or the mask of \(name) is gone; remove pruning with Prune.remove") }
        }
        return { original * mask }
    }
    func remedy(_ name: String) -> String { "change \(name)_orig or \(name)_mask" }
}
