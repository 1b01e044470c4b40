import ApusCore

/// The sum, mean or maximum of the table's rows in each bag of indices: [B, L], or [L] and offsets → [B, embeddingDim].
/// See `F.embeddingBag`. PyTorch: `nn.EmbeddingBag`.
///
/// The table starts normally distributed, with zeros at `paddingIdx`.
public final class EmbeddingBag: Module, DeclaredModule {
    /// Rows of the table.
    public let numEmbeddings: Int
    /// The length of a row.
    public let embeddingDim: Int
    /// Rows with a greater norm are scaled down to this norm, in place, before they are used.
    public let maxNorm: Scalar?
    /// p of the norm of `maxNorm`.
    public let normType: Scalar
    /// Whether the gradient of a row is divided by how often a call uses it.
    public let scaleGradByFreq: Bool
    /// How the rows of a bag are reduced.
    public let mode: EmbeddingBagMode
    /// Whether the gradient of the table holds the used rows alone.
    public let sparse: Bool
    /// Whether the last offset is the end of the last bag.
    public let includeLastOffset: Bool
    /// The index, counted from the start, of the row that is left out of results and gradients.
    public let paddingIdx: Int?
    /// [numEmbeddings, embeddingDim]
    @exclusivity(unchecked) public var weight: Parameter {
        didSet { weight = assigned("weight", weight, for: oldValue) }
    }

    /// Arguments, order and defaults of PyTorch's `nn.EmbeddingBag`.
    public convenience init(
        _ numEmbeddings: Int, _ embeddingDim: Int, maxNorm: Double? = nil, normType: Double = 2, scaleGradByFreq: Bool = false,
        mode: EmbeddingBagMode = .mean,
        sparse: Bool = false, includeLastOffset: Bool = false, paddingIdx: Int? = nil, device: Device = .cpu, dtype: DType = .float32
    ) {
        self.init(
            maxNorm.map { .double($0) }, .double(normType), scaleGradByFreq, mode, sparse, includeLastOffset, paddingIdx,
            parameter("EmbeddingBag", ["numEmbeddings": numEmbeddings, "embeddingDim": embeddingDim], from: 0, device, dtype))
        resetParameters()
    }

    /// A table with the given rows [numEmbeddings, embeddingDim], which are trained only where `freeze` is false.
    /// PyTorch: `EmbeddingBag.from_pretrained`.
    public static func fromPretrained(
        _ embeddings: Tensor, freeze: Bool = true, maxNorm: Double? = nil, normType: Double = 2, scaleGradByFreq: Bool = false,
        mode: EmbeddingBagMode = .mean, sparse: Bool = false, includeLastOffset: Bool = false, paddingIdx: Int? = nil
    ) -> EmbeddingBag {
        var table = embeddings
        if !table.isPoisoned && table.ndim != 2 {
            table = fail("EmbeddingBag.fromPretrained", "embeddings must be two-dimensional, their shape is \(table.shape)")
        }
        return EmbeddingBag(
            maxNorm.map { .double($0) }, .double(normType), scaleGradByFreq, mode, sparse, includeLastOffset, paddingIdx,
            Parameter(table, requiresGrad: !freeze))
    }

    /// With `maxNorm` and `normType` as they were written, and the table itself.
    package init(
        _ maxNorm: Scalar?, _ normType: Scalar, _ scaleGradByFreq: Bool, _ mode: EmbeddingBagMode, _ sparse: Bool,
        _ includeLastOffset: Bool,
        _ paddingIdx: Int?, _ weight: Parameter
    ) {
        numEmbeddings = weight.shape[0]
        embeddingDim = weight.shape[-1]
        self.maxNorm = maxNorm
        self.normType = normType
        self.scaleGradByFreq = scaleGradByFreq
        self.mode = mode
        self.sparse = sparse
        self.includeLastOffset = includeLastOffset
        var padding: Int?
        do throws(OpError) {
            if !weight.isPoisoned { padding = try paddingIdx.map { index throws(OpError) in try F.paddingRow(index, weight.shape[0]) } }
        } catch {
            fail(error, op: "EmbeddingBag")
        }
        self.paddingIdx = padding
        self.weight = weight
        super.init()
    }

    /// Draws the table again. PyTorch: `reset_parameters()`.
    public func resetParameters() {
        Init.normal_(weight)
        if let paddingIdx, !weight.isPoisoned { noGrad { _ = weight[paddingIdx].zero_() } }
    }

    /// One row for each bag: `input` [B, L], or [L] with `offsets` [B]; `perSampleWeights` multiply the rows in mode `sum`.
    @discardableResult public func callAsFunction(_ input: Tensor, _ offsets: Tensor? = nil, perSampleWeights: Tensor? = nil) -> Tensor {
        call(input, offsets, perSampleWeights) { input, offsets, perSampleWeights in
            F.embeddingBag(
                input, weight, offsets: offsets, maxNorm: maxNorm?.doubleValue, normType: normType.doubleValue,
                scaleGradByFreq: scaleGradByFreq, mode: mode,
                sparse: sparse, perSampleWeights: perSampleWeights, includeLastOffset: includeLastOffset, paddingIdx: paddingIdx)
        }
    }

    @discardableResult public override func callAsFunction(_ x: Tensor) -> Tensor { callAsFunction(x, nil) }

    static let arguments = Signature(
        .int("num_embeddings").shownAsValue, .int("embedding_dim").shownAsValue, .optionalNumber("max_norm").shownUnlessDefault,
        .number("norm_type", 2.0).shownUnlessDefault, .bool("scale_grad_by_freq", false).shownUnlessDefault,
        .choice("mode", EmbeddingBagMode.mean).shown, .bool("sparse", false), .optionalTensor("_weight"),
        .bool("include_last_offset", false),
        .optionalInt("padding_idx").shownUnlessDefault, .device, .dtype
    ).makes { rows, width, maxNorm, normType, byFrequency, mode, sparse, given, endsWithOffset, padding, device, dtype in
        let weight = try embeddingTable("EmbeddingBag", rows, width, given, device, dtype)
        let bag = EmbeddingBag(maxNorm, normType, byFrequency, mode, sparse, endsWithOffset, padding, weight)
        if given == nil { bag.resetParameters() }
        return bag
    }
    static let inputs = Signature(.tensor("input"), .optionalTensor("offsets"), .optionalTensor("per_sample_weights"))
        .calls { (module: EmbeddingBag, input, offsets, weights) in module(input, offsets, perSampleWeights: weights) }
}
