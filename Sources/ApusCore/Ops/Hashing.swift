extension Tensor {
    /// The bitwise exclusive or of the elements over `dim`, all dimensions by default: of floats as float64, of integers and bool as int64;
    /// 0 if there are no elements. It does not depend on their order, and equal elements cancel in pairs. The result is int64, with the
    /// bits of PyTorch's uint64. Traps unless `mode` is 0, the only one. PyTorch: `hash_tensor`.
    public final func hashTensor(dim: some Collection<Int> = [], keepDim: Bool = false, mode: Int = 0) -> Tensor {
        composite("hashTensor", self) { () throws(OpError) in
            guard mode == 0 else { throw OpError("mode \(mode) is not defined; 0, exclusive or, is the only one") }
            let dims = try reductionDims(Array(dim))
            let rest = (0..<ndim).filter { !dims.contains($0) }
            let numbers = try detach().to(dtype.isFloatingPoint ? .float64 : .int64).permute(rest + dims).hostData()
            let width = dims.reduce(1) { $0 * shape[$1] }
            var kept = shape
            for dim in dims { kept[dim] = 1 }
            var hashes = [Int64](repeating: 0, count: kept.numel)
            let base = numbers.pointer
            for row in hashes.indices {
                for place in row * width..<(row + 1) * width { hashes[row] ^= base.load(fromByteOffset: place * 8, as: Int64.self) }
            }
            withExtendedLifetime(numbers) {}
            return Tensor(hashes, shape: keepDim ? kept : Shape(rest.map { shape[$0] }), device: device)
        }
    }
    /// The bitwise exclusive or along `dim`.
    public final func hashTensor(dim: Int, keepDim: Bool = false, mode: Int = 0) -> Tensor {
        hashTensor(dim: [dim], keepDim: keepDim, mode: mode)
    }
}
