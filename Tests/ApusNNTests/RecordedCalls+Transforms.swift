import ApusCore
import ApusNN

extension RecordedCalls {
    private static func f(_ x: [Tensor]) -> Tensor { (x[0].sin() * x[1].exp()).sum() + (x[0] * x[1]).sum().square() }
    private static func g(_ x: [Tensor]) -> Tensor { wave([4, 3], k: 1.1).matmul(x[0]).tanh() * (x[1].sum() + x[0][0]) }

    static func transforms() -> [String: RecordedCall] {
        var calls: [String: RecordedCall] = [:]
        calls["func.grad"] = { Func.grad(argnums: [0], f)($0) }
        calls["func.grad/both"] = { Func.grad(argnums: [0, 1], f)($0) }
        calls["func.grad_and_value"] = {
            let (gradients, value) = Func.gradAndValue(argnums: [1], f)($0)
            return gradients + [value]
        }
        calls["func.vjp"] = { Func.vjp({ [g($0)] }, $0).vjp([wave([4])]) }
        calls["func.jvp"] = {
            let (values, tangents) = Func.jvp({ [g($0)] }, $0, [wave([3], k: 0.2), wave([3], k: 0.4)])
            return values + tangents
        }
        calls["func.linearize"] = { Func.linearize({ [g($0)] }, $0).jvp([wave([3], k: 0.2), wave([3], k: 0.4)]) }
        calls["func.jacrev"] = { Func.jacrev(argnums: [0, 1], g)($0) }
        calls["func.jacrev/second"] = { Func.jacrev(argnums: [1], g)($0) }
        calls["func.jacfwd"] = { Func.jacfwd(argnums: [1, 0], g)($0) }
        calls["func.hessian"] = { Func.hessian(f)($0).flatMap { $0 } }
        calls["func.hessian/first"] = { Func.hessian(argnums: [0], f)($0)[0] }
        calls["func.vmap"] = { [Func.vmap(inDims: (1, nil), outDim: 1) { $0.cumsum(dim: 0) * $1 }($0[0], $0[1])] }
        calls["func.vmap/grad"] = { [Func.vmap(inDims: (0, nil)) { u, v in Func.grad { ($0 * v).sin().sum() }(u) }($0[0], $0[1])] }
        calls["func.functional_call"] = { x in
            var state = StateDict()
            (state["weight"], state["bias"]) = (x[1], x[2])
            return [Linear(4, 2, dtype: .float64).functionalCall(state, x[0], strict: true)]
        }
        return calls
    }

    static func initialisers() -> [String: RecordedCall] {
        var calls: [String: RecordedCall] = [:]
        calls["init.constant_"] = { _ in [Init.constant_(Tensor.full([2, 3], 7, dtype: .float64), 0.3)] }
        calls["init.ones_"] = { _ in [Init.ones_(Tensor.full([2], 7, dtype: .float64))] }
        calls["init.zeros_"] = { _ in [Init.zeros_(Tensor.full([2], 7, dtype: .float64))] }
        calls["init.eye_"] = { _ in [Init.eye_(Tensor.full([3, 5], 7, dtype: .float64))] }
        for shape: Shape in [[4, 2, 3], [2, 4, 3, 2], [4, 2, 3, 3, 2]] {
            calls["init.dirac_/\(shape.count)"] = { _ in [Init.dirac_(Tensor.full(shape, 7, dtype: .float64), groups: 2)] }
        }
        calls["init.calculate_gain"] = { _ in
            let gains: [(Init.Nonlinearity, Double?)] = [
                (.linear, nil), (.sigmoid, nil), (.tanh, nil), (.relu, nil), (.leakyRelu, nil), (.leakyRelu, 0.2), (.selu, nil),
            ]
            return [Tensor(gains.map { Init.calculateGain($0.0, $0.1) }, dtype: .float64)]
        }
        for buffers in [false, true] {
            let end = buffers ? "True" : "False"
            calls["AveragedModel/mean \(end)"] = { _ in averaged(.mean, buffers) }
            calls["AveragedModel/ema \(end)"] = { _ in averaged(.exponential(decay: 0.8), buffers) }
            calls["AveragedModel/custom \(end)"] = { _ in averaged(.custom { $0.maximum($1) + Double($2) }, buffers) }
        }
        return calls
    }

    /// The state after four models.
    private static func averaged(_ average: AveragedModel<Sequential>.Average, _ useBuffers: Bool) -> [Tensor] {
        let norm = BatchNorm1d(3)
        let model = Sequential(Linear(2, 3), norm).to(.float64)
        let averaged = AveragedModel(model, average: average, useBuffers: useBuffers)
        for step in 0..<4 {
            noGrad {
                for (i, p) in (model.parameters() + [norm.runningMean!, norm.runningVar!]).enumerated() {
                    p.copy_(wave(p.shape, k: 0.3 + Double(i) + 0.7 * Double(step)))
                }
                norm.numBatchesTracked!.fill_([3, 10, 30, 7][step])
            }
            averaged.updateParameters(model)
        }
        return averaged.stateDict().map(\.value)
    }
}
