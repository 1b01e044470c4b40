import ApusCore

/// How a parameter or buffer of a module is computed from other members of it: by its parametrizations, by a pruning mask.
protocol Derivation {
    /// The computation of the member `name`, with the members that `module` has now. It must not hold the module.
    func computation(_ name: String, in module: Module) -> () -> Tensor
    /// What to change in place of the computed tensor.
    func remedy(_ name: String) -> String
    /// Keys of older state dicts: the names that they give to members, and the members' paths now.
    func olderKeys(_ name: String) -> [(old: String, new: String)]
}

extension Derivation {
    func olderKeys(_ name: String) -> [(old: String, new: String)] { [] }
}

/// A tensor that a layer reads, but that is no member any more: it is computed. The layer's property still refers to it.
struct DerivedMember {
    let name: String
    let target: Tensor
    let rule: any Derivation
}

extension Module {
    /// The members of it that are computed from others.
    final var derived: [DerivedMember] { extras?.hooks?.derived ?? [] }

    /// The parameter or buffer of that name, also where it is computed; nil where there is none.
    final func tensor(named name: String) -> Tensor? {
        if let found = derived.first(where: { $0.name == name }) { return found.target }
        let members = members()
        return members.parameters.first { $0.name == name }?.parameter ?? members.buffers.first { $0.name == name }?.buffer
    }

    /// Makes the member `name` a computed tensor by `rule`, whose members must be there.
    final func derive(_ name: String, _ target: Tensor, by rule: any Derivation) {
        let extras = extrasForWriting
        let hooks = extras.hooks ?? ModuleHooks()
        extras.hooks = hooks
        hooks.derived.append(DerivedMember(name: name, target: target, rule: rule))
        bindDerived()
    }

    /// Makes a computed tensor a member again. With `value` (shared, not copied) it takes that; without, it keeps the last one computed.
    final func underive(_ name: String, value: Tensor, requiresGrad: Bool) {
        guard let hooks = extras?.hooks, let at = hooks.derived.firstIndex(where: { $0.name == name }) else { return }
        let target = hooks.derived.remove(at: at).target
        target.setComputed(nil)
        target.setData(value.detach())
        target.requiresGrad = requiresGrad
        if hooks.isEmpty { extras?.hooks = nil }
    }

    /// Binds every computed tensor to the members that the module has now: after they were made, exchanged or copied.
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
