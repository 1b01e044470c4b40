extension ReferenceBackend {
    package func reduce(_ kind: ReduceKind, _ x: Tensor, dims: [Int], into out: Tensor) {
        reduce(kind, x, dims: dims, into: out, as: number(of: x.dtype))
    }

    private func reduce<N: ReferenceNumber>(_ kind: ReduceKind, _ x: Tensor, dims: [Int], into out: Tensor, as: N.Type) {
        // The output index for each element of x: out's strides, with 0 along the reduced dimensions.
        var strides = out.shape.contiguousStrides
        for dim in dims { strides[dim] = 0 }
        let targets = positions(x.shape, strides: strides)
        let all = elements(x, as: N.self)

        let start: N
        let step: (N, N) -> N
        switch kind {
        case .sum, .mean:
            var sums = [ReferenceSum<N>](repeating: ReferenceSum(), count: out.numel)
            for (value, target) in zip(all, targets) { sums[target].add(value) }
            // Mean exists for floats only; an empty mean is 0/0, NaN.
            let count = dims.reduce(1) { $0 * x.shape[$1] }
            return store(sums.map { kind == .mean ? $0.value.divided(byCount: count) : $0.value }, in: out)
        case .prod: (start, step) = (.one, { $0.times($1) })
        case .min: (start, step) = (.highest, { $0.smaller($1) })
        case .max: (start, step) = (.lowest, { $0.larger($1) })
        case .any: (start, step) = (.zero, { $0 != .zero || $1 != .zero ? .one : .zero })
        case .all: (start, step) = (.one, { $0 != .zero && $1 != .zero ? .one : .zero })
        }
        var result = [N](repeating: start, count: out.numel)
        for (value, target) in zip(all, targets) { result[target] = step(result[target], value) }
        store(result, in: out)
    }

    package func argReduce(_ kind: ArgReduceKind, _ x: Tensor, dim: Int, indices: Tensor, values: Tensor) {
        argReduce(kind, x, dim: dim, indices: indices, values: values, as: number(of: x.dtype))
    }

    private func argReduce<N: ReferenceNumber>(_ kind: ArgReduceKind, _ x: Tensor, dim: Int, indices: Tensor, values: Tensor, as: N.Type) {
        let all = elements(x, as: N.self)
        let (outer, length, inner) = lines(x.shape, dim: dim)
        var places: [Int64] = []
        var winners: [N] = []
        for o in 0..<outer {
            for i in 0..<inner {
                var (best, place) = (all[o * length * inner + i], 0)
                for k in 1..<max(length, 1) {
                    let candidate = all[(o * length + k) * inner + i]
                    let better = kind == .max ? candidate > best : candidate < best
                    if !best.isNaN && (candidate.isNaN || better) { (best, place) = (candidate, k) }
                }
                places.append(Int64(place))
                winners.append(best)
            }
        }
        store(places, in: indices)
        store(winners, in: values)
    }

    package func scan(_ kind: ScanKind, _ x: Tensor, dim: Int, into out: Tensor) {
        scan(kind, x, dim: dim, into: out, as: number(of: x.dtype))
    }

    private func scan<N: ReferenceNumber>(_ kind: ScanKind, _ x: Tensor, dim: Int, into out: Tensor, as: N.Type) {
        var all = elements(x, as: N.self)
        let (outer, length, inner) = lines(x.shape, dim: dim)
        for o in 0..<outer {
            for k in 1..<max(length, 1) {
                for i in 0..<inner {
                    let here = (o * length + k) * inner + i
                    let before = all[here - inner]
                    all[here] = kind == .sum ? before.plus(all[here]) : before.times(all[here])
                }
            }
        }
        store(all, in: out)
    }

    package func linearScan(_ a: Tensor, _ b: Tensor, dim: Int, into out: Tensor) {
        linearScan(a, b, dim: dim, into: out, as: number(of: out.dtype))
    }

    private func linearScan<N: ReferenceNumber>(_ a: Tensor, _ b: Tensor, dim: Int, into out: Tensor, as: N.Type) {
        let factors = elements(a, as: N.self)
        var all = elements(b, as: N.self)
        let (outer, length, inner) = lines(out.shape, dim: dim)
        for o in 0..<outer {
            for k in 1..<max(length, 1) {
                for i in 0..<inner {
                    let here = (o * length + k) * inner + i
                    all[here] = factors[here].times(all[here - inner]).plus(all[here])
                }
            }
        }
        store(all, in: out)
    }

    package func sort(_ x: Tensor, dim: Int, descending: Bool, values: Tensor, indices: Tensor) {
        sort(x, dim: dim, descending: descending, values: values, indices: indices, as: number(of: x.dtype))
    }

    private func sort<N: ReferenceNumber>(_ x: Tensor, dim: Int, descending: Bool, values: Tensor, indices: Tensor, as: N.Type) {
        let all = elements(x, as: N.self)
        let (outer, length, inner) = lines(x.shape, dim: dim)
        func precedes(_ a: N, _ b: N) -> Bool { !a.isNaN && (b.isNaN || a < b) }
        var sorted = all
        var places = [Int64](repeating: 0, count: all.count)
        for o in 0..<outer {
            for i in 0..<inner {
                func at(_ k: Int) -> Int { (o * length + k) * inner + i }
                // Equal elements are ordered by position, which makes the order stable for any algorithm.
                let order = (0..<length).sorted { a, b in
                    let (first, second) = (all[at(a)], all[at(b)])
                    if descending ? precedes(second, first) : precedes(first, second) { return true }
                    if descending ? precedes(first, second) : precedes(second, first) { return false }
                    return a < b
                }
                for (k, place) in order.enumerated() {
                    sorted[at(k)] = all[at(place)]
                    places[at(k)] = Int64(place)
                }
            }
        }
        store(sorted, in: values)
        store(places, in: indices)
    }
}
