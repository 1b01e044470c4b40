// Functions that reorder elements, besides `permute`, `flip` and `roll`.

extension Tensor {
    /// The elements in reverse order along dim 1; a copy. Traps for vectors and scalars. PyTorch: `fliplr`.
    public final func fliplr() -> Tensor { flipped("fliplr", 1) }
    /// The elements in reverse order along dim 0; a copy. Traps for scalars. PyTorch: `flipud`.
    public final func flipud() -> Tensor { flipped("flipud", 0) }

    private final func flipped(_ op: String, _ dim: Int) -> Tensor {
        composite(op, self) { () throws(OpError) in
            guard ndim > dim else { throw OpError("needs dim \(dim), shape \(shape) has none") }
            return flip(dim)
        }
    }

    /// Rotates the plane of the two dimensions `dims` by k · 90 degrees, from the first towards the second; a copy. Traps unless there are
    /// two different dims. PyTorch: `rot90`.
    public final func rot90(k: Int = 1, dims: some Collection<Int> = [0, 1]) -> Tensor {
        composite("rot90", self) { () throws(OpError) in
            guard dims.count == 2 else { throw OpError("turns the plane of two dims, not of \(Shape(dims))") }
            guard ndim >= 2 else { throw OpError("needs two dimensions, shape \(shape) has \(ndim)") }
            let plane = try distinctDims(dims)
            let (a, b) = (plane[0], plane[1])
            switch ((k % 4) + 4) % 4 {
            case 1: return flip(b).transpose(a, b)
            case 2: return flip(a, b)
            case 3: return flip(a).transpose(a, b)
            default: return clone()
            }
        }
    }
    /// `rot90(k:dims:)` without a label for k.
    public final func rot90(_ k: Int, dims: some Collection<Int> = [0, 1]) -> Tensor { rot90(k: k, dims: dims) }
    /// `rot90(k:dims:)`, by position.
    public final func rot90(_ k: Int, _ dims: some Collection<Int>) -> Tensor { rot90(k: k, dims: dims) }

    /// All elements in row-major order as a vector: a view of a contiguous tensor, else a copy. PyTorch: `ravel`.
    public final func ravel() -> Tensor { contiguous().reshape([-1]) }

    /// The strides: the distance in memory, in elements, between neighbours along each dimension. PyTorch: `stride()`.
    public final func stride() -> Shape { strides }
    /// The stride along `dim`: the distance in memory, in elements, between neighbours; negative dims count from the end. PyTorch:
    /// `stride(dim)`.
    public final func stride(_ dim: Int) -> Int { strides[dim] }

    /// Moves each dimension of `source` to the position in `destination`; the others keep their order. A view. Traps unless there are as
    /// many positions as dimensions, all of them different. PyTorch: `movedim`.
    public final func movedim(_ source: some Collection<Int>, _ destination: some Collection<Int>) -> Tensor {
        composite("movedim", self) { () throws(OpError) in
            let (from, to) = (try distinctDims(source), try distinctDims(destination))
            guard from.count == to.count else { throw OpError("\(from.count) dimensions have \(to.count) positions to move to") }
            if ndim == 0 { return self }
            var others = (0..<ndim).filter { !from.contains($0) }.makeIterator()
            return permute((0..<ndim).map { place in to.firstIndex(of: place).map { from[$0] } ?? others.next()! })
        }
    }

    /// Dimensions as non-negative numbers; throws if one is out of range or named twice.
    final func distinctDims(_ dims: some Collection<Int>) throws(OpError) -> [Int] {
        var result: [Int] = []
        for dim in dims {
            let at = try normalize(dim: dim, ndim: ndim)
            guard !result.contains(at) else { throw OpError("dim \(dim) stands twice in \(Shape(dims))") }
            result.append(at)
        }
        return result
    }

    /// Rotates elements along each of `dim` so that the first one moves to the middle; the frequencies of `fftfreq` are then ascending.
    /// PyTorch: `torch.fft.fftshift`.
    public static func fftshift(_ x: Tensor, dim: some Collection<Int>) -> Tensor { x.rolled("fftshift", dim) { $0 / 2 } }
    /// `fftshift` along `dim`.
    public static func fftshift(_ x: Tensor, dim: Int) -> Tensor { fftshift(x, dim: [dim]) }
    /// `fftshift` along all dimensions.
    public static func fftshift(_ x: Tensor) -> Tensor { fftshift(x, dim: Array(0..<x.ndim)) }
    /// Rotates elements along each of `dim` so that the middle one moves to the front, the inverse of `fftshift`. PyTorch:
    /// `torch.fft.ifftshift`.
    public static func ifftshift(_ x: Tensor, dim: some Collection<Int>) -> Tensor { x.rolled("ifftshift", dim) { ($0 + 1) / 2 } }
    /// `ifftshift` along `dim`.
    public static func ifftshift(_ x: Tensor, dim: Int) -> Tensor { ifftshift(x, dim: [dim]) }
    /// `ifftshift` along all dimensions.
    public static func ifftshift(_ x: Tensor) -> Tensor { ifftshift(x, dim: Array(0..<x.ndim)) }

    private final func rolled(_ op: String, _ dims: some Collection<Int>, by shift: (Int) -> Int) -> Tensor {
        composite(op, self) { () throws(OpError) in
            guard ndim > 0 else { throw OpError("a scalar has no dimensions to move elements along") }
            var shifts: [Int] = []
            for dim in dims { shifts.append(shift(shape[try normalize(dim: dim, ndim: ndim)])) }
            return roll(shifts, dims: dims)
        }
    }
}
