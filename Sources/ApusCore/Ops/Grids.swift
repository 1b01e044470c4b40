// Broadcasting of several tensors, grids and combinations, and indices of elements.

/// Which grid dimensions belong to the first two tensors of `Tensor.meshgrid`.
public enum GridIndexing: String, Sendable {
    /// Dims 0 and 1, as rows and columns of a matrix.
    case ij
    /// Dims 1 and 0, as x and y of a picture.
    case xy
}

extension Tensor {
    /// The shape that these shapes broadcast to. Traps if they do not, and for negative extents. PyTorch: `torch.broadcast_shapes`.
    public static func broadcastShapes(_ shapes: any Collection<Int>...) -> Shape {
        do throws(OpError) {
            let all = shapes.map { Shape($0) }
            for shape in all where shape.contains(where: { $0 < 0 }) { throw OpError("an extent of \(shape) is negative") }
            return try Shape.broadcast(all)
        } catch {
            fail(error, op: "broadcastShapes")
            return .poisoned
        }
    }

    /// The tensors broadcast to one shape; views. Traps if they do not broadcast. PyTorch: `torch.broadcast_tensors`.
    public static func broadcastTensors(_ tensors: some Sequence<Tensor>) -> TensorList {
        list("broadcastTensors", tensors) { (all) throws(OpError) in
            let shape = try Shape.broadcast(all.map(\.shape))
            return all.map { $0.expand(shape) }
        }
    }
    /// `broadcastTensors` of the given tensors.
    public static func broadcastTensors(_ tensors: Tensor...) -> TensorList { broadcastTensors(tensors) }

    /// For each vector or scalar of `tensors` a tensor with its elements along a dimension of its own, repeated along the dimensions of the
    /// others; views. Traps if there is none, and unless all have the same dtype. PyTorch: `torch.meshgrid`.
    public static func meshgrid(_ tensors: some Sequence<Tensor>, indexing: GridIndexing = .ij) -> TensorList {
        list("meshgrid", tensors) { (all) throws(OpError) in
            guard let first = all.first else { throw OpError("needs at least one tensor") }
            for (i, x) in all.enumerated() {
                guard x.ndim <= 1 else { throw OpError("tensor \(i) has shape \(x.shape): each must be a vector or a scalar") }
                guard x.dtype == first.dtype else {
                    throw OpError("tensor \(i) is \(x.dtype), tensor 0 \(first.dtype): all must have one dtype")
                }
            }
            try checkDevices(all)
            var (dims, shape) = (Array(all.indices), Shape(all.map(\.numel)))
            if indexing == .xy && all.count > 1 {
                dims.swapAt(0, 1)
                shape.swapAt(0, 1)
            }
            return zip(all, dims).map { x, dim in
                var own = Shape(repeating: 1, count: all.count)
                own[dim] = x.numel
                return x.reshape(own).expand(shape)
            }
        }
    }
    /// `meshgrid` of the given tensors.
    public static func meshgrid(_ tensors: Tensor..., indexing: GridIndexing = .ij) -> TensorList { meshgrid(tensors, indexing: indexing) }

    /// Calls `body` with the tensors; returns a poisoned list if one of them is poisoned or `body` throws.
    static func list(
        _ op: String, _ tensors: some Sequence<Tensor>, _ body: ([Tensor]) throws(OpError) -> [Tensor]
    ) -> TensorList {
        let all = Array(tensors)
        if let poisoned = all.first(where: \.isPoisoned) { return TensorList(poisoned: poisoned) }
        do throws(OpError) {
            return TensorList(try body(all))
        } catch {
            return TensorList(poisoned: fail(error, op: op))
        }
    }

    /// All rows with one element of each vector of `tensors`, in lexicographic order of positions; for a single vector, that vector. Traps
    /// unless all are vectors of one dtype. PyTorch: `torch.cartesian_prod`.
    public static func cartesianProd(_ tensors: some Sequence<Tensor>) -> Tensor {
        let all = Array(tensors)
        if let poisoned = all.first(where: \.isPoisoned) { return poisoned }
        for (i, x) in all.enumerated() where x.ndim != 1 {
            return fail("cartesianProd", "tensor \(i) has shape \(x.shape): each must be a vector")
        }
        return all.count == 1 ? all[0] : stack(meshgrid(all).map { $0.reshape([-1]) }, dim: 1)
    }
    /// `cartesianProd` of the given tensors.
    public static func cartesianProd(_ tensors: Tensor...) -> Tensor { cartesianProd(tensors) }

