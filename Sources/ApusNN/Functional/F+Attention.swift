import ApusCore

extension F {
    /// softmax(query·keyᵀ·scale + mask)·value, the softmax over each row. PyTorch: `F.scaled_dot_product_attention`.
    ///
    /// query [N, …, L, E], key [N, …, S, E], value [N, …, S, Ev] → [N, …, L, Ev]; dimensions before the last two broadcast.
    /// - Parameters:
    ///   - attnMask: broadcasts to [N, …, L, S]: bool, true where a query attends to a key, or floats that are added to the scores.
    ///   - dropoutP: the probability with which weights are dropped, outside training too.
    ///   - isCausal: query i attends to keys 0 ... i alone; traps together with `attnMask`.
    ///   - scale: 1/√E where not given.
    ///   - enableGqa: keys and values may have fewer heads (dimension −3) than the query; each serves an equal share of the query's heads.
    ///
    /// Where a mask leaves a query no key, its output is 0. Traps where shapes or dtypes do not fit.
    public static func scaledDotProductAttention(
        _ query: Tensor, _ key: Tensor, _ value: Tensor, attnMask: Tensor? = nil, dropoutP: Double = 0, isCausal: Bool = false,
        scale: Double? = nil,
        enableGqa: Bool = false
    ) -> Tensor {
        if let attnMask, attnMask.isPoisoned { return attnMask }
        return composite("scaledDotProductAttention", .lower, query, key, value) { (query, key, value) throws(OpError) in
            for (name, x) in [("query", query), ("key", key), ("value", value)] where x.ndim < 2 {
                throw OpError("\(name) of shape \(x.shape) needs at least 2 dimensions: positions and features")
            }
            guard query.dtype == key.dtype, query.dtype == value.dtype else {
                throw OpError(
                    "query, key and value are \(query.dtype), \(key.dtype) and \(value.dtype); convert them to one type with to(_:)")
            }
            guard query.shape[-1] == key.shape[-1] else {
                throw OpError("query of shape \(query.shape) and key of shape \(key.shape) differ in features")
            }
            guard key.shape[-2] == value.shape[-2] else {
                throw OpError("key of shape \(key.shape) and value of shape \(value.shape) differ in positions")
            }
            guard dropoutP >= 0 && dropoutP <= 1 else { throw OpError("dropoutP must lie in 0 ... 1, it is \(dropoutP)") }
            guard !isCausal || attnMask == nil else { throw OpError("isCausal excludes attnMask") }
            var (key, value) = (key, value)
            if enableGqa {
                guard query.ndim >= 3, key.ndim >= 3, value.ndim >= 3, key.shape[-3] > 0, value.shape[-3] > 0,
                    query.shape[-3] % key.shape[-3] == 0,
                    query.shape[-3] % value.shape[-3] == 0
                else { throw OpError("the heads of key \(key.shape) and value \(value.shape) must divide those of query \(query.shape)") }
                key = key.repeatInterleave(query.shape[-3] / key.shape[-3], dim: -3)
                value = value.repeatInterleave(query.shape[-3] / value.shape[-3], dim: -3)
            }
            // Half precision holds neither the scores of large queries nor the differences of close ones.
            let wide = query.dtype.computeType
            let scores = (query.to(wide) * (scale ?? 1 / Double(query.shape[-1]).squareRoot())).matmul(key.to(wide).mT)
            var mask = attnMask
            if isCausal { mask = Tensor.ones([query.shape[-2], key.shape[-2]], dtype: .bool, device: query.device).tril() }
            var weights: Tensor
            if let mask {
                guard mask.dtype == .bool || mask.dtype.isFloatingPoint else {
                    throw OpError("attnMask must be bool or floating-point, it is \(mask.dtype)")
                }
                let masked = scores + (try F.additiveMask(mask.dtype == .bool ? mask.logicalNot() : mask, wide, "attnMask"))
                // Filled before the softmax as well: the gradient of a softmax over −∞ alone is NaN.
                let isBlind = masked.detach().eq(-Double.infinity).all(dim: -1, keepDim: true)
                weights = masked.maskedFill(isBlind, 0).softmax(dim: -1).maskedFill(isBlind, 0)
            } else {
                weights = scores.softmax(dim: -1)
            }
            if dropoutP > 0 { weights = dropout(weights, p: dropoutP, training: true) }
            return weights.matmul(value.to(wide)).to(query.dtype)
        }
    }

