import CKernels
import Glibc

// The fused kernels know contiguous float32 and float64. Other layouts are copied first; 16-bit floats are computed in float32 copies,
// so they round once, at the end.

extension CPUBackend {
    package func softmax(_ x: Tensor, dim: Int, log: Bool, into out: Tensor) {
        inComputeType([x], outputs: [out]) { inputs, outputs in
            let (outer, n, inner) = lines(x.shape, along: dim)
            if x.dtype == .float64 { apus_d_softmax(outer, n, inner, log, inputs[0].elements(), outputs[0].elements()) }
            else { apus_f_softmax(outer, n, inner, log, inputs[0].elements(), outputs[0].elements()) }
        }
    }

    package func softmaxBackward(_ grad: Tensor, _ y: Tensor, dim: Int, log: Bool, into out: Tensor) {
        inComputeType([grad, y], outputs: [out]) { inputs, outputs in
            let (outer, n, inner) = lines(y.shape, along: dim)
            let (g, y, out) = (inputs[0], inputs[1], outputs[0])
            if y.dtype == .float64 { apus_d_softmax_backward(outer, n, inner, log, g.elements(), y.elements(), out.elements()) }
            else { apus_f_softmax_backward(outer, n, inner, log, g.elements(), y.elements(), out.elements()) }
        }
    }

    package func layerNorm(_ x: Tensor, weight: Tensor?, bias: Tensor?, eps: Double, into out: Tensor, mean: Tensor, rstd: Tensor) {
        let (rows, n) = (Int64(x.shape[0]), Int64(x.shape[1]))
        inComputeType([x, weight, bias], outputs: [out, mean, rstd]) { i, o in
            if i[0].dtype == .float64 {
                apus_d_layer_norm(rows, n, i[0].elements(), i.optional(1)?.elements(), i.optional(2)?.elements(), eps, o[0].elements(), o[1].elements(), o[2].elements())
            } else {
                apus_f_layer_norm(rows, n, i[0].elements(), i.optional(1)?.elements(), i.optional(2)?.elements(), eps, o[0].elements(), o[1].elements(), o[2].elements())
            }
        }
    }

    package func layerNormBackward(
        _ grad: Tensor, _ x: Tensor, weight: Tensor?, mean: Tensor, rstd: Tensor, gradX: Tensor?, gradWeight: Tensor?, gradBias: Tensor?
    ) {
        let (rows, n) = (Int64(x.shape[0]), Int64(x.shape[1]))
        inComputeType([grad, x, weight, mean, rstd], outputs: [gradX, gradWeight, gradBias]) { i, o in
            let done = if i[0].dtype == .float64 {
                apus_d_layer_norm_backward(rows, n, i[0].elements(), i[1].elements(), i.optional(2)?.elements(), i[3].elements(), i[4].elements(),
                                           o.optional(0)?.elements(), o.optional(1)?.elements(), o.optional(2)?.elements())
            } else {
                apus_f_layer_norm_backward(rows, n, i[0].elements(), i[1].elements(), i.optional(2)?.elements(), i[3].elements(), i[4].elements(),
                                           o.optional(0)?.elements(), o.optional(1)?.elements(), o.optional(2)?.elements())
            }
            if !done { reportNoMemory("the gradient of layer normalisation of \(x.shape)") }
        }
    }

    package func channelStatistics(_ x: Tensor, mean: Tensor, variance: Tensor) {
        let (batch, channels, n) = (Int64(x.shape[0]), Int64(x.shape[1]), Int64(x.shape[2]))
        inComputeType([x], outputs: [mean, variance]) { i, o in
            if i[0].dtype == .float64 { apus_d_channel_statistics(batch, channels, n, i[0].elements(), o[0].elements(), o[1].elements()) }
            else { apus_f_channel_statistics(batch, channels, n, i[0].elements(), o[0].elements(), o[1].elements()) }
        }
    }

    package func channelNormalize(_ x: Tensor, mean: Tensor, rstd: Tensor, weight: Tensor?, bias: Tensor?, into out: Tensor) {
        let (batch, channels, n) = (Int64(x.shape[0]), Int64(x.shape[1]), Int64(x.shape[2]))
        inComputeType([x, mean, rstd, weight, bias], outputs: [out]) { i, o in
            if i[0].dtype == .float64 {
                apus_d_channel_normalize(batch, channels, n, i[0].elements(), i[1].elements(), i[1].rest(channels), i[2].elements(), i.optional(3)?.elements(), i.optional(4)?.elements(), o[0].elements())
            } else {
                apus_f_channel_normalize(batch, channels, n, i[0].elements(), i[1].elements(), i[1].rest(channels), i[2].elements(), i.optional(3)?.elements(), i.optional(4)?.elements(), o[0].elements())
            }
        }
    }

