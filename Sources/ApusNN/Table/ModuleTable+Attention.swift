import ApusCore

extension ModuleTable {
    static let attention: [Entry] = [
        Entry("MultiheadAttention") { (a: inout Arguments) -> MultiheadAttention in
            let (width, heads, dropout, bias) = (try a.int("embed_dim"), try a.int("num_heads"), try a.double("dropout", 0), try a.bool("bias", true))
            let (biasKV, zero) = (try a.bool("add_bias_kv", false), try a.bool("add_zero_attn", false))
            let (keys, values, batchFirst) = (try a.optionalInt("kdim"), try a.optionalInt("vdim"), try a.bool("batch_first", false))
            let (device, dtype) = try a.deviceAndDType()
            return MultiheadAttention(
                width, heads, dropout: dropout, bias: bias, addBiasKv: biasKV, addZeroAttn: zero, kdim: keys, vdim: values, batchFirst: batchFirst,
                device: device, dtype: dtype)
        } call: { module, a in
            let (query, key, value) = (try a.tensor("query"), try a.tensor("key"), try a.tensor("value"))
            let (padding, needsWeights) = (try a.optionalTensor("key_padding_mask"), try a.bool("need_weights", true))
            let (mask, averages, causal) = (try a.optionalTensor("attn_mask"), try a.bool("average_attn_weights", true), try a.bool("is_causal", false))
            try a.finish()
            let (output, weights) = module(
                query, key, value, keyPaddingMask: padding, needWeights: needsWeights, attnMask: mask, averageAttnWeights: averages, isCausal: causal)
            return .list([.tensor(output), weights.map { .tensor($0) } ?? .none])
        },
        Entry("TransformerEncoderLayer") { (a: inout Arguments) -> TransformerEncoderLayer in
            let (width, heads, o) = (try a.int("d_model"), try a.int("nhead"), try a.transformerOptions())
            return TransformerEncoderLayer(
                width, heads, dimFeedforward: o.inner, dropout: o.dropout, activation: o.activation, layerNormEps: o.eps, batchFirst: o.batchFirst,
                normFirst: o.normFirst, bias: o.bias, device: o.device, dtype: o.dtype)
        } call: { module, a in
            let (src, mask, padding) = (try a.tensor("src"), try a.optionalTensor("src_mask"), try a.optionalTensor("src_key_padding_mask"))
            let causal = try a.bool("is_causal", false)
            try a.finish()
            return .tensor(module(src, srcMask: mask, srcKeyPaddingMask: padding, isCausal: causal))
        },
        Entry("TransformerDecoderLayer") { (a: inout Arguments) -> TransformerDecoderLayer in
            let (width, heads, o) = (try a.int("d_model"), try a.int("nhead"), try a.transformerOptions())
            return TransformerDecoderLayer(
                width, heads, dimFeedforward: o.inner, dropout: o.dropout, activation: o.activation, layerNormEps: o.eps, batchFirst: o.batchFirst,
                normFirst: o.normFirst, bias: o.bias, device: o.device, dtype: o.dtype)
        } call: { module, a in
            let (target, memory) = (try a.tensor("tgt"), try a.tensor("memory"))
            let (mask, memoryMask) = (try a.optionalTensor("tgt_mask"), try a.optionalTensor("memory_mask"))
            let (padding, memoryPadding) = (try a.optionalTensor("tgt_key_padding_mask"), try a.optionalTensor("memory_key_padding_mask"))
            let (causal, memoryCausal) = (try a.bool("tgt_is_causal", false), try a.bool("memory_is_causal", false))
            try a.finish()
            return .tensor(
                module(
                    target, memory, tgtMask: mask, memoryMask: memoryMask, tgtKeyPaddingMask: padding, memoryKeyPaddingMask: memoryPadding,
                    tgtIsCausal: causal, memoryIsCausal: memoryCausal))
        },
        Entry("Transformer") { (a: inout Arguments) -> Transformer in
            let (width, heads) = (try a.int("d_model", 512), try a.int("nhead", 8))
            let (encoders, decoders) = (try a.layerCount("num_encoder_layers", 6), try a.layerCount("num_decoder_layers", 6))
            let (inner, dropout, activation) = (try a.int("dim_feedforward", 2048), try a.double("dropout", 0.1), try a.transformerActivation())
            for name in ["custom_encoder", "custom_decoder"] {
                if let value = try a.read(name) {
                    guard case .none = value else { throw a.wrong(name, value, "None, since a module has no name here") }
                }
            }
            let o = try a.transformerEnd()
            return Transformer(
                width, heads, numEncoderLayers: encoders, numDecoderLayers: decoders, dimFeedforward: inner, dropout: dropout, activation: activation,
                layerNormEps: o.eps, batchFirst: o.batchFirst, normFirst: o.normFirst, bias: o.bias, device: o.device, dtype: o.dtype)
        } call: { module, a in
            let (src, tgt) = (try a.tensor("src"), try a.tensor("tgt"))
            let masks = (try a.optionalTensor("src_mask"), try a.optionalTensor("tgt_mask"), try a.optionalTensor("memory_mask"))
            let paddings = (
                try a.optionalTensor("src_key_padding_mask"), try a.optionalTensor("tgt_key_padding_mask"), try a.optionalTensor("memory_key_padding_mask")
            )
            let causal = (
                try a.optionalBool("src_is_causal") ?? false, try a.optionalBool("tgt_is_causal") ?? false, try a.bool("memory_is_causal", false)
            )
            try a.finish()
            return .tensor(
                module(
                    src, tgt, srcMask: masks.0, tgtMask: masks.1, memoryMask: masks.2, srcKeyPaddingMask: paddings.0, tgtKeyPaddingMask: paddings.1,
                    memoryKeyPaddingMask: paddings.2, srcIsCausal: causal.0, tgtIsCausal: causal.1, memoryIsCausal: causal.2))
        },
    ]
}

extension Arguments {
    fileprivate mutating func layerCount(_ name: String, _ fallback: Int) throws -> Int {
        let count = try int(name, fallback)
        guard count <= 1000 else { throw wrong(name, .int(count), "at most 1000") }
        return count
    }

    fileprivate mutating func transformerActivation() throws -> TransformerActivation {
        try read("activation", .relu, "'relu' or 'gelu'") { (value: Argument) -> TransformerActivation? in
            switch value.string {
            case "relu": .relu
            case "gelu": .gelu
            default: nil
            }
        }
    }

    /// What ends the constructors of transformers.
    fileprivate mutating func transformerEnd() throws -> (eps: Double, batchFirst: Bool, normFirst: Bool, bias: Bool, device: Device, dtype: DType) {
        let (eps, batchFirst) = (try double("layer_norm_eps", 1e-5), try bool("batch_first", false))
        let (normFirst, bias) = (try bool("norm_first", false), try bool("bias", true))
        let (device, dtype) = try deviceAndDType()
        return (eps, batchFirst, normFirst, bias, device, dtype)
    }

    /// What follows width and heads of a transformer's layer.
    fileprivate mutating func transformerOptions() throws -> (
        inner: Int, dropout: Double, activation: TransformerActivation, eps: Double, batchFirst: Bool, normFirst: Bool, bias: Bool, device: Device, dtype: DType
    ) {
        let (inner, dropout, activation) = (try int("dim_feedforward", 2048), try double("dropout", 0.1), try transformerActivation())
        let end = try transformerEnd()
        return (inner, dropout, activation, end.eps, end.batchFirst, end.normFirst, end.bias, end.device, end.dtype)
    }
}
