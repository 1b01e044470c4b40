/// Transforms of functions, named like `torch.func`: each takes a function of tensors and returns another.
///
/// ```swift
/// let slope = Func.grad { x in x.sin().sum() }
/// slope(x)                                        // cos x
/// Func.hessian { x in x.pow(3).sum() }(x)         // diag(6x)
/// Func.vmap(Func.grad(loss))(batch)               // a gradient for each sample
/// ```
/// They use the derivatives of the ops and can be nested: `Func.jacfwd(Func.jacrev(f))`. A result is connected to the arguments that
/// require a gradient or that an enclosing transform differentiates; captured tensors count as constants. `docs/why/transforms.md` explains
/// how they work.
public enum Func {
    // MARK: Gradients

    /// The gradient of a function whose result has one element; traps otherwise. PyTorch: `torch.func.grad`.
    public static func grad(_ f: @escaping (Tensor) -> Tensor) -> (Tensor) -> Tensor {
        let many = grad { f($0[0]) }
        return { many([$0])[0] }
    }

    /// The gradients with respect to the arguments `argnums` (all by default), in order.
    public static func grad(argnums: [Int]? = nil, _ f: @escaping ([Tensor]) -> Tensor) -> ([Tensor]) -> [Tensor] {
        let both = gradAndValue(argnums: argnums, f)
        return { both($0).gradients }
    }

    /// The gradient and the value. PyTorch: `torch.func.grad_and_value`.
    public static func gradAndValue(_ f: @escaping (Tensor) -> Tensor) -> (Tensor) -> (gradient: Tensor, value: Tensor) {
        let many = gradAndValue { f($0[0]) }
        return {
            let (gradients, value) = many([$0])
            return (gradients[0], value)
        }
    }

    /// The gradients with respect to the arguments `argnums` (all by default), and the value.
    public static func gradAndValue(
        argnums: [Int]? = nil, _ f: @escaping ([Tensor]) -> Tensor
    ) -> ([Tensor]) -> (gradients: [Tensor], value: Tensor) {
        { inputs in
            let wanted = argnums ?? Array(inputs.indices)
            if let failed = missing(wanted, inputs, "grad") { return (wanted.map { _ in failed }, failed) }
            let level = Level(inputs, differentiating: wanted)
            return level.run { x in
                let value = f(x)
                if value.isPoisoned || value.numel == 1 {
                    return (level.pull(value, Tensor.ones(like: value), wanted.map { x[$0] }), value)
                }
                let failed = fail("grad", "the function must give one element, it gave shape \(value.shape); reduce it, or use jacrev")
                return (wanted.map { _ in failed }, failed)
            } finish: { result in
                (result.0.map(level.finished), level.finished(result.1))
            }
        }
    }

    /// A poisoned tensor if `argnums` names an argument that does not exist; otherwise nil.
    static func missing(_ argnums: [Int], _ inputs: [Tensor], _ name: String) -> Tensor? {
        argnums.first { !inputs.indices.contains($0) }.map { fail(name, "argnums names argument \($0) of \(inputs.count)") }
    }

    // MARK: Products with the Jacobian

    /// The value of `f`, and a function that multiplies a cotangent of the value's shape by the Jacobian from the left. It may be called
    /// repeatedly. PyTorch: `torch.func.vjp`.
    public static func vjp(_ f: (Tensor) -> Tensor, _ x: Tensor) -> (value: Tensor, vjp: (Tensor) -> Tensor) {
        let (values, pull) = vjp({ [f($0[0])] }, [x])
        return (values[0], { pull([$0])[0] })
    }

    /// The same for several arguments and results: one cotangent per result, one product per argument.
    public static func vjp(_ f: ([Tensor]) -> [Tensor], _ inputs: [Tensor]) -> (values: [Tensor], vjp: ([Tensor]) -> [Tensor]) {
        vjp(f, inputs, Array(inputs.indices))
    }

    /// Products for the arguments `wanted` only.
    static func vjp(_ f: ([Tensor]) -> [Tensor], _ inputs: [Tensor], _ wanted: [Int]) -> (values: [Tensor], vjp: ([Tensor]) -> [Tensor]) {
        let level = Level(inputs, differentiating: wanted)
        let outputs = level.run {
            f($0)
        } finish: {
            $0
        }
        return (
            outputs.map(level.finished),
            { cotangents in
                guard cotangents.count == outputs.count else {
                    let failed = fail("vjp", "got \(cotangents.count) cotangents for \(outputs.count) results")
                    return wanted.map { _ in failed }
                }
                return level.run { x in
                    level.pull(outputs, cotangents, wanted.map { x[$0] })
                } finish: {
                    $0.map(level.finished)
                }
            }
        )
    }

