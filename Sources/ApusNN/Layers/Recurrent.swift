import ApusCore

/// What RNN, LSTM and GRU share: weights for layers and directions, and the walk through a sequence. PyTorch: `RNNBase`.
///
/// Parameters are named as in PyTorch: `weight_ih_l0` [gates·hidden, input], `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, with projections
/// `weight_hr_l0`; the next layer has `_l1`, the backward direction `_l0_reverse`. All start evenly distributed in ±1/√hiddenSize.
open class Recurrent: Module {
    public final let inputSize: Int
    public final let hiddenSize: Int
    public final let numLayers: Int
    public final let bias: Bool
    public final let batchFirst: Bool
    /// The probability with which a layer's outputs are dropped on their way to the next, in training.
    public final let dropout: Double
    public final let bidirectional: Bool
    /// The size that hidden states are projected to; 0 for none.
    public final let projSize: Int
    /// The parameters in order, as they are registered by name; `weights(_:)` says which is which.
    @Unregistered private final var flat: [Parameter] = []

    /// The parameters of one layer in one direction.
    struct Weights {
        let ih: Parameter
        let hh: Parameter
        let biasIh: Parameter?
        let biasHh: Parameter?
        let hr: Parameter?
    }

    private func weights(_ index: Int) -> Weights {
        let each = 2 + (bias ? 2 : 0) + (projSize > 0 ? 1 : 0)
        let own = flat[index * each..<(index + 1) * each]
        let first = own.startIndex
        return Weights(
            ih: own[first], hh: own[first + 1], biasIh: bias ? own[first + 2] : nil, biasHh: bias ? own[first + 3] : nil, hr: projSize > 0 ? own[own.endIndex - 1] : nil)
    }

    init(
        _ inputSize: Int, _ hiddenSize: Int, gates: Int, numLayers: Int, bias: Bool, batchFirst: Bool, dropout: Double, bidirectional: Bool, projSize: Int,
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
        check(projSize >= 0 && projSize < Swift.max(hiddenSize, 1), "projSize must not be negative and be smaller than hiddenSize (\(hiddenSize)), it is \(projSize)")
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
        let outSize = projSize > 0 ? projSize : hiddenSize
        for layer in 0..<numLayers {
            let inSize = layer == 0 ? inputSize : outSize * directions
            for suffix in bidirectional ? ["", "_reverse"] : [""] {
                let end = "_l\(layer)\(suffix)"
                add("weight_ih\(end)", [gates * hiddenSize, inSize])
                add("weight_hh\(end)", [gates * hiddenSize, outSize])
                if bias {
                    add("bias_ih\(end)", [gates * hiddenSize])
                    add("bias_hh\(end)", [gates * hiddenSize])
                }
                if projSize > 0 { add("weight_hr\(end)", [projSize, hiddenSize]) }
            }
        }
        resetParameters()
    }

    private var directions: Int { bidirectional ? 2 : 1 }

    /// Draws the weights anew. PyTorch: `reset_parameters()`.
    public final func resetParameters() {
        let bound = 1 / Double(Swift.max(hiddenSize, 1)).squareRoot()
        for parameter in parameters() { Init.uniform_(parameter, a: -bound, b: bound) }
    }

    /// One step of one layer and direction: from the input's products [N, gates·hidden] and the state (h, and c of an LSTM) the next state.
    func step(_ fromInput: Tensor, _ state: [Tensor], _ weights: Weights) -> [Tensor] { fail(typeName, "use RNN, LSTM or GRU"); return state }

    /// The sizes of the states: h, and c of an LSTM.
    var stateSizes: [Int] { [hiddenSize] }

