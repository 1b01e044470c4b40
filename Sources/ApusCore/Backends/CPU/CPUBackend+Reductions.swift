import CKernels

extension CPUBackend {
    package func reduce(_ kind: ReduceKind, _ x: Tensor, dims: [Int], into out: Tensor) throws(OpError) {
        try reduce(x, dims, out) { x, reduced, out in apus_reduce(kind, x, reduced, out) }
    }

    /// The sum accumulates in float64, which holds the square of every float32; other dtypes are scaled first.
    package func euclideanNorm(_ x: Tensor, dims: [Int], into out: Tensor) throws(OpError) {
        guard x.dtype == .float32 else { return try composedNorm(x, dims: dims, into: out) }
        try reduce(x, dims, out) { x, reduced, out in apus_euclidean_norm(x, reduced, out) }
    }

    private func reduce(
        _ x: Tensor, _ dims: [Int], _ out: Tensor,
        _ kernel: (UnsafePointer<apus_tensor>, UnsafePointer<Bool>, UnsafePointer<apus_tensor>) -> Bool
    ) throws(OpError) {
        try requireMemory(
            withUnsafeTemporaryAllocation(of: Bool.self, capacity: x.shape.count + 1) { reduced in
                reduced.initialize(repeating: false)
                for dim in dims where dim < x.shape.count { reduced[dim] = true }
                return x.withView { x in out.withView { out in kernel(x, reduced.baseAddress!, out) } }
            })
    }

    package func argReduce(_ kind: ArgReduceKind, _ x: Tensor, dim: Int, indices: Tensor, values: Tensor) {
        x.withView { x in apus_arg_reduce(kind, x, Int32(dim), indices.elements(), values.pointer) }
    }

    package func scan(_ kind: ScanKind, _ x: Tensor, dim: Int, into out: Tensor) {
        x.withView { x in apus_scan(kind, x, Int32(dim), out.pointer) }
    }

    package func linearScan(_ a: Tensor, _ b: Tensor, dim: Int, into out: Tensor) {
        a.withView { a in b.withView { b in out.withView { out in apus_linear_scan(a, b, Int32(dim), out) } } }
    }

    package func sort(_ x: Tensor, dim: Int, descending: Bool, values: Tensor, indices: Tensor) throws(OpError) {
        try requireMemory(x.withView { x in apus_sort(x, Int32(dim), descending, values.pointer, indices.elements()) })
    }
}