    /// The value of `f`, and the Jacobian times `tangent`, which has x's shape. PyTorch: `torch.func.jvp`.
    public static func jvp(_ f: (Tensor) -> Tensor, _ x: Tensor, _ tangent: Tensor) -> (value: Tensor, tangent: Tensor) {
        let (values, tangents) = jvp({ [f($0[0])] }, [x], [tangent])
        return (values[0], tangents[0])
    }

    /// The same for several arguments and results: one tangent per argument.
    public static func jvp(_ f: ([Tensor]) -> [Tensor], _ inputs: [Tensor], _ tangents: [Tensor]) -> (values: [Tensor], tangents: [Tensor])
    {
        let (values, push) = linearize(f, inputs)
        return (values, push(tangents))
    }

    /// The value of `f` at x, and the linear function that multiplies by the Jacobian there. PyTorch: `torch.func.linearize`.
    public static func linearize(_ f: (Tensor) -> Tensor, _ x: Tensor) -> (value: Tensor, jvp: (Tensor) -> Tensor) {
        let (values, push) = linearize({ [f($0[0])] }, [x])
        return (values[0], { push([$0])[0] })
    }

    /// The same for several arguments and results.
    public static func linearize(_ f: ([Tensor]) -> [Tensor], _ inputs: [Tensor]) -> (values: [Tensor], jvp: ([Tensor]) -> [Tensor]) {
        linearize(f, inputs, Array(inputs.indices))
    }

    /// Linear in the arguments `wanted` only.
    static func linearize(
        _ f: ([Tensor]) -> [Tensor], _ inputs: [Tensor], _ wanted: [Int]
    ) -> (values: [Tensor], jvp: ([Tensor]) -> [Tensor]) {
        let level = Level(inputs, differentiating: wanted)
        // The vector-Jacobian product is linear in the cotangent; its derivative with respect to the cotangent is the Jacobian-vector
        // product.
        let (outputs, cotangents, products) = level.run { x in
            let outputs = f(x)
            let cotangents = outputs.map { Tensor.zeros(like: $0).requiresGrad_($0.dtype.isFloatingPoint) }
            return (outputs, cotangents, level.pull(outputs, cotangents, wanted.map { x[$0] }))
        } finish: {
            $0
        }
        return (
            outputs.map(level.finished),
            { tangents in
                if let problem = mismatch(tangents, wanted.map { inputs[$0] }) {
                    let failed = fail("jvp", problem)
                    return outputs.map { _ in failed }
                }
                return level.run { _ in
                    level.pull(products, tangents, cotangents)
                } finish: {
                    $0.map(level.finished)
                }
            }
        )
    }

    // MARK: Products with second derivatives

    /// The value of `f`, whose result has one element, and the product of its Hessian at x with `v`, which has x's shape: H·v, the
    /// derivative of the gradient along `v`. PyTorch: `torch.autograd.functional.hvp`.
    public static func hvp(_ f: @escaping (Tensor) -> Tensor, _ x: Tensor, _ v: Tensor) -> (value: Tensor, hvp: Tensor) {
        let (value, products) = hvp({ f($0[0]) }, [x], [v])
        return (value, products[0])
    }

    /// The same for several arguments: one vector and one product per argument.
    public static func hvp(_ f: @escaping ([Tensor]) -> Tensor, _ inputs: [Tensor], _ v: [Tensor]) -> (value: Tensor, hvp: [Tensor]) {
        second("hvp", f, inputs, v) { level, gradients, x in
            let cotangents = gradients.map { Tensor.zeros(like: $0).requiresGrad_($0.dtype.isFloatingPoint) }
            return level.pull(level.pull(gradients, cotangents, x), v, cotangents)
        }
    }

    /// The value of `f`, whose result has one element, and the product of `v`, which has x's shape, with its Hessian at x: vᵀ·H, the
    /// gradient of v·(gradient). Cheaper than `hvp`, and the same if the second derivatives are continuous. PyTorch:
    /// `torch.autograd.functional.vhp`.
    public static func vhp(_ f: @escaping (Tensor) -> Tensor, _ x: Tensor, _ v: Tensor) -> (value: Tensor, vhp: Tensor) {
        let (value, products) = vhp({ f($0[0]) }, [x], [v])
        return (value, products[0])
    }