    /// All choices of r elements of the vector x as rows, in lexicographic order of positions, each position once or, with
    /// `withReplacement`, any number of times. For r = 0 an empty vector. Traps unless x is a vector. PyTorch: `torch.combinations`.
    public static func combinations(_ x: Tensor, r: Int = 2, withReplacement: Bool = false) -> Tensor {
        composite("combinations", x) { () throws(OpError) in
            guard x.ndim == 1 else { throw OpError("is for vectors, this tensor has shape \(x.shape)") }
            guard r >= 0 else { throw OpError("\(r) elements cannot be chosen") }
            if r == 0 { return zeros([0], dtype: x.dtype, device: x.device) }
            let rows = try choices(r, of: x.numel, withReplacement)
            return x.indexSelect(dim: 0, rows.reshape([-1]).to(x.device)).reshape(rows.shape)
        }
    }

    /// The choices of r positions below n as rows, int64, on the host.
    private static func choices(_ r: Int, of n: Int, _ withReplacement: Bool) throws(OpError) -> Tensor {
        // A non-decreasing row becomes an increasing one when each position is raised by its index in the row.
        let pool = withReplacement ? n + r - 1 : n
        var count = 1
        for i in 0..<r {
            let (product, overflow) = count.multipliedReportingOverflow(by: Swift.max(pool - i, 0))
            guard !overflow else { throw OpError("\(r) of \(n) elements can be chosen in more ways than memory can hold") }
            count = product / (i + 1)
        }
        let out = try uninitialized([count, r], .int64, .cpu)
        let places = out.pointer.bindMemory(to: Int64.self, capacity: count * r)
        var row = Array(0..<r)
        for k in 0..<count {
            for i in 0..<r { places[k * r + i] = Int64(withReplacement ? row[i] - i : row[i]) }
            // The last position that can still grow is incremented, and those after it restart behind it.
            guard let i = (0..<r).last(where: { row[$0] < pool - r + $0 }) else { break }
            row[i] += 1
            for j in i + 1..<r { row[j] = row[j - 1] + 1 }
        }
        return out
    }

    /// The rows and columns of the lower triangle of a row × col matrix, including diagonal `offset`, in row-major order: [2, count].
    /// PyTorch: `torch.tril_indices`.
    public static func trilIndices(
        _ row: Int, _ col: Int, offset: Int = 0, dtype: DType = .int64, device: Device = .cpu
    ) -> Tensor {
        ones([row, col], dtype: .bool, device: device).tril(offset).nonzero().t().contiguous().to(dtype)
    }
    /// The rows and columns of the upper triangle of a row × col matrix, including diagonal `offset`, in row-major order: [2, count].
    /// PyTorch: `torch.triu_indices`.
    public static func triuIndices(
        _ row: Int, _ col: Int, offset: Int = 0, dtype: DType = .int64, device: Device = .cpu
    ) -> Tensor {
        ones([row, col], dtype: .bool, device: device).triu(offset).nonzero().t().contiguous().to(dtype)
    }

    /// Converts row-major positions `indices` in a tensor of `shape` to coordinates, one int64 tensor for each dimension. Traps unless
    /// `indices` are integers. PyTorch: `torch.unravel_index`.
    public static func unravelIndex(_ indices: Tensor, _ shape: some Collection<Int>) -> TensorList {
        let extents = Shape(shape)
        return list("unravelIndex", [indices]) { (all) throws(OpError) in
            guard indices.dtype.isInteger else { throw OpError("the indices must be integers, they are \(indices.dtype)") }
            guard extents.allSatisfy({ $0 >= 0 }) else { throw OpError("an extent of \(extents) is negative") }
            let places = all[0].to(.int64)
            return zip(extents, extents.contiguousStrides).map { extent, step in places.floorDivide(step) % extent }
        }
    }

    /// The Vandermonde matrix: rows with the powers n − 1, …, 1, 0 of each element of x, or with `increasing` 0, 1, …, n − 1; by default n
    /// is the number of elements. For a tensor with more dimensions, the matrices of the vectors along its last one. Integers and bool give
    /// int64. PyTorch: `torch.vander`, and `torch.linalg.vander` with `increasing`.
    public static func vander(_ x: Tensor, n: Int? = nil, increasing: Bool = false) -> Tensor {
        composite("vander", x) { () throws(OpError) in
            let x = x.ndim == 0 ? x.reshape([1]) : x
            let count = n ?? x.shape[-1]
            guard count >= 0 else { throw OpError("the number of powers (\(count)) is negative") }
            let first = (x.dtype.isFloatingPoint ? x : x.to(.int64)).unsqueeze(-1)
            let one = ones(like: first)
            if count <= 1 { return one.narrow(-1, 0, count) }
            let powers = cat([one, first.expand(x.shape + [count - 1]).cumprod(dim: -1)], dim: -1)
            return increasing ? powers : powers.flip(-1)
        }
    }
}
