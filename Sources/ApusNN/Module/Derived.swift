import ApusCore

/// How a parameter or buffer of a module is computed from other members: by parametrizations, or by a pruning mask.
protocol Derivation {
    /// The computation of the member `name` from the members that `module` has now. It must not retain the module.
    func computation(_ name: String, in module: Module) -> () -> Tensor
    /// What the user can change instead of the computed tensor.
    func remedy(_ name: String) -> String
    /// The names of members in older state dicts, and the members' paths now.
    func olderKeys(_ name: String) -> [(old: String, new: String)]
}

extension Derivation {
    func olderKeys(_ name: String) -> [(old: String, new: String)] { [] }
}

/// A tensor that is computed and so no longer a member, though the layer's property still refers to it.
struct DerivedMember {
    let name: String
    let target: Tensor
    let rule: any Derivation
}

extension Module {
    /// The tensors of the module that are computed from its members.
    final var derived: [DerivedMember] { extras?.hooks?.derived ?? [] }

    /// The parameter or buffer of that name, even if it is computed; nil where there is none.
    final func tensor(named name: String) -> Tensor? {
        if let found = derived.first(where: { $0.name == name }) { return found.target }
        let members = members()
        return members.parameters.first { $0.name == name }?.parameter ?? members.buffers.first { $0.name == name }?.buffer
    }

    /// Makes the member `name` a computed tensor by `rule`; the members that the rule reads must exist.
    final func derive(_ name: String, _ target: Tensor, by rule: any Derivation) {
        let extras = extrasForWriting
        let hooks = extras.hooks ?? ModuleHooks()
        extras.hooks = hooks
        hooks.derived.append(DerivedMember(name: name, target: target, rule: rule))
        bindDerived()
    }

    /// Makes a computed tensor a member again, with `value` (shared, not copied).
    final func underive(_ name: String, value: Tensor, requiresGrad: Bool) {
        guard let hooks = extras?.hooks, let at = hooks.derived.firstIndex(where: { $0.name == name }) else { return }
        let target = hooks.derived.remove(at: at).target
        target.setComputed(nil)
        target.setData(value.detach())
        target.requiresGrad = requiresGrad
        if hooks.isEmpty { extras?.hooks = nil }
    }

    /// Recreates every computation from the members that the module has now, after they were created, replaced or copied.
    final func bindDerived() {
        for member in derived {
            member.target.setComputed(Computed(remedy: member.rule.remedy(member.name), member.rule.computation(member.name, in: self)))
        }
    }

    /// Removes members that were registered by name.
    final func unregister(parameters: [String] = [], buffers: [String] = [], modules: [String] = []) {
        extras?.parameters.removeAll { parameters.contains($0.name) }
        extras?.buffers.removeAll { buffers.contains($0.name) }
        extras?.modules.removeAll { modules.contains($0.name) }
    }
}
