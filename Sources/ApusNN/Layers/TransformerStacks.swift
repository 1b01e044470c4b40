import ApusCore

// The calls that stacks of layers and `Transformer` make; custom layers can implement them.

/// A module that can be a layer of `TransformerEncoder` and takes its masks.
public protocol MaskedEncoderLayer: Module {
    /// The output for `src`, of its shape; masks as in `TransformerEncoderLayer`.
    func callAsFunction(_ src: Tensor, srcMask: Tensor?, srcKeyPaddingMask: Tensor?, isCausal: Bool) -> Tensor
}
/// A module that can be the encoder of `Transformer` and takes its masks.
public protocol MaskedEncoder: Module {
    /// The output for `src`, of its shape; masks as in `TransformerEncoderLayer`.
    func callAsFunction(_ src: Tensor, mask: Tensor?, srcKeyPaddingMask: Tensor?, isCausal: Bool) -> Tensor
}
/// A module that can be a layer of `TransformerDecoder`.
public protocol MaskedDecoderLayer: Module {
    /// The output for `tgt`, of its shape, given the encoder's output; masks as in `TransformerDecoderLayer`.
    func callAsFunction(
        _ tgt: Tensor, _ memory: Tensor, tgtMask: Tensor?, memoryMask: Tensor?, tgtKeyPaddingMask: Tensor?, memoryKeyPaddingMask: Tensor?,
        tgtIsCausal: Bool,
        memoryIsCausal: Bool
    ) -> Tensor
}
/// A module that can be the decoder of `Transformer`.
public protocol MaskedDecoder: Module {
    /// The output for `tgt`, of its shape, given the encoder's output; masks as in `TransformerDecoderLayer`.
    func callAsFunction(
        _ tgt: Tensor, _ memory: Tensor, tgtMask: Tensor?, memoryMask: Tensor?, tgtKeyPaddingMask: Tensor?, memoryKeyPaddingMask: Tensor?,
        tgtIsCausal: Bool,
        memoryIsCausal: Bool
    ) -> Tensor
}

/// Calls a module that takes one tensor and no masks; fails where masks are given or said to be causal.
private func unmasked(_ module: Module, _ x: Tensor, _ mask: Tensor?, _ padding: Tensor?, isCausal: Bool, _ wanted: String) -> Tensor {
    guard mask == nil, padding == nil, !isCausal else {
        return fail(
            module.typeName,
            "takes one tensor, but \(isCausal ? "isCausal was" : "masks were") given; make the class a \(wanted), so that it gets \(isCausal ? "it" : "them")"
        )
    }
    return module(x)
}

/// Encoder layers on top of each other. PyTorch: `nn.TransformerEncoder`.
public final class TransformerEncoder: Module, MaskedEncoder {
    /// The layers, in order.
    public var layers: [Module]
    /// The normalisation after the last layer, or nil.
    public var norm: Module?

    /// `numLayers` copies of `layer`, and `norm` after the last. A layer that is no `MaskedEncoderLayer` takes one tensor and no masks.
    public init(_ layer: Module, _ numLayers: Int, norm: Module? = nil) {
        layers = stack(numLayers, "TransformerEncoder") { _ in layer.copy() }
        self.norm = norm
        super.init()
    }

    /// The layers that `layer` makes for the indices from 0, and `norm` after the last.
    public init(numLayers: Int, norm: Module? = nil, layer: (Int) -> Module) {
        layers = stack(numLayers, "TransformerEncoder", layer)
        self.norm = norm
        super.init()
    }

    /// The output for `src`; masks as in `TransformerEncoderLayer`.
    @discardableResult public func callAsFunction(
        _ src: Tensor, mask: Tensor? = nil, srcKeyPaddingMask: Tensor? = nil, isCausal: Bool = false
    ) -> Tensor {
        call(src) { src in
            var x = src
            for layer in layers {
                if let layer = layer as? any MaskedEncoderLayer {
                    x = layer(x, srcMask: mask, srcKeyPaddingMask: srcKeyPaddingMask, isCausal: isCausal)
                } else {
                    x = unmasked(layer, x, mask, srcKeyPaddingMask, isCausal: isCausal, "MaskedEncoderLayer")
                }
            }
            return norm?(x) ?? x
        }
    }

    @discardableResult public override func callAsFunction(_ x: Tensor) -> Tensor { callAsFunction(x, mask: nil) }
}

/// Decoder layers on top of each other. PyTorch: `nn.TransformerDecoder`.
public final class TransformerDecoder: Module, MaskedDecoder {
    /// The layers, in order.
    public var layers: [any MaskedDecoderLayer]
    /// The normalisation after the last layer, or nil.
    public var norm: Module?

