import ApusCore

extension Database {
    /// A reduction over all elements, one dim or several.
    private static func reduction(
        _ c: Call, _ all: (Tensor) -> Tensor, _ one: (Tensor, Int, Bool) -> Tensor, _ many: (Tensor, [Int], Bool) -> Tensor
    ) throws -> Tensor {
        let keepDim = try c.bool(2, "keepdim", or: false)
        if !c.has(1, "dim") && !keepDim { return try all(c.x) }
        return try c.isList(1, "dim") ? many(c.x, c.ints(1, "dim")!, keepDim) : one(c.x, c.int(1, "dim"), keepDim)
    }

    /// A spread over all elements or dims, by `correction` or `unbiased`.
    private static func spread<Result>(
        _ c: Call, _ corrected: (Tensor, [Int], Double, Bool) -> Result, _ unbiased: (Tensor, [Int], Bool, Bool) -> Result
    ) throws -> Result {
        let (dims, keepDim) = (try c.ints("dim") ?? [], try c.bool("keepdim", or: false))
        return try c.has(1, "unbiased")
            ? unbiased(c.x, dims, c.bool(1, "unbiased"), keepDim) : corrected(c.x, dims, c.double("correction", or: 1), keepDim)
    }

    private static func variance(_ c: Call) throws -> Tensor {
        try spread(c, { $0.var(dim: $1, correction: $2, keepDim: $3) }, { $0.var(dim: $1, unbiased: $2, keepDim: $3) })
    }
    private static func deviation(_ c: Call) throws -> Tensor {
        try spread(c, { $0.std(dim: $1, correction: $2, keepDim: $3) }, { $0.std(dim: $1, unbiased: $2, keepDim: $3) })
    }
    private static func varianceAndMean(_ c: Call) throws -> [Tensor] {
        try spread(
            c, { both(Tensor.varMean($0, dim: $1, correction: $2, keepDim: $3)) },
            { both(Tensor.varMean($0, dim: $1, unbiased: $2, keepDim: $3)) })
    }
    private static func deviationAndMean(_ c: Call) throws -> [Tensor] {
        try spread(
            c, { both(Tensor.stdMean($0, dim: $1, correction: $2, keepDim: $3)) },
            { both(Tensor.stdMean($0, dim: $1, unbiased: $2, keepDim: $3)) })
    }

    private static func quantile(
        _ c: Call, _ several: (Tensor, Tensor, Int?, Bool, QuantileInterpolation) -> Tensor,
        _ one: (Tensor, Double, Int?, Bool, QuantileInterpolation) -> Tensor
    ) throws -> Tensor {
        let (dim, keepDim) = (try c.optionalInt("dim"), try c.bool("keepdim", or: false))
        let how: QuantileInterpolation = try c.choice("interpolation", or: .linear)
        return try c.isTensor(1) ? several(c.x, c.tensor(1), dim, keepDim, how) : one(c.x, c.double(1), dim, keepDim, how)
    }

    private static func norm(_ c: Call) throws -> Tensor {
        let dims = try c.ints(2, "dim") ?? []
        return try c.x.norm(p: c.double(1, "p", or: 2), dim: dims, keepDim: c.bool(3, "keepdim", or: false))
    }

