import ApusCore

/// The base class of RNN, LSTM and GRU: the weights of all layers and directions, and the loop over a sequence. PyTorch: `RNNBase`.
///
/// Parameters are named as in PyTorch: `weight_ih_l0` [gates·hidden, input], `weight_hh_l0` [gates·hidden, hidden or projSize],
/// `bias_ih_l0` and `bias_hh_l0` [gates·hidden], with projections `weight_hr_l0` [projSize, hidden]; the next layer has `_l1`, the backward
/// direction `_l0_reverse`. All start uniformly distributed in ±1/√hiddenSize. Calls trap where shapes do not fit or a sequence has no
/// steps.
open class Recurrent: Module {
    /// Which arithmetic a step performs.
    private final let kind: RecurrentKind
    /// Features of the input.
    public final let inputSize: Int
    /// Features of the hidden state.
    public final let hiddenSize: Int
    /// The number of stacked layers.
    public final let numLayers: Int
    /// Whether there are biases.
    public final let bias: Bool
    /// Whether inputs and outputs are [N, T, size] instead of [T, N, size].
    public final let batchFirst: Bool
    /// The probability with which the outputs of a layer are dropped before the next, in training.
    public final let dropout: Double
    /// Whether a second set of weights reads the sequence backward.
    public final let bidirectional: Bool
    /// The size that hidden states are projected to; 0 for none.
    public final let projSize: Int
    /// The parameters in the order in which they are registered by name.
    @Unregistered private final var flat: [Parameter] = []

    /// The parameters of one layer in one direction, in the order of `RecurrentWalk`'s inputs.
    private func weights(_ index: Int) -> [Parameter] {
        let each = 2 + (bias ? 2 : 0) + (projSize > 0 ? 1 : 0)
        return Array(flat[index * each..<(index + 1) * each])
    }

    init(
        _ kind: RecurrentKind, _ inputSize: Int, _ hiddenSize: Int, numLayers: Int, bias: Bool, batchFirst: Bool, dropout: Double,
        bidirectional: Bool,
        projSize: Int,
        device: Device, dtype: DType
    ) {
        var isValid = true
        func check(_ holds: Bool, _ message: @autoclosure () -> String) {
            if isValid && !holds {
                fail("\(Self.self)", message())
                isValid = false
            }
        }
        for (name, value) in [("inputSize", inputSize), ("hiddenSize", hiddenSize), ("numLayers", numLayers)] {
            check(value > 0 && value <= Int(Int32.max), "\(name) must be positive and at most \(Int32.max), it is \(value)")
        }
        check(dropout >= 0 && dropout <= 1, "dropout must lie in 0 ... 1, it is \(dropout)")
        check(
            projSize >= 0 && projSize < Swift.max(hiddenSize, 1),
            "projSize must not be negative and be smaller than hiddenSize (\(hiddenSize)), it is \(projSize)")
        self.kind = kind
        self.inputSize = inputSize
        self.hiddenSize = hiddenSize
        self.numLayers = isValid ? numLayers : 0
        self.bias = bias
        self.batchFirst = batchFirst
        self.dropout = dropout
        self.bidirectional = bidirectional
        self.projSize = projSize
        super.init()
        guard isValid else { return }

        func add(_ name: String, _ shape: Shape) {
            let made = Parameter(Tensor.empty(shape, dtype: dtype, device: device))
            registerParameter(name, made)
            flat.append(made)
        }
        let (rows, outSize) = (kind.gates * hiddenSize, projSize > 0 ? projSize : hiddenSize)
        for layer in 0..<numLayers {
            let inSize = layer == 0 ? inputSize : outSize * directions
            for suffix in bidirectional ? ["", "_reverse"] : [""] {
                let end = "_l\(layer)\(suffix)"
                add("weight_ih\(end)", [rows, inSize])
                add("weight_hh\(end)", [rows, outSize])
                if bias {
                    add("bias_ih\(end)", [rows])
                    add("bias_hh\(end)", [rows])
                }
                if projSize > 0 { add("weight_hr\(end)", [projSize, hiddenSize]) }
            }
        }
        resetParameters()
    }

    private var directions: Int { bidirectional ? 2 : 1 }

    /// Draws the weights again. PyTorch: `reset_parameters()`.
    public final func resetParameters() {
        let bound = 1 / Double(Swift.max(hiddenSize, 1)).squareRoot()
        for parameter in parameters() { Init.uniform_(parameter, a: -bound, b: bound) }
    }

    /// The sizes of the states: h, and c for an LSTM.
    private var stateSizes: [Int] { (projSize > 0 ? [projSize] : [hiddenSize]) + (kind == .lstm ? [hiddenSize] : []) }

    /// The outputs of the last layer and the final states, [layers·directions, N, size] each. `states` has a tensor for each of
    /// `stateSizes`, or none for zeros.
    final func run(_ input: Tensor, _ states: [Tensor]) -> [Tensor] {
        let count = stateSizes.count + 1
        for x in [input] + states where x.isPoisoned { return Array(repeating: x, count: count) }
        do throws(OpError) {
            let isBatched = input.ndim == 3
            guard isBatched || input.ndim == 2 else {
                throw OpError(
                    "expects an input with 2 dimensions (sequence, features) or 3 (with a batch), this one has shape \(input.shape)")
            }
            try checkFeatures(input)
            if flat.isEmpty { return Array(repeating: Tensor.poisoned, count: count) }
            let x = isBatched ? (batchFirst ? input.transpose(0, 1) : input) : input.unsqueeze(1)
            let (length, batch) = (x.shape[0], x.shape[1])
            guard length > 0 else { throw OpError("input of shape \(input.shape) is a sequence without steps") }
            for state in states where state.ndim != (isBatched ? 3 : 2) {
                throw OpError(
                    "for an input with \(input.ndim) dimensions the state needs \(isBatched ? 3 : 2), it has shape \(state.shape)")
            }
            let first = isBatched ? states : states.map { $0.unsqueeze(1) }
            let (rows, last) = try layers(
                x.reshape(length * batch, inputSize), Array(repeating: batch, count: length), first, isBatched: isBatched)
            let output = rows.reshape(length, batch, rows.shape[1])
            return [isBatched ? (batchFirst ? output.transpose(0, 1) : output) : output.squeeze(1)]
                + (isBatched ? last : last.map { $0.squeeze(1) })
        } catch {
            return Array(repeating: fail(error, op: typeName), count: count)
        }
    }

