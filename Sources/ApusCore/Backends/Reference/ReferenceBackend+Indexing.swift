extension ReferenceBackend {
    package func indexSelect(_ x: Tensor, dim: Int, _ index: Tensor, into out: Tensor) throws(OpError) {
        let index = try places(index, extent: x.shape[dim], dim: dim)
        indexSelect(x, dim: dim, index, into: out, as: number(of: x.dtype))
    }

    private func indexSelect<N: ReferenceNumber>(_ x: Tensor, dim: Int, _ index: [Int], into out: Tensor, as: N.Type) {
        let all = elements(x, as: N.self)
        let (outer, length, inner) = lines(x.shape, dim: dim)
        var result: [N] = []
        for o in 0..<outer {
            for place in index {
                for i in 0..<inner { result.append(all[(o * length + place) * inner + i]) }
            }
        }
        store(result, in: out)
    }

    package func indexAdd(_ out: Tensor, dim: Int, _ index: Tensor, _ source: Tensor) throws(OpError) {
        let index = try places(index, extent: out.shape[dim], dim: dim)
        indexAdd(out, dim: dim, index, source, as: number(of: out.dtype))
    }

    private func indexAdd<N: ReferenceNumber>(_ out: Tensor, dim: Int, _ index: [Int], _ source: Tensor, as: N.Type) {
        let sources = elements(source, as: N.self)
        var result = elements(out, as: N.self).map { start in
            var sum = ReferenceSum<N>()
            sum.add(start)
            return sum
        }
        let (outer, length, inner) = lines(out.shape, dim: dim)
        for o in 0..<outer {
            for (j, place) in index.enumerated() {
                for i in 0..<inner {
                    let target = (o * length + place) * inner + i
                    result[target].add(sources[(o * index.count + j) * inner + i])
                }
            }
        }
        store(result.map(\.value), in: out)
    }

    package func gather(_ x: Tensor, dim: Int, _ index: Tensor, into out: Tensor) throws(OpError) {
        let targets = try targets(index, in: x.shape, dim: dim)
        gather(x, targets, into: out, as: number(of: x.dtype))
    }

    private func gather<N: ReferenceNumber>(_ x: Tensor, _ targets: [Int], into out: Tensor, as: N.Type) {
        let all = elements(x, as: N.self)
        store(targets.map { all[$0] }, in: out)
    }

    package func scatter(_ kind: ScatterKind, _ out: Tensor, dim: Int, _ index: Tensor, _ source: Tensor) throws(OpError) {
        let targets = try targets(index, in: out.shape, dim: dim)
        scatter(kind, out, targets, source, as: number(of: out.dtype))
    }

    private func scatter<N: ReferenceNumber>(_ kind: ScatterKind, _ out: Tensor, _ targets: [Int], _ source: Tensor, as: N.Type) {
        var result = elements(out, as: N.self)
        for (target, value) in zip(targets, elements(source, as: N.self)) {
            let old = result[target]
            result[target] =
                switch kind {
                case .set: value
                case .add: old.plus(value)
                case .multiply: old.times(value)
                case .min: old.smaller(value)
                case .max: old.larger(value)
                }
        }
        store(result, in: out)
    }

    package func nonzero(_ x: Tensor) throws(OpError) -> Tensor {
        let isNonzero = try Tensor.uninitialized(x.shape, .bool, x.device)
        copy(x, into: isNonzero)
        let extents = Array(x.shape)
        let found = elements(isNonzero, as: Int64.self).enumerated().filter { $0.element != 0 }.map { coordinates($0.offset, extents) }
        let out = try Tensor.uninitialized([found.count, extents.count], .int64, x.device)
        store(found.flatMap { $0.map(Int64.init) }, in: out)
        return out
    }

    /// The elements of an index tensor; throws if one is outside `0..<extent`, before anything is written.
    private func places(_ index: Tensor, extent: Int, dim: Int) throws(OpError) -> [Int] {
        let all = elements(index, as: Int64.self)
        if let wrong = all.firstIndex(where: { $0 < 0 || $0 >= extent }) {
            throw .indexOutOfRange(all[wrong], at: coordinates(wrong, Array(index.shape)), dim: dim, extent: extent)
        }
        return all.map { Int($0) }
    }

    /// The row-major index within `shape` for each element of a `gather` or `scatter` index.
    private func targets(_ index: Tensor, in shape: Shape, dim: Int) throws(OpError) -> [Int] {
        guard !shape.isEmpty else { return try places(index, extent: 1, dim: 0) }
        let places = try places(index, extent: shape[dim], dim: dim)
        let strides = shape.contiguousStrides
        var others = strides
        others[dim] = 0
        return zip(positions(index.shape, strides: others), places).map { $0 + $1 * strides[dim] }
    }
}
