import CKernels

// Pooling in float32 and float64, max pooling also for integers; float16 and bfloat16 are computed in float32.

extension CPUBackend {
    package func maxPool(_ x: Tensor, _ p: PoolParameters, into out: Tensor, indices: Tensor) throws(OpError) {
        if isHalf(x) { return try inFloat32(out) { (out) throws(OpError) in try maxPool(float32(x), p, into: out, indices: indices) } }
        let x = try contiguous(x)
        var pool = description(p, input: x.shape, output: out.shape)
        apus_max_pool(&pool, x.dtype.code, x.pointer, out.pointer, indices.elements())
        withExtendedLifetime(x) {}
    }

    package func averagePool(_ x: Tensor, _ p: PoolParameters, into out: Tensor) throws(OpError) {
        if isHalf(x) { return try inFloat32(out) { (out) throws(OpError) in try averagePool(float32(x), p, into: out) } }
        let x = try contiguous(x)
        var pool = description(p, input: x.shape, output: out.shape)
        apus_average_pool(&pool, x.dtype.code, x.pointer, out.pointer)
        withExtendedLifetime(x) {}
    }

    package func averagePoolBackward(_ grad: Tensor, _ p: PoolParameters, into out: Tensor) throws(OpError) {
        if isHalf(grad) { return try inFloat32(out) { (out) throws(OpError) in try averagePoolBackward(float32(grad), p, into: out) } }
        let grad = try contiguous(grad)
        var pool = description(p, input: out.shape, output: grad.shape)
        try requireMemory(apus_average_pool_backward(&pool, grad.dtype.code, grad.pointer, out.pointer))
        withExtendedLifetime(grad) {}
    }

    /// The parameters for C; missing leading dimensions get extent one.
    private func description(_ p: PoolParameters, input: Shape, output: Shape) -> apus_pool {
        var pool = apus_pool()
        pool.planes = Int64(input[0] * input[1])
        pool.in = spatial(input.dropFirst(2))
        pool.out = spatial(output.dropFirst(2))
        switch p.windows {
        case .sliding(let kernel, let stride, let padding, let dilation, let countIncludePad, let divisor):
            pool.kernel = spatial(kernel)
            pool.stride = spatial(stride)
            pool.padding = spatial(padding, filler: 0)
            pool.dilation = spatial(dilation)
            pool.count_include_pad = countIncludePad ? 1 : 0
            pool.divisor = Int64(divisor ?? 0)
        case .adaptive:
            pool.adaptive = 1
        }
        return pool
    }
}
