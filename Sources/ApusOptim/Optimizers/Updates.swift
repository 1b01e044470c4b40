import ApusCore

extension Tensor {
    /// self ← self + factor·a·b. PyTorch: `addcmul_`.
    func addProduct_(_ a: Tensor, _ b: Tensor, _ factor: Double) { add_(a * b * factor) }

    /// self ← self + factor·a/b. PyTorch: `addcdiv_`.
    func addQuotient_(_ a: Tensor, _ b: Tensor, _ factor: Double) { add_(a / b * factor) }

    /// self ← self + weight·(end − self). PyTorch: `lerp_`.
    func moveToward_(_ end: Tensor, by weight: Double) { add_((end - self) * weight) }
}

/// One step of Adam's moments: m ← m + (1 − β₁)·(g − m), v ← β₂·v + (1 − β₂)·g².
func updateMoments(_ average: Tensor, _ squares: Tensor, _ gradient: Tensor, _ betas: (Double, Double)) {
    average.moveToward_(gradient, by: 1 - betas.0)
    squares.mul_(betas.1).addProduct_(gradient, gradient, 1 - betas.1)
}
