import CKernels
import Glibc

// The fused kernels take contiguous float32 and float64. Other layouts are copied first; 16-bit floats are computed in float32 copies, so
// they are rounded once, at the end.

extension CPUBackend {
    package func softmax(_ x: Tensor, dim: Int, log: Bool, into out: Tensor) throws(OpError) {
        try inComputeType([x], outputs: [out]) { i, o in apus_softmax(i[0], Int32(dim), log, o[0]) }
    }

    package func softmaxBackward(_ grad: Tensor, _ y: Tensor, dim: Int, log: Bool, into out: Tensor) throws(OpError) {
        try inComputeType([grad, y], outputs: [out]) { i, o in apus_softmax_backward(i[0], i[1], Int32(dim), log, o[0]) }
    }

    package func layerNorm(
        _ x: Tensor, weight: Tensor?, bias: Tensor?, eps: Double, into out: Tensor, mean: Tensor, rstd: Tensor
    ) throws(OpError) {
        try inComputeType([x, weight, bias], outputs: [out, mean, rstd]) { i, o in apus_layer_norm(i[0], i[1], i[2], eps, o[0], o[1], o[2])
        }
    }

    package func layerNormBackward(
        _ grad: Tensor, _ x: Tensor, weight: Tensor?, mean: Tensor, rstd: Tensor, gradX: Tensor?, gradWeight: Tensor?, gradBias: Tensor?
    ) throws(OpError) {
        try requireMemory(
            inComputeType([grad, x, weight, mean, rstd], outputs: [gradX, gradWeight, gradBias]) { i, o in
                apus_layer_norm_backward(i[0], i[1], i[2], i[3], i[4], o[0], o[1], o[2])
            })
    }

    package func channelStatistics(_ x: Tensor, mean: Tensor, variance: Tensor) throws(OpError) {
        try inComputeType([x], outputs: [mean, variance]) { i, o in apus_channel_statistics(i[0], o[0], o[1]) }
    }

    package func channelNormalize(_ x: Tensor, mean: Tensor, rstd: Tensor, weight: Tensor?, bias: Tensor?, into out: Tensor) throws(OpError)
    {
        try inComputeType([x, mean, rstd, weight, bias], outputs: [out]) { i, o in
            apus_channel_normalize(i[0], i[1], i[2], i[3], i[4], o[0])
        }
    }

    package func channelNormBackward(
        _ grad: Tensor, _ x: Tensor, weight: Tensor?, mean: Tensor, rstd: Tensor, training: Bool, gradX: Tensor?, gradWeight: Tensor?,
        gradBias: Tensor?
    ) throws(OpError) {
        try inComputeType([grad, x, weight, mean, rstd], outputs: [gradX, gradWeight, gradBias]) { i, o in
            apus_channel_norm_backward(i[0], i[1], i[2], i[3], i[4], training, o[0], o[1], o[2])
        }
    }

    // MARK: Recurrent cells

    package func recurrentCell(
        _ kind: RecurrentKind, input: Tensor, hidden: Tensor, state: Tensor?, gates: Tensor?, cell: Tensor?, into out: Tensor
    ) throws(OpError) {
        try inComputeType([input, hidden, state], outputs: [out, gates, cell]) { i, o in
            apus_recurrent_cell(kind, i[0], i[1], i[2], o[1], o[2], o[0])
        }
    }

    package func recurrentCellBackward(
        _ kind: RecurrentKind, _ grad: Tensor, gates: Tensor?, state: Tensor?, cell: Tensor?, out: Tensor, gradCell: Tensor?,
        gradInput: Tensor, gradHidden: Tensor?, gradState: Tensor?
    ) throws(OpError) {
        // The gradient of the cell state is both input and output, so a copy in another dtype starts with its values.
        let carried = try gradCell.map { (x) throws(OpError) in try x.dtype == .float64 || x.dtype == .float32 ? x : float32(x) }
        try inComputeType([grad, gates, state, cell, out], outputs: [gradInput, gradHidden, gradState]) { i, o in
            carried.withView { carried in
                apus_recurrent_cell_backward(kind, i[0], i[1], i[2], i[3], i[4], carried, o[0], o[1], o[2])
            }
        }
        if let gradCell, let carried, carried !== gradCell { copy(carried, into: gradCell) }
    }

