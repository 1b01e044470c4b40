import ApusCore

/// The activation between the two linear layers of a transformer's feed-forward part: `.relu`, `.gelu`, or a custom function.
public struct TransformerActivation {
    let function: (Tensor) -> Tensor

    /// A function of one tensor.
    public init(_ function: @escaping (Tensor) -> Tensor) { self.function = function }

    /// `F.relu`.
    public static var relu: TransformerActivation { TransformerActivation { $0.relu() } }
    /// `F.gelu`.
    public static var gelu: TransformerActivation { TransformerActivation { $0.gelu() } }
}

extension Formal where Value == TransformerActivation {
    /// An activation by name; a custom function cannot be named.
    static func transformerActivation(_ name: String) -> Formal {
        Formal(name, "'relu' or 'gelu'", shown: "'relu'", { .relu }) { value in
            switch value.string {
            case "relu": .relu
            case "gelu": .gelu
            default: nil
            }
        }
    }
}

/// Self-attention and a feed-forward part, each with dropout, a residual connection and layer normalisation (Vaswani et al., 2017).
/// PyTorch: `nn.TransformerEncoderLayer`.
///
/// x + attention(norm(x)) with `normFirst`, else norm(x + attention(x)); then the same with linear2(dropout(activation(linear1(x)))).
public final class TransformerEncoderLayer: Module, MaskedEncoderLayer, DeclaredModule {
    /// Self-attention.
    public var selfAttn: MultiheadAttention
    /// The first linear layer of the feed-forward part.
    public var linear1: Linear
    /// The dropout in the feed-forward part.
    public var dropout: Dropout
    /// The second linear layer of the feed-forward part.
    public var linear2: Linear
    /// The normalisation of the first sublayer.
    public var norm1: LayerNorm
    /// The normalisation of the second sublayer.
    public var norm2: LayerNorm
    /// The dropout after the first sublayer.
    public var dropout1: Dropout
    /// The dropout after the second sublayer.
    public var dropout2: Dropout
    /// Whether each sublayer is normalised before instead of after it.
    public let normFirst: Bool
    private let activation: TransformerActivation

    /// - Parameters:
    ///   - dModel: features of input and output, divisible by `nhead`.
    ///   - dimFeedforward: features between the two linear layers.
    ///   - batchFirst: inputs are [N, S, dModel] instead of [S, N, dModel].
    public init(
        _ dModel: Int, _ nhead: Int, dimFeedforward: Int = 2048, dropout: Double = 0.1, activation: TransformerActivation = .relu,
        layerNormEps: Double = 1e-5,
        batchFirst: Bool = false, normFirst: Bool = false, bias: Bool = true, device: Device = .cpu, dtype: DType = .float32
    ) {
        selfAttn = MultiheadAttention(dModel, nhead, dropout: dropout, bias: bias, batchFirst: batchFirst, device: device, dtype: dtype)
        linear1 = Linear(dModel, dimFeedforward, bias: bias, device: device, dtype: dtype)
        self.dropout = Dropout(dropout)
        linear2 = Linear(dimFeedforward, dModel, bias: bias, device: device, dtype: dtype)
        norm1 = LayerNorm([dModel], eps: layerNormEps, bias: bias, device: device, dtype: dtype)
        norm2 = LayerNorm([dModel], eps: layerNormEps, bias: bias, device: device, dtype: dtype)
        dropout1 = Dropout(dropout)
        dropout2 = Dropout(dropout)
        self.normFirst = normFirst
        self.activation = activation
        super.init()
    }

