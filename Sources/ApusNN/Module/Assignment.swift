import ApusCore

// Parts of layers that are assigned: `decoder.weight = embedding.weight`, `layer.bias = nil`. The properties observe this, since a layer
// keeps what it says of itself: the extents that it prints, and the rule by which a weight is computed. Exclusivity is not checked at run time, as
// for a tensor's own properties: each access is a load or a store, and a check would be paid at each call of a layer.
extension Module {
    /// What the property `name` holds after `new` was assigned in place of `old`. A tensor of another shape fails, and so does one in place
    /// of a tensor that is computed, unless its parametrizations have an inverse, which then sets the originals.
    final func assigned<Part: Tensor>(_ name: String, _ new: Part, for old: Part) -> Part {
        if new === old { return old }
        if let member = derived.first(where: { $0.target === old }) {
            assign(new, to: member)
            return old
        }
        return fits(name, new, old.shape, orPoison: old) ? new : old
    }

    /// The same for a part that may be missing; `shape` is the shape it has where there is none yet, nil where the layer has no place for it.
    final func assigned<Part: Tensor>(_ name: String, _ new: Part?, for old: Part?, shape: @autoclosure () -> Shape?) -> Part? {
        if let new, let old { return assigned(name, new, for: old) }
        if let old, let member = derived.first(where: { $0.target === old }) {
            fail(typeName, "\(name) is set to nil, but it is computed from others; make it a parameter again before (\(remedy(member)))")
            return old
        }
        guard let new else { return nil }
        guard let wanted = shape() else {
            fail(typeName, "has no place for \(name); make the layer with it")
            return nil
        }
        return fits(name, new, wanted, orPoison: nil) ? new : nil
    }

    private func fits(_ name: String, _ new: Tensor, _ wanted: Shape, orPoison old: Tensor?) -> Bool {
        if new.isPoisoned || old?.isPoisoned == true || new.shape == wanted { return true }
        let remedy =
            wanted == [0]
            ? "a lazy layer has its shapes after its first input: call it once before"
            : "make another layer of that size and assign it in place of this one"
        fail(typeName, "\(name) has shape \(wanted); one of shape \(new.shape) cannot take its place; \(remedy)")
        return false
    }

    /// Assigns to a computed tensor. PyTorch: assignment to a parametrized attribute.
    private func assign(_ value: Tensor, to member: DerivedMember) {
        if member.rule is Parametrized, let list = parametrization(member.name) { return list.rightInverse(value) }
        fail(typeName, "\(member.name) is computed from others and cannot be assigned; \(remedy(member))")
    }

    private func remedy(_ member: DerivedMember) -> String { member.rule.remedy(member.name) }
}