    /// The same over packed sequences of different lengths. The states are in the order of the sequences before packing.
    final func run(_ input: PackedSequence, _ states: [Tensor]) -> (output: PackedSequence, states: [Tensor]) {
        for x in [input.data] + states where x.isPoisoned { return (input.with(x), Array(repeating: x, count: stateSizes.count)) }
        do throws(OpError) {
            guard input.data.ndim == 2 else { throw OpError("expects packed rows with 2 dimensions, they have shape \(input.data.shape)") }
            try checkFeatures(input.data)
            if flat.isEmpty { return (input, Array(repeating: Tensor.poisoned, count: stateSizes.count)) }
            for state in states where state.ndim != 3 {
                throw OpError("the state of packed sequences needs 3 dimensions, it has shape \(state.shape)")
            }
            let first = input.sortedIndices.map { order in states.map { $0.indexSelect(dim: 1, order) } } ?? states
            let (rows, last) = try layers(input.data, input.batchSizes, first, isBatched: true)
            return (input.with(rows), input.unsortedIndices.map { order in last.map { $0.indexSelect(dim: 1, order) } } ?? last)
        } catch {
            let failed = fail(error, op: typeName)
            return (input.with(failed), Array(repeating: failed, count: stateSizes.count))
        }
    }

    /// `run` as a call with hooks, which get the rows and the states.
    final func callPacked(_ input: PackedSequence, _ states: [Tensor]) -> (PackedSequence, [Tensor]) {
        let (rows, last) = call(input.data, states) { rows, states in
            let (output, last) = run(input.with(rows), states)
            return (output.data, last)
        }
        return (input.with(rows), last)
    }

    private func checkFeatures(_ input: Tensor) throws(OpError) {
        guard input.shape[-1] == inputSize else {
            throw OpError("input of shape \(input.shape) has \(input.shape[-1]) features, but inputSize is \(inputSize)")
        }
    }

    /// Runs all layers over rows [Σ batchSizes, in], from `states` [layers·directions, N, size] or zeros. Returns the last layer's rows and
    /// the final states.
    private func layers(_ input: Tensor, _ batchSizes: [Int], _ states: [Tensor], isBatched: Bool) throws(OpError) -> (Tensor, [Tensor]) {
        let batch = batchSizes[0]
        var first: [[Tensor]] = []
        for (i, size) in stateSizes.enumerated() {
            let wanted: Shape = [numLayers * directions, batch, size]
            guard states.count > i else {
                first.append(Array(repeating: Tensor.zeros([batch, size], dtype: input.dtype, device: input.device), count: wanted[0]))
                continue
            }
            guard states[i].shape == wanted else {
                let (shown, needed) = isBatched ? (states[i].shape, wanted) : (states[i].squeeze(1).shape, [wanted[0], size])
                throw OpError(
                    "the state of shape \(shown) must have shape \(needed) (layers · directions\(isBatched ? ", batch" : ""), size)")
            }
            let each = states[i].unbind()
            first.append((0..<wanted[0]).map { each[$0] })
        }
        var x = input
        var last = Array(repeating: [Tensor](), count: stateSizes.count)
        for layer in 0..<numLayers {
            var outputs: [Tensor] = []
            for direction in 0..<directions {
                let index = layer * directions + direction
                let walk = RecurrentWalk(
                    kind, batchSizes: batchSizes, isReversed: direction == 1, hasBias: bias, hasProjection: projSize > 0)
                let results = try casting(.lower, [x] + first.map { $0[index] } + weights(index)) { (cast) throws(OpError) in walk(cast) }
                outputs.append(results[0])
                for (i, state) in results.dropFirst().enumerated() { last[i].append(state) }
            }
            x = outputs.count == 1 ? outputs[0] : Tensor.cat(outputs, dim: 1)
            if dropout > 0 && training && layer < numLayers - 1 { x = F.dropout(x, p: dropout, training: true) }
        }
        return (x, last.map { Tensor.stack($0) })
    }

    // PyTorch prints the arguments in another order than its signatures have.
    open override var extraRepr: String {
        reprList(
            "\(inputSize), \(hiddenSize)", projSize == 0 ? nil : "proj_size=\(projSize)", numLayers == 1 ? nil : "num_layers=\(numLayers)",
            bias ? nil : "bias=False",
            batchFirst ? "batch_first=True" : nil, dropout == 0 ? nil : "dropout=\(repr(dropout))",
            bidirectional ? "bidirectional=True" : nil)
    }
}

extension Formal where Value == (h: Tensor, c: Tensor)? {
    /// Hidden and cell state of an LSTM; nil where omitted.
    static func optionalStates(_ name: String) -> Formal {
        Formal(optional: name, "a list of two tensors") { (value: Argument) -> (h: Tensor, c: Tensor)? in
            guard let list = value.list, list.count == 2, let h = list[0].tensor, let c = list[1].tensor else { return nil }
            return (h, c)
        }
    }
}