    /// The output for `src` [S, N, dModel], [N, S, dModel] with `batchFirst`, or without N.
    /// - Parameters:
    ///   - srcMask: [S, S] or [N·nhead, S, S], true where position i must not attend to j, or floats that are added to the scores.
    ///   - srcKeyPaddingMask: [N, S], true at positions to ignore, or floats that are added to the scores.
    ///   - isCausal: a hint that `srcMask`, which must be given, is causal.
    @discardableResult public func callAsFunction(
        _ src: Tensor, srcMask: Tensor? = nil, srcKeyPaddingMask: Tensor? = nil, isCausal: Bool = false
    ) -> Tensor {
        call(src) { src in
            func attend(_ x: Tensor) -> Tensor {
                dropout1(
                    selfAttn(x, x, x, keyPaddingMask: srcKeyPaddingMask, needWeights: false, attnMask: srcMask, isCausal: isCausal).output)
            }
            func feed(_ x: Tensor) -> Tensor { dropout2(linear2(dropout(activation.function(linear1(x))))) }
            if normFirst {
                let x = src + attend(norm1(src))
                return x + feed(norm2(x))
            }
            let x = norm1(src + attend(src))
            return norm2(x + feed(x))
        }
    }

    @discardableResult public override func callAsFunction(_ x: Tensor) -> Tensor { callAsFunction(x, srcMask: nil) }

    static let arguments = Signature(
        .int("d_model"), .int("nhead"), .int("dim_feedforward", 2048), .double("dropout", 0.1), .transformerActivation("activation"),
        .double("layer_norm_eps", 1e-5), .bool("batch_first", false), .bool("norm_first", false), .bool("bias", true), .device, .dtype
    ).makes(TransformerEncoderLayer.init)
    static let inputs = Signature(
        .tensor("src"), .optionalTensor("src_mask"), .optionalTensor("src_key_padding_mask"), .bool("is_causal", false)
    )
    .calls { (module: TransformerEncoderLayer, src, mask, padding, isCausal) in
        module(src, srcMask: mask, srcKeyPaddingMask: padding, isCausal: isCausal)
    }
}

/// Self-attention, attention to the encoder's output (`memory`) and a feed-forward part, each with dropout, a residual connection and layer
/// normalisation as in ``TransformerEncoderLayer`` (Vaswani et al., 2017). PyTorch: `nn.TransformerDecoderLayer`.
public final class TransformerDecoderLayer: Module, MaskedDecoderLayer, DeclaredModule {
    /// Self-attention.
    public var selfAttn: MultiheadAttention
    /// Attention to the memory.
    public var multiheadAttn: MultiheadAttention
    /// The first linear layer of the feed-forward part.
    public var linear1: Linear
    /// The dropout in the feed-forward part.
    public var dropout: Dropout
    /// The second linear layer of the feed-forward part.
    public var linear2: Linear
    /// The normalisation of the first sublayer.
    public var norm1: LayerNorm
    /// The normalisation of the second sublayer.
    public var norm2: LayerNorm
    /// The normalisation of the third sublayer.
    public var norm3: LayerNorm
    /// The dropout after the first sublayer.
    public var dropout1: Dropout
    /// The dropout after the second sublayer.
    public var dropout2: Dropout
    /// The dropout after the third sublayer.
    public var dropout3: Dropout
    /// Whether each sublayer is normalised before instead of after it.
    public let normFirst: Bool
    private let activation: TransformerActivation

    /// As `TransformerEncoderLayer`.
    public init(
        _ dModel: Int, _ nhead: Int, dimFeedforward: Int = 2048, dropout: Double = 0.1, activation: TransformerActivation = .relu,
        layerNormEps: Double = 1e-5,
        batchFirst: Bool = false, normFirst: Bool = false, bias: Bool = true, device: Device = .cpu, dtype: DType = .float32
    ) {
        selfAttn = MultiheadAttention(dModel, nhead, dropout: dropout, bias: bias, batchFirst: batchFirst, device: device, dtype: dtype)
        multiheadAttn = MultiheadAttention(
            dModel, nhead, dropout: dropout, bias: bias, batchFirst: batchFirst, device: device, dtype: dtype)
        linear1 = Linear(dModel, dimFeedforward, bias: bias, device: device, dtype: dtype)
        self.dropout = Dropout(dropout)
        linear2 = Linear(dimFeedforward, dModel, bias: bias, device: device, dtype: dtype)
        norm1 = LayerNorm([dModel], eps: layerNormEps, bias: bias, device: device, dtype: dtype)
        norm2 = LayerNorm([dModel], eps: layerNormEps, bias: bias, device: device, dtype: dtype)
        norm3 = LayerNorm([dModel], eps: layerNormEps, bias: bias, device: device, dtype: dtype)
        dropout1 = Dropout(dropout)
        dropout2 = Dropout(dropout)
        dropout3 = Dropout(dropout)
        self.normFirst = normFirst
        self.activation = activation
        super.init()
    }