    /// The same for several arguments: one vector and one product per argument.
    public static func vhp(_ f: @escaping ([Tensor]) -> Tensor, _ inputs: [Tensor], _ v: [Tensor]) -> (value: Tensor, vhp: [Tensor]) {
        second("vhp", f, inputs, v) { level, gradients, x in level.pull(gradients, v, x) }
    }

    /// The value of `f`, and `product` applied to its gradients, as functions of the arguments `x` that the level differentiates.
    private static func second(
        _ name: String, _ f: @escaping ([Tensor]) -> Tensor, _ inputs: [Tensor], _ v: [Tensor],
        _ product: (_ level: Level, _ gradients: [Tensor], _ x: [Tensor]) -> [Tensor]
    ) -> (Tensor, [Tensor]) {
        if let problem = mismatch(v, inputs) {
            let failed = fail(name, problem)
            return (failed, inputs.map { _ in failed })
        }
        let level = Level(inputs, differentiating: Array(inputs.indices))
        return level.run { x in
            let (gradients, value) = gradAndValue(f)(x)
            return (value, product(level, gradients, x))
        } finish: { result in
            (level.finished(result.0), result.1.map(level.finished))
        }
    }

    private static func mismatch(_ tangents: [Tensor], _ inputs: [Tensor]) -> String? {
        guard tangents.count == inputs.count else { return "got \(tangents.count) tangents for \(inputs.count) arguments" }
        for (i, (t, x)) in zip(tangents, inputs).enumerated() where !t.isPoisoned && !x.isPoisoned && t.shape != x.shape {
            return "tangent \(i) has shape \(t.shape), its argument \(x.shape)"
        }
        return nil
    }
}

/// A running transform: aliases of the arguments that it differentiates, and whether they are differentiated outside too.
private final class Level {
    private let inputs: [Tensor]
    private let isConnected: Bool

    init(_ given: [Tensor], differentiating: [Int]) {
        isConnected = isGradEnabled && given.contains { !$0.isPoisoned && $0.requiresGrad }
        inputs = given.enumerated().map { i, x in
            guard differentiating.contains(i), !x.isPoisoned, x.dtype.isFloatingPoint else { return x }
            // A separate alias, so that gradients stop here and captured references to the same tensor stay constants.
            return isGradEnabled && x.requiresGrad ? x.alias() : x.detach().requiresGrad_()
        }
    }

    /// Runs with recording on, whatever the outer mode.
    func run<Made, Result>(_ body: ([Tensor]) -> Made, finish: (Made) -> Result) -> Result { finish(enableGrad { body(inputs) }) }

    /// The result of the transform: keeps its history if an argument has one outside.
    func finished(_ x: Tensor) -> Tensor { isConnected || x.isPoisoned ? x : x.detach() }

    /// Σ cotangent·(derivative of the output) for each of `inputs`; zeros if no output depends on it.
    func pull(_ outputs: [Tensor], _ cotangents: [Tensor], _ inputs: [Tensor]) -> [Tensor] {
        for (output, cotangent) in zip(outputs, cotangents)
        where !output.isPoisoned && !cotangent.isPoisoned && output.shape != cotangent.shape {
            let failed = fail("vjp", "a cotangent has shape \(cotangent.shape), its result \(output.shape)")
            return inputs.map { _ in failed }
        }
        let zeros = { (x: Tensor) in x.isPoisoned ? x : Tensor.zeros(like: x) }
        let used = outputs.indices.filter { outputs[$0].isPoisoned || outputs[$0].requiresGrad }
        let wanted = inputs.indices.filter { inputs[$0].isPoisoned || inputs[$0].requiresGrad }
        guard !used.isEmpty, !wanted.isEmpty else { return inputs.map(zeros) }
        let found = ApusCore.grad(
            of: used.map { outputs[$0] }, withRespectTo: wanted.map { inputs[$0] }, gradients: used.map { cotangents[$0] },
            retainGraph: true, createGraph: true, allowUnused: true)
        var result = inputs.map(zeros)
        for (i, gradient) in zip(wanted, found) { if let gradient { result[i] = gradient } }
        return result
    }

    func pull(_ output: Tensor, _ cotangent: Tensor, _ inputs: [Tensor]) -> [Tensor] { pull([output], [cotangent], inputs) }
}
