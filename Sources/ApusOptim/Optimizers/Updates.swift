import ApusCore

extension Tensor {
    /// self ← self + factor·a·b. PyTorch: `addcmul_`.
    func addProduct_(_ a: Tensor, _ b: Tensor, _ factor: Double) { add_(a * b * factor) }

    /// self ← self + factor·a/b. PyTorch: `addcdiv_`.
    func addQuotient_(_ a: Tensor, _ b: Tensor, _ factor: Double) { add_(a / b * factor) }

    /// self ← self + weight·(end − self). PyTorch: `lerp_`.
    func moveToward_(_ end: Tensor, by weight: Double) { add_((end - self) * weight) }

    /// Adds row i of `values` [n, …] to row rows[i] (`rows` int64 [n]), in place.
    func addRows_(_ rows: Tensor, _ values: Tensor) {
        do throws(OpError) {
            for part in [rows, values] { try part.usable() }
            let target = isContiguous ? self : try contiguousData()
            try device.backend.indexAdd(target, dim: 0, rows, values.contiguousData())
            if target !== self { try device.backend.copy(target, into: self) }
            didChange(by: "step")
        } catch {
            fail(error, op: "step")
        }
    }
}
