// Functions that split a tensor, besides `split` and `chunk` in `Joining.swift`.

extension Tensor {
    /// `sections` pieces along `dim`, the first ones larger by one element if it does not divide evenly; views. Traps if `sections` is not
    /// positive. PyTorch: `tensor_split`.
    public final func tensorSplit(_ sections: Int, dim: Int = 0) -> TensorList {
        pieces("tensorSplit", dim) { (extent) throws(OpError) in
            guard sections > 0 else { throw OpError("\(sections) pieces cannot be made") }
            return (0..<sections).map { extent / sections + ($0 < extent % sections ? 1 : 0) }
        }
    }

    /// The pieces given by an integer tensor: their number if it is a scalar, else the positions to split at. PyTorch: `tensor_split`.
    public final func tensorSplit(_ given: Tensor, dim: Int = 0) -> TensorList {
        if given.isPoisoned { return TensorList(poisoned: given) }
        guard given.ndim <= 1, given.dtype.isInteger else {
            return TensorList(
                poisoned: fail(
                    "tensorSplit", "sections or positions are an integer or a vector of them, not \(given.dtype) of shape \(given.shape)"))
        }
        return given.ndim == 0 ? tensorSplit(given.item(Int.self), dim: dim) : tensorSplit(given.array(Int.self), dim: dim)
    }

    /// The pieces before, between and after the positions `indices` along `dim`; views. Each piece is the range between two positions:
    /// negative ones count from the end, and if a position is not after the one before, the piece is empty. PyTorch: `tensor_split`.
    public final func tensorSplit(_ indices: some Collection<Int>, dim: Int = 0) -> TensorList {
        if isPoisoned { return TensorList(poisoned: self) }
        do throws(OpError) {
            let at = try normalize(dim: dim, ndim: ndim)
            let extent = ndim == 0 ? 0 : shape[at]
            var (start, next, isPartition) = (0, 0, true)
            var parts: [(from: Int, count: Int)] = []
            for end in indices.map(Optional.some) + [nil] {
                let part = try rangePositions(from: start, to: end, step: 1, extent: extent)
                isPartition = isPartition && part.from == next
                next = part.from + part.count
                start = end ?? start
                parts.append(part)
            }
            if isPartition { return pieces("tensorSplit", at) { (_) throws(OpError) in parts.map(\.count) } }
            // Overlapping pieces.
            return TensorList(parts.map { slice(dim: at, from: $0.from, count: $0.count, step: 1) })
        } catch {
            return TensorList(poisoned: fail(error, op: "tensorSplit"))
        }
    }

    /// `sections` equal pieces from left to right: along dim 1, or dim 0 for a vector; views. Traps for scalars, and if the extent does not
    /// divide evenly. PyTorch: `hsplit`.
    public final func hsplit(_ sections: Int) -> TensorList { evenly("hsplit", ndim == 1 ? 0 : 1, rank: 1, sections) }
    /// `tensorSplit` at the positions `indices` from left to right: along dim 1, or dim 0 for a vector. PyTorch: `hsplit`.
    public final func hsplit(_ indices: some Collection<Int>) -> TensorList { cut("hsplit", ndim == 1 ? 0 : 1, rank: 1, indices) }
    /// `sections` equal pieces from top to bottom, along dim 0; views. Traps for vectors and scalars, and if the extent does not divide
    /// evenly. PyTorch: `vsplit`.
    public final func vsplit(_ sections: Int) -> TensorList { evenly("vsplit", 0, rank: 2, sections) }
    /// `tensorSplit` at the positions `indices` from top to bottom, along dim 0. PyTorch: `vsplit`.
    public final func vsplit(_ indices: some Collection<Int>) -> TensorList { cut("vsplit", 0, rank: 2, indices) }
    /// `sections` equal pieces from front to back, along dim 2; views. Traps for fewer than three dimensions, and if the extent does not
    /// divide evenly. PyTorch: `dsplit`.
    public final func dsplit(_ sections: Int) -> TensorList { evenly("dsplit", 2, rank: 3, sections) }
    /// `tensorSplit` at the positions `indices` from front to back, along dim 2. PyTorch: `dsplit`.
    public final func dsplit(_ indices: some Collection<Int>) -> TensorList { cut("dsplit", 2, rank: 3, indices) }

    private final func evenly(_ op: String, _ dim: Int, rank: Int, _ sections: Int) -> TensorList {
        if let failed = lacksDimensions(op, rank) { return failed }
        return pieces(op, dim) { (extent) throws(OpError) in
            guard sections > 0, extent % sections == 0 else {
                throw OpError("\(sections) equal pieces cannot be made of the \(extent) elements of dim \(dim); use tensorSplit or chunk")
            }
            return [Int](repeating: extent / sections, count: sections)
        }
    }

    private final func cut(_ op: String, _ dim: Int, rank: Int, _ indices: some Collection<Int>) -> TensorList {
        lacksDimensions(op, rank) ?? tensorSplit(indices, dim: dim)
    }

    private final func lacksDimensions(_ op: String, _ rank: Int) -> TensorList? {
        if isPoisoned { return TensorList(poisoned: self) }
        return ndim >= rank ? nil : TensorList(poisoned: fail(op, "needs \(rank) dimensions, shape \(shape) has \(ndim)"))
    }

    /// `length` elements along `dim`, starting at the position in the integer scalar `start`; a view. Traps if they are out of range.
    /// PyTorch: `narrow`.
    public final func narrow(dim: Int, _ start: Tensor, _ length: Int) -> Tensor {
        composite("narrow", self, start) { () throws(OpError) in
            guard start.ndim == 0, start.dtype.isInteger else {
                throw OpError("the start must be one integer, it is \(start.dtype) of shape \(start.shape)")
            }
            return narrow(dim: dim, start.item(Int.self), length)
        }
    }
    /// `narrow(dim:_:_:)`, by position.
    public final func narrow(_ dim: Int, _ start: Tensor, _ length: Int) -> Tensor { narrow(dim: dim, start, length) }
}