    package func channelNormBackward(
        _ grad: Tensor, _ x: Tensor, weight: Tensor?, mean: Tensor, rstd: Tensor, training: Bool, gradX: Tensor?, gradWeight: Tensor?, gradBias: Tensor?
    ) {
        let (batch, channels, n) = (Int64(x.shape[0]), Int64(x.shape[1]), Int64(x.shape[2]))
        inComputeType([grad, x, weight, mean, rstd], outputs: [gradX, gradWeight, gradBias]) { i, o in
            if i[0].dtype == .float64 {
                apus_d_channel_norm_backward(batch, channels, n, i[0].elements(), i[1].elements(), i.optional(2)?.elements(), i[3].elements(), i[3].rest(channels), i[4].elements(),
                                             training, o.optional(0)?.elements(), o.optional(1)?.elements(), o.optional(2)?.elements())
            } else {
                apus_f_channel_norm_backward(batch, channels, n, i[0].elements(), i[1].elements(), i.optional(2)?.elements(), i[3].elements(), i[3].rest(channels), i[4].elements(),
                                             training, o.optional(0)?.elements(), o.optional(1)?.elements(), o.optional(2)?.elements())
            }
        }
    }

    // MARK: Recurrent cells

    package func recurrentCell(_ kind: RecurrentKind, input: Tensor, hidden: Tensor, state: Tensor?, gates: Tensor?, cell: Tensor?, into out: Tensor) {
        let (rows, n) = (Int64(out.shape[0]), Int64(out.shape[1]))
        inComputeType([input, hidden, state], outputs: [out, gates, cell]) { i, o in
            if i[0].dtype == .float64 {
                apus_d_recurrent_cell(kind.rawValue, rows, n, i[0].elements(), i[1].elements(), i.optional(2)?.elements(),
                                      o.optional(1)?.elements(), o.optional(2)?.elements(), o[0].elements())
            } else {
                apus_f_recurrent_cell(kind.rawValue, rows, n, i[0].elements(), i[1].elements(), i.optional(2)?.elements(),
                                      o.optional(1)?.elements(), o.optional(2)?.elements(), o[0].elements())
            }
        }
    }

    package func recurrentCellBackward(
        _ kind: RecurrentKind, _ grad: Tensor, gates: Tensor?, state: Tensor?, cell: Tensor?, out: Tensor, gradCell: Tensor?, gradInput: Tensor, gradHidden: Tensor?, gradState: Tensor?
    ) {
        let (rows, n) = (Int64(out.shape[0]), Int64(out.shape[1]))
        // The gradient of the cell state is read and written: a copy in another type starts with its values.
        let carried = gradCell.map { $0.dtype == .float64 || $0.dtype == .float32 ? $0 : float32($0) }
        inComputeType([grad, gates, state, cell, out], outputs: [gradInput, gradHidden, gradState]) { i, o in
            if i[0].dtype == .float64 {
                apus_d_recurrent_cell_backward(kind.rawValue, rows, n, i[0].elements(), i.optional(1)?.elements(), i.optional(2)?.elements(), i.optional(3)?.elements(),
                                               i.optional(4)?.elements(), carried?.elements(), o[0].elements(), o.optional(1)?.elements(), o.optional(2)?.elements())
            } else {
                apus_f_recurrent_cell_backward(kind.rawValue, rows, n, i[0].elements(), i.optional(1)?.elements(), i.optional(2)?.elements(), i.optional(3)?.elements(),
                                               i.optional(4)?.elements(), carried?.elements(), o[0].elements(), o.optional(1)?.elements(), o.optional(2)?.elements())
            }
        }
        if let gradCell, let carried, carried !== gradCell { copy(carried, into: gradCell) }
    }

    // MARK: Optimizers

