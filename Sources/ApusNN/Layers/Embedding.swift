import ApusCore

/// A table of vectors, looked up by integers: [*] → [*, embeddingDim]. PyTorch: `nn.Embedding`.
///
/// The table starts normally distributed, with zeros at `paddingIdx`.
public final class Embedding: Module, DeclaredModule {
    /// Rows of the table.
    public let numEmbeddings: Int
    /// The length of a row.
    public let embeddingDim: Int
    /// The index, counted from the start, of the row that gets no gradient.
    public let paddingIdx: Int?
    /// Rows with a greater norm are scaled down to this norm, in place, before they are used.
    public let maxNorm: Scalar?
    /// p of the norm of `maxNorm`.
    public let normType: Scalar
    /// Whether the gradient of a row is divided by how often a call uses it.
    public let scaleGradByFreq: Bool
    /// Whether the gradient of the table holds the used rows alone.
    public let sparse: Bool
    /// [numEmbeddings, embeddingDim]
    @exclusivity(unchecked) public var weight: Parameter {
        didSet { weight = assigned("weight", weight, for: oldValue) }
    }

    /// Arguments, order and defaults of PyTorch's `nn.Embedding`.
    public convenience init(
        _ numEmbeddings: Int, _ embeddingDim: Int, paddingIdx: Int? = nil, maxNorm: Double? = nil, normType: Double = 2,
        scaleGradByFreq: Bool = false,
        sparse: Bool = false, device: Device = .cpu, dtype: DType = .float32
    ) {
        self.init(
            numEmbeddings, embeddingDim, paddingIdx, maxNorm.map { .double($0) }, .double(normType), scaleGradByFreq, sparse,
            parameter("Embedding", ["numEmbeddings": numEmbeddings, "embeddingDim": embeddingDim], from: 0, device, dtype))
        resetParameters()
    }

    /// A table with the given rows [numEmbeddings, embeddingDim], which are trained only where `freeze` is false; the row at `paddingIdx`
    /// stays as it is. PyTorch: `Embedding.from_pretrained`.
    public static func fromPretrained(
        _ embeddings: Tensor, freeze: Bool = true, paddingIdx: Int? = nil, maxNorm: Double? = nil, normType: Double = 2,
        scaleGradByFreq: Bool = false,
        sparse: Bool = false
    ) -> Embedding {
        var table = embeddings
        if !table.isPoisoned && table.ndim != 2 {
            table = fail("Embedding.fromPretrained", "embeddings must be two-dimensional, their shape is \(table.shape)")
        }
        return Embedding(
            table.shape[0], table.shape[-1], paddingIdx, maxNorm.map { .double($0) }, .double(normType), scaleGradByFreq, sparse,
            Parameter(table, requiresGrad: !freeze))
    }

    /// With `maxNorm` and `normType` as they were written, and the table itself.
    package init(
        _ numEmbeddings: Int, _ embeddingDim: Int, _ paddingIdx: Int?, _ maxNorm: Scalar?, _ normType: Scalar, _ scaleGradByFreq: Bool,
        _ sparse: Bool,
        _ weight: Parameter
    ) {
        self.numEmbeddings = numEmbeddings
        self.embeddingDim = embeddingDim
        var padding: Int?
        do throws(OpError) {
            padding = try paddingIdx.map { index throws(OpError) in try F.paddingRow(index, numEmbeddings) }
        } catch {
            fail(error, op: "Embedding")
        }
        self.paddingIdx = padding
        self.maxNorm = maxNorm
        self.normType = normType
        self.scaleGradByFreq = scaleGradByFreq
        self.sparse = sparse
        self.weight = weight
        super.init()
    }

    /// Draws the table again. PyTorch: `reset_parameters()`.
    public func resetParameters() {
        Init.normal_(weight)
        if let paddingIdx, !weight.isPoisoned { noGrad { _ = weight[paddingIdx].zero_() } }
    }

    public override func forward(_ x: Tensor) -> Tensor {
        F.embedding(
            x, weight, paddingIdx: paddingIdx, maxNorm: maxNorm?.doubleValue, normType: normType.doubleValue,
            scaleGradByFreq: scaleGradByFreq,
            sparse: sparse)
    }

    static let arguments = Signature(
        .int("num_embeddings").shownAsValue, .int("embedding_dim").shownAsValue, .optionalInt("padding_idx").shownUnlessDefault,
        .optionalNumber("max_norm").shownUnlessDefault, .number("norm_type", 2.0).shownUnlessDefault,
        .bool("scale_grad_by_freq", false).shownUnlessDefault, .bool("sparse", false).shownUnlessDefault, .optionalTensor("_weight"),
        .bool("_freeze", false), .device, .dtype
    ).makes { rows, width, padding, maxNorm, normType, byFrequency, sparse, given, isFrozen, device, dtype in
        let weight = try embeddingTable("Embedding", rows, width, given, device, dtype)
        let embedding = Embedding(rows, width, padding, maxNorm, normType, byFrequency, sparse, weight)
        if given == nil { embedding.resetParameters() }
        if isFrozen { weight.requiresGrad = false }
        return embedding
    }
}

/// The table given as `_weight` to PyTorch's constructors, else a new one whose contents are undefined.
func embeddingTable(_ layer: String, _ rows: Int, _ width: Int, _ given: Tensor?, _ device: Device, _ dtype: DType) throws -> Parameter {
    guard let given else { return parameter(layer, ["num_embeddings": rows, "embedding_dim": width], from: 0, device, dtype) }
    guard given.shape == [rows, width] else {
        throw TableError("\(layer): argument '_weight' has shape \(given.shape), not [\(rows), \(width)]")
    }
    return Parameter(given)
}
