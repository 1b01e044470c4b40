import ApusCore

extension Database {
    /// Functions of shapes: views, joining, repeating, rearranging.
    static let shapes: [String: One] = [
        "contiguous": { try $0.x.contiguous() },
        "broadcast_to": { try $0.x.expand($0.shape(1)) },
        "sum_to_size": { c in try c.isList(1) ? c.x.sumToSize(c.shape(1)) : c.x.sumToSize(integers(c, from: 1)) },
        "expand": { try $0.x.expand($0.shape(1)) },
        "expand_as": { try $0.x.expand(as: $0.tensor(1)) },
        "reshape": { try $0.x.reshape($0.shape(1)) },
        "reshape_as": { try $0.x.reshape($0.tensor(1).shape) },
        "view": { try $0.x.view($0.shape(1)) },
        "view_as": { try $0.x.view($0.tensor(1).shape) },
        "ravel": { try $0.x.ravel() },
        "flatten": { try $0.x.flatten(startDim: $0.int("start_dim", or: 0), endDim: $0.int("end_dim", or: -1)) },
        "unflatten": { try $0.x.unflatten($0.int(1), $0.shape(2)) },
        "permute": { try $0.x.permute($0.shape(1)) },
        "transpose": { try $0.x.transpose($0.int(1), $0.int(2)) },
        "T": { try $0.x.T },
        "mT": { try $0.x.mT },
        "H": { try $0.x.T },
        "mH": { try $0.x.mT },
        "t": { try $0.x.t() },
        "movedim": { c in try c.isList(1) ? c.x.movedim(c.shape(1), c.shape(2)) : c.x.movedim(c.int(1), c.int(2)) },
        "squeeze": { c in try c.has(1) ? c.x.squeeze(c.int(1)) : c.x.squeeze() },
        "squeeze.multiple": { try $0.x.squeeze($0.shape(1)) },
        "unsqueeze": { try $0.x.unsqueeze($0.int(1)) },
        "select": { try $0.x.select(dim: $0.int(1), $0.int(2)) },
        "slice": { try $0.x.narrow(dim: $0.int(1), 0, $0.x.size($0.int(1))) },
        "narrow": { c in
            try c.isTensor(2) ? c.x.narrow(dim: c.int(1), c.tensor(2), c.int(3)) : c.x.narrow(dim: c.int(1), c.int(2), c.int(3))
        },
        "unfold": { try $0.x.unfold(dim: $0.int(1), $0.int(2), $0.int(3)) },
        "as_strided": { try $0.x.asStrided($0.shape(1), $0.shape(2), $0.optionalInt("storage_offset")) },
        "diag": { try $0.x.diag($0.int(1, or: 0)) },
        "diag_embed": { try $0.x.diagEmbed(offset: $0.int("offset", or: 0), dim1: $0.int("dim1", or: -2), dim2: $0.int("dim2", or: -1)) },
        "diagflat": { try $0.x.diagflat(offset: $0.int("offset", or: 0)) },
        "diagonal": { try $0.x.diagonal(offset: $0.int("offset", or: 0), dim1: $0.int("dim1", or: 0), dim2: $0.int("dim2", or: 1)) },
        "linalg.diagonal": {
            try $0.x.diagonal(offset: $0.int("offset", or: 0), dim1: $0.int("dim1", or: -2), dim2: $0.int("dim2", or: -1))
        },
        "diagonal_scatter": {
            try $0.x.diagonalScatter($0.tensor(1), offset: $0.int(2, or: 0), dim1: $0.int(3, or: 0), dim2: $0.int(4, or: 1))
        },
        "select_scatter": { try $0.x.selectScatter($0.tensor(1), dim: $0.int(2), $0.int(3)) },
        "as_strided_scatter": {
            try $0.x.asStridedScatter($0.tensor(1), $0.shape(2), $0.shape(3), storageOffset: $0.optionalInt("storage_offset"))
        },
        "tril": { try $0.x.tril($0.int(1, or: 0)) },
        "triu": { try $0.x.triu($0.int(1, or: 0)) },
        "cat": { try Tensor.cat($0.tensors(0), dim: $0.int(1, "dim", or: 0)) },
        "stack": { try Tensor.stack($0.tensors(0), dim: $0.int(1, "dim", or: 0)) },
        "hstack": { try Tensor.hstack($0.tensors(0)) },
        "vstack": { try Tensor.vstack($0.tensors(0)) },
        "dstack": { try Tensor.dstack($0.tensors(0)) },
        "column_stack": { try Tensor.columnStack($0.tensors(0)) },
        "block_diag": { try Tensor.blockDiag($0.all()) },
        "cartesian_prod": { try Tensor.cartesianProd($0.all()) },
        "combinations": { try Tensor.combinations($0.x, r: $0.int("r", or: 2), withReplacement: $0.bool("with_replacement", or: false)) },
        "flip": { try $0.x.flip($0.shape("dims")) },
        "fliplr": { try $0.x.fliplr() },
        "flipud": { try $0.x.flipud() },
        "roll": { c in
            guard c.has(2, "dims") || c.isList(1) else { return try c.x.roll(c.int(1)) }
            return try c.isList(1) || c.isList(2)
                ? c.x.roll(c.ints(1)!, dims: c.ints(2, "dims") ?? []) : c.x.roll(c.int(1), dim: c.int(2, "dims"))
        },
        "rot90": { c in try c.x.rot90(k: c.int(1, or: 1), dims: c.ints(2, "dims") ?? [0, 1]) },
        "repeat": { try $0.x.repeat($0.shape(1)) },
        "tile": { try $0.x.tile($0.shape(1)) },
        "repeat_interleave": { c in
            // It spares PyTorch a wait for the device.
            _ = try c.optionalInt("output_size")
            switch (c.isTensor("repeats"), c.has("dim")) {
            case (true, true): return try c.x.repeatInterleave(c.tensor("repeats"), dim: c.int("dim"))
            case (true, false): return try c.x.repeatInterleave(c.tensor("repeats"))
            case (false, true): return try c.x.repeatInterleave(c.int("repeats"), dim: c.int("dim"))
            case (false, false): return try c.x.repeatInterleave(c.int("repeats"))
            }
        },
        "broadcast_shapes": { c in
            let found = Tensor.broadcastShapes(try c.shape(0), try c.shape(1))
            return Tensor(Array(found), shape: [found.count], dtype: .int64)
        },
    ]

