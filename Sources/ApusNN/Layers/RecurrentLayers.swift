import ApusCore

/// A plain recurrent network (Elman): hₜ = tanh(Wᵢₕ·xₜ + bᵢₕ + Wₕₕ·hₜ₋₁ + bₕₕ), or relu instead of tanh. PyTorch: `nn.RNN`.
public final class RNN: Recurrent, DeclaredModule {
    /// tanh or relu.
    public let nonlinearity: RecurrentNonlinearity

    /// - Parameters:
    ///   - numLayers: the number of stacked layers; each reads the outputs of the one below.
    ///   - batchFirst: inputs and outputs are [N, T, size] instead of [T, N, size]. States are not affected.
    ///   - dropout: the probability with which outputs are dropped between layers, in training.
    ///   - bidirectional: a second set of weights reads the sequence backward; the outputs of both are concatenated.
    public init(
        _ inputSize: Int, _ hiddenSize: Int, numLayers: Int = 1, nonlinearity: RecurrentNonlinearity = .tanh, bias: Bool = true,
        batchFirst: Bool = false,
        dropout: Double = 0, bidirectional: Bool = false, device: Device = .cpu, dtype: DType = .float32
    ) {
        self.nonlinearity = nonlinearity
        super.init(
            nonlinearity.kind, inputSize, hiddenSize, numLayers: numLayers, bias: bias, batchFirst: batchFirst, dropout: dropout,
            bidirectional: bidirectional, projSize: 0,
            device: device, dtype: dtype)
    }

    /// The outputs of all steps [T, N, directions·hidden] and the last hidden states [layers·directions, N, hidden], from `hx` or zeros.
    /// Without a batch: [T, size], [layers·directions, size].
    @discardableResult public func callAsFunction(_ input: Tensor, _ hx: Tensor? = nil) -> (output: Tensor, hidden: Tensor) {
        call(input, hx) { input, hx in
            let results = run(input, hx.map { [$0] } ?? [])
            return (results[0], results[1])
        }
    }

    /// The same over packed sequences; hidden states are in the order of the sequences before packing.
    @discardableResult public func callAsFunction(_ input: PackedSequence, _ hx: Tensor? = nil) -> (output: PackedSequence, hidden: Tensor)
    {
        let (output, states) = callPacked(input, hx.map { [$0] } ?? [])
        return (output, states[0])
    }

    @available(*, unavailable, message: "RNN returns outputs and hidden states: let (output, hidden) = rnn(x)")
    public override func callAsFunction(_ x: Tensor) -> Tensor { super.callAsFunction(x) }

    static let arguments = Signature(
        .int("input_size"), .int("hidden_size"), .layers("num_layers", 1), .choice("nonlinearity", RecurrentNonlinearity.tanh),
        .bool("bias", true),
        .bool("batch_first", false), .double("dropout", 0), .bool("bidirectional", false), .device, .dtype
    ).makes(RNN.init)
    static let inputs = Signature(.tensor("input"), .optionalTensor("hx")).calls { (module: RNN, x, hx) -> Argument in
        let (output, hidden) = module(x, hx)
        return .answers(output, hidden)
    }
}

/// Long short-term memory (Hochreiter and Schmidhuber, 1997), with projections (Sak et al., 2014) where `projSize` > 0. PyTorch: `nn.LSTM`.
///
/// With gates i, f, g, o the quarters of Wᵢₕ·xₜ + bᵢₕ + Wₕₕ·hₜ₋₁ + bₕₕ: cₜ = σ(f)·cₜ₋₁ + σ(i)·tanh(g), hₜ = σ(o)·tanh(cₜ); with
/// projections Wₕᵣ times that.
public final class LSTM: Recurrent, DeclaredModule {
    /// As `RNN`; `projSize` > 0 projects hidden states to that size. Traps unless it is less than `hiddenSize`.
    public init(
        _ inputSize: Int, _ hiddenSize: Int, numLayers: Int = 1, bias: Bool = true, batchFirst: Bool = false, dropout: Double = 0,
        bidirectional: Bool = false,
        projSize: Int = 0, device: Device = .cpu, dtype: DType = .float32
    ) {
        super.init(
            .lstm, inputSize, hiddenSize, numLayers: numLayers, bias: bias, batchFirst: batchFirst, dropout: dropout,
            bidirectional: bidirectional,
            projSize: projSize, device: device, dtype: dtype)
    }

