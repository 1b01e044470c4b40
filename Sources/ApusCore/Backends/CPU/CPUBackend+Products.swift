import COneDNN

// Matrix products. float32 uses oneDNN's sgemm over tiles of ours, or our own kernels where it is slow; float64 and integers use our own.
// float16 and bfloat16 are computed in float32, since oneDNN supports them on few processors only.

extension CPUBackend {
    package func matmul(_ a: Tensor, _ b: Tensor, bias: Tensor?, into out: Tensor) throws(OpError) {
        guard out.numel > 0 else { return }
        if out.dtype == .float16 || out.dtype == .bfloat16 {
            return try inFloat32(out) { (out) throws(OpError) in try matmul(float32(a), float32(b), bias: bias.map(float32), into: out) }
        }
        let bias = try bias.map(contiguous)
        try requireMemory(
            a.withView { a in b.withView { b in bias.withView { bias in out.withView { out in apus_matmul(a, b, bias, out) } } } })
    }

    // MARK: Operands for the kernels of products, convolutions and pooling

    /// `x` itself if it is contiguous, else a copy.
    func contiguous(_ x: Tensor) throws(OpError) -> Tensor { try x.contiguousData() }

    /// `x` as a contiguous float32 tensor.
    func float32(_ x: Tensor) throws(OpError) -> Tensor { try x.dtype == .float32 ? x.contiguousData() : x.converted(to: .float32) }

    /// Lets `body` write the result in float32 and rounds it into `out`.
    func inFloat32(_ out: Tensor, _ body: (Tensor) throws(OpError) -> Void) throws(OpError) {
        let wide = try Tensor.uninitialized(out.shape, .float32, out.device)
        try body(wide)
        copy(wide, into: out)
    }
}