    /// Reductions, cumulative functions, order statistics, and counts.
    static let reductions: [String: One] = [
        "sum": { c in try reduction(c, { $0.sum() }, { $0.sum(dim: $1, keepDim: $2) }, { $0.sum(dim: $1, keepDim: $2) }) },
        "nansum": { c in try reduction(c, { $0.nansum() }, { $0.nansum(dim: $1, keepDim: $2) }, { $0.nansum(dim: $1, keepDim: $2) }) },
        "mean": { c in
            let dtype = try c.dtype("dtype")
            return try reduction(
                c, { $0.mean(dtype: dtype) }, { $0.mean(dim: $1, keepDim: $2, dtype: dtype) },
                { $0.mean(dim: $1, keepDim: $2, dtype: dtype) })
        },
        "nanmean": { c in try reduction(c, { $0.nanmean() }, { $0.nanmean(dim: $1, keepDim: $2) }, { $0.nanmean(dim: $1, keepDim: $2) }) },
        "prod": { c in
            let dtype = try c.dtype("dtype")
            return try c.has(1, "dim")
                ? c.x.prod(dim: c.int(1, "dim"), keepDim: c.bool("keepdim", or: false), dtype: dtype) : c.x.prod(dtype: dtype)
        },
        "amax": { c in try reduction(c, { $0.amax() }, { $0.amax(dim: $1, keepDim: $2) }, { $0.amax(dim: $1, keepDim: $2) }) },
        "amin": { c in try reduction(c, { $0.amin() }, { $0.amin(dim: $1, keepDim: $2) }, { $0.amin(dim: $1, keepDim: $2) }) },
        "any": { c in try reduction(c, { $0.any() }, { $0.any(dim: $1, keepDim: $2) }, { $0.any(dim: $1, keepDim: $2) }) },
        "all": { c in try reduction(c, { $0.all() }, { $0.all(dim: $1, keepDim: $2) }, { $0.all(dim: $1, keepDim: $2) }) },
        "argmax": { c in
            let keepDim = try c.bool("keepdim", or: false)
            return try c.has("dim") ? c.x.argmax(dim: c.int("dim"), keepDim: keepDim) : c.x.argmax(keepDim: keepDim)
        },
        "argmin": { c in
            let keepDim = try c.bool("keepdim", or: false)
            return try c.has("dim") ? c.x.argmin(dim: c.int("dim"), keepDim: keepDim) : c.x.argmin(keepDim: keepDim)
        },
        "max.reduction_no_dim": { try $0.x.max() },
        "min.reduction_no_dim": { try $0.x.min() },
        "var": { try variance($0) },
        "var.unbiased": { try variance($0) },
        "std": { try deviation($0) },
        "std.unbiased": { try deviation($0) },
        "norm": { try norm($0) },
        "norm.inf": { try norm($0) },
        "norm.fro": { c in
            _ = try c.optionalString(1)
            return try Linalg.matrixNorm(c.x, ord: .fro, dim: c.ints(2) ?? Array(0..<c.x.ndim))
        },
        "norm.nuc": { c in
            _ = try c.optionalString(1)
            return try Linalg.matrixNorm(c.x, ord: .nuc, dim: c.ints(2) ?? [-2, -1])
        },
        "dist": { try $0.x.dist($0.tensor(1), p: $0.double(2)) },
        "cdist": { c in
            let modes: [String: DistanceComputeMode] = [
                "use_mm_for_euclid_dist": .useMMForEuclidDist, "donot_use_mm_for_euclid_dist": .donotUseMMForEuclidDist,
            ]
            return try Tensor.cdist(c.x, c.tensor(1), p: c.double(2), computeMode: modes[c.optionalString(3)!]!)
        },
        "logsumexp": { c in try c.x.logsumexp(dim: c.ints(1)!, keepDim: c.bool(2, or: false)) },
        "softmax": { try $0.x.softmax(dim: $0.int(1)) },
        "softmax.with_dtype": { try $0.x.softmax(dim: $0.int(1), dtype: $0.dtype("dtype")) },
        "log_softmax": { try $0.x.logSoftmax(dim: $0.int(1)) },
        "log_softmax.with_dtype": { try $0.x.logSoftmax(dim: $0.int(1), dtype: $0.dtype("dtype")) },
        "cumsum": { try $0.x.cumsum(dim: $0.int(1), dtype: $0.dtype("dtype")) },
        "cumprod": { try $0.x.cumprod(dim: $0.int(1), dtype: $0.dtype("dtype")) },
        "logcumsumexp": { try $0.x.logcumsumexp(dim: $0.int(1)) },
        "count_nonzero": { c in
            try c.isList("dim")
                ? c.x.countNonzero(dim: c.ints("dim")!) : c.has("dim") ? c.x.countNonzero(dim: c.int("dim")) : c.x.countNonzero()
        },
        "quantile": { c in
            try quantile(
                c, { $0.quantile($1, dim: $2, keepDim: $3, interpolation: $4) },
                { $0.quantile($1, dim: $2, keepDim: $3, interpolation: $4) })
        },
        "nanquantile": { c in
            try quantile(
                c, { $0.nanquantile($1, dim: $2, keepDim: $3, interpolation: $4) },
                { $0.nanquantile($1, dim: $2, keepDim: $3, interpolation: $4) })
        },
        "argsort": { c in
            try c.x.argsort(
                dim: c.int(1, "dim", or: -1), descending: c.bool(2, "descending", or: false), stable: c.bool("stable", or: false))
        },
        "msort": { try $0.x.msort() },
        "renorm": { try $0.x.renorm($0.double(1), dim: $0.int(2), $0.double(3)) },
        "trace": { try $0.x.trace() },
        "cov": {
            try $0.x.cov(correction: $0.int("correction", or: 1), fweights: $0.optional("fweights"), aweights: $0.optional("aweights"))
        },
        "corrcoef": { try $0.x.corrcoef() },
        "histc": { c in
            try c.x.histc(bins: c.int("bins", or: 100), min: c.double("min", or: 0), max: c.double("max", or: 0))
        },
        "bincount": { try $0.x.bincount(weights: $0.optional("weights"), minlength: $0.int("minlength", or: 0)) },
        "trapezoid": { try trapezoid($0) },
        "cumulative_trapezoid": { c in
            let dim = try c.int("dim", or: -1)
            return try c.isTensor(1)
                ? Tensor.cumulativeTrapezoid(c.x, c.tensor(1), dim: dim)
                : Tensor.cumulativeTrapezoid(c.x, dx: c.double("dx", or: 1), dim: dim)
        },
        "diff": { c in
            try c.x.diff(
                n: c.int(1, or: 1), dim: c.int(2, or: -1), prepend: c.optional(3, "prepend"), append: c.optional(4, "append"))
        },
        "item": { c in
            switch try c.x.dtype {
            case .bool: try Tensor(c.x.item(Bool.self))
            case .int64: try Tensor(c.x.item(Int.self))
            default: try Tensor(c.x.item(), dtype: .float64)
            }
        },
    ]

