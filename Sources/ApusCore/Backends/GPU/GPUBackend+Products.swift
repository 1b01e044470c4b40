// Products by the vendor's library if it supports them, else by a kernel for any strides and dtype.

/// A matrix in a batch with two dimensions: matrix z is at `outer`·(z / inner count) + `inner`·(z mod inner count).
struct GPUMatrix {
    var tensor: Tensor
    var offset: Int
    var outer = 0
    var inner = 0
    var row: Int
    var column: Int
}

extension GPUBackend {
    package func matmul(_ a: Tensor, _ b: Tensor, bias: Tensor?, into out: Tensor) throws(OpError) {
        guard out.numel > 0 else { return }
        try run("matmul") { () throws(OpError) in
            try product(
                batch: (out.shape[0], 1), m: out.shape[1], n: out.shape[2], k: a.shape[2],
                GPUMatrix(tensor: a, offset: a.offset, outer: a.strides[0], row: a.strides[1], column: a.strides[2]),
                GPUMatrix(tensor: b, offset: b.offset, outer: b.strides[0], row: b.strides[1], column: b.strides[2]),
                GPUMatrix(tensor: out, offset: out.offset, outer: out.shape[1] * out.shape[2], row: out.shape[2], column: 1), bias: bias)
        }
    }

    /// c = a·b (+ bias) for a batch of outer × inner matrices. The lock is held.
    func product(
        batch: (outer: Int, inner: Int), m: Int, n: Int, k: Int, _ a: GPUMatrix, _ b: GPUMatrix, _ c: GPUMatrix, bias: Tensor? = nil
    ) throws(OpError) {
        let dtype = c.tensor.dtype
        try require(dtype)
        if try library(batch: batch, m: m, n: n, k: k, a, b, c, bias: bias) { return }
        let made = try kernel(KernelKey("product", dtype)) {
            KernelDialect.bind(dtype) + KernelDialect.product
        }
        let tiles = batch.outer * batch.inner * ((m + 63) / 64) * ((n + 63) / 64)
        try launch(made, groups: min(tiles, 1 << 20)) { arguments in
            for number in [batch.outer * batch.inner, batch.inner, m, n, k] { arguments.append(count: number) }
            for matrix in [a, b, c] {
                arguments.append(matrix.tensor.storage.base)
                for number in [matrix.offset, matrix.outer, matrix.inner, matrix.row, matrix.column] { arguments.append(count: number) }
            }
            arguments.append(bias ?? a.tensor)
            arguments.append(count: bias?.strides[0] ?? 0)
            arguments.append(count: bias == nil ? 0 : 1)
        }
    }

    /// Computes the product in the library; false if it does not support it.
    private func library(
        batch: (outer: Int, inner: Int), m: Int, n: Int, k: Int, _ a: GPUMatrix, _ b: GPUMatrix, _ c: GPUMatrix, bias: Tensor?
    ) throws(OpError) -> Bool {
        guard batch.inner == 1 || batch.outer == 1 else { return false }
        // A row-major matrix or a transposed one.
        func operand(_ x: GPUMatrix, _ rows: Int, _ columns: Int) -> GPUProduct.Operand? {
            let stride = batch.inner == 1 ? x.outer : x.inner
            if x.column == 1 || columns == 1, x.row >= columns || rows == 1, columns > 1 || x.row >= 1 {
                return .init(
                    block: x.tensor.storage.base, offset: x.offset, leading: max(rows == 1 ? columns : x.row, columns), batchStride: stride)
            }
            if x.row == 1 || rows == 1, x.column >= rows || columns == 1 {
                return .init(
                    block: x.tensor.storage.base, offset: x.offset, leading: max(columns == 1 ? rows : x.column, rows), batchStride: stride,
                    isTransposed: true)
            }
            return nil
        }
        guard let first = operand(a, m, k), let second = operand(b, k, n), let result = operand(c, m, n), !result.isTransposed else {
            return false
        }
        var p = GPUProduct(
            dtype: c.tensor.dtype, batch: batch.outer * batch.inner, m: m, n: n, k: k, a: first, b: second, c: result, bias: nil)
        let vector = products.addsBias(p.dtype) ? try bias.map { bias throws(OpError) in try aligned(bias) } : nil
        p.bias = vector.map { .init(block: $0.storage.base, offset: $0.offset, leading: n, batchStride: 0) }
        try flushChain()
        let title = "library's product \(m)×\(k)×\(n)" + (p.batch > 1 ? ", \(p.batch) of them" : "")
        guard
            try withWorkspace(
                of: c.tensor, { workspace throws(OpError) in try marked(title) { () throws(OpError) in try products.matmul(p, workspace) } }
            )
        else { return false }
        countLaunch()
        if let bias, p.bias == nil {
            let shape: Shape = [batch.outer * batch.inner, m, n]
            let stride = batch.inner == 1 ? c.outer : c.inner
            let written = c.tensor.view(shape, strides: [stride, c.row, 1], offset: c.offset)
            try binary(.add, written, bias.expanded(shape), KernelParameters(), into: written)
        }
        return true
    }

    /// Whether x begins at an address that vector loads of the libraries accept; blocks have a larger alignment.
    func isAligned(_ x: Tensor) -> Bool { x.offset * x.dtype.size % 16 == 0 }

    /// x if it is contiguous and aligned, else a copy.
    func aligned(_ x: Tensor) throws(OpError) -> Tensor {
        let whole = try contiguous(x)
        if isAligned(whole) { return whole }
        let moved = try alignedResult(whole)
        try copy(whole, into: moved)
        return moved
    }

    /// x if it is aligned, else a new tensor of its shape; the caller copies it into x.
    func alignedResult(_ x: Tensor) throws(OpError) -> Tensor { try isAligned(x) ? x : Tensor.uninitialized(x.shape, x.dtype, x.device) }

    /// Calls a library that may allocate device memory for the duration of its work.
    func withWorkspace(of x: Tensor, _ body: (GPUWorkspace) throws(OpError) -> Bool) throws(OpError) -> Bool {
        var space: Tensor?
        return try body { byteCount throws(OpError) in
            space = try scratch(byteCount, .uint8, like: x)
            return space!.storage.base
        }
    }
}