    /// A mask to add to scores: a bool mask gives −∞ where it is true, a float mask stays as it is.
    static func additiveMask(_ mask: Tensor, _ dtype: DType, _ name: String) throws(OpError) -> Tensor {
        if mask.dtype == .bool { return Tensor.zeros(mask.shape, dtype: dtype, device: mask.device).maskedFill(mask, -Double.infinity) }
        guard mask.dtype.isFloatingPoint else { throw OpError("\(name) must be bool or floating-point, it is \(mask.dtype)") }
        return mask.to(dtype)
    }

    /// Multi-head attention (Vaswani et al., 2017) with the given weights. PyTorch: `F.multi_head_attention_forward`.
    ///
    /// query [L, N, E], key [S, N, Ek], value [S, N, Ev], or without N. Each is projected to E = `embedDimToCheck` features (by `inProjWeight` [3E, E],
    /// or by `qProjWeight`, `kProjWeight`, `vProjWeight`), split into `numHeads` heads that attend separately, joined and projected again.
    /// - Parameters:
    ///   - keyPaddingMask: [N, S], true at keys to ignore, or floats that are added to the scores.
    ///   - attnMask: [L, S] or [N·numHeads, L, S], true where query l must not attend to key s, or floats that are added to the scores.
    ///   - biasK: [1, 1, E], one more key; `addZeroAttn` adds a key and a value of zeros.
    ///   - biasV: [1, 1, E], the value of that key; given with `biasK` or not at all.
    ///   - dropoutP: the probability with which weights are dropped, with `training` alone.
    ///   - staticK: [N·numHeads, S, E / numHeads], used instead of the projected keys, split into heads.
    ///   - staticV: the same for the values.
    ///   - isCausal: a hint that `attnMask`, which must be given, is the causal mask. Without `keyPaddingMask` and `needWeights` the mask
    ///     is not read then.
    /// - Returns: the output [L, N, E] and, with `needWeights`, the weights after dropout: their mean over heads [N, L, S], or with
    ///   `averageAttnWeights` false [N, numHeads, L, S].
    ///
    /// Where masks leave a query no key, its heads give 0, so that its output is `outProjBias`, but NaN with `needWeights`, as in PyTorch.
    /// Traps where shapes do not fit, or `numHeads` does not divide E.
    public static func multiHeadAttentionForward(
        _ query: Tensor, _ key: Tensor, _ value: Tensor, embedDimToCheck: Int, numHeads: Int, inProjWeight: Tensor?, inProjBias: Tensor?,
        biasK: Tensor? = nil,
        biasV: Tensor? = nil, addZeroAttn: Bool = false, dropoutP: Double = 0, outProjWeight: Tensor, outProjBias: Tensor?,
        training: Bool = true,
        keyPaddingMask: Tensor? = nil, needWeights: Bool = true, attnMask: Tensor? = nil, qProjWeight: Tensor? = nil,
        kProjWeight: Tensor? = nil,
        vProjWeight: Tensor? = nil, staticK: Tensor? = nil, staticV: Tensor? = nil, averageAttnWeights: Bool = true, isCausal: Bool = false
    ) -> (output: Tensor, weights: Tensor?) {
        let all: [Tensor?] = [
            query, key, value, inProjWeight, inProjBias, biasK, biasV, outProjWeight, outProjBias, keyPaddingMask, attnMask, qProjWeight,
            kProjWeight, vProjWeight, staticK, staticV,
        ]
        for case let x? in all where x.isPoisoned { return (x, needWeights ? x : nil) }
        do throws(OpError) {
            let isBatched = try checkAttention(query, key, value, keyPaddingMask, attnMask, numHeads)
            guard query.shape[-1] == embedDimToCheck else {
                throw OpError("query of shape \(query.shape) has \(query.shape[-1]) features, but embedDim is \(embedDimToCheck)")
            }
            guard numHeads > 0, embedDimToCheck % numHeads == 0 else {
                throw OpError("embedDim (\(embedDimToCheck)) must be divisible by numHeads (\(numHeads))")
            }
            guard !isCausal || attnMask != nil else { throw OpError("isCausal is a hint about attnMask, which is missing") }
            if inProjWeight != nil {
                guard key.shape == value.shape else {
                    throw OpError("key of shape \(key.shape) and value of shape \(value.shape) must have one shape")
                }
            } else {
                guard key.shape.dropLast().elementsEqual(value.shape.dropLast()) else {
                    throw OpError("key of shape \(key.shape) and value of shape \(value.shape) must agree in positions and batch")
                }
            }
            let (q, k, v) = isBatched ? (query, key, value) : (query.unsqueeze(1), key.unsqueeze(1), value.unsqueeze(1))
            var heads = Heads(length: q.shape[0], batch: q.shape[1], count: numHeads, size: embedDimToCheck / numHeads)
            guard k.shape[1] == heads.batch else {
                throw OpError("query of shape \(query.shape) and key of shape \(key.shape) differ in batch size")
            }
            try heads.project(
                q, k, v, inProjWeight, inProjBias, qProjWeight, kProjWeight, vProjWeight, sharesInput: (query === key && key === value))
            guard (biasK == nil) == (biasV == nil) else { throw OpError("biasK and biasV belong together, but only one is given") }
            guard staticK == nil && staticV == nil || biasK == nil else {
                throw OpError("biasK and biasV cannot be added to staticK and staticV")
            }
            if let staticK { heads.k = try heads.joined(staticK, "staticK") }
            if let staticV { heads.v = try heads.joined(staticV, "staticV") }
            try heads.mask(
                keyPaddingMask.map { isBatched ? $0 : $0.unsqueeze(0) }, isCausal && keyPaddingMask == nil && !needWeights ? nil : attnMask)
            if let biasK, let biasV {
                heads.append(biasK.expand(1, heads.batch, embedDimToCheck), biasV.expand(1, heads.batch, embedDimToCheck))
            }
            if addZeroAttn {
                let zeros = Tensor.zeros([1, heads.batch, embedDimToCheck], dtype: q.dtype, device: q.device)
                heads.append(zeros, zeros)
            }
            let (attended, weights) = heads.attend(
                dropout: training ? dropoutP : 0, needWeights: needWeights, isCausal: isCausal && keyPaddingMask == nil && !needWeights)
            let output = linear(attended, outProjWeight, outProjBias)
            var shown: Tensor?
            if let weights {
                let separate = weights.reshape([heads.batch, numHeads, heads.length, weights.shape[2]])
                shown = averageAttnWeights ? separate.mean(dim: 1) : separate
            }
            return isBatched ? (output, shown) : (output.squeeze(1), shown?.squeeze(0))
        } catch {
            let poisoned = fail(error, op: "multiHeadAttention")
            return (poisoned, needWeights ? poisoned : nil)
        }
    }