    private static func trapezoid(_ c: Call) throws -> Tensor {
        let dim = try c.int("dim", or: -1)
        return try c.isTensor(1) ? Tensor.trapezoid(c.x, c.tensor(1), dim: dim) : Tensor.trapezoid(c.x, dx: c.double("dx", or: 1), dim: dim)
    }

    /// Those with several results.
    static let severalStatistics: [String: Several] = [
        "cummax": { c in both(try c.x.cummax(dim: c.int(1))) },
        "cummin": { c in both(try c.x.cummin(dim: c.int(1))) },
        "max.reduction_with_dim": { c in both(try c.x.max(dim: c.int(1), keepDim: c.bool(2, or: false))) },
        "min.reduction_with_dim": { c in both(try c.x.min(dim: c.int(1), keepDim: c.bool(2, or: false))) },
        "median": { c in
            try c.has("dim") ? both(c.x.median(dim: c.int("dim"), keepDim: c.bool("keepdim", or: false))) : [c.x.median()]
        },
        "nanmedian": { c in
            try c.has("dim") ? both(c.x.nanmedian(dim: c.int("dim"), keepDim: c.bool("keepdim", or: false))) : [c.x.nanmedian()]
        },
        "mode": { c in both(try c.x.mode(dim: c.int(1, or: -1), keepDim: c.bool(2, or: false))) },
        "kthvalue": { c in both(try c.x.kthvalue(c.int(1), dim: c.int(2, or: -1), keepDim: c.bool(3, or: false))) },
        "topk": { c in
            // Without it PyTorch promises no order.
            _ = try c.bool(4, or: true)
            return both(try c.x.topk(c.int(1), dim: c.int(2, or: -1), largest: c.bool(3, or: true)))
        },
        "sort": { c in
            both(
                try c.x.sort(
                    dim: c.int(1, "dim", or: -1), descending: c.bool(2, "descending", or: false), stable: c.bool("stable", or: false)))
        },
        "aminmax": { c in
            let keepDim = try c.bool("keepdim", or: false)
            let found = try c.has("dim") ? c.x.aminmax(dim: c.int("dim"), keepDim: keepDim) : c.x.aminmax(keepDim: keepDim)
            return [found.min, found.max]
        },
        "var_mean": { try varianceAndMean($0) },
        "var_mean.unbiased": { try varianceAndMean($0) },
        "std_mean": { try deviationAndMean($0) },
        "std_mean.unbiased": { try deviationAndMean($0) },
        "unique": { c in
            _ = try c.bool("sorted", or: true)
            return try parts(c, c.has("dim") ? c.x.unique(dim: c.int("dim")) : c.x.unique())
        },
        "unique_consecutive": { c in
            try parts(c, c.has("dim") ? c.x.uniqueConsecutive(dim: c.int("dim")) : c.x.uniqueConsecutive())
        },
        "frexp": { c in both(try c.x.frexp()) },
        "histogram": { c in
            let (weight, density) = (try c.optional("weight"), try c.bool("density", or: false))
            return try c.isTensor(1)
                ? both(c.x.histogram(c.tensor(1), weight: weight, density: density))
                : both(c.x.histogram(c.int(1), weight: weight, density: density))
        },
        "histogramdd": { c in
            let (weight, density) = (try c.optional("weight"), try c.bool("density", or: false))
            let found: (hist: Tensor, binEdges: TensorList)
            if let bins = try? c.shape(1) {
                found = try Tensor.histogramdd(c.x, bins, weight: weight, density: density)
            } else {
                found = try Tensor.histogramdd(c.x, c.tensors(1), weight: weight, density: density)
            }
            return [found.hist] + found.binEdges
        },
        "gradient": { c in
            let (dim, order) = (try c.ints("dim"), try c.int("edge_order", or: 1))
            if !c.has("spacing") { return Array(try Tensor.gradient(c.x, dim: dim, edgeOrder: order)) }
            if !c.isList("spacing") { return Array(try Tensor.gradient(c.x, spacing: c.double("spacing"), dim: dim, edgeOrder: order)) }
            if let tensors = try? c.tensors("spacing") {
                return Array(try Tensor.gradient(c.x, spacing: tensors, dim: dim, edgeOrder: order))
            }
            return Array(try Tensor.gradient(c.x, spacing: c.doubles("spacing"), dim: dim, edgeOrder: order))
        },
    ]

    static func both(_ pair: (Tensor, Tensor)) -> [Tensor] { [pair.0, pair.1] }

    private static func parts(_ c: Call, _ found: (values: Tensor, inverse: Tensor, counts: Tensor)) throws -> [Tensor] {
        [found.values] + (try c.bool("return_inverse", or: false) ? [found.inverse] : [])
            + (try c.bool("return_counts", or: false) ? [found.counts] : [])
    }
}
