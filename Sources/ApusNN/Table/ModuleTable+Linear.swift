import ApusCore

extension ModuleTable {
    static let linear: [Entry] = [
        Entry("Linear") { a in
            let (inputs, outputs, bias) = (try a.int("in_features"), try a.int("out_features"), try a.bool("bias", true))
            let (device, dtype) = try a.deviceAndDType()
            return Linear(inputs, outputs, bias: bias, device: device, dtype: dtype)
        },
        Entry("Bilinear") { (a: inout Arguments) -> Bilinear in
            let (in1, in2, outputs, bias) = (try a.int("in1_features"), try a.int("in2_features"), try a.int("out_features"), try a.bool("bias", true))
            let (device, dtype) = try a.deviceAndDType()
            return Bilinear(in1, in2, outputs, bias: bias, device: device, dtype: dtype)
        } call: { module, a in
            let (x1, x2) = (try a.tensor("input1"), try a.tensor("input2"))
            try a.finish()
            return .tensor(module(x1, x2))
        },
        Entry("CosineSimilarity") { a in CosineSimilarity(dim: try a.int("dim", 1), eps: try a.double("eps", 1e-8)) } call: { module, a in
            let (x1, x2) = (try a.tensor("x1"), try a.tensor("x2"))
            try a.finish()
            return .tensor(module(x1, x2))
        },
        Entry("PairwiseDistance") { a in
            PairwiseDistance(try a.double("p", 2), eps: try a.double("eps", 1e-6), keepDim: try a.bool("keepdim", false))
        } call: { module, a in
            let (x1, x2) = (try a.tensor("x1"), try a.tensor("x2"))
            try a.finish()
            return .tensor(module(x1, x2))
        },
        Entry("Embedding") { a in
            let (rows, width, padding) = (try a.int("num_embeddings"), try a.int("embedding_dim"), try a.optionalInt("padding_idx"))
            let (maxNorm, normType, byFrequency) = (try a.optionalNumber("max_norm"), try a.number("norm_type", .double(2)), try a.bool("scale_grad_by_freq", false))
            let sparse = try a.bool("sparse", false)
            let (given, frozen) = (try a.optionalTensor("_weight"), try a.bool("_freeze", false))
            let (device, dtype) = try a.deviceAndDType()
            if let given, given.shape != [rows, width] {
                throw TableError("Embedding: argument '_weight' has shape \(given.shape), not [\(rows), \(width)]")
            }
            let weight = given.map { Parameter($0) } ?? parameter("Embedding", ["num_embeddings": rows, "embedding_dim": width], from: 0, device, dtype)
            let embedding = Embedding(rows, width, padding, maxNorm, normType, byFrequency, sparse, weight)
            if given == nil { embedding.resetParameters() }
            if frozen { weight.requiresGrad = false }
            return embedding
        },
        Entry("EmbeddingBag") { (a: inout Arguments) -> EmbeddingBag in
            let (rows, width) = (try a.int("num_embeddings"), try a.int("embedding_dim"))
            let (maxNorm, normType, byFrequency) = (try a.optionalNumber("max_norm"), try a.number("norm_type", .double(2)), try a.bool("scale_grad_by_freq", false))
            let (mode, sparse): (EmbeddingBagMode, Bool) = (try a.choice("mode", .mean), try a.bool("sparse", false))
            let (given, last, padding) = (try a.optionalTensor("_weight"), try a.bool("include_last_offset", false), try a.optionalInt("padding_idx"))
            let (device, dtype) = try a.deviceAndDType()
            if let given, given.shape != [rows, width] {
                throw TableError("EmbeddingBag: argument '_weight' has shape \(given.shape), not [\(rows), \(width)]")
            }
            let weight = given.map { Parameter($0) } ?? parameter("EmbeddingBag", ["num_embeddings": rows, "embedding_dim": width], from: 0, device, dtype)
            let bag = EmbeddingBag(maxNorm, normType, byFrequency, mode, sparse, last, padding, weight)
            if given == nil { bag.resetParameters() }
            return bag
        } call: { module, a in
            let (input, offsets, weights) = (try a.tensor("input"), try a.optionalTensor("offsets"), try a.optionalTensor("per_sample_weights"))
            try a.finish()
            return .tensor(module(input, offsets, perSampleWeights: weights))
        },
        Entry("LazyLinear") { a in
            let (outputs, bias) = (try a.int("out_features"), try a.bool("bias", true))
            let (device, dtype) = try a.deviceAndDType()
            return LazyLinear(outputs, bias: bias, device: device, dtype: dtype)
        },
        Entry("Flatten") { a in Flatten(startDim: try a.int("start_dim", 1), endDim: try a.int("end_dim", -1)) },
        Entry("Unflatten") { a in Unflatten(try a.int("dim"), try a.ints("unflattened_size")) },
        // PyTorch's takes whatever another layer would be built with.
        Entry("Identity") { a in
            a.ignoreRest()
            return Identity()
        },
    ]
}