    /// Whether the inputs have a batch dimension; throws where ranks and shapes do not fit.
    private static func checkAttention(
        _ query: Tensor, _ key: Tensor, _ value: Tensor, _ keyPaddingMask: Tensor?, _ attnMask: Tensor?, _ numHeads: Int
    ) throws(OpError) -> Bool {
        guard query.ndim == 2 || query.ndim == 3 else {
            throw OpError("query must have 2 dimensions, or 3 with a batch, its shape is \(query.shape)")
        }
        let isBatched = query.ndim == 3
        guard key.ndim == query.ndim, value.ndim == query.ndim else {
            throw OpError(
                "for a query with \(query.ndim) dimensions key and value need as many, their shapes are \(key.shape) and \(value.shape)")
        }
        if let keyPaddingMask, keyPaddingMask.shape != (isBatched ? [key.shape[1], key.shape[0]] : [key.shape[0]]) {
            throw OpError(
                "keyPaddingMask of shape \(keyPaddingMask.shape) must have shape \(isBatched ? "[batch, positions]" : "[positions]") of key \(key.shape)"
            )
        }
        if let attnMask {
            let plane: Shape = [query.shape[0], key.shape[0]]
            let wanted: Shape = [isBatched ? query.shape[1] * numHeads : numHeads, plane[0], plane[1]]
            guard attnMask.shape == plane || attnMask.shape == wanted else {
                throw OpError("attnMask of shape \(attnMask.shape) must have shape \(plane) or \(wanted)")
            }
        }
        return isBatched
    }
}

/// One call of attention: the projected q, k and v, and the mask that is added to the scores.
private struct Heads {
    let length: Int
    let batch: Int
    let count: Int
    let size: Int
    /// [positions, batch, count·size]
    var q: Tensor
    var k: Tensor
    var v: Tensor
    /// Broadcasts to [batch·count, length, positions].
    var mask: Tensor?

