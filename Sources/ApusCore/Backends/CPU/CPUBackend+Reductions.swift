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
        let done = withUnsafeTemporaryAllocation(of: Bool.self, capacity: x.shape.count + 1) { reduced in
            reduced.initialize(repeating: false)
            for dim in dims where dim < x.shape.count { reduced[dim] = true }
            return x.withView { x in out.withView { out in apus_reduce(code, x, reduced.baseAddress!, out) } }
        }
        if !done { reportNoMemory("\(kind) over \(x.shape)") }
    }

    package func argReduce(_ kind: ArgReduceKind, _ x: Tensor, dim: Int, indices: Tensor, values: Tensor?) {
        x.withView { x in apus_arg_reduce(kind == .max ? 0 : 1, x, Int32(dim), indices.elements(), values?.pointer) }
    }

    package func scan(_ kind: ScanKind, _ x: Tensor, dim: Int, into out: Tensor) {
        x.withView { x in apus_scan(kind == .sum ? 0 : 1, x, Int32(dim), out.pointer) }
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
