import ApusCore

extension Database {
    private static func reduced(_ c: Call) throws -> Tensor {
        try c.x.scatterReduce(
            dim: c.int(1), c.tensor(2), c.tensor(3), reduce: c.choice(4), includeSelf: c.bool("include_self", or: true))
    }

    private static func indexReduced(_ c: Call) throws -> Tensor {
        try c.x.indexReduce(dim: c.int(1), c.tensor(2), c.tensor(3), reduce: c.choice(4), includeSelf: c.bool("include_self", or: true))
    }

    /// Functions of positions: selection, writing, searching.
    static let positions: [String: One] = [
        "gather": { try $0.x.gather(dim: $0.int(1), $0.tensor(2)) },
        "index_select": { try $0.x.indexSelect(dim: $0.int(1), $0.tensor(2)) },
        "index_fill": { c in
            try c.isTensor(3)
                ? c.x.indexFill(dim: c.int(1), c.tensor(2), c.tensor(3)) : c.x.indexFill(dim: c.int(1), c.tensor(2), c.scalar(3))
        },
        "index_copy": { try $0.x.indexCopy(dim: $0.int(1), $0.tensor(2), $0.tensor(3)) },
        "index_add": { try $0.x.indexAdd(dim: $0.int(1), $0.tensor(2), $0.tensor(3), alpha: $0.scalar("alpha", or: .int(1))) },
        "index_reduce.mean": { try indexReduced($0) },
        "index_reduce.prod": { try indexReduced($0) },
        "index_reduce.amin": { try indexReduced($0) },
        "index_reduce.amax": { try indexReduced($0) },
        "index_put": { try $0.x.indexPut($0.tensors(1), $0.tensor(2), accumulate: $0.bool("accumulate", or: false)) },
        "scatter": { c in
            let reduce: ScatterOperation? = c.has("reduce") ? try c.choice("reduce") : nil
            let (dim, index) = (try c.int(1), try c.tensor(2))
            switch (c.isTensor(3), reduce) {
            case (true, nil): return try c.x.scatter(dim: dim, index, c.tensor(3))
            case (true, let reduce?): return try c.x.scatter(dim: dim, index, c.tensor(3), reduce: reduce)
            case (false, nil): return try c.x.scatter(dim: dim, index, c.scalar(3))
            case (false, let reduce?): return try c.x.scatter(dim: dim, index, c.scalar(3), reduce: reduce)
            }
        },
        "scatter_add": { try $0.x.scatterAdd(dim: $0.int(1), $0.tensor(2), $0.tensor(3)) },
        "scatter_reduce.sum": { try reduced($0) },
        "scatter_reduce.prod": { try reduced($0) },
        "scatter_reduce.mean": { try reduced($0) },
        "scatter_reduce.amin": { try reduced($0) },
        "scatter_reduce.amax": { try reduced($0) },
        "masked_select": { try $0.x.maskedSelect($0.tensor(1)) },
        "masked_scatter": { try $0.x.maskedScatter($0.tensor(1), $0.tensor(2)) },
        "take": { try $0.x.take($0.tensor(1)) },
        "put": { try $0.x.put($0.tensor(1), $0.tensor(2), accumulate: $0.bool(3, or: false)) },
        "take_along_dim": { try $0.x.takeAlongDim($0.tensor(1), dim: $0.optionalInt(2, "dim")) },
        "argwhere": { try $0.x.argwhere() },
        "searchsorted": { c in
            let sorter = try c.optional("sorter")
            let right = try c.bool("right", or: false) || c.optionalString("side") == "right"
            let found =
                try c.isTensor(1)
                ? Tensor.searchsorted(c.x, c.tensor(1), right: right, sorter: sorter)
                : Tensor.searchsorted(c.x, c.scalar(1), right: right, sorter: sorter)
            return try c.bool("out_int32", or: false) ? found.int() : found
        },
        "bucketize": { c in
            let found = try Tensor.bucketize(c.x, c.tensor(1), right: c.bool("right", or: false))
            return try c.bool("out_int32", or: false) ? found.int() : found
        },
    ]
}
