extension GPUBackend {
    package func random(_ kind: RandomKind, seed: UInt64, offset: UInt64, into out: Tensor) throws(OpError) {
        guard out.numel > 0 else { return }
        try run("random") { () throws(OpError) in
            try require(out.dtype)
            let perBlock = Philox.elementsPerBlock(kind, out.dtype)
            // The number of significand bits of the dtype.
            let bits = out.dtype == .float16 ? 11 : out.dtype == .bfloat16 ? 8 : 24
            let made = try kernel(KernelKey("random_fill", out.dtype, variant: kind.distribution.rawValue)) {
                KernelDialect.bind(out.dtype) + KernelDialect.kind(kind.distribution)
                    + "#define PER_BLOCK \(perBlock)\n#define BITS \(bits)\n" + KernelDialect.random
            }
            try launch(made, groups: groups(for: (out.numel + perBlock - 1) / perBlock)) { arguments in
                arguments.append(count: out.numel)
                arguments.append(out)
                arguments.append(seed)
                arguments.append(offset)
                var (first, second, below, low, range) = (0.0, 0.0, 0.0, Int64(0), UInt64(0))
                switch kind {
                case .uniform(let start, let end):
                    (first, second, below) = (start, end - start, start < end ? Philox.below(end, out.dtype) : .infinity)
                case .normal(let mean, let std): (first, second) = (mean, std)
                case .bernoulli(let p, let value): (first, range) = (value, UInt64(Philox.threshold(p)))
                case .integers(let start, let end): (low, range) = (start, UInt64(bitPattern: end &- start))
                }
                for number in [first, second, below] { arguments.append(number, as: out.dtype) }
                arguments.append(low)
                arguments.append(range)
            }
        }
    }
}
