import ApusCore

extension Tensor {
    /// self ← self + factor·a·b. PyTorch: `addcmul_`.
    func addProduct_(_ a: Tensor, _ b: Tensor, _ factor: Double) { add_(a * b * factor) }

    /// self ← self + factor·a/b. PyTorch: `addcdiv_`.
    func addQuotient_(_ a: Tensor, _ b: Tensor, _ factor: Double) { add_(a / b * factor) }

    /// self ← self + weight·(end − self). PyTorch: `lerp_`.
    func moveToward_(_ end: Tensor, by weight: Double) { add_((end - self) * weight) }
}