    /// The outputs of the last layer and the final states, [layers·directions, N, size] each; `states` as many as `stateSizes`, or none for zeros.
    final func run(_ input: Tensor, _ states: [Tensor]) -> [Tensor] {
        let count = stateSizes.count + 1
        for x in [input] + states where x.isPoisoned { return Array(repeating: x, count: count) }
        do throws(OpError) {
            let isBatched = input.ndim == 3
            guard isBatched || input.ndim == 2 else { throw OpError("expects an input with 2 dimensions (sequence, features) or 3 (with a batch), this one has shape \(input.shape)") }
            guard input.shape[-1] == inputSize else { throw OpError("input of shape \(input.shape) has \(input.shape[-1]) features, but inputSize is \(inputSize)") }
            if flat.isEmpty { return Array(repeating: Tensor.poisoned, count: count) }
            var x = isBatched ? (batchFirst ? input.transpose(0, 1) : input) : input.unsqueeze(1)
            let (length, batch) = (x.shape[0], x.shape[1])
            guard length > 0 else { throw OpError("input of shape \(input.shape) is a sequence without steps") }
            var first: [[Tensor]] = []
            for (i, size) in stateSizes.enumerated() {
                let wanted: Shape = [numLayers * directions, batch, size]
                guard states.count > i else {
                    first.append(Array(repeating: Tensor.zeros([batch, size], dtype: x.dtype, device: x.device), count: wanted[0]))
                    continue
                }
                let state = states[i]
                guard state.ndim == (isBatched ? 3 : 2) else {
                    throw OpError("for an input with \(input.ndim) dimensions the state needs \(isBatched ? 3 : 2), it has shape \(state.shape)")
                }
                let full = isBatched ? state : state.unsqueeze(1)
                guard full.shape == wanted else {
                    throw OpError("the state of shape \(state.shape) must have shape \(isBatched ? wanted : [wanted[0], size]) (layers · directions\(isBatched ? ", batch" : ""), size)")
                }
                first.append(full.cut(wanted[0], dim: 0).map { $0.squeeze(0) })
            }

            var last = Array(repeating: [Tensor](), count: stateSizes.count)
            for layer in 0..<numLayers {
                var outputs: [Tensor] = []
                for direction in 0..<directions {
                    let index = layer * directions + direction
                    let (steps, final) = walk(x, first.map { $0[index] }, weights(index), backward: direction == 1)
                    outputs.append(steps)
                    for (i, state) in final.enumerated() { last[i].append(state) }
                }
                x = outputs.count == 1 ? outputs[0] : Tensor.cat(outputs, dim: 2)
                if dropout > 0 && training && layer < numLayers - 1 { x = F.dropout(x, p: dropout, training: true) }
            }
            let output = isBatched ? (batchFirst ? x.transpose(0, 1) : x) : x.squeeze(1)
            return [output] + last.map { isBatched ? Tensor.stack($0) : Tensor.stack($0).squeeze(1) }
        } catch {
            return Array(repeating: fail(error, op: typeName), count: count)
        }
    }

    /// One layer in one direction over x [T, N, in]: the hidden states [T, N, out] and the last states. The input's products of all steps are one.
    private func walk(_ x: Tensor, _ start: [Tensor], _ weights: Weights, backward: Bool) -> (Tensor, [Tensor]) {
        let length = x.shape[0]
        let products = F.linear(x, weights.ih, weights.biasIh).cut(length, dim: 0)
        var state = start
        var hidden: [Tensor] = []
        for t in backward ? Array((0..<length).reversed()) : Array(0..<length) {
            state = step(products[t].squeeze(0), state, weights)
            hidden.append(state[0])
        }
        return (Tensor.stack(backward ? hidden.reversed() : hidden), state)
    }

    open override var extraRepr: String {
        reprList(
            "\(inputSize), \(hiddenSize)", projSize == 0 ? nil : "proj_size=\(projSize)", numLayers == 1 ? nil : "num_layers=\(numLayers)", bias ? nil : "bias=False",
            batchFirst ? "batch_first=True" : nil, dropout == 0 ? nil : "dropout=\(repr(dropout))", bidirectional ? "bidirectional=True" : nil)
    }
}

/// A plain recurrent network (Elman): hₜ = tanh(Wᵢₕ·xₜ + bᵢₕ + Wₕₕ·hₜ₋₁ + bₕₕ). PyTorch: `nn.RNN`.
public final class RNN: Recurrent {
    public let nonlinearity: RecurrentNonlinearity

    /// - Parameters:
    ///   - numLayers: layers on top of each other, each reading the outputs of the one below.
    ///   - batchFirst: inputs and outputs are [N, T, size] instead of [T, N, size]. States are not affected.
    ///   - dropout: drops outputs between layers, in training.
    ///   - bidirectional: a second set of weights reads the sequence from its end; outputs are joined.
    public init(
        _ inputSize: Int, _ hiddenSize: Int, numLayers: Int = 1, nonlinearity: RecurrentNonlinearity = .tanh, bias: Bool = true, batchFirst: Bool = false,
        dropout: Double = 0, bidirectional: Bool = false, device: Device = .cpu, dtype: DType = .float32
    ) {
        self.nonlinearity = nonlinearity
        super.init(
            inputSize, hiddenSize, gates: 1, numLayers: numLayers, bias: bias, batchFirst: batchFirst, dropout: dropout, bidirectional: bidirectional, projSize: 0,
            device: device, dtype: dtype)
    }

    override func step(_ fromInput: Tensor, _ state: [Tensor], _ weights: Weights) -> [Tensor] {
        [nonlinearity(fromInput + F.linear(state[0], weights.hh, weights.biasHh))]
    }

    /// The outputs of all steps [T, N, directions·hidden] and the last hidden states [layers·directions, N, hidden], from `hx` or zeros.
    /// Without a batch: [T, size], [layers·directions, size].
    public func callAsFunction(_ input: Tensor, _ hx: Tensor? = nil) -> (output: Tensor, hidden: Tensor) {
        let results = callMany([input] + (hx.map { [$0] } ?? [])) { run($0[0], Array($0.dropFirst())) }
        return (results[0], results[1])
    }

