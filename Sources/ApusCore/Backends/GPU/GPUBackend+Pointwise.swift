extension GPUBackend {
    package func unary(_ kind: UnaryKind, _ x: Tensor, _ p: KernelParameters, into out: Tensor) throws(OpError) {
        try pointwise("\(kind)", .unary(kind), x.dtype, [x], p, into: out)
    }

    package func binary(_ kind: BinaryKind, _ a: Tensor, _ b: Tensor, _ p: KernelParameters, into out: Tensor) throws(OpError) {
        try pointwise("\(kind)", .binary(kind), a.dtype, [a, b], p, into: out)
    }

    package func compare(_ kind: CompareKind, _ a: Tensor, _ b: Tensor, into out: Tensor) throws(OpError) {
        try pointwise("\(kind)", .compare(kind), a.dtype, [a, b], into: out)
    }
    package func select(_ condition: Tensor, _ a: Tensor, _ b: Tensor, into out: Tensor) throws(OpError) {
        try pointwise("where", .select, a.dtype, [condition, a, b], into: out)
    }
    package func copy(_ x: Tensor, into out: Tensor) throws(OpError) { try pointwise("copy", .convert, x.dtype, [x], into: out) }
    package func fill(_ out: Tensor, with value: Scalar) throws(OpError) {
        try pointwise("fill", .fill, out.dtype, [], value: value, into: out)
    }

    /// Adds a step to the chain; runs the chain first if the step does not fit.
    private func pointwise(
        _ op: @autoclosure () -> String, _ function: PointwiseChain.Function, _ dtype: DType, _ operands: [Tensor],
        _ p: KernelParameters = KernelParameters(),
        value: Scalar = .double(0), into out: Tensor
    ) throws(OpError) {
        guard out.numel > 0 else { return }
        do throws(OpError) {
            try require(dtype)
            try require(out.dtype)
            try locked { () throws(OpError) in
                if !chain.accepts(operands, out) { try flushChain() }
                chain.append(function, dtype, operands, p, value: value, into: out)
            }
        } catch {
            throw error.at(op(), name)
        }
    }

    /// How often a chain, or a single step, must occur before a kernel is compiled for it: compiling takes as long as thousands of
    /// launches.
    private static let chainThreshold = 4
    private static let stepThreshold = 100

    /// Runs the deferred work. The lock is held. An error is thrown to the caller, and again to the next waiting thread if that is
    /// another one, since it may have called the work.
    func flushChain() throws(OpError) {
        guard !chain.isEmpty else { return }
        let whole = chain
        chain.removeAll()
        defer {
            for step in whole.steps {
                if let byteCount = step.released { pool.give(step.output.block, byteCount) }
            }
        }
        do throws(OpError) {
            if whole.steps.count == 1 {
                try run(whole)
            } else {
                let plan = try Plan(whole)
                seenChains[plan.key, default: 0] += 1
                if knows(plan.key) || seenChains[plan.key]! >= GPUBackend.chainThreshold {
                    try run(whole, plan)
                } else {
                    for i in whole.steps.indices { try run(whole.alone(i)) }
                }
            }
        } catch {
            let located = error.at("pointwise", name)
            unheard = (located, ObjectIdentifier(Context.current))
            throw located
        }
    }

    /// How a chain's kernel accesses memory: contiguously (four elements at a time if possible) or with strides.
    private struct Plan {
        let space: StridedSpace?
        let width: Int
        let key: KernelKey

        init(_ chain: PointwiseChain) throws(OpError) {
            let views = chain.views
            space = views.allSatisfy(\.isContiguous) ? nil : try StridedSpace(chain.shape, views.map(\.strides))
            let onlyFloats =
                views.allSatisfy { $0.dtype == .float32 && $0.offset % 4 == 0 }
                && chain.steps.allSatisfy { $0.output.dtype == .float32 && $0.dtype == .float32 }
            width = space == nil && onlyFloats && chain.shape.numel % 4 == 0 ? 4 : 1
            key = PointwiseSource.key(chain, isStrided: space != nil, width: width)
        }
    }

    /// Runs a single step: by the shared kernel of its family until it has occurred often.
    private func run(_ chain: PointwiseChain) throws(OpError) {
        let plan = try Plan(chain)
        if !knows(plan.key) && !chain.steps[0].family.isEmpty {
            seenChains[plan.key, default: 0] += 1
            if seenChains[plan.key]! < GPUBackend.stepThreshold { return try run(chain, plan, isShared: true) }
        }
        try run(chain, plan)
    }

    private func run(_ chain: PointwiseChain, _ plan: Plan, isShared: Bool = false) throws(OpError) {
        // All outputs have been released.
        guard !chain.stored.isEmpty else { return }
        let width = isShared ? 1 : plan.width
        let key = isShared ? PointwiseSource.key(chain, isStrided: plan.space != nil, width: width, isShared: true) : plan.key
        let made = try kernel(key, title: isShared ? "pointwise, shared" : chain.title) {
            PointwiseSource(chain, isStrided: plan.space != nil, width: width, hasFloat64: driver.facts.hasFloat64, isShared: isShared).text
        }
        let count = chain.shape.numel
        try launch(made, groups: groups(for: count / width)) { arguments in
            arguments.append(count: count)
            for view in chain.views {
                arguments.append(view.block)
                arguments.append(count: view.offset)
            }
            for step in chain.steps {
                if case .fill = step.function {
                    let dtype = step.output.dtype
                    if dtype.isFloatingPoint {
                        arguments.append(step.value.doubleValue, as: dtype)
                    } else {
                        arguments.append(step.value.integer(in: dtype))
                    }
                } else {
                    let (p, count) = (step.constants, isShared ? 3 : step.constantCount)
                    if step.dtype.isFloatingPoint {
                        for constant in [p.a, p.b, p.c].prefix(count) { arguments.append(constant, as: step.dtype) }
                    } else {
                        for constant in [p.integers.a, p.integers.b, p.integers.c].prefix(count) { arguments.append(constant) }
                    }
                    if isShared { arguments.append(Int64(step.function.code)) }
                }
            }
            plan.space?.append(to: arguments)
        }
    }

    package func frexp(_ x: Tensor, mantissa: Tensor, exponent: Tensor) throws(OpError) {
        guard x.numel > 0 else { return }
        try run("frexp") { () throws(OpError) in
            try require(x.dtype)
            let made = try kernel(KernelKey("frexp_parts", x.dtype)) { KernelDialect.bind(x.dtype) + KernelDialect.frexp }
            try launch(made, groups: groups(for: x.numel)) { arguments in
                arguments.append(count: x.numel)
                for tensor in [x, mantissa, exponent] { arguments.append(tensor) }
            }
        }
    }
}
