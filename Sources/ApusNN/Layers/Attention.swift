import ApusCore

/// Attention with several heads (Vaswani et al., 2017): each head projects query, key and value to d = embedDim/numHeads features, and
/// computes softmax(q·kᵀ/√d)·v. PyTorch: `nn.MultiheadAttention`.
///
/// The projections start by `Init.xavierUniform_`, `biasK` and `biasV` by `Init.xavierNormal_`, the biases at 0; `outProj.weight` as in
/// ``Linear``.
public final class MultiheadAttention: Module, DeclaredModule {
    /// Features of the query and of the output.
    public let embedDim: Int
    /// The number of heads.
    public let numHeads: Int
    /// Features of the keys; those of the query where they were not given.
    public let kdim: Int
    /// Features of the values; those of the query where they were not given.
    public let vdim: Int
    /// The probability with which attention weights are dropped, in training.
    public let dropout: Double
    /// Whether inputs and outputs are [N, L, E] instead of [L, N, E].
    public let batchFirst: Bool
    /// Whether a position of zeros is added to keys and values.
    public let addZeroAttn: Bool
    /// The weights for query, key and value, [3·embedDim, embedDim]; nil where `kdim` or `vdim` differs from `embedDim`.
    @exclusivity(unchecked) public var inProjWeight: Parameter? {
        didSet { inProjWeight = assigned("inProjWeight", inProjWeight, for: oldValue, shape: nil) }
    }
    /// The weight for the query, [embedDim, embedDim], where `kdim` or `vdim` differs from `embedDim`; else nil.
    @exclusivity(unchecked) public var qProjWeight: Parameter? {
        didSet { qProjWeight = assigned("qProjWeight", qProjWeight, for: oldValue, shape: nil) }
    }
    /// The weight for the keys, [embedDim, kdim], where `kdim` or `vdim` differs from `embedDim`; else nil.
    @exclusivity(unchecked) public var kProjWeight: Parameter? {
        didSet { kProjWeight = assigned("kProjWeight", kProjWeight, for: oldValue, shape: nil) }
    }
    /// The weight for the values, [embedDim, vdim], where `kdim` or `vdim` differs from `embedDim`; else nil.
    @exclusivity(unchecked) public var vProjWeight: Parameter? {
        didSet { vProjWeight = assigned("vProjWeight", vProjWeight, for: oldValue, shape: nil) }
    }
    /// The biases for query, key and value, [3·embedDim]; nil without biases.
    @exclusivity(unchecked) public var inProjBias: Parameter? {
        didSet { inProjBias = assigned("inProjBias", inProjBias, for: oldValue, shape: [3 * embedDim]) }
    }
    /// The layer behind the heads.
    public var outProj: Linear
    /// A learned key at one more position, [1, 1, embedDim]; nil without `addBiasKv`.
    @exclusivity(unchecked) public var biasK: Parameter? {
        didSet { biasK = assigned("biasK", biasK, for: oldValue, shape: [1, 1, embedDim]) }
    }
    /// The value at that position, [1, 1, embedDim]; nil without `addBiasKv`.
    @exclusivity(unchecked) public var biasV: Parameter? {
        didSet { biasV = assigned("biasV", biasV, for: oldValue, shape: [1, 1, embedDim]) }
    }

    /// - Parameters:
    ///   - embedDim: features of query and output, divisible by `numHeads`.
    ///   - addBiasKv: one more position with learned key and value; `addZeroAttn` one with zeros.
    ///   - batchFirst: inputs and outputs are [N, L, E] instead of [L, N, E].
    ///
    /// Traps where `numHeads` does not divide `embedDim`, or `dropout` is outside 0 ... 1.
    public init(
        _ embedDim: Int, _ numHeads: Int, dropout: Double = 0, bias: Bool = true, addBiasKv: Bool = false, addZeroAttn: Bool = false,
        kdim: Int? = nil,
        vdim: Int? = nil, batchFirst: Bool = false, device: Device = .cpu, dtype: DType = .float32
    ) {
        var isValid = true
        for (name, size) in [("embedDim", embedDim), ("numHeads", numHeads), ("kdim", kdim ?? 1), ("vdim", vdim ?? 1)]
        where isValid && (size <= 0 || size > 1 << 24) {
            fail("MultiheadAttention", "\(name) must be positive and at most \(1 << 24), it is \(size)")
            isValid = false
        }
        if isValid && embedDim % numHeads != 0 {
            fail("MultiheadAttention", "embedDim (\(embedDim)) must be divisible by numHeads (\(numHeads))")
            isValid = false
        }
        if isValid && !(dropout >= 0 && dropout <= 1) {
            fail("MultiheadAttention", "dropout must lie in 0 ... 1, it is \(dropout)")
            isValid = false
        }
        let size = isValid ? embedDim : 1
        self.embedDim = embedDim
        self.numHeads = numHeads
        self.kdim = kdim ?? embedDim
        self.vdim = vdim ?? embedDim
        self.dropout = dropout
        self.batchFirst = batchFirst
        self.addZeroAttn = addZeroAttn
        func parameter(_ shape: Shape) -> Parameter { Parameter(Tensor.zeros(shape, dtype: dtype, device: device)) }
        let isPacked = (kdim ?? embedDim) == embedDim && (vdim ?? embedDim) == embedDim
        inProjWeight = isPacked ? parameter([3 * size, size]) : nil
        qProjWeight = isPacked ? nil : parameter([size, size])
        kProjWeight = isPacked ? nil : parameter([size, isValid ? kdim ?? embedDim : 1])
        vProjWeight = isPacked ? nil : parameter([size, isValid ? vdim ?? embedDim : 1])
        inProjBias = bias ? parameter([3 * size]) : nil
        outProj = Linear(size, size, bias: bias, device: device, dtype: dtype)
        biasK = addBiasKv ? parameter([1, 1, size]) : nil
        biasV = addBiasKv ? parameter([1, 1, size]) : nil
        super.init()
        for weight in [inProjWeight, qProjWeight, kProjWeight, vProjWeight] {
            if let weight { Init.xavierUniform_(weight) }
        }
        if let bias = outProj.bias { Init.zeros_(bias) }
        for bias in [biasK, biasV] {
            if let bias { Init.xavierNormal_(bias) }
        }
    }

