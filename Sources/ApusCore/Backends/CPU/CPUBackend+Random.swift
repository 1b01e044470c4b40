import CKernels

extension CPUBackend {
    package func random(_ kind: RandomKind, seed: UInt64, offset: UInt64, into out: Tensor) {
        let (dtype, count) = (out.dtype, out.count64)
        switch kind {
        case .uniform(let low, let high):
            let below = low < high ? Philox.below(high, dtype) : .infinity
            apus_random_uniform(dtype.code, count, out.pointer, seed, offset, low, high, below)
        case .normal(let mean, let std):
            apus_random_normal(dtype.code, count, out.pointer, seed, offset, mean, std)
        case .bernoulli(let p, let value):
            apus_random_bernoulli(dtype.code, count, out.pointer, seed, offset, Philox.threshold(p), value)
        case .integers(let low, let high):
            apus_random_integers(dtype.code, count, out.pointer, seed, offset, low, UInt64(bitPattern: high &- low))
        }
    }
}
