import CKernels

extension CPUBackend {
    package func reduce(_ kind: ReduceKind, _ x: Tensor, dims: [Int], into out: Tensor) {
        let code: Int32 = switch kind {
        case .sum: 0
        case .mean: 1
        case .prod: 2
        case .min: 3
        case .max: 4
        case .any: 5
        case .all: 6
        }
        reduce(code, "\(kind)", x, dims, out)
    }

    /// float32 squares fit into the float64 of the sums; others are scaled first.
    package func euclideanNorm(_ x: Tensor, dims: [Int], into out: Tensor) {
        if x.dtype == .float32 { reduce(7, "norm", x, dims, out) } else { composedNorm(x, dims: dims, into: out) }
    }

    private func reduce(_ code: Int32, _ name: String, _ x: Tensor, _ dims: [Int], _ out: Tensor) {
        let done = withUnsafeTemporaryAllocation(of: Bool.self, capacity: x.shape.count + 1) { reduced in
            reduced.initialize(repeating: false)
            for dim in dims where dim < x.shape.count { reduced[dim] = true }
            return x.withView { x in out.withView { out in apus_reduce(code, x, reduced.baseAddress!, out) } }
        }
        if !done { reportNoMemory("\(name) over \(x.shape)") }
    }

    package func argReduce(_ kind: ArgReduceKind, _ x: Tensor, dim: Int, indices: Tensor, values: Tensor?) {
        x.withView { x in apus_arg_reduce(kind == .max ? 0 : 1, x, Int32(dim), indices.elements(), values?.pointer) }
    }

    package func scan(_ kind: ScanKind, _ x: Tensor, dim: Int, into out: Tensor) {
        x.withView { x in apus_scan(kind == .sum ? 0 : 1, x, Int32(dim), out.pointer) }
    }

    package func linearScan(_ a: Tensor, _ b: Tensor, dim: Int, into out: Tensor) {
        let (outer, inner) = (out.shape[..<dim].reduce(1, *), out.shape[(dim + 1)...].reduce(1, *))
        let scan = out.dtype == .float64 ? apus_d_linear_scan : apus_f_linear_scan
        scan(Int64(outer), Int64(out.shape[dim]), Int64(inner), a.pointer, b.pointer, out.pointer)
    }

    package func sort(_ x: Tensor, dim: Int, descending: Bool, values: Tensor, indices: Tensor) {
        let done = x.withView { x in apus_sort(x, Int32(dim), descending, values.pointer, indices.elements()) }
        if !done { reportNoMemory("sort along dimension \(dim) of \(x.shape)") }
    }

    /// What a kernel could not do for want of memory ends the program or fails the `checked` scope, as any failed allocation does.
    func reportNoMemory(_ what: String) {
        fail("cpu", "no memory for the intermediate results of \(what): use smaller tensors, or free some")
    }
}
