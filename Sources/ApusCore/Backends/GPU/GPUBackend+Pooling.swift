extension GPUBackend {
    package func maxPool(_ x: Tensor, _ p: PoolParameters, into out: Tensor, indices: Tensor) throws(OpError) {
        try pool("maxPool", "max_pool", x, p, input: x.shape, output: out.shape, count: out.numel) { x, arguments in
            arguments.append(x)
            arguments.append(out)
            arguments.append(indices)
        }
    }

    package func averagePool(_ x: Tensor, _ p: PoolParameters, into out: Tensor) throws(OpError) {
        try pool("averagePool", "average_pool", x, p, input: x.shape, output: out.shape, count: out.numel) { x, arguments in
            arguments.append(x)
            arguments.append(out)
        }
    }

    package func averagePoolBackward(_ grad: Tensor, _ p: PoolParameters, into out: Tensor) throws(OpError) {
        if grad.numel == 0 { return try fill(out, with: .double(0)) }
        try pool("averagePoolBackward", "average_pool_backward", grad, p, input: out.shape, output: grad.shape, count: out.numel) {
            grad, arguments in
            arguments.append(grad)
            arguments.append(out)
        }
    }

    private func pool(
        _ op: String, _ name: String, _ x: Tensor, _ p: PoolParameters, input: Shape, output: Shape, count: Int,
        _ fill: (Tensor, KernelArguments) -> Void
    ) throws(OpError) {
        guard count > 0 else { return }
        try run(op) { () throws(OpError) in
            try require(x.dtype)
            let x = try contiguous(x)
            let made = try kernel(KernelKey(name, x.dtype)) {
                KernelDialect.bind(x.dtype) + KernelDialect.pooling
            }
            func three(_ numbers: some Collection<Int>, _ filler: Int = 1) -> [Int] {
                [Int](repeating: filler, count: 3 - numbers.count) + numbers
            }
            var numbers = [input[0] * input[1]] + three(input.dropFirst(2)) + three(output.dropFirst(2))
            switch p.windows {
            case .sliding(let kernel, let stride, let padding, let dilation, let countIncludePad, let divisor):
                numbers += three(kernel) + three(stride) + three(padding, 0) + three(dilation) + [0, countIncludePad ? 1 : 0, divisor ?? 0]
            case .adaptive:
                numbers += [1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 0, 0]
            }
            try launch(made, groups: groups(for: count)) { arguments in
                fill(x, arguments)
                numbers.map(Int64.init).withUnsafeBytes { arguments.append($0) }
            }
        }
    }
}