    /// The outputs of all steps [T, N, directions·size], and the last hidden states [layers·directions, N, size] and cell states
    /// [layers·directions, N, hidden], from `hx` or zeros; size is `projSize` if positive, else `hiddenSize`. Without a batch: the same
    /// without N.
    @discardableResult public func callAsFunction(
        _ input: Tensor, _ hx: (h: Tensor, c: Tensor)? = nil
    ) -> (output: Tensor, state: (h: Tensor, c: Tensor)) {
        call(input, hx) { input, hx in
            let results = run(input, hx.map { [$0.h, $0.c] } ?? [])
            return (results[0], (results[1], results[2]))
        }
    }

    /// The same over packed sequences; states are in the order of the sequences before packing.
    @discardableResult public func callAsFunction(
        _ input: PackedSequence, _ hx: (h: Tensor, c: Tensor)? = nil
    ) -> (output: PackedSequence, state: (h: Tensor, c: Tensor)) {
        let (output, states) = callPacked(input, hx.map { [$0.h, $0.c] } ?? [])
        return (output, (states[0], states[1]))
    }

    @available(*, unavailable, message: "LSTM returns outputs and states: let (output, (h, c)) = lstm(x)")
    public override func callAsFunction(_ x: Tensor) -> Tensor { super.callAsFunction(x) }

    static let arguments = Signature(
        .int("input_size"), .int("hidden_size"), .layers("num_layers", 1), .bool("bias", true), .bool("batch_first", false),
        .double("dropout", 0),
        .bool("bidirectional", false), .int("proj_size", 0), .device, .dtype
    ).makes(LSTM.init)
    static let inputs = Signature(.tensor("input"), .optionalStates("hx")).calls { (module: LSTM, x, hx) -> Argument in
        let (output, state) = module(x, hx)
        return .list([.tensor(output), .answers(state.h, state.c)])
    }
}

/// A gated recurrent unit (Cho et al., 2014). PyTorch: `nn.GRU`.
///
/// r = σ(x_r + h_r), z = σ(x_z + h_z), n = tanh(x_n + r·h_n), hₜ = (1 − z)·n + z·hₜ₋₁; x_· are the thirds of Wᵢₕ·xₜ + bᵢₕ, h_· those of
/// Wₕₕ·hₜ₋₁ + bₕₕ.
public final class GRU: Recurrent, DeclaredModule {
    /// As `RNN`.
    public init(
        _ inputSize: Int, _ hiddenSize: Int, numLayers: Int = 1, bias: Bool = true, batchFirst: Bool = false, dropout: Double = 0,
        bidirectional: Bool = false,
        device: Device = .cpu, dtype: DType = .float32
    ) {
        super.init(
            .gru, inputSize, hiddenSize, numLayers: numLayers, bias: bias, batchFirst: batchFirst, dropout: dropout,
            bidirectional: bidirectional, projSize: 0,
            device: device, dtype: dtype)
    }

    /// The outputs of all steps [T, N, directions·hidden] and the last hidden states [layers·directions, N, hidden], from `hx` or zeros.
    /// Without a batch: [T, size], [layers·directions, size].
    @discardableResult public func callAsFunction(_ input: Tensor, _ hx: Tensor? = nil) -> (output: Tensor, hidden: Tensor) {
        call(input, hx) { input, hx in
            let results = run(input, hx.map { [$0] } ?? [])
            return (results[0], results[1])
        }
    }

    /// The same over packed sequences; hidden states are in the order of the sequences before packing.
    @discardableResult public func callAsFunction(_ input: PackedSequence, _ hx: Tensor? = nil) -> (output: PackedSequence, hidden: Tensor)
    {
        let (output, states) = callPacked(input, hx.map { [$0] } ?? [])
        return (output, states[0])
    }

    @available(*, unavailable, message: "GRU returns outputs and hidden states: let (output, hidden) = gru(x)")
    public override func callAsFunction(_ x: Tensor) -> Tensor { super.callAsFunction(x) }

    static let arguments = Signature(
        .int("input_size"), .int("hidden_size"), .layers("num_layers", 1), .bool("bias", true), .bool("batch_first", false),
        .double("dropout", 0),
        .bool("bidirectional", false), .device, .dtype
    ).makes(GRU.init)
    static let inputs = Signature(.tensor("input"), .optionalTensor("hx")).calls { (module: GRU, x, hx) -> Argument in
        let (output, hidden) = module(x, hx)
        return .answers(output, hidden)
    }
}
