// Functions that add dimensions to a minimum rank, and that join rows, columns and blocks.

extension Tensor {
    /// x with at least one dimension: a scalar becomes a vector of one element; a view. PyTorch: `torch.atleast_1d`.
    public static func atleast1d(_ x: Tensor) -> Tensor { x.isPoisoned || x.ndim > 0 ? x : x.reshape([1]) }
    /// x with at least two dimensions: a vector of n elements becomes 1 × n, a scalar 1 × 1; a view. PyTorch: `torch.atleast_2d`.
    public static func atleast2d(_ x: Tensor) -> Tensor { x.isPoisoned || x.ndim > 1 ? x : atleast1d(x).unsqueeze(0) }
    /// x with at least three dimensions: an m × n matrix becomes m × n × 1, a vector of n elements 1 × n × 1, a scalar 1 × 1 × 1; a view.
    /// PyTorch: `torch.atleast_3d`.
    public static func atleast3d(_ x: Tensor) -> Tensor { x.isPoisoned || x.ndim > 2 ? x : atleast2d(x).unsqueeze(-1) }

    /// `atleast1d` of each.
    public static func atleast1d(_ tensors: some Sequence<Tensor>) -> TensorList { TensorList(tensors.map { atleast1d($0) }) }
    /// `atleast2d` of each.
    public static func atleast2d(_ tensors: some Sequence<Tensor>) -> TensorList { TensorList(tensors.map { atleast2d($0) }) }
    /// `atleast3d` of each.
    public static func atleast3d(_ tensors: some Sequence<Tensor>) -> TensorList { TensorList(tensors.map { atleast3d($0) }) }

    /// Joins tensors horizontally: vectors and scalars into a vector, others along dim 1. dtypes promote. Traps unless all other extents
    /// are equal. PyTorch: `torch.hstack`.
    public static func hstack(_ tensors: some Sequence<Tensor>) -> Tensor {
        let parts = tensors.map { atleast1d($0) }
        return cat(parts, dim: parts.first?.ndim == 1 ? 0 : 1)
    }
    /// Joins tensors vertically, along dim 0; vectors are rows. dtypes promote. Traps unless all other extents are equal. PyTorch:
    /// `torch.vstack`.
    public static func vstack(_ tensors: some Sequence<Tensor>) -> Tensor { cat(tensors.map { atleast2d($0) }, dim: 0) }
    /// Joins tensors in depth, along dim 2. dtypes promote. Traps unless all other extents are equal. PyTorch: `torch.dstack`.
    public static func dstack(_ tensors: some Sequence<Tensor>) -> Tensor { cat(tensors.map { atleast3d($0) }, dim: 2) }
    /// Joins columns along dim 1; vectors and scalars are columns. dtypes promote. Traps unless all other extents are equal. PyTorch:
    /// `torch.column_stack`.
    public static func columnStack(_ tensors: some Sequence<Tensor>) -> Tensor {
        cat(tensors.map { $0.ndim <= 1 ? $0.reshape([-1, 1]) : $0 }, dim: 1)
    }

    /// The block-diagonal matrix of `tensors`, with zeros elsewhere; vectors are rows, scalars 1 × 1. dtypes promote; no tensors give 1 ×
    /// 0. Traps for more than two dimensions. PyTorch: `torch.block_diag`.
    public static func blockDiag(_ tensors: some Sequence<Tensor>) -> Tensor {
        let all = Array(tensors)
        if let poisoned = all.first(where: \.isPoisoned) { return poisoned }
        for (i, x) in all.enumerated() where x.ndim > 2 {
            return fail("blockDiag", "tensor \(i) has shape \(x.shape): blocks are matrices, vectors or scalars")
        }
        if all.isEmpty { return zeros([1, 0]) }
        let dtype = resultType(all)
        let blocks = all.map { atleast2d($0.to(dtype)) }
        let width = blocks.reduce(0) { $0 + $1.shape[1] }
        var left = 0
        return cat(
            blocks.map { block in
                defer { left += block.shape[1] }
                return block.pad([left, width - left - block.shape[1]])
            })
    }
    /// `blockDiag` of the given tensors.
    public static func blockDiag(_ tensors: Tensor...) -> Tensor { blockDiag(tensors) }
}
