import CKernels

// Indices are checked before anything is read or written; kernels do not check them.

extension CPUBackend {
    package func indexSelect(_ x: Tensor, dim: Int, _ index: Tensor, into out: Tensor) throws(OpError) {
        let index = try checkedIndex(index, within: x.shape, dim: dim)
        x.withView { x in apus_index_select(x, Int32(dim), index.count64, index.elements(), out.pointer) }
    }

    package func indexAdd(_ out: Tensor, dim: Int, _ index: Tensor, _ source: Tensor) throws(OpError) {
        let index = try checkedIndex(index, within: out.shape, dim: dim)
        let source = try source.contiguousData()
        let outer = Int64(out.shape[..<dim].reduce(1, *))
        let inner = Int64(out.shape[(dim + 1)...].reduce(1, *))
        try requireMemory(
            apus_index_add(
                out.dtype.code, outer, Int64(out.shape[dim]), index.count64, inner, out.pointer, index.elements(), source.pointer))
    }

    package func gather(_ x: Tensor, dim: Int, _ index: Tensor, into out: Tensor) throws(OpError) {
        let index = try checkedIndex(index, within: x.shape, dim: dim)
        x.withView { x in
            index.withView { view in apus_gather_elements(x, Int32(dim), view.pointee.shape, index.elements(), out.pointer) }
        }
    }

    package func scatter(_ kind: ScatterKind, _ out: Tensor, dim: Int, _ index: Tensor, _ source: Tensor) throws(OpError) {
        // Sums of 16-bit floats, and of float32 if many elements may have the same index, are computed in double and rounded once.
        if kind == .add, out.dtype.isFloatingPoint, out.dtype != .float64, out.dtype.size == 2 || mayCrowd(index, dim) {
            let wide = try out.converted(to: .float64)
            try scatter(.add, wide, dim: dim, index, try source.converted(to: .float64))
            return copy(wide, into: out)
        }
        let index = try checkedIndex(index, within: out.shape, dim: dim)
        let source = try source.contiguousData()
        out.withView { out in
            index.withView { view in
                apus_scatter_elements(kind, out, Int32(dim), view.pointee.shape, index.elements(), source.pointer)
            }
        }
    }

    package func nonzero(_ x: Tensor) throws(OpError) -> Tensor {
        let truth = x.dtype == .bool ? try x.contiguousData() : try x.converted(to: .bool)
        let count = apus_count_true(truth.count64, truth.elements())
        let out = try Tensor.uninitialized([Int(count), x.shape.count], .int64, .cpu)
        truth.withView { view in apus_nonzero(truth.count64, truth.elements(), Int32(x.shape.count), view.pointee.shape, out.elements()) }
        return out
    }

    /// `index` as contiguous memory; throws if an index is not within dimension `dim` of `shape`.
    private func checkedIndex(_ index: Tensor, within shape: Shape, dim: Int) throws(OpError) -> Tensor {
        let contiguous = try index.contiguousData()
        let extent = shape.isEmpty ? 1 : shape[dim]
        let wrong = Int(apus_first_outside(contiguous.count64, contiguous.elements(), Int64(extent)))
        guard wrong < 0 else {
            var place: [Int] = []
            var rest = wrong
            for extent in index.shape.reversed() {
                place.insert(rest % extent, at: 0)
                rest /= extent
            }
            throw .indexOutOfRange(contiguous.elements(Int64.self)[wrong], at: place, dim: dim, extent: extent)
        }
        return contiguous
    }
}
