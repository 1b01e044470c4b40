import ApusCore

/// The cases of `Tests/ApusCoreTests/record_ops.py` about subscripts that need inputs of their own, and assignments.
extension RecordedOps {
    /// Tensors of three and four dimensions, an integer matrix, and a vector.
    struct Parts {
        let x, z, y, i, b, v, few: Tensor

        init() {
            let inputs = Inputs(.cpu)
            (x, y, i, b, v) = (inputs.x, inputs.y, inputs.i, inputs.b, inputs.v)
            z = wave([2, 3, 4, 5], device: .cpu)
            few = Tensor([0, 2, 1, 0, 1, 2, 0])
        }
    }

    static let subscripts: [(name: String, run: @Sendable (Parts) -> Tensor)] = [
        ("index.slice", { $0.x[.all, .slice(1, -1), .slice(step: 3)] }),
        ("index.tensors around an integer", { $0.z[.all, $0.few, 0, $0.few] }),
        ("index.an integer before", { $0.z[0, .all, $0.few] }),
        ("index.an integer behind", { $0.z[.all, $0.few, .all, 0] }),
        ("index.tensors around a new axis", { $0.z[.all, $0.few, .newAxis, $0.few] }),
        ("index.tensors around an ellipsis of nothing", { $0.z[.all, .all, $0.few, .ellipsis, $0.few] }),
        ("index.tensors around a range", { $0.z[0, $0.few, .all, $0.few] }),
        ("index.mask around an integer", { $0.z[.all, $0.few[..<3].gt(0), 0][.all, .all, $0.few[..<5].gt(0)] }),
        ("assign.int", { part in changed(part.x) { $0[1] = part.x[0] * 2 } }),
        ("assign.number", { part in changed(part.x) { $0[0, -1] = 1.5 } }),
        ("assign.number to int", { part in changed(part.i) { $0[0] = 1.5 } }),
        ("assign.range", { part in changed(part.x) { $0[.all, 1..<3] = part.y[..<2] } }),
        ("assign.step", { part in changed(part.x) { $0[.ellipsis, stride(from: 0, to: -1, by: 2)] = -part.x[.ellipsis, ..<2] } }),
        ("assign.slice", { part in changed(part.x) { $0[.all, .slice(1, -1)] = 7 } }),
        ("assign.ellipsis", { part in changed(part.x) { $0[.ellipsis, 0] = part.y[.all, 0] } }),
        ("assign.newAxis", { part in changed(part.x) { $0[.all, .newAxis, 1] = part.x[.all, ..<1] * 3 } }),
        ("assign.mask", { part in changed(part.x) { $0[part.b] = 0 } }),
        ("assign.mask values", { part in changed(part.x) { $0[part.b] = Tensor.arange(0.0, Double(part.x[part.b].numel)) } }),
        ("assign.partial mask", { part in changed(part.x) { $0[.all, Tensor([true, false, true])] = part.x[.all, ..<2] * 5 } }),
        ("assign.tensor", { part in changed(part.x) { $0[.all, Tensor([2, 0])] = part.x[.all, ..<1] + 1 } }),
        ("assign.tensor number", { part in changed(part.x) { $0[Tensor([1])] = -2 } }),
        ("assign.two tensors", { part in changed(part.x) { $0[.all, Tensor([0, 2]), Tensor([1, -1])] = part.x[.all, 0, ..<2] } }),
        ("assign.separated tensors", { part in changed(part.x) { $0[Tensor([0, 1]), .all, Tensor([1, 3])] = part.y.t() } }),
        ("assign.tensors around an integer", { part in changed(part.z) { $0[.all, part.few, 0, part.few + 1] = part.few * 10.0 } }),
        ("assign.overlapping", { part in changed(part.v) { $0[1...] = $0[.slice(nil, -1)] } }),
        ("assign.overlapping the other way", { part in changed(part.v) { $0[.slice(nil, -1)] = $0[1...] } }),
    ]

    /// A copy of `x` after `change`.
    static func changed(_ x: Tensor, _ change: (Tensor) -> Void) -> Tensor {
        let copy = x.clone()
        change(copy)
        return copy
    }
}