    /// `numLayers` copies of `layer`, and `norm` after the last.
    public init<Layer: MaskedDecoderLayer>(_ layer: Layer, _ numLayers: Int, norm: Module? = nil) {
        layers = stack(numLayers, "TransformerDecoder") { _ in layer.copy() }
        self.norm = norm
        super.init()
    }

    /// The layers that `layer` makes for the indices from 0, and `norm` after the last.
    public init(numLayers: Int, norm: Module? = nil, layer: (Int) -> any MaskedDecoderLayer) {
        layers = stack(numLayers, "TransformerDecoder", layer)
        self.norm = norm
        super.init()
    }

    /// The output for `tgt` that attends to `memory`; masks as in `TransformerDecoderLayer`.
    @discardableResult public func callAsFunction(
        _ tgt: Tensor, _ memory: Tensor, tgtMask: Tensor? = nil, memoryMask: Tensor? = nil, tgtKeyPaddingMask: Tensor? = nil,
        memoryKeyPaddingMask: Tensor? = nil,
        tgtIsCausal: Bool = false, memoryIsCausal: Bool = false
    ) -> Tensor {
        call(tgt, memory) { tgt, memory in
            var x = tgt
            for layer in layers {
                x = layer(
                    x, memory, tgtMask: tgtMask, memoryMask: memoryMask, tgtKeyPaddingMask: tgtKeyPaddingMask,
                    memoryKeyPaddingMask: memoryKeyPaddingMask,
                    tgtIsCausal: tgtIsCausal, memoryIsCausal: memoryIsCausal)
            }
            return norm?(x) ?? x
        }
    }

    @available(*, unavailable, message: "TransformerDecoder takes the target and the encoder's output: decoder(tgt, memory)")
    public override func callAsFunction(_ x: Tensor) -> Tensor { super.callAsFunction(x) }
}

/// An encoder and a decoder (Vaswani et al., 2017), each followed by layer normalisation. PyTorch: `nn.Transformer`. Parameters of more
/// than one dimension are initialised by `Init.xavierUniform_`.
public final class Transformer: Module, DeclaredModule {
    /// A `TransformerEncoder` unless a custom one was given.
    public var encoder: Module
    /// The decoder.
    public var decoder: any MaskedDecoder
    /// Features of input and output.
    public let dModel: Int
    /// The number of heads.
    public let nhead: Int
    /// Whether the batch is the first dimension.
    public let batchFirst: Bool

    /// Arguments as for the layers; `customEncoder` and `customDecoder` replace those that the other arguments describe. An encoder that is
    /// no `MaskedEncoder` takes one tensor and no masks.
    public init(
        dModel: Int = 512, nhead: Int = 8, numEncoderLayers: Int = 6, numDecoderLayers: Int = 6, dimFeedforward: Int = 2048,
        dropout: Double = 0.1,
        activation: TransformerActivation = .relu, customEncoder: Module? = nil, customDecoder: (any MaskedDecoder)? = nil,
        layerNormEps: Double = 1e-5,
        batchFirst: Bool = false, normFirst: Bool = false, bias: Bool = true, device: Device = .cpu, dtype: DType = .float32
    ) {
        self.dModel = dModel
        self.nhead = nhead
        self.batchFirst = batchFirst
        func norm() -> LayerNorm { LayerNorm([dModel], eps: layerNormEps, bias: bias, device: device, dtype: dtype) }
        // All layers start alike, as PyTorch's copies of one layer do: each draws the same random numbers as the first.
        let (generator, first) = (Generator.current, Generator.current.state)
        encoder =
            customEncoder
            ?? TransformerEncoder(numLayers: numEncoderLayers, norm: norm()) { _ in
                generator.state = first
                return TransformerEncoderLayer(
                    dModel, nhead, dimFeedforward: dimFeedforward, dropout: dropout, activation: activation, layerNormEps: layerNormEps,
                    batchFirst: batchFirst,
                    normFirst: normFirst, bias: bias, device: device, dtype: dtype)
            }
        let second = generator.state
        decoder =
            customDecoder
            ?? TransformerDecoder(numLayers: numDecoderLayers, norm: norm()) { _ in
                generator.state = second
                return TransformerDecoderLayer(
                    dModel, nhead, dimFeedforward: dimFeedforward, dropout: dropout, activation: activation, layerNormEps: layerNormEps,
                    batchFirst: batchFirst,
                    normFirst: normFirst, bias: bias, device: device, dtype: dtype)
            }
        super.init()
        for parameter in parameters() where parameter.ndim > 1 { Init.xavierUniform_(parameter) }
    }

