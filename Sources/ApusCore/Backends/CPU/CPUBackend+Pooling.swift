import CKernels

// Pooling in float32 and float64, maxima also of integers; float16 and bfloat16 are computed in float32.

extension CPUBackend {
    package func maxPool(_ x: Tensor, _ p: PoolParameters, into out: Tensor, indices: Tensor) {
        guard let type = poolType(x.dtype) else {
            return inFloat32(out) { maxPool(float32(x), p, into: $0, indices: indices) }
        }
        let x = contiguous(x)
        var pool = description(p, input: x.shape, output: out.shape)
        apus_max_pool(&pool, type, x.pointer, out.pointer, indices.pointer.assumingMemoryBound(to: Int64.self))
        withExtendedLifetime(x) {}
    }

    package func averagePool(_ x: Tensor, _ p: PoolParameters, into out: Tensor) {
        guard let type = poolType(x.dtype) else {
            return inFloat32(out) { averagePool(float32(x), p, into: $0) }
        }
        let x = contiguous(x)
        var pool = description(p, input: x.shape, output: out.shape)
        apus_average_pool(&pool, type, x.pointer, out.pointer)
        withExtendedLifetime(x) {}
    }

    package func averagePoolBackward(_ grad: Tensor, _ p: PoolParameters, into out: Tensor) {
        guard let type = poolType(grad.dtype) else {
            return inFloat32(out) { averagePoolBackward(float32(grad), p, into: $0) }
        }
        let grad = contiguous(grad)
        var pool = description(p, input: out.shape, output: grad.shape)
        apus_average_pool_backward(&pool, type, grad.pointer, out.pointer)
        withExtendedLifetime(grad) {}
    }

    /// nil for the types that are computed in float32.
    private func poolType(_ dtype: DType) -> apus_pool_type? {
        switch dtype {
        case .float32: APUS_POOL_F32
        case .float64: APUS_POOL_F64
        case .uint8, .bool: APUS_POOL_U8
        case .int8: APUS_POOL_I8
        case .int16: APUS_POOL_I16
        case .int32: APUS_POOL_I32
        case .int64: APUS_POOL_I64
        case .float16, .bfloat16: nil
        }
    }

    /// The C side's description, with leading dimensions of one position where there are fewer than three.
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