    // MARK: Optimizers

    package func optimizerStep(_ rule: OptimizerRule, parameters: [Tensor], gradients: [Tensor], state: [[Tensor]]) throws(OpError) {
        // All memory is allocated before anything changes. Copies are written back at the end.
        var copies: [(copy: Tensor, original: Tensor)] = []
        var gradientCopies: [Tensor] = []
        func inPlace(_ x: Tensor, _ dtype: DType) throws(OpError) -> Tensor {
            if x.dtype == dtype && x.isContiguous { return x }
            let copy = try x.converted(to: dtype)
            copies.append((copy, x))
            return copy
        }
        // One pass for the parameters of each computation type.
        var passes: [(dtype: DType, items: [apus_optimizer_item])] = [(.float32, []), (.float64, [])]
        for (i, parameter) in parameters.enumerated() {
            let pass = parameter.dtype == .float64 ? 1 : 0
            let dtype = passes[pass].dtype
            var gradient = gradients[i]
            if gradient.dtype != dtype || !gradient.isContiguous {
                gradient = try gradient.converted(to: dtype)
                gradientCopies.append(gradient)
            }
            var states: [UnsafeMutableRawPointer?] = [nil, nil, nil]
            for (s, tensors) in state.enumerated() { states[s] = try inPlace(tensors[i], dtype).pointer }
            passes[pass].items.append(
                apus_optimizer_item(
                    parameter: try inPlace(parameter, dtype).pointer, gradient: gradient.pointer, state: (states[0], states[1], states[2]),
                    n: parameter.count64))
        }
        var constants = rule.constants
        for (dtype, items) in passes where !items.isEmpty { apus_optimizer_step(&constants, dtype.code, Int64(items.count), items) }
        for (copied, original) in copies { copy(copied, into: original) }
        withExtendedLifetime(gradientCopies) {}
    }

    // MARK: Layout and type

    /// Calls `body` with the operands contiguous and in float32 (float64 if the first input is), and copies the results back to outputs
    /// that had to be copied.
    private func inComputeType<Result>(
        _ inputs: [Tensor?], outputs: [Tensor?], _ body: (OperandViews, OperandViews) -> Result
    ) throws(OpError) -> Result {
        let type: DType = inputs[0]!.dtype == .float64 ? .float64 : .float32
        func fits(_ x: Tensor) -> Bool { x.dtype == type && x.isContiguous }
        var given = inputs, made = outputs
        for i in inputs.indices {
            if let x = inputs[i], !fits(x) { given[i] = try x.converted(to: type) }
        }
        for i in outputs.indices {
            if let x = outputs[i], !fits(x) { made[i] = try Tensor.uninitialized(x.shape, type, .cpu) }
        }
        let result = withViews(given) { given in withViews(made) { made in body(given, made) } }
        for i in outputs.indices {
            if let x = outputs[i], let y = made[i], x !== y { copy(y, into: x) }
        }
        return result
    }
}

extension OptimizerRule {
    /// The rule for C.
    fileprivate var constants: apus_optimizer_rule {
        var c = apus_optimizer_rule()
        switch self {
        case .sgd(let lr, let momentum, let dampening, let decay, let nesterov, let maximize, let first):
            c.rule = 0
            (c.lr, c.momentum, c.dampening, c.decay) = (lr, momentum, dampening, decay)
            (c.nesterov, c.maximize, c.first) = (nesterov, maximize, first)
        case .adam(
            let lr, let beta1, let beta2, let eps, let decay, let amsgrad, let decoupled, let maximize, let correction1, let correction2):
            c.rule = 1
            (c.lr, c.beta1, c.beta2, c.eps, c.decay) = (lr, beta1, beta2, eps, decay)
            (c.amsgrad, c.decoupled, c.maximize) = (amsgrad, decoupled, maximize)
            (c.correction1, c.correction2_sqrt) = (correction1, correction2.squareRoot())
        case .rmsprop(let lr, let alpha, let eps, let decay, let momentum, let centered, let maximize):
            c.rule = 2
            (c.lr, c.alpha, c.eps, c.decay, c.momentum) = (lr, alpha, eps, decay, momentum)
            (c.centered, c.maximize) = (centered, maximize)
        }
        return c
    }
}
