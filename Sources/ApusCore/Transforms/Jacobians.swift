extension Func {
    /// The Jacobian [*result, *argument], by one vector-Jacobian product per element of the result. PyTorch: `torch.func.jacrev`.
    public static func jacrev(_ f: @escaping (Tensor) -> Tensor) -> (Tensor) -> Tensor {
        let many = jacrev { f($0[0]) }
        return { many([$0])[0] }
    }

    /// The Jacobians with respect to the arguments `argnums` (all by default), in order.
    public static func jacrev(argnums: [Int]? = nil, _ f: @escaping ([Tensor]) -> Tensor) -> ([Tensor]) -> [Tensor] {
        { inputs in
            let wanted = argnums ?? Array(inputs.indices)
            if let failed = missing(wanted, inputs, "jacrev") { return wanted.map { _ in failed } }
            let (values, pull) = vjp({ [f($0)] }, inputs, wanted)
            let value = values[0]
            let rows = value.isPoisoned ? [] : (0..<value.numel).map { pull([unit($0, like: value)]) }
            return wanted.enumerated().map { place, i in assembled(value, inputs[i], rows.map { $0[place] }, stackedFirst: true) }
        }
    }

    /// The Jacobian [*result, *argument], by one Jacobian-vector product per element of the argument. PyTorch: `torch.func.jacfwd`.
    public static func jacfwd(_ f: @escaping (Tensor) -> Tensor) -> (Tensor) -> Tensor {
        let many = jacfwd { f($0[0]) }
        return { many([$0])[0] }
    }

    /// The Jacobians with respect to the arguments `argnums` (all by default), in order.
    public static func jacfwd(argnums: [Int]? = nil, _ f: @escaping ([Tensor]) -> Tensor) -> ([Tensor]) -> [Tensor] {
        let many = forward("jacfwd", argnums) { [f($0)] }
        return { many($0)[0] }
    }

    /// The second derivatives [*argument, *argument] of a function whose result has one element. PyTorch: `torch.func.hessian`.
    public static func hessian(_ f: @escaping (Tensor) -> Tensor) -> (Tensor) -> Tensor { jacfwd(jacrev(f)) }

    /// The second derivatives with respect to the arguments `argnums` (all by default): [i][j] is the derivative with respect to the i-th
    /// and then the j-th of them.
    public static func hessian(argnums: [Int]? = nil, _ f: @escaping ([Tensor]) -> Tensor) -> ([Tensor]) -> [[Tensor]] {
        forward("hessian", argnums, jacrev(argnums: argnums, f))
    }

    /// For each result, the Jacobians with respect to the arguments `argnums`.
    private static func forward(_ name: String, _ argnums: [Int]?, _ f: @escaping ([Tensor]) -> [Tensor]) -> ([Tensor]) -> [[Tensor]] {
        { inputs in
            let wanted = argnums ?? Array(inputs.indices)
            if let failed = missing(wanted, inputs, name) { return [wanted.map { _ in failed }] }
            let (values, push) = linearize(f, inputs, wanted)
            let resting = wanted.map { i in inputs[i].isPoisoned ? inputs[i] : noGrad { Tensor.zeros(like: inputs[i]) } }
            /// For each argument and each of its elements, the products for all results.
            let columns = wanted.enumerated().map { place, i in
                (0..<(inputs[i].isPoisoned ? 0 : inputs[i].numel)).map { element in
                    var tangents = resting
                    tangents[place] = unit(element, like: inputs[i])
                    return push(tangents)
                }
            }
            return values.enumerated().map { result, value in
                wanted.enumerated().map { place, i in assembled(value, inputs[i], columns[place].map { $0[result] }, stackedFirst: false) }
            }
        }
    }

    /// 1 at element `i`, 0 elsewhere.
    private static func unit(_ i: Int, like x: Tensor) -> Tensor {
        noGrad {
            let zeros = Tensor.zeros([x.numel], dtype: x.dtype, device: x.device)
            if !zeros.isPoisoned { zeros.narrow(0, i, 1).fill_(1) }
            return zeros.reshape(x.shape)
        }
    }

    private static func assembled(_ value: Tensor, _ input: Tensor, _ slices: [Tensor], stackedFirst: Bool) -> Tensor {
        if value.isPoisoned { return value }
        if input.isPoisoned { return input }
        let shape = Shape(Array(value.shape) + Array(input.shape))
        if slices.isEmpty { return Tensor.zeros(shape, dtype: value.dtype, device: value.device) }
        return Tensor.stack(slices.map { $0.reshape([-1]) }, dim: stackedFirst ? 0 : 1).reshape(shape)
    }
}
