import ApusCore

/// The base class of RNNCell, LSTMCell and GRUCell: the weights of one step. PyTorch: `RNNCellBase`.
///
/// All parameters start uniformly distributed in ±1/√hiddenSize.
open class RecurrentCell: Module {
    /// Features of the input.
    public final let inputSize: Int
    /// Features of the hidden state.
    public final let hiddenSize: Int
    /// Whether it was made with biases.
    public final let bias: Bool
    /// [gates·hiddenSize, inputSize]
    @exclusivity(unchecked) public final var weightIh: Parameter {
        didSet { weightIh = assigned("weightIh", weightIh, for: oldValue) }
    }
    /// [gates·hiddenSize, hiddenSize]
    @exclusivity(unchecked) public final var weightHh: Parameter {
        didSet { weightHh = assigned("weightHh", weightHh, for: oldValue) }
    }
    /// [gates·hiddenSize]; nil without biases.
    @exclusivity(unchecked) public final var biasIh: Parameter? {
        didSet { biasIh = assigned("biasIh", biasIh, for: oldValue, shape: [weightIh.shape[0]]) }
    }
    /// [gates·hiddenSize]; nil without biases.
    @exclusivity(unchecked) public final var biasHh: Parameter? {
        didSet { biasHh = assigned("biasHh", biasHh, for: oldValue, shape: [weightHh.shape[0]]) }
    }

    init(_ kind: RecurrentKind, _ inputSize: Int, _ hiddenSize: Int, bias: Bool, device: Device, dtype: DType) {
        var sizes = (inputSize, hiddenSize)
        for (name, size) in [("inputSize", inputSize), ("hiddenSize", hiddenSize)] where size <= 0 || size > Int(Int32.max) {
            fail("\(Self.self)", "\(name) must be positive and at most \(Int32.max), it is \(size)")
            sizes = (1, 1)
        }
        self.inputSize = inputSize
        self.hiddenSize = hiddenSize
        self.bias = bias
        func parameter(_ shape: Shape) -> Parameter { Parameter(Tensor.empty(shape, dtype: dtype, device: device)) }
        let rows = kind.gates * sizes.1
        weightIh = parameter([rows, sizes.0])
        weightHh = parameter([rows, sizes.1])
        biasIh = bias ? parameter([rows]) : nil
        biasHh = bias ? parameter([rows]) : nil
        super.init()
        resetParameters()
    }

    /// Draws the weights again. PyTorch: `reset_parameters()`.
    public final func resetParameters() {
        let bound = 1 / Double(Swift.max(hiddenSize, 1)).squareRoot()
        for parameter in [weightIh, weightHh, biasIh, biasHh] {
            if let parameter { Init.uniform_(parameter, a: -bound, b: bound) }
        }
    }

    /// Checks input [N, inputSize] or [inputSize] and the states, and takes one step. The new states have the batch dimension of the input.
    final func run(_ kind: RecurrentKind, _ input: Tensor, _ states: [Tensor]) -> [Tensor] {
        let outputs = kind == .lstm ? 2 : 1
        for x in [input] + states where x.isPoisoned { return Array(repeating: x, count: outputs) }
        do throws(OpError) {
            guard input.ndim == 1 || input.ndim == 2 else {
                throw OpError("expects an input with 1 or 2 dimensions, this one has shape \(input.shape)")
            }
            guard input.shape[-1] == inputSize else {
                throw OpError("input of shape \(input.shape) has \(input.shape[-1]) features, but inputSize is \(inputSize)")
            }
            let isBatched = input.ndim == 2
            let x = isBatched ? input : input.unsqueeze(0)
            var batch: [Tensor] = []
            for state in states {
                guard state.ndim == 1 || state.ndim == 2 else {
                    throw OpError("expects a hidden state with 1 or 2 dimensions, this one has shape \(state.shape)")
                }
                let h = state.ndim == 2 ? state : state.unsqueeze(0)
                guard h.shape[1] == hiddenSize else {
                    throw OpError("hidden state of shape \(state.shape) has \(h.shape[1]) features, but hiddenSize is \(hiddenSize)")
                }
                guard h.shape[0] == x.shape[0] else {
                    throw OpError("input of shape \(input.shape) and hidden state of shape \(state.shape) differ in batch size")
                }
                batch.append(h)
            }
            while batch.count < outputs { batch.append(Tensor.zeros([x.shape[0], hiddenSize], dtype: x.dtype, device: x.device)) }
            let walk = RecurrentWalk(kind, batchSizes: [x.shape[0]], isReversed: false, hasBias: biasIh != nil)
            let inputs = [x] + batch + [weightIh, weightHh, biasIh, biasHh].compactMap { $0 }
            let results = try casting(.lower, inputs) { (cast) throws(OpError) in Array(walk(cast).dropFirst()) }
            return isBatched ? results : results.map { $0.squeeze(0) }
        } catch {
            return Array(repeating: fail(error, op: typeName), count: outputs)
        }
    }

    static let signature = Signature(
        .int("input_size").shownAsValue, .int("hidden_size").shownAsValue, .bool("bias", true).shownUnlessDefault, .device, .dtype)
}