    package func optimizerStep(_ rule: OptimizerRule, parameters: [Tensor], gradients: [Tensor], state: [[Tensor]]) {
        var constants = rule.constants
        // The parameters of each computed type are one pass.
        for dtype in [DType.float32, .float64] {
            var items: [apus_optimizer_item] = []
            // What had to be copied, kept alive until the step is done, and written back then.
            var copies: [(copy: Tensor, original: Tensor)] = []
            var gradientCopies: [Tensor] = []
            do throws(OpError) {
                func inPlace(_ x: Tensor) throws(OpError) -> Tensor {
                    if x.dtype == dtype && x.isContiguous { return x }
                    let copy = try x.converted(to: dtype)
                    copies.append((copy, x))
                    return copy
                }
                for (i, parameter) in parameters.enumerated() where (parameter.dtype == .float64) == (dtype == .float64) {
                    var gradient = gradients[i]
                    if gradient.dtype != dtype || !gradient.isContiguous {
                        gradient = try gradient.converted(to: dtype)
                        gradientCopies.append(gradient)
                    }
                    var states: [UnsafeMutableRawPointer?] = [nil, nil, nil]
                    for (s, tensors) in state.enumerated() { states[s] = try inPlace(tensors[i]).pointer }
                    items.append(apus_optimizer_item(
                        parameter: try inPlace(parameter).pointer, gradient: gradient.pointer, state: (states[0], states[1], states[2]), n: parameter.count64))
                }
            } catch {
                _ = fail(error, op: "optimizerStep")
                return
            }
            guard !items.isEmpty else { continue }
            if dtype == .float64 { apus_d_optimizer_step(&constants, Int64(items.count), items) }
            else { apus_f_optimizer_step(&constants, Int64(items.count), items) }
            for (copied, original) in copies { copy(copied, into: original) }
            withExtendedLifetime(gradientCopies) {}
        }
    }

    // MARK: Layout and type

    /// `shape` as [outer, length of `dim`, inner].
    private func lines(_ shape: Shape, along dim: Int) -> (Int64, Int64, Int64) {
        guard !shape.isEmpty else { return (1, 1, 1) }
        return (Int64(shape[..<dim].reduce(1, *)), Int64(shape[dim]), Int64(shape[(dim + 1)...].reduce(1, *)))
    }

    /// The operands of a kernel, in its order: `x[0]` must be there, `x.optional(1)` may be missing.
    private struct Operands {
        var tensors: [Tensor?]
        subscript(i: Int) -> Tensor { tensors[i]! }
        func optional(_ i: Int) -> Tensor? { tensors[i] }
    }

    /// Calls `body` with the operands contiguous and in float32 (float64 where the first input is), and writes what it made of copied
    /// outputs back to them.
    private func inComputeType(_ inputs: [Tensor?], outputs: [Tensor?], _ body: (Operands, Operands) -> Void) {
        let type: DType = inputs[0]!.dtype == .float64 ? .float64 : .float32
        func fits(_ x: Tensor) -> Bool { x.dtype == type && x.isContiguous }
        do throws(OpError) {
            var given = Operands(tensors: inputs), made = Operands(tensors: outputs)
            for i in inputs.indices {
                if let x = inputs[i], !fits(x) { given.tensors[i] = try x.converted(to: type) }
            }
            for i in outputs.indices {
                if let x = outputs[i], !fits(x) { made.tensors[i] = try Tensor.uninitialized(x.shape, type, .cpu) }
            }
            body(given, made)
            for i in outputs.indices {
                if let x = outputs[i], let y = made.tensors[i], x !== y { copy(y, into: x) }
            }
        } catch {
            _ = fail(error, op: "cpu")
        }
    }
}

extension Tensor {
    /// Where the second part of a mean of `channels` begins, if it has one.
    fileprivate final func rest<T>(_ channels: Int64) -> UnsafePointer<T>? {
        count64 > channels ? UnsafePointer(pointer.assumingMemoryBound(to: T.self)) + Int(channels) : nil
    }
}

extension OptimizerRule {
    /// As C takes it, with the bias corrections of Adam's step.
    fileprivate var constants: apus_optimizer_rule {
        var c = apus_optimizer_rule()
        switch self {
        case .sgd(let lr, let momentum, let dampening, let decay, let nesterov, let maximize, let first):
            c.rule = 0
            (c.lr, c.momentum, c.dampening, c.decay) = (lr, momentum, dampening, decay)
            (c.nesterov, c.maximize, c.first) = (nesterov, maximize, first)
        case .adam(let lr, let beta1, let beta2, let eps, let decay, let amsgrad, let decoupled, let maximize, let step):
            c.rule = 1
            (c.lr, c.beta1, c.beta2, c.eps, c.decay) = (lr, beta1, beta2, eps, decay)
            (c.amsgrad, c.decoupled, c.maximize) = (amsgrad, decoupled, maximize)
            c.correction1 = 1 - pow(beta1, Double(step))
            c.correction2_sqrt = (1 - pow(beta2, Double(step))).squareRoot()
        case .rmsprop(let lr, let alpha, let eps, let decay, let momentum, let centered, let maximize):
            c.rule = 2
            (c.lr, c.alpha, c.eps, c.decay, c.momentum) = (lr, alpha, eps, decay, momentum)
            (c.centered, c.maximize) = (centered, maximize)
        }
        return c
    }
}