    /// The output for `tgt` [T, N, dModel] that attends to `memory` [S, N, dModel], to [N, T, …] with `batchFirst`, or without N.
    /// Masks are as in `TransformerEncoderLayer`; `memoryMask` is [T, S] or [N·nhead, T, S], `memoryKeyPaddingMask` [N, S].
    @discardableResult public func callAsFunction(
        _ tgt: Tensor, _ memory: Tensor, tgtMask: Tensor? = nil, memoryMask: Tensor? = nil, tgtKeyPaddingMask: Tensor? = nil,
        memoryKeyPaddingMask: Tensor? = nil,
        tgtIsCausal: Bool = false, memoryIsCausal: Bool = false
    ) -> Tensor {
        call(tgt, memory) { tgt, memory in
            func attendSelf(_ x: Tensor) -> Tensor {
                dropout1(
                    selfAttn(x, x, x, keyPaddingMask: tgtKeyPaddingMask, needWeights: false, attnMask: tgtMask, isCausal: tgtIsCausal)
                        .output)
            }
            func attendMemory(_ x: Tensor) -> Tensor {
                dropout2(
                    multiheadAttn(
                        x, memory, memory, keyPaddingMask: memoryKeyPaddingMask, needWeights: false, attnMask: memoryMask,
                        isCausal: memoryIsCausal
                    ).output)
            }
            func feed(_ x: Tensor) -> Tensor { dropout3(linear2(dropout(activation.function(linear1(x))))) }
            if normFirst {
                var x = tgt + attendSelf(norm1(tgt))
                x = x + attendMemory(norm2(x))
                return x + feed(norm3(x))
            }
            var x = norm1(tgt + attendSelf(tgt))
            x = norm2(x + attendMemory(x))
            return norm3(x + feed(x))
        }
    }

    @available(*, unavailable, message: "TransformerDecoderLayer takes the target and the encoder's output: layer(tgt, memory)")
    public override func callAsFunction(_ x: Tensor) -> Tensor { super.callAsFunction(x) }

    static let arguments = Signature(
        .int("d_model"), .int("nhead"), .int("dim_feedforward", 2048), .double("dropout", 0.1), .transformerActivation("activation"),
        .double("layer_norm_eps", 1e-5), .bool("batch_first", false), .bool("norm_first", false), .bool("bias", true), .device, .dtype
    ).makes(TransformerDecoderLayer.init)
    static let inputs = Signature(
        .tensor("tgt"), .tensor("memory"), .optionalTensor("tgt_mask"), .optionalTensor("memory_mask"),
        .optionalTensor("tgt_key_padding_mask"),
        .optionalTensor("memory_key_padding_mask"), .bool("tgt_is_causal", false), .bool("memory_is_causal", false)
    ).calls { (module: TransformerDecoderLayer, tgt, memory, mask, memoryMask, padding, memoryPadding, isCausal, memoryIsCausal) in
        module(
            tgt, memory, tgtMask: mask, memoryMask: memoryMask, tgtKeyPaddingMask: padding, memoryKeyPaddingMask: memoryPadding,
            tgtIsCausal: isCausal,
            memoryIsCausal: memoryIsCausal)
    }
}