    @available(*, unavailable, message: "RNN returns outputs and hidden states: let (output, hidden) = rnn(x)")
    public override func callAsFunction(_ x: Tensor) -> Tensor { super.callAsFunction(x) }
}

/// Long short-term memory (Hochreiter and Schmidhuber, 1997), with projections (Sak et al., 2014) where `projSize` > 0. PyTorch: `nn.LSTM`.
///
/// With gates i, f, g, o cut from Wᵢₕ·xₜ + bᵢₕ + Wₕₕ·hₜ₋₁ + bₕₕ: cₜ = σ(f)·cₜ₋₁ + σ(i)·tanh(g), hₜ = σ(o)·tanh(cₜ), or Wₕᵣ times that.
public final class LSTM: Recurrent {
    /// As `RNN`; `projSize` > 0 projects hidden states to that size.
    public init(
        _ inputSize: Int, _ hiddenSize: Int, numLayers: Int = 1, bias: Bool = true, batchFirst: Bool = false, dropout: Double = 0, bidirectional: Bool = false,
        projSize: Int = 0, device: Device = .cpu, dtype: DType = .float32
    ) {
        super.init(
            inputSize, hiddenSize, gates: 4, numLayers: numLayers, bias: bias, batchFirst: batchFirst, dropout: dropout, bidirectional: bidirectional,
            projSize: projSize, device: device, dtype: dtype)
    }

    override var stateSizes: [Int] { [projSize > 0 ? projSize : hiddenSize, hiddenSize] }

    override func step(_ fromInput: Tensor, _ state: [Tensor], _ weights: Weights) -> [Tensor] {
        let (h, c) = RecurrentStep.lstm(fromInput + F.linear(state[0], weights.hh, weights.biasHh), state[1])
        return [weights.hr.map { F.linear(h, $0) } ?? h, c]
    }

    /// The outputs of all steps [T, N, directions·size] and the last hidden [layers·directions, N, size] and cell states [layers·directions, N, hidden],
    /// from `hx` or zeros; size is `projSize` or `hiddenSize`. Without a batch: [T, size] and so on.
    public func callAsFunction(_ input: Tensor, _ hx: (h: Tensor, c: Tensor)? = nil) -> (output: Tensor, state: (h: Tensor, c: Tensor)) {
        let results = callMany([input] + (hx.map { [$0.h, $0.c] } ?? [])) { run($0[0], Array($0.dropFirst())) }
        return (results[0], (results[1], results[2]))
    }

    @available(*, unavailable, message: "LSTM returns outputs and states: let (output, (h, c)) = lstm(x)")
    public override func callAsFunction(_ x: Tensor) -> Tensor { super.callAsFunction(x) }
}

/// A gated recurrent unit (Cho et al., 2014). PyTorch: `nn.GRU`.
///
/// r = σ(x_r + h_r), z = σ(x_z + h_z), n = tanh(x_n + r·h_n), hₜ = (1 − z)·n + z·hₜ₋₁, with x_· cut from Wᵢₕ·xₜ + bᵢₕ and h_· from Wₕₕ·hₜ₋₁ + bₕₕ.
public final class GRU: Recurrent {
    /// As `RNN`.
    public init(
        _ inputSize: Int, _ hiddenSize: Int, numLayers: Int = 1, bias: Bool = true, batchFirst: Bool = false, dropout: Double = 0, bidirectional: Bool = false,
        device: Device = .cpu, dtype: DType = .float32
    ) {
        super.init(
            inputSize, hiddenSize, gates: 3, numLayers: numLayers, bias: bias, batchFirst: batchFirst, dropout: dropout, bidirectional: bidirectional, projSize: 0,
            device: device, dtype: dtype)
    }

    override func step(_ fromInput: Tensor, _ state: [Tensor], _ weights: Weights) -> [Tensor] {
        [RecurrentStep.gru(fromInput, F.linear(state[0], weights.hh, weights.biasHh), state[0])]
    }

    /// The outputs of all steps [T, N, directions·hidden] and the last hidden states [layers·directions, N, hidden], from `hx` or zeros.
    /// Without a batch: [T, size], [layers·directions, size].
    public func callAsFunction(_ input: Tensor, _ hx: Tensor? = nil) -> (output: Tensor, hidden: Tensor) {
        let results = callMany([input] + (hx.map { [$0] } ?? [])) { run($0[0], Array($0.dropFirst())) }
        return (results[0], results[1])
    }

    @available(*, unavailable, message: "GRU returns outputs and hidden states: let (output, hidden) = gru(x)")
    public override func callAsFunction(_ x: Tensor) -> Tensor { super.callAsFunction(x) }
}
