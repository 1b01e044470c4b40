extension Tensor {
    /// The extents of a matrix: `let (rows, columns) = x.sizes()`. Traps unless there are 2 dimensions. PyTorch: `x.size()`, unpacked.
    public final func sizes() -> (Int, Int) {
        let s = unpacked(2)
        return (s[0], s[1])
    }
    /// The 3 extents: `let (b, t, c) = x.sizes()`. Traps unless there are 3 dimensions. PyTorch: `x.size()`, unpacked.
    public final func sizes() -> (Int, Int, Int) {
        let s = unpacked(3)
        return (s[0], s[1], s[2])
    }
    /// The 4 extents: `let (b, c, h, w) = x.sizes()`. Traps unless there are 4 dimensions. PyTorch: `x.size()`, unpacked.
    public final func sizes() -> (Int, Int, Int, Int) {
        let s = unpacked(4)
        return (s[0], s[1], s[2], s[3])
    }
    /// The 5 extents: `let (b, c, d, h, w) = x.sizes()`. Traps unless there are 5 dimensions. PyTorch: `x.size()`, unpacked.
    public final func sizes() -> (Int, Int, Int, Int, Int) {
        let s = unpacked(5)
        return (s[0], s[1], s[2], s[3], s[4])
    }

    /// The shape, if it has `count` extents; for a failed tensor all extents are 1, so that code running on after an error does not crash.
    private final func unpacked(_ count: Int) -> Shape {
        if isPoisoned { return .poisoned }
        guard ndim == count else {
            fail(
                "sizes",
                "\(count) names wait for the extents of shape \(shape), which has \(ndim) dimensions; name as many, or take single extents "
                    + "with size(dim)")
            return .poisoned
        }
        return shape
    }
}