    /// The output for `tgt` [T, N, dModel] given `src` [S, N, dModel], [N, T, …] with `batchFirst`, or without N; masks as in the layers.
    @discardableResult public func callAsFunction(
        _ src: Tensor, _ tgt: Tensor, srcMask: Tensor? = nil, tgtMask: Tensor? = nil, memoryMask: Tensor? = nil,
        srcKeyPaddingMask: Tensor? = nil,
        tgtKeyPaddingMask: Tensor? = nil, memoryKeyPaddingMask: Tensor? = nil, srcIsCausal: Bool = false, tgtIsCausal: Bool = false,
        memoryIsCausal: Bool = false
    ) -> Tensor {
        call(src, tgt) { src, tgt in
            composite("Transformer", src, tgt) { () throws(OpError) in
                guard src.ndim == 2 || src.ndim == 3, tgt.ndim == src.ndim else {
                    throw OpError("src and tgt need 2 dimensions, or 3 with a batch, their shapes are \(src.shape) and \(tgt.shape)")
                }
                let batch = batchFirst ? 0 : 1
                guard src.ndim == 2 || src.shape[batch] == tgt.shape[batch] else {
                    throw OpError("src of shape \(src.shape) and tgt of shape \(tgt.shape) differ in batch size")
                }
                guard src.shape[-1] == dModel, tgt.shape[-1] == dModel else {
                    throw OpError("src of shape \(src.shape) and tgt of shape \(tgt.shape) must have dModel (\(dModel)) features")
                }
                let memory =
                    if let encoder = encoder as? any MaskedEncoder {
                        encoder(src, mask: srcMask, srcKeyPaddingMask: srcKeyPaddingMask, isCausal: srcIsCausal)
                    } else {
                        unmasked(encoder, src, srcMask, srcKeyPaddingMask, isCausal: srcIsCausal, "MaskedEncoder")
                    }
                return decoder(
                    tgt, memory, tgtMask: tgtMask, memoryMask: memoryMask, tgtKeyPaddingMask: tgtKeyPaddingMask,
                    memoryKeyPaddingMask: memoryKeyPaddingMask,
                    tgtIsCausal: tgtIsCausal, memoryIsCausal: memoryIsCausal)
            }
        }
    }

    @available(*, unavailable, message: "Transformer takes source and target: transformer(src, tgt)")
    public override func callAsFunction(_ x: Tensor) -> Tensor { super.callAsFunction(x) }

    /// The mask for causal attention [size, size]: 0 on and below the diagonal, −∞ above. PyTorch: `generate_square_subsequent_mask`.
    public static func generateSquareSubsequentMask(_ size: Int, dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        Tensor.full([size, size], -Double.infinity, dtype: dtype, device: device).triu(1)
    }

    static let arguments = Signature(
        .int("d_model", 512), .int("nhead", 8), .layers("num_encoder_layers", 6), .layers("num_decoder_layers", 6),
        .int("dim_feedforward", 2048),
        .double("dropout", 0.1), .transformerActivation("activation"), .noneOnly("custom_encoder", "a module has no name here"),
        .noneOnly("custom_decoder", "a module has no name here"), .double("layer_norm_eps", 1e-5), .bool("batch_first", false),
        .bool("norm_first", false),
        .bool("bias", true), .device, .dtype
    ).makes { width, heads, encoders, decoders, inner, dropout, activation, _, _, eps, batchFirst, normFirst, bias, device, dtype in
        Transformer(
            width, heads, numEncoderLayers: encoders, numDecoderLayers: decoders, dimFeedforward: inner, dropout: dropout,
            activation: activation,
            layerNormEps: eps, batchFirst: batchFirst, normFirst: normFirst, bias: bias, device: device, dtype: dtype)
    }
    static let inputs = Signature(
        .tensor("src"), .tensor("tgt"), .optionalTensor("src_mask"), .optionalTensor("tgt_mask"), .optionalTensor("memory_mask"),
        .optionalTensor("src_key_padding_mask"), .optionalTensor("tgt_key_padding_mask"), .optionalTensor("memory_key_padding_mask"),
        .optionalBool("src_is_causal"), .optionalBool("tgt_is_causal"), .bool("memory_is_causal", false)
    ).calls {
        (
            module: Transformer, src, tgt, srcMask, tgtMask, memoryMask, srcPadding, tgtPadding, memoryPadding, srcIsCausal, tgtIsCausal,
            memoryIsCausal
        ) in
        module(
            src, tgt, srcMask: srcMask, tgtMask: tgtMask, memoryMask: memoryMask, srcKeyPaddingMask: srcPadding,
            tgtKeyPaddingMask: tgtPadding,
            memoryKeyPaddingMask: memoryPadding, srcIsCausal: srcIsCausal ?? false, tgtIsCausal: tgtIsCausal ?? false,
            memoryIsCausal: memoryIsCausal)
    }
}

/// The layers that `make` returns for the indices from 0.
private func stack<Layer>(_ count: Int, _ name: String, _ make: (Int) -> Layer) -> [Layer] {
    guard count > 0 && count <= 1 << 16 else {
        fail(name, "numLayers must be positive and at most \(1 << 16), it is \(count)")
        return []
    }
    return (0..<count).map(make)
}
