import COneDNN

// Matrix products. float32 uses oneDNN's sgemm over tiles of ours, or our own kernels where it is slow; float64 and integers use our own.
// bfloat16 uses oneDNN on processors that have instructions for it. Elsewhere it is computed in float32, as float16 is.

extension CPUBackend {
    package func matmul(_ a: Tensor, _ b: Tensor, bias: Tensor?, into out: Tensor) throws(OpError) {
        guard out.numel > 0 else { return }
        let narrowBias = try bias.map(contiguous)
        let outcome = a.withView { a in
            b.withView { b in narrowBias.withView { bias in out.withView { out in apus_matmul(a, b, bias, out) } } }
        }
        if try isDone(outcome) { return }
        try inFloat32(out) { (out) throws(OpError) in try matmul(float32(a), float32(b), bias: bias.map(float32), into: out) }
    }

    // MARK: Operands for the kernels of products, convolutions and pooling

    /// `x` itself if it is contiguous, else a copy.
    func contiguous(_ x: Tensor) throws(OpError) -> Tensor { try x.contiguousData() }

    /// `x` as a contiguous float32 tensor.
    func float32(_ x: Tensor) throws(OpError) -> Tensor { try x.dtype == .float32 ? x.contiguousData() : x.converted(to: .float32) }

    /// Whether the kernel has computed the result; false if it refused.
    func isDone(_ outcome: apus_outcome) throws(OpError) -> Bool {
        try requireMemory(outcome != APUS_NO_MEMORY)
        return outcome == APUS_DONE
    }

    /// Lets `body` write the result in float32 and rounds it into `out`.
    func inFloat32(_ out: Tensor, _ body: (Tensor) throws(OpError) -> Void) throws(OpError) {
        let wide = try Tensor.uninitialized(out.shape, .float32, out.device)
        try body(wide)
        copy(wide, into: out)
    }
}
