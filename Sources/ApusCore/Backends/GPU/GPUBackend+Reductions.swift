extension GPUBackend {
    package func reduce(_ kind: ReduceKind, _ x: Tensor, dims: [Int], into out: Tensor) throws(OpError) {
        guard out.numel > 0 else { return }
        try run("\(kind)") { () throws(OpError) in
            try require(x.dtype)
            let dims = dims.filter { $0 < x.ndim }
            let kept = x.shape.indices.filter { !dims.contains($0) }
            let count = dims.reduce(1) { $0 * x.shape[$1] }
            let (keptSpace, along) = (try space(x, kept), try space(x, dims))
            // Many outputs whose elements are not adjacent: one item per output, so that neighbouring items read neighbouring elements.
            // Otherwise one group per output, or several groups if there are few outputs.
            let innermostIsKept = kept.last.map { x.strides[$0] == 1 || x.shape[$0] > 1 && along.strides[0].last! > x.strides[$0] } ?? false
            if count <= 32 || innermostIsKept && out.numel >= 1024 {
                return try reduce(columns: kind, x, out, count, keptSpace, along)
            }
            let chunk = 8192
            let parts = out.numel < 4 * driver.facts.computeUnits && count >= 4 * chunk ? (count + chunk - 1) / chunk : 1
            if parts == 1 { return try reduce(rows: kind, x, out, count, keptSpace, along) }
            // Reduces each part first, in the dtype of sums, then the parts.
            let first: ReduceKind = kind == .mean ? .sum : kind
            let partial = try scratch(out.numel * parts, x.dtype.computeType, like: x)
            try reduce(rows: first, x, partial, count, keptSpace, along, outputs: out.numel, parts: parts, chunk: chunk)
            let table = partial.view([out.numel, parts], strides: [parts, 1], offset: 0)
            try reduce(rows: kind, table, out, parts, try space(table, [0]), try space(table, [1]), divisor: count)
        }
    }

    /// The dimensions `dims` of x as an index space with one view.
    func space(_ x: Tensor, _ dims: [Int]) throws(OpError) -> StridedSpace {
        try StridedSpace(Shape(dims.map { x.shape[$0] }), [Shape(dims.map { x.strides[$0] })])
    }

    private func reduceKernel(
        _ name: String, _ text: String, _ kind: ReduceKind, _ x: Tensor, _ out: Tensor
    ) throws(OpError) -> OpaquePointer {
        try kernel(KernelKey(name, x.dtype, out.dtype, variant: kind.rawValue)) {
            KernelDialect.bind(x.dtype) + KernelDialect.bind(out.dtype, prefix: "O") + KernelDialect.kind(kind) + text
        }
    }

    private func reduce(
        rows kind: ReduceKind, _ x: Tensor, _ out: Tensor, _ count: Int, _ kept: StridedSpace, _ along: StridedSpace, outputs: Int? = nil,
        parts: Int = 1, chunk: Int = 0, divisor: Int? = nil
    ) throws(OpError) {
        let made = try reduceKernel("reduce_rows", KernelDialect.reduceRows, kind, x, out)
        let outputs = outputs ?? out.numel
        try launch(made, groups: groups(each: outputs * parts)) { arguments in
            for number in [outputs, count, divisor ?? count, parts, chunk] { arguments.append(count: number) }
            arguments.append(x)
            arguments.append(out)
            kept.append(to: arguments)
            along.append(to: arguments)
        }
    }

    private func reduce(
        columns kind: ReduceKind, _ x: Tensor, _ out: Tensor, _ count: Int, _ kept: StridedSpace, _ along: StridedSpace
    ) throws(OpError) {
        let made = try reduceKernel("reduce_columns", KernelDialect.reduceColumns, kind, x, out)
        try launch(made, groups: groups(for: out.numel)) { arguments in
            for number in [out.numel, count, count] { arguments.append(count: number) }
            arguments.append(x)
            arguments.append(out)
            kept.append(to: arguments)
            along.append(to: arguments)
        }
    }

    package func argReduce(_ kind: ArgReduceKind, _ x: Tensor, dim: Int, indices: Tensor, values: Tensor) throws(OpError) {
        guard indices.numel > 0 else { return }
        try run(kind == .max ? "argmax" : "argmin") { () throws(OpError) in
            try require(x.dtype)
            let line = try Line(x, dim)
            let made = try kernel(KernelKey("arg_reduce", x.dtype, variant: kind.rawValue)) {
                KernelDialect.bind(x.dtype) + KernelDialect.kind(kind) + KernelDialect.argReduce
            }
            try launch(made, groups: groups(each: line.count)) { arguments in
                for number in [line.count, line.length] { arguments.append(count: number) }
                arguments.append(x)
                arguments.append(count: line.step)
                arguments.append(indices)
                arguments.append(values)
                line.space.append(to: arguments)
            }
        }
    }

    package func scan(_ kind: ScanKind, _ x: Tensor, dim: Int, into out: Tensor) throws(OpError) {
        guard out.numel > 0 else { return }
        try run(kind == .sum ? "cumsum" : "cumprod") { () throws(OpError) in
            try require(x.dtype)
            let line = try Line(x, dim)
            let made = try kernel(KernelKey("scan", x.dtype, variant: kind.rawValue)) {
                KernelDialect.bind(x.dtype) + KernelDialect.kind(kind) + KernelDialect.scan
            }
            try launch(made, groups: groups(each: line.count)) { arguments in
                for number in [line.count, line.length, line.inner] { arguments.append(count: number) }
                arguments.append(x)
                arguments.append(count: line.step)
                arguments.append(out)
                line.space.append(to: arguments)
            }
        }
    }

    package func linearScan(_ a: Tensor, _ b: Tensor, dim: Int, into out: Tensor) throws(OpError) {
        guard out.numel > 0 else { return }
        try run("linearScan") { () throws(OpError) in
            try require(out.dtype)
            let inner = out.shape[(dim + 1)...].reduce(1, *)
            let made = try kernel(KernelKey("linear_scan", out.dtype)) { KernelDialect.bind(out.dtype) + KernelDialect.linearScan }
            let lines = out.numel / out.shape[dim]
            try launch(made, groups: groups(for: lines)) { arguments in
                for number in [lines, out.shape[dim], inner] { arguments.append(count: number) }
                for tensor in [a, b, out] { arguments.append(tensor) }
            }
        }
    }

    package func sort(_ x: Tensor, dim: Int, descending: Bool, values: Tensor, indices: Tensor) throws(OpError) {
        guard x.numel > 0 else { return }
        try run("sort") { () throws(OpError) in
            try require(x.dtype)
            let line = try Line(x, dim)
            guard line.length < 1 << 30 else { throw OpError("a line of \(line.length) elements is too long to sort here") }
            let padded = line.length <= 1 ? 1 : 1 << (Int.bitWidth - (line.length - 1).leadingZeroBitCount)
            let order = try scratch(line.count * padded, .int32, like: x)
            func made(_ name: String) throws(OpError) -> OpaquePointer {
                try kernel(KernelKey(name, x.dtype, variant: descending ? 1 : 0)) {
                    KernelDialect.bind(x.dtype) + "#define DESCENDING \(descending ? 1 : 0)\n" + KernelDialect.sort
                }
            }
            func launchSort(_ name: String, _ groups: Int, _ numbers: [Int]) throws(OpError) {
                try launch(try made(name), groups: groups) { arguments in
                    for number in [line.count, line.length, padded] + numbers { arguments.append(count: number) }
                    arguments.append(x)
                    arguments.append(count: line.step)
                    arguments.append(order)
                    line.space.append(to: arguments)
                }
            }
            let block = 2048
            let blocks = groups(each: line.count * max(1, padded / block))
            try launchSort("sort_block", blocks, [2, min(padded, block), 1])
            var stage = 2 * block
            while stage <= padded {
                var distance = stage / 2
                while distance >= block {
                    try launchSort("sort_pairs", groups(for: line.count * padded / 2), [stage, distance])
                    distance /= 2
                }
                try launchSort("sort_block", blocks, [stage, stage, 0])
                stage *= 2
            }
            try launch(try made("sort_gather"), groups: groups(for: x.numel)) { arguments in
                for number in [line.count, line.length, line.inner, padded] { arguments.append(count: number) }
                arguments.append(x)
                arguments.append(count: line.step)
                arguments.append(order)
                arguments.append(values)
                arguments.append(indices)
                line.space.append(to: arguments)
            }
        }
    }
}

/// A tensor split into lines along a dimension: where each begins, the stride of its elements, and their positions in a contiguous output.
struct Line {
    let space: StridedSpace
    let count: Int
    let length: Int
    let step: Int
    let inner: Int

    init(_ x: Tensor, _ dim: Int) throws(OpError) {
        guard x.ndim > 0 else {
            (space, count, length, step, inner) = (try StridedSpace([], [[]]), 1, 1, 0, 1)
            return
        }
        let others = x.shape.indices.filter { $0 != dim }
        space = try StridedSpace(Shape(others.map { x.shape[$0] }), [Shape(others.map { x.strides[$0] })])
        count = others.reduce(1) { $0 * x.shape[$1] }
        length = x.shape[dim]
        step = x.strides[dim]
        inner = x.shape.indices.filter { $0 > dim }.reduce(1) { $0 * x.shape[$1] }
    }
}
