import CKernels
import COneDNN

// Matrix products: float32 by oneDNN's sgemm over tiles of ours, or by our own kernels where it is slow; float64 and
// integers by our own; float16 and bfloat16 as float32, since oneDNN takes them on few processors only.

extension CPUBackend {
    package func matmul(_ a: Tensor, _ b: Tensor, bias: Tensor?, into out: Tensor) {
        guard out.numel > 0 else { return }
        if out.dtype == .float16 || out.dtype == .bfloat16 {
            return inFloat32(out) { matmul(float32(a), float32(b), bias: bias.map(float32), into: $0) }
        }
        let bias = bias.map(contiguous)
        var first = apus_gemm(
            m: Int64(a.shape[1]), n: Int64(b.shape[2]), k: Int64(a.shape[2]),
            a: a.pointer, a_row: Int64(a.strides[1]), a_column: Int64(a.strides[2]),
            b: b.pointer, b_row: Int64(b.strides[1]), b_column: Int64(b.strides[2]),
            c: out.pointer, c_row: Int64(b.shape[2]), bias: bias?.pointer, accumulate: 0)
        var batches = Int64(out.shape[0])
        // A batch that shares b and whose rows of a follow each other is one product with more rows.
        if batches > 1, b.strides[0] == 0, a.strides[0] == a.shape[1] * a.strides[1] {
            first.m *= batches
            batches = 1
        }
        let kernel: apus_gemm_kernel
        switch out.dtype {
        case .float32: kernel = apus_dnn_gemm_f32
        case .float64: kernel = apus_gemm_kernel_f64
        default: kernel = apus_gemm_integer
        }
        apus_gemm_batched(
            &first, batches, Int64(a.strides[0]), Int64(b.strides[0]), first.m * first.n, Int32(out.dtype.size), kernel)
        withExtendedLifetime((a, b, bias, out)) {}
    }

    // MARK: Operands as the kernels of products, convolutions and pooling want them

    /// `x` itself where it is contiguous, else a copy.
    func contiguous(_ x: Tensor) -> Tensor {
        workingCopy { () throws(OpError) in try x.contiguousData() }
    }

    /// `x` as a contiguous float32 tensor.
    func float32(_ x: Tensor) -> Tensor {
        workingCopy { () throws(OpError) in x.dtype == .float32 ? try x.contiguousData() : try x.converted(to: .float32) }
    }

    /// Lets `body` write `out` in float32 and rounds the result.
    func inFloat32(_ out: Tensor, _ body: (Tensor) -> Void) {
        let wide = workingCopy { () throws(OpError) in try Tensor.uninitialized(out.shape, .float32, out.device) }
        body(wide)
        copy(wide, into: out)
    }

    /// Kernels do not throw: memory for an operand's copy that cannot be had ends the program, as it does in C.
    private func workingCopy(_ make: () throws(OpError) -> Tensor) -> Tensor {
        do { return try make() } catch { trap(error.op, error.message) }
    }
}
