/// One layer of a recurrent network over a whole sequence, in one direction, as one op. The products with the inputs of all steps are one
/// matrix product, each step is a product with the hidden state and one kernel, and each weight's gradient is one product over all steps.
///
/// Sequences may differ in length: `batchSizes` has the number of sequences at each step, in descending order; the rows of the steps follow
/// each other (PyTorch's packed form). Inputs: x [Σ batchSizes, in], the initial hidden state [N, P], for an LSTM the initial cell state
/// [N, H], then Wᵢₕ [G·H, in], Wₕₕ [G·H, P], with `hasBias` bᵢₕ and bₕₕ [G·H], with `hasProjection` Wₕᵣ [P, H], which projects the hidden
/// states; without it P = H. Outputs: the hidden states of all steps [Σ batchSizes, P], and the final states of each sequence.
package struct RecurrentWalk: Op {
    let kind: RecurrentKind
    let batchSizes: [Int]
    let isReversed: Bool
    let hasBias: Bool
    let hasProjection: Bool

    package init(_ kind: RecurrentKind, batchSizes: [Int], isReversed: Bool, hasBias: Bool, hasProjection: Bool = false) {
        self.kind = kind
        self.batchSizes = batchSizes
        self.isReversed = isReversed
        self.hasBias = hasBias
        self.hasProjection = hasProjection
    }

    package var name: String { "\(kind)" }
    package var outputCount: Int { kind == .lstm ? 3 : 2 }

    package func callAsFunction(_ inputs: [Tensor]) -> [Tensor] { apply(self, Inputs(inputs)) }

    // MARK: The walk

    /// A step in processing order: its first row, its number of rows, and the numbers of rows of the steps processed before and after it.
    private struct Step {
        let start: Int
        let count: Int
        let before: Int
        let after: Int
    }

    private var steps: [Step] {
        var starts: [Int] = []
        var row = 0
        for count in batchSizes {
            starts.append(row)
            row += count
        }
        let order = isReversed ? Array(batchSizes.indices.reversed()) : Array(batchSizes.indices)
        return order.indices.map { i in
            let size = { (j: Int) in order.indices.contains(j) ? batchSizes[order[j]] : 0 }
            // Before the first step there are the initial states of all sequences.
            return Step(start: starts[order[i]], count: size(i), before: i == 0 ? batchSizes[0] : size(i - 1), after: size(i + 1))
        }
    }

    /// The state that a step starts from: the state after the previous step, and the initial state for sequences that begin here.
    private func entering(_ step: Step, _ previous: Tensor, _ first: Tensor) -> Tensor {
        if step.count == step.before { return previous }
        if step.count < step.before { return previous.narrow(0, 0, step.count) }
        return Tensor.cat([previous, first.narrow(0, step.before, step.count - step.before)])
    }

    /// The final states of all sequences, from the states after each step.
    private func last(_ steps: [Step], _ states: [Tensor]) -> Tensor {
        // Sequences that end earlier have higher row numbers.
        let parts = zip(steps, states).filter { step, _ in step.count > step.after }.map { step, state in
            state.narrow(0, step.after, step.count - step.after)
        }
        return parts.count > 1 ? Tensor.cat(parts.reversed()) : parts.first ?? states[0]
    }

    private func rows(_ x: Tensor, _ step: Step) -> Tensor {
        x.view([step.count, x.shape[1]], strides: x.strides, offset: x.offset + step.start * x.strides[0])
    }

    /// A contiguous copy of a matrix that every step reads row by row. Rows with a multiple of 512 elements would map to the same cache
    /// sets, which the fastest matrix products avoid; they get a gap after each row.
    private func laidOut(_ w: Tensor) throws(OpError) -> Tensor {
        let (count, length) = (w.shape[0], w.shape[1])
        guard count > 0, length > 0, length % 512 == 0 else { return try w.contiguousData() }
        let wide = try Tensor.uninitialized([count, length + 16], w.dtype, w.device)
        let rows = wide.view([count, length], strides: [length + 16, 1], offset: 0)
        try w.device.backend.copy(w, into: rows)
        return rows
    }

    /// The inputs, by name.
    private struct Operands {
        let x: Tensor
        let first: [Tensor]
        let ih: Tensor
        let hh: Tensor
        let biasIh: Tensor?
        let biasHh: Tensor?
        let hr: Tensor?
    }

    private func named(_ inputs: [Tensor]) -> Operands {
        let states = kind == .lstm ? 2 : 1
        return Operands(
            x: inputs[0], first: Array(inputs[1...states]), ih: inputs[states + 1], hh: inputs[states + 2],
            biasIh: hasBias ? inputs[states + 3] : nil, biasHh: hasBias ? inputs[states + 4] : nil,
            hr: hasProjection ? inputs[inputs.count - 1] : nil)
    }

    // MARK: Forward

    package func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> [Tensor] {
        let walk = named(Array(inputs))
        if let other = inputs.first(where: { $0.dtype != walk.hh.dtype }) {
            throw OpError(
                "the weights are \(walk.hh.dtype), an input or state of shape \(other.shape) is \(other.dtype); convert one with to(_:)")
        }
        return try setGradEnabled(false) { () throws(OpError) in try run(walk, inputs, saved) }
    }

    private func run(_ walk: Operands, _ inputs: Inputs, _ saved: Saved) throws(OpError) -> [Tensor] {
        let (backend, steps, like) = (walk.x.device.backend, steps, walk.first[0])
        let (total, units) = (walk.x.shape[0], walk.hh.shape[0] / kind.gates)
        func empty(_ columns: Int) -> Tensor { Tensor.empty([total, columns], dtype: like.dtype, device: like.device) }

        let products = walk.x.linear(walk.ih, walk.biasIh)
        let weight = try laidOut(walk.hh.t()).unsqueeze(0)
        let hidden = empty(units)
        let project = try walk.hr.map { (w) throws(OpError) in try laidOut(w.t()).unsqueeze(0) }
        let projected = walk.hr.map { empty($0.shape[0]) }
        let cells = kind == .lstm ? empty(units) : nil
        let gates = kind == .lstm ? products : kind.kept > 0 ? empty(kind.kept * units) : nil
        let product = Tensor.empty([1, batchSizes[0], kind.gates * units], dtype: like.dtype, device: like.device)
        var (h, c) = (walk.first[0].contiguous(), walk.first.count > 1 ? walk.first[1].contiguous() : nil)
        for case let x? in [products, hidden, projected, cells, gates, product, h, c] { try x.usable() }
        for step in steps {
            let (from, cell) = try (
                entering(step, h, walk.first[0]).usable(), c.map { (c) throws(OpError) in try entering(step, c, walk.first[1]).usable() }
            )
            let recurrent = product.view([1, step.count, product.shape[2]], strides: product.strides, offset: 0)
            try backend.matmul(from.unsqueeze(0), weight, bias: walk.biasHh, into: recurrent)
            let out = rows(hidden, step)
            let next = cells.map { rows($0, step) }
            try backend.recurrentCell(
                kind, input: rows(products, step),
                hidden: recurrent.view([step.count, product.shape[2]], strides: [product.shape[2], 1], offset: 0),
                state: kind == .lstm ? cell : from, gates: gates.map { rows($0, step) }, cell: next, into: out)
            (h, c) = (out, next)
            if let project, let projected {
                h = rows(projected, step)
                try backend.matmul(
                    out.view([1, step.count, units], strides: [0, units, 1], offset: out.offset), project, bias: nil,
                    into: h.view([1, step.count, h.shape[1]], strides: [0, h.shape[1], 1], offset: h.offset))
            }
        }
        let result = projected ?? hidden
        let final =
            [last(steps, steps.map { rows(result, $0) })] + (cells.map { cells in [last(steps, steps.map { rows(cells, $0) })] } ?? [])
        for x in inputs { saved.keep(x) }
        saved.keepOutput(result)
        for kept in [gates, cells, hasProjection ? hidden : nil] { if let kept { saved.keep(kept) } }
        return [result] + final.map { $0.clone() }
    }

    // MARK: Backward

    package func backward(_ grads: [Tensor?], _ context: BackwardContext) throws(OpError) -> Gradients {
        let count = context.inputCount
        let inputs = Array(context.saved.prefix(count))
        let walk = named(inputs)
        let shapes = [context.saved[count].shape] + walk.first.map(\.shape)
        let gradients = zip(grads, shapes).map { grad, shape in grad ?? Tensor.zeros(shape, dtype: walk.hh.dtype, device: walk.hh.device) }
        return Gradients(try isGradEnabled ? composedBackward(inputs, gradients) : walkBack(walk, inputs, gradients, context))
    }

    private func walkBack(
        _ walk: Operands, _ inputs: [Tensor], _ gradients: [Tensor], _ context: BackwardContext
    ) throws(OpError) -> [Tensor?] {
        let count = inputs.count
        let (result, gates, cells) = (
            context.saved[count], kind.kept > 0 ? context.saved[count + 1] : nil, kind == .lstm ? context.saved[count + 2] : nil
        )
        let hidden = hasProjection ? context.saved[count + 3] : result
        let (backend, steps, units) = (hidden.device.backend, steps, hidden.shape[1])
        func empty(_ columns: Int) -> Tensor { Tensor.empty([hidden.shape[0], columns], dtype: hidden.dtype, device: hidden.device) }

        let gradProducts = empty(kind.gates * units)
        let gradRecurrent = kind == .gru ? empty(kind.gates * units) : gradProducts
        let gradOut = gradients[0].contiguous()
        let weight = walk.hh.contiguous().unsqueeze(0)
        let gradFirst = walk.first.map { Tensor.zeros($0.shape, dtype: $0.dtype, device: $0.device) }
        let whole = Tensor.empty([1, batchSizes[0], result.shape[1]], dtype: hidden.dtype, device: hidden.device)
        for x in [gradProducts, gradRecurrent, gradOut, weight, whole] + gradFirst + gradients { try x.usable() }
        /// The gradients of the states that the step processed last started from.
        var carried: [Tensor] = []
        var entered: [Tensor] = []
        /// With a projection: the gradients of its results.
        var projectedGradients: [Tensor] = []
        for (i, step) in steps.enumerated().reversed() {
            // Sequences that end at this step start with the gradients of their final states.
            let incoming = walk.first.indices.map { s -> Tensor in
                if carried.isEmpty { return gradients[1 + s].narrow(0, 0, step.count).clone() }
                if step.count == step.after { return carried[s] }
                if step.count > step.after {
                    return Tensor.cat([carried[s], gradients[1 + s].narrow(0, step.after, step.count - step.after)])
                }
                gradFirst[s].narrow(0, step.count, step.after - step.count).copy_(carried[s].narrow(0, step.count, step.after - step.count))
                return carried[s].narrow(0, 0, step.count).contiguous()
            }
            var gradH = rows(gradOut, step) + incoming[0]
            if let hr = walk.hr {
                projectedGradients.append(gradH)
                gradH = gradH.matmul(hr)
            }
            for x in incoming + [gradH] { try x.usable() }
            func previous(_ states: Tensor, _ first: Tensor) throws(OpError) -> Tensor {
                try entering(step, i == 0 ? first : rows(states, steps[i - 1]), first).contiguous().usable()
            }
            let from = try previous(result, walk.first[0])
            entered.append(from)
            let gradState = try kind == .gru ? Tensor.uninitialized([step.count, units], hidden.dtype, hidden.device) : nil
            try backend.recurrentCellBackward(
                kind, gradH, gates: gates.map { rows($0, step) },
                state: kind == .lstm ? previous(cells!, walk.first[1]) : kind == .gru ? from : nil,
                cell: cells.map { rows($0, step) }, out: rows(hidden, step), gradCell: kind == .lstm ? incoming[1] : nil,
                gradInput: rows(gradProducts, step), gradHidden: kind == .gru ? rows(gradRecurrent, step) : nil, gradState: gradState)
            let gradFrom = whole.view([1, step.count, whole.shape[2]], strides: whole.strides, offset: 0)
            try backend.matmul(rows(gradRecurrent, step).unsqueeze(0), weight, bias: nil, into: gradFrom)
            // matmul overwrites its output, so the other gradients are added afterwards.
            let around = gradFrom.view([step.count, whole.shape[2]], strides: [whole.shape[2], 1], offset: 0)
            carried = [try (gradState.map { $0 + around } ?? around.clone()).usable()] + (kind == .lstm ? [incoming[1]] : [])
        }
        for (s, grad) in carried.enumerated() { try backend.copy(grad, into: gradFirst[s].narrow(0, 0, grad.shape[0]).usable()) }

        let needs = inputs.indices.map(context.needs)
        let states = walk.first.count
        var found: [Tensor?] = [needs[0] ? gradProducts.matmul(walk.ih) : nil]
        found += gradFirst.indices.map { needs[1 + $0] ? gradFirst[$0] : nil }
        found.append(needs[states + 1] ? gradProducts.t().matmul(walk.x) : nil)
        // The parts were collected from the last step on; in a reversed walk the steps go backward through the rows.
        func inRows(_ parts: [Tensor]) -> Tensor { parts.count == 1 ? parts[0] : Tensor.cat(isReversed ? parts : parts.reversed()) }
        found.append(needs[states + 2] ? gradRecurrent.t().matmul(inRows(entered)) : nil)
        if hasBias {
            found.append(needs[states + 3] ? gradProducts.sum(dim: 0) : nil)
            found.append(needs[states + 4] ? gradRecurrent.sum(dim: 0) : nil)
        }
        if hasProjection { found.append(needs[count - 1] ? inRows(projectedGradients).t().matmul(hidden) : nil) }
        return found
    }

    // MARK: Backward by differentiable ops, for recorded backward passes

    private func composedBackward(_ inputs: [Tensor], _ gradients: [Tensor]) -> [Tensor?] {
        // Views, so that the gradients are taken with respect to them; the views lead to the inputs for higher derivatives.
        let views = inputs.map { apply(Reshape(shape: $0.shape, strides: $0.strides, inputShape: $0.shape), Inputs($0)) }
        let outputs = composed(views)
        let used = zip(views, inputs).filter { $0.0.requiresGrad }.map(\.0)
        var found = grad(of: outputs, withRespectTo: used, gradients: gradients, createGraph: true, allowUnused: true)[...]
        return views.map { $0.requiresGrad ? found.popFirst()! : nil }
    }

    /// The outputs by recorded ops. Tests compare the kernels with it.
    package func composed(_ inputs: [Tensor]) -> [Tensor] {
        let walk = named(inputs)
        let products = walk.x.linear(walk.ih, walk.biasIh)
        var state = walk.first
        var after: [[Tensor]] = []
        for step in steps {
            state = zip(state, walk.first).map { entering(step, $0, $1) }
            state = Self.step(kind, products.narrow(0, step.start, step.count), state[0].linear(walk.hh, walk.biasHh), state)
            if let hr = walk.hr { state[0] = state[0].linear(hr, nil) }
            after.append(state)
        }
        let inRows = isReversed ? after.reversed() : after
        return [Tensor.cat(inRows.map { $0[0] })] + walk.first.indices.map { s in last(steps, after.map { $0[s] }) }
    }

    /// One step by recorded ops: the next state (h, and c for an LSTM) from the products of input and hidden state.
    package static func step(_ kind: RecurrentKind, _ x: Tensor, _ y: Tensor, _ state: [Tensor]) -> [Tensor] {
        let units = x.shape[1] / kind.gates
        func part(_ x: Tensor, _ i: Int) -> Tensor { x.narrow(1, i * units, units) }
        switch kind {
        case .lstm:
            let sum = x + y
            let next = part(sum, 1).sigmoid() * state[1] + part(sum, 0).sigmoid() * part(sum, 2).tanh()
            return [part(sum, 3).sigmoid() * next.tanh(), next]
        case .gru:
            let r = (part(x, 0) + part(y, 0)).sigmoid()
            let z = (part(x, 1) + part(y, 1)).sigmoid()
            let n = (part(x, 2) + r * part(y, 2)).tanh()
            return [n + z * (state[0] - n)]
        case .tanh: return [(x + y).tanh()]
        case .relu: return [(x + y).relu()]
        }
    }
}