    private static func integers(_ c: Call, from first: Int) throws -> [Int] {
        var found: [Int] = []
        while c.has(.place(first + found.count)) { found.append(try c.int(.place(first + found.count))) }
        return found
    }

    /// Splits and grids.
    static let severalShapes: [String: Several] = [
        "split": { Array(try $0.x.split($0.int(1), dim: $0.int(2, "dim", or: 0))) },
        "split.list_args": { Array(try $0.x.split($0.shape(1), dim: $0.int(2, "dim", or: 0))) },
        "split_with_sizes": { Array(try $0.x.split($0.shape(1), dim: $0.int(2, "dim", or: 0))) },
        "chunk": { Array(try $0.x.chunk($0.int(1), dim: $0.int(2, "dim", or: 0))) },
        "unbind": { Array(try $0.x.unbind(dim: $0.int(1, "dim", or: 0))) },
        "tensor_split": { c in
            let dim = try c.int(2, "dim", or: 0)
            if c.isTensor(1) {
                let given = try c.tensor(1)
                return given.ndim == 0
                    ? Array(try c.x.tensorSplit(given.item(Int.self), dim: dim))
                    : Array(try c.x.tensorSplit(given.array(Int.self), dim: dim))
            }
            return try c.isList(1) ? Array(c.x.tensorSplit(c.shape(1), dim: dim)) : Array(c.x.tensorSplit(c.int(1), dim: dim))
        },
        "hsplit": { c in try c.isList(1) ? Array(c.x.hsplit(c.shape(1))) : Array(c.x.hsplit(c.int(1))) },
        "vsplit": { c in try c.isList(1) ? Array(c.x.vsplit(c.shape(1))) : Array(c.x.vsplit(c.int(1))) },
        "dsplit": { c in try c.isList(1) ? Array(c.x.dsplit(c.shape(1))) : Array(c.x.dsplit(c.int(1))) },
        "broadcast_tensors": { Array(try Tensor.broadcastTensors($0.all())) },
        "meshgrid.variadic_tensors": { Array(try Tensor.meshgrid($0.all(), indexing: $0.choice("indexing", or: .ij))) },
        "meshgrid.list_of_tensors": { Array(try Tensor.meshgrid($0.all(), indexing: $0.choice("indexing", or: .ij))) },
        "atleast_1d": { c in try c.isList(0) ? Array(Tensor.atleast1d(c.tensors(0))) : [Tensor.atleast1d(c.x)] },
        "atleast_2d": { c in try c.isList(0) ? Array(Tensor.atleast2d(c.tensors(0))) : [Tensor.atleast2d(c.x)] },
        "atleast_3d": { c in try c.isList(0) ? Array(Tensor.atleast3d(c.tensors(0))) : [Tensor.atleast3d(c.x)] },
        "unravel_index": { Array(try Tensor.unravelIndex($0.x, $0.shape(1))) },
        "nonzero": { c in try c.bool("as_tuple", or: false) ? Array(c.x.nonzero(asTuple: true)) : [c.x.nonzero()] },
    ]
}
