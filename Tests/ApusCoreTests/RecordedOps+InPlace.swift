import ApusCore

/// The cases of `Tests/ApusCoreTests/record_ops.py` that change a tensor in place, and gradients.
extension RecordedOps {
    static let changes: [(name: String, run: @Sendable (Parts) -> Tensor)] = [
        ("sub_", { part in changed(part.x) { $0.sub_(part.y) } }),
        ("div_", { part in changed(part.x) { $0.div_(part.y.abs() + 1) } }),
        ("neg_", { part in changed(part.i) { $0.neg_() } }),
        ("pow_", { part in changed(part.x) { $0.pow_(3) } }),
        ("exp_", { part in changed(part.x) { $0.exp_() } }),
        ("log_", { part in changed(part.x) { $0.log_() } }),
        ("abs_", { part in changed(part.x) { $0.abs_() } }),
        ("sqrt_", { part in changed(part.x) { $0.sqrt_() } }),
        ("sigmoid_", { part in changed(part.x) { $0.sigmoid_() } }),
        ("tanh_", { part in changed(part.x) { $0.tanh_() } }),
        ("clamp_", { part in changed(part.x) { $0.clamp_(min: -0.5, max: 1) } }),
        ("maskedFill_", { part in changed(part.x) { $0.maskedFill_(part.b, -1.0) } }),
        ("lerp_", { part in changed(part.x) { $0.lerp_(part.y.expand(2, 3, 4), 0.3) } }),
        ("lerp_.weights", { part in changed(part.x) { $0.lerp_(-part.x, part.y.abs().expand(2, 3, 4)) } }),
        ("scatter_", { part in changed(part.i) { $0.scatter_(1, Tensor([[0, 2], [3, 1], [1, 0]]), -part.i) } }),
        ("scatter_.number", { part in changed(part.x) { $0.scatter_(2, Tensor([[[1, 3]]]), 9.0) } }),
        ("scatterAdd_", { part in changed(part.x) { $0.scatterAdd_(2, Tensor([[[0, 0, 3]], [[1, 1, 1]]]), part.x) } }),
        ("indexAdd_", { part in changed(part.x) { $0.indexAdd_(dim: 1, Tensor([2, 2]), part.x[.all, ..<2]) } }),
        ("scatterReduce.prod gradient of x", { _ in scatterProd(gradientOf: 0) }),
        ("scatterReduce.prod gradient of source", { _ in scatterProd(gradientOf: 1) }),
    ]

    /// A gradient of scatterReduce's products, with no, one and two zeros among the factors of a place, and zeros in x.
    private static func scatterProd(gradientOf which: Int) -> Tensor {
        let x = Tensor([2.0, 0, 3, 0, 5], requiresGrad: true)
        let source = Tensor([4.0, 0, 0, 0, 7, -2, 0.5], requiresGrad: true)
        let products = x.scatterReduce(0, Tensor([0, 0, 1, 1, 2, 2, 3]), source, reduce: .prod)
        (products * Tensor.arange(1.0, 6)).sum().backward()
        return [x, source][which].grad ?? Tensor.zeros([0]) // None without memory.
    }
}
