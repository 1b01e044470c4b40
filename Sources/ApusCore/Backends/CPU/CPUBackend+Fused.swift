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

    package var hasOptimizerStep: Bool { true }

    package func optimizerStep(_ rule: OptimizerRule, parameters: [Tensor], gradients: [Tensor], state: [[Tensor]]) {
        guard let dtype = parameters.first?.dtype else { return }
        let items = parameters.indices.map { i in
            func pointer(_ s: Int) -> UnsafeMutableRawPointer? { s < state.count && !state[s].isEmpty ? state[s][i].pointer : nil }
            return apus_optimizer_item(
                parameter: parameters[i].pointer, gradient: gradients[i].pointer, state: (pointer(0), pointer(1), pointer(2)),
                n: parameters[i].count64)
        }
        var numbers = apus_optimizer_rule()
        numbers.kind = rule.kind
        withUnsafeMutableBytes(of: &numbers.numbers) { target in rule.numbers.withUnsafeBytes { target.copyMemory(from: $0) } }
        apus_optimizer_step(&numbers, dtype.code, Int64(items.count), items)
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