    init(length: Int, batch: Int, count: Int, size: Int) {
        (self.length, self.batch, self.count, self.size) = (length, batch, count, size)
        q = Tensor.poisoned
        k = q
        v = q
    }

    mutating func project(
        _ query: Tensor, _ key: Tensor, _ value: Tensor, _ weight: Tensor?, _ bias: Tensor?, _ qWeight: Tensor?, _ kWeight: Tensor?,
        _ vWeight: Tensor?, sharesInput: Bool
    ) throws(OpError) {
        let biases = bias?.chunk(3)
        if let weight {
            guard weight.ndim == 2, weight.shape[0] == 3 * count * size else {
                throw OpError("inProjWeight of shape \(weight.shape) must have \(3 * count * size) rows")
            }
            if sharesInput {
                // One matrix product for all three.
                let parts = F.linear(query, weight, bias).chunk(3, dim: 2)
                (q, k, v) = (parts[0], parts[1], parts[2])
                return
            }
            let weights = weight.chunk(3)
            (q, k, v) = (
                F.linear(query, weights[0], biases?[0]), F.linear(key, weights[1], biases?[1]), F.linear(value, weights[2], biases?[2])
            )
            return
        }
        guard let qWeight, let kWeight, let vWeight else {
            throw OpError("without inProjWeight, qProjWeight, kProjWeight and vProjWeight are needed")
        }
        (q, k, v) = (F.linear(query, qWeight, biases?[0]), F.linear(key, kWeight, biases?[1]), F.linear(value, vWeight, biases?[2]))
    }

    /// [batch·count, positions, size], which is how the heads see keys and values, as [positions, batch, count·size].
    func joined(_ x: Tensor, _ name: String) throws(OpError) -> Tensor {
        guard x.ndim == 3, x.shape[0] == batch * count, x.shape[2] == size else {
            throw OpError("\(name) of shape \(x.shape) must have shape [\(batch * count), positions, \(size)]")
        }
        return x.transpose(0, 1).reshape([x.shape[1], batch, count * size])
    }

    mutating func mask(_ padding: Tensor?, _ attention: Tensor?) throws(OpError) {
        if let attention {
            let added = try F.additiveMask(attention, q.dtype.computeType, "attnMask")
            mask = added.ndim == 2 ? added.unsqueeze(0) : added
        }
        if let padding {
            let added = try F.additiveMask(padding, q.dtype.computeType, "keyPaddingMask")
            let spread = added.reshape([batch, 1, 1, k.shape[0]]).expand(batch, count, 1, k.shape[0]).reshape([
                batch * count, 1, k.shape[0],
            ])
            mask = mask.map { $0 + spread } ?? spread
        }
    }

    /// One more position, which everybody sees.
    mutating func append(_ key: Tensor, _ value: Tensor) {
        k = Tensor.cat([k, key], dim: 0)
        v = Tensor.cat([v, value], dim: 0)
        mask = mask?.pad([0, 1])
    }

    /// The heads' outputs joined [length, batch, count·size], and the weights [batch·count, length, positions].
    func attend(dropout: Double, needWeights: Bool, isCausal: Bool) -> (Tensor, Tensor?) {
        func byHead(_ x: Tensor) -> Tensor { x.reshape([x.shape[0], batch * count, size]).transpose(0, 1) }
        let (q, k, v) = (byHead(q), byHead(k), byHead(v))
        let attended: Tensor
        var weights: Tensor?
        if needWeights {
            // Inside `autocast` the weights keep the type that they are computed in.
            let (wide, shown) = (q.dtype.computeType, autocastDType == nil ? q.dtype : q.dtype.computeType)
            (attended, weights) = Context.autocasting(to: nil) {
                var scores = (q.to(wide) * (1 / Double(size).squareRoot())).bmm(k.to(wide).mT)
                if let mask { scores = scores + mask }
                var shares = scores.softmax(dim: -1)
                if dropout > 0 { shares = F.dropout(shares, p: dropout, training: true) }
                return (shares.bmm(v.to(wide)).to(q.dtype), shares.to(shown))
            }
        } else {
            attended = F.scaledDotProductAttention(q, k, v, attnMask: mask, dropoutP: dropout, isCausal: isCausal && mask == nil)
        }
        return (attended.transpose(0, 1).reshape([length, batch, count * size]), weights)
    }
}
