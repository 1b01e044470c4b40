import ApusCore
import ApusSystem

extension Module {
    /// Keeps the parameters at `paths` as they are in training: they require no gradient any more. A path names a layer (`layer1`,
    /// `layer1.0.conv1`) or a parameter (`fc.bias`); without paths all parameters are frozen. timm: `freeze`.
    ///
    /// ```swift
    /// model.freeze()
    /// model.unfreeze("layer4", "fc")
    /// let optimizer = SGD(model.parameters().filter(\.requiresGrad), lr: 0.01)
    /// ```
    /// Running statistics are no parameters: a frozen batch normalisation in training mode goes on to follow its batches. To keep them too, hold
    /// the layer in evaluation mode, which `train()` ends unless a hook puts it back before every call:
    ///
    /// ```swift
    /// model.layer1.registerForwardPreHook({ layer, _ in layer.eval(); return nil }, prepend: true)
    /// ```
    /// Traps for a path that names nothing, with the nearest name; then nothing has changed.
    @discardableResult public final func freeze(_ paths: String...) -> Self { freeze(paths.isEmpty ? [""] : paths) }

    /// `freeze` for a list of paths; an empty one freezes nothing.
    @discardableResult public final func freeze(_ paths: [String]) -> Self { setLearning(paths, false, "freeze") }

    /// Lets the parameters at `paths` learn again, without paths all of them. timm: `unfreeze`.
    ///
    /// An optimizer that was made of the other parameters does not know them; `addParamGroup` adds them. Traps for a path that names nothing.
    @discardableResult public final func unfreeze(_ paths: String...) -> Self { unfreeze(paths.isEmpty ? [""] : paths) }

    /// `unfreeze` for a list of paths; an empty one changes nothing.
    @discardableResult public final func unfreeze(_ paths: [String]) -> Self { setLearning(paths, true, "unfreeze") }

    private func setLearning(_ paths: [String], _ learns: Bool, _ op: String) -> Self {
        let named = paths.map { parameters(at: $0) }
        if let i = named.firstIndex(where: { $0 == nil }) {
            fail("\(typeName).\(op)", "there is no layer or parameter '\(paths[i])'; \(hint(paths[i]))")
            return self
        }
        for parameter in named.flatMap({ $0 ?? [] }) { parameter.requiresGrad = learns }
        return self
    }

    /// The parameters of the layer, or the parameter, at a path; nil where there is neither.
    private func parameters(at path: String) -> [Parameter]? {
        if let module = submodule(path) { return module.parameters() }
        for place in allMembers() {
            if let found = place.members.parameters.first(where: { place.key($0.name).isSame(as: path) }) { return [found.parameter] }
        }
        return nil
    }

    private func hint(_ path: String) -> String {
        let names = namedModules().map(\.name) + namedParameters().map(\.name)
        if let name = nearest(to: path, in: names.filter { !$0.isEmpty }) { return "did you mean '\(name)'?" }
        return "there are \(namedChildren().map(\.name).joined(separator: ", ")), and what is in them by paths such as \(names.last ?? "")"
    }
}