    /// Attends from `query` [L, N, embedDim] to `key` [S, N, kdim] and `value` [S, N, vdim], with `batchFirst` [N, L, …], or without N.
    ///
    /// - Parameters:
    ///   - keyPaddingMask: [N, S], true (or −∞) at keys that do not take part; a float mask is added to the scores.
    ///   - needWeights: whether to return the weights too, after dropout; else they are nil.
    ///   - attnMask: [L, S] or [N·numHeads, L, S], true (or −∞) where position l does not see s; a float mask is added to the scores.
    ///   - averageAttnWeights: the weights are the mean over heads [N, L, S] instead of [N, numHeads, L, S].
    ///   - isCausal: a hint that `attnMask`, which must be given, is the causal one.
    ///
    /// Where masks leave a query no key, its heads give 0, so that its output is the bias of `outProj`, but NaN with `needWeights`, as in
    /// PyTorch.
    @discardableResult public func callAsFunction(
        _ query: Tensor, _ key: Tensor, _ value: Tensor, keyPaddingMask: Tensor? = nil, needWeights: Bool = true, attnMask: Tensor? = nil,
        averageAttnWeights: Bool = true, isCausal: Bool = false
    ) -> (output: Tensor, weights: Tensor?) {
        call(query, key, value) { query, key, value in
            let swaps = batchFirst && query.ndim == 3
            // One tensor stays one, so that it is projected once.
            let q = swaps ? query.transpose(0, 1) : query
            let k = key === query ? q : swaps && key.ndim == 3 ? key.transpose(0, 1) : key
            let v = value === key ? k : value === query ? q : swaps && value.ndim == 3 ? value.transpose(0, 1) : value
            let (output, weights) = F.multiHeadAttentionForward(
                q, k, v, embedDimToCheck: embedDim, numHeads: numHeads, inProjWeight: inProjWeight, inProjBias: inProjBias, biasK: biasK,
                biasV: biasV,
                addZeroAttn: addZeroAttn, dropoutP: dropout, outProjWeight: outProj.weight, outProjBias: outProj.bias, training: training,
                keyPaddingMask: keyPaddingMask, needWeights: needWeights, attnMask: attnMask, qProjWeight: qProjWeight,
                kProjWeight: kProjWeight,
                vProjWeight: vProjWeight, averageAttnWeights: averageAttnWeights, isCausal: isCausal)
            return (swaps && !output.isPoisoned ? output.transpose(0, 1) : output, weights)
        }
    }

    @available(*, unavailable, message: "MultiheadAttention takes query, key and value: let (output, weights) = attention(q, k, v)")
    public override func callAsFunction(_ x: Tensor) -> Tensor { super.callAsFunction(x) }

    static let arguments = Signature(
        .int("embed_dim"), .int("num_heads"), .double("dropout", 0), .bool("bias", true), .bool("add_bias_kv", false),
        .bool("add_zero_attn", false),
        .optionalInt("kdim"), .optionalInt("vdim"), .bool("batch_first", false), .device, .dtype
    ).makes(MultiheadAttention.init)
    static let inputs = Signature(
        .tensor("query"), .tensor("key"), .tensor("value"), .optionalTensor("key_padding_mask"), .bool("need_weights", true),
        .optionalTensor("attn_mask"),
        .bool("average_attn_weights", true), .bool("is_causal", false)
    ).calls { (module: MultiheadAttention, query, key, value, padding, needsWeights, mask, averages, isCausal) -> Argument in
        let (output, weights) = module(
            query, key, value, keyPaddingMask: padding, needWeights: needsWeights, attnMask: mask, averageAttnWeights: averages,
            isCausal: isCausal)
        return .answers(output, weights)
    }
}