/// The activation of a plain recurrent layer.
public enum RecurrentNonlinearity: String, Sendable, CaseIterable {
    /// tanh x or max(x, 0).
    case tanh, relu

    var kind: RecurrentKind { self == .tanh ? .tanh : .relu }
}

/// One step of a plain recurrent layer: h′ = tanh(Wᵢₕ·x + bᵢₕ + Wₕₕ·h + bₕₕ), or relu instead of tanh. PyTorch: `nn.RNNCell`.
public final class RNNCell: RecurrentCell, DeclaredModule {
    /// tanh or relu.
    public let nonlinearity: RecurrentNonlinearity

    /// Inputs are [N, inputSize] or [inputSize].
    public init(
        _ inputSize: Int, _ hiddenSize: Int, bias: Bool = true, nonlinearity: RecurrentNonlinearity = .tanh, device: Device = .cpu,
        dtype: DType = .float32
    ) {
        self.nonlinearity = nonlinearity
        super.init(nonlinearity.kind, inputSize, hiddenSize, bias: bias, device: device, dtype: dtype)
    }

    /// The next hidden state [N, hiddenSize] or [hiddenSize], as the input has a batch or not, from `hx` of that shape or zeros.
    @discardableResult public func callAsFunction(_ input: Tensor, _ hx: Tensor? = nil) -> Tensor {
        call(input, hx) { input, hx in run(nonlinearity.kind, input, hx.map { [$0] } ?? [])[0] }
    }

    @discardableResult public override func callAsFunction(_ x: Tensor) -> Tensor { callAsFunction(x, nil) }

    static let arguments = Signature(
        .int("input_size").shownAsValue, .int("hidden_size").shownAsValue, .bool("bias", true).shownUnlessDefault,
        .choice("nonlinearity", RecurrentNonlinearity.tanh).shownUnlessDefault.unquoted, .device, .dtype
    ).makes(RNNCell.init)
    static let inputs = Signature(.tensor("input"), .optionalTensor("hx")).calls { (module: RNNCell, x, hx) in module(x, hx) }
}

/// One step of an LSTM (Hochreiter and Schmidhuber, 1997). PyTorch: `nn.LSTMCell`.
///
/// With gates i, f, g, o the quarters of Wᵢₕ·x + bᵢₕ + Wₕₕ·h + bₕₕ: c′ = σ(f)·c + σ(i)·tanh(g), h′ = σ(o)·tanh(c′).
public final class LSTMCell: RecurrentCell, DeclaredModule {
    /// Inputs are [N, inputSize] or [inputSize].
    public init(_ inputSize: Int, _ hiddenSize: Int, bias: Bool = true, device: Device = .cpu, dtype: DType = .float32) {
        super.init(.lstm, inputSize, hiddenSize, bias: bias, device: device, dtype: dtype)
    }

    /// The next hidden and cell state, each [N, hiddenSize] or [hiddenSize], as the input has a batch or not, from `hx` or zeros.
    @discardableResult public func callAsFunction(_ input: Tensor, _ hx: (h: Tensor, c: Tensor)? = nil) -> (h: Tensor, c: Tensor) {
        call(input, hx) { input, hx in
            let next = run(.lstm, input, hx.map { [$0.h, $0.c] } ?? [])
            return (next[0], next[1])
        }
    }

    @available(*, unavailable, message: "LSTMCell returns hidden and cell state: let (h, c) = cell(x)")
    public override func callAsFunction(_ x: Tensor) -> Tensor { super.callAsFunction(x) }

    static let arguments = signature.makes(LSTMCell.init)
    static let inputs = Signature(.tensor("input"), .optionalStates("hx")).calls { (module: LSTMCell, x, hx) -> Argument in
        let (h, c) = module(x, hx)
        return .answers(h, c)
    }
}

/// One step of a GRU (Cho et al., 2014). PyTorch: `nn.GRUCell`.
///
/// r = σ(x_r + h_r), z = σ(x_z + h_z), n = tanh(x_n + r·h_n), h′ = (1 − z)·n + z·h; x_· are the thirds of Wᵢₕ·x + bᵢₕ, h_· of Wₕₕ·h + bₕₕ.
public final class GRUCell: RecurrentCell, DeclaredModule {
    /// Inputs are [N, inputSize] or [inputSize].
    public init(_ inputSize: Int, _ hiddenSize: Int, bias: Bool = true, device: Device = .cpu, dtype: DType = .float32) {
        super.init(.gru, inputSize, hiddenSize, bias: bias, device: device, dtype: dtype)
    }

    /// The next hidden state [N, hiddenSize] or [hiddenSize], as the input has a batch or not, from `hx` of that shape or zeros.
    @discardableResult public func callAsFunction(_ input: Tensor, _ hx: Tensor? = nil) -> Tensor {
        call(input, hx) { input, hx in run(.gru, input, hx.map { [$0] } ?? [])[0] }
    }

    @discardableResult public override func callAsFunction(_ x: Tensor) -> Tensor { callAsFunction(x, nil) }

    static let arguments = signature.makes(GRUCell.init)
    static let inputs = Signature(.tensor("input"), .optionalTensor("hx")).calls { (module: GRUCell, x, hx) in module(x, hx) }
}
