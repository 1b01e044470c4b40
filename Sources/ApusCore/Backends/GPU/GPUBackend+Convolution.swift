// Convolutions by the vendor's library if it supports them, else as products of unrolled windows.

extension GPUBackend {
    /// The most bytes that unrolled windows may take at once.
    private static let columnBytes = 256 << 20

    package func convolution(_ x: Tensor, _ weight: Tensor, bias: Tensor?, _ p: ConvolutionParameters, into out: Tensor) throws(OpError) {
        guard out.numel > 0 else { return }
        try run("convolution") { () throws(OpError) in
            if try library(.forward, input: x, weight: weight, output: out, p) { return try add(bias, to: out) }
            if try inFloat32(
                out, [x, weight] + (bias.map { [$0] } ?? []),
                { (x, out) throws(OpError) in try convolution(x[0], x[1], bias: x.count > 2 ? x[2] : nil, p, into: out) })
            {
                return
            }
            let (x, weight) = (try contiguous(x), try contiguous(weight))
            let g = Geometry(input: x.shape, weight: weight.shape, output: out.shape, p)
            try g.eachChunk(limit: GPUBackend.columnBytes / x.dtype.size) { first, images throws(OpError) in
                let columns = try scratch(g.rows * images * g.positions, x.dtype, like: x)
                try unroll(x, first, images, g, into: columns)
                try product(
                    batch: (images, g.groups), m: g.outPerGroup, n: g.positions, k: g.rowsPerGroup,
                    GPUMatrix(tensor: weight, offset: weight.offset, inner: g.outPerGroup * g.rowsPerGroup, row: g.rowsPerGroup, column: 1),
                    GPUMatrix(
                        tensor: columns, offset: 0, outer: g.positions, inner: g.rowsPerGroup * images * g.positions,
                        row: images * g.positions, column: 1),
                    GPUMatrix(
                        tensor: out, offset: out.offset + first * g.outChannels * g.positions, outer: g.outChannels * g.positions,
                        inner: g.outPerGroup * g.positions, row: g.positions, column: 1))
            }
            try add(bias, to: out)
        }
    }

    /// out[n, c, …] += bias[c].
    private func add(_ bias: Tensor?, to out: Tensor) throws(OpError) {
        guard let bias else { return }
        let shape: Shape = [out.shape[0], out.shape[1], out.numel / max(1, out.shape[0] * out.shape[1])]
        let flat = out.view(shape, strides: shape.contiguousStrides, offset: out.offset)
        try binary(.add, flat, bias.view(shape, strides: [0, bias.strides[0], 0], offset: bias.offset), KernelParameters(), into: flat)
    }

    /// Runs the convolution in the library; false if there is none or it does not support it.
    private func library(
        _ direction: GPUConvolution.Direction, input: Tensor, weight: Tensor, output: Tensor, _ p: ConvolutionParameters
    ) throws(OpError) -> Bool {
        guard let convolutions else { return false }
        var c = GPUConvolution(direction: direction, input: input, weight: weight, output: output, parameters: p)
        let asked = direction == .forward ? output : direction == .backwardInput ? input : weight
        let result = try alignedResult(asked)
        c.input = try direction == .backwardInput ? result : aligned(input)
        c.weight = try direction == .backwardWeight ? result : aligned(weight)
        c.output = try direction == .forward ? result : aligned(output)
        try flushChain()
        guard
            try withWorkspace(
                of: input,
                { workspace throws(OpError) in
                    try marked("library's convolution, \(direction), \(input.shape) by \(weight.shape)") { () throws(OpError) in
                        try convolutions.convolution(c, workspace)
                    }
                })
        else { return false }
        countLaunch()
        if result !== asked { try copy(result, into: asked) }
        return true
    }

    package func convolutionBackwardInput(_ grad: Tensor, _ weight: Tensor, _ p: ConvolutionParameters, into out: Tensor) throws(OpError) {
        guard out.numel > 0 else { return }
        if grad.numel == 0 { return try fill(out, with: .double(0)) }
        try run("convolutionBackwardInput") { () throws(OpError) in
            if try library(.backwardInput, input: out, weight: weight, output: grad, p) { return }
            if try inFloat32(out, [grad, weight], { (x, out) throws(OpError) in try convolutionBackwardInput(x[0], x[1], p, into: out) }) {
                return
            }
            let (grad, weight) = (try contiguous(grad), try contiguous(weight))
            let g = Geometry(input: out.shape, weight: weight.shape, output: grad.shape, p)
            try g.eachChunk(limit: GPUBackend.columnBytes / grad.dtype.size) { first, images throws(OpError) in
                let columns = try scratch(g.rows * images * g.positions, grad.dtype, like: grad)
                try product(
                    batch: (images, g.groups), m: g.rowsPerGroup, n: g.positions, k: g.outPerGroup,
                    GPUMatrix(tensor: weight, offset: weight.offset, inner: g.outPerGroup * g.rowsPerGroup, row: 1, column: g.rowsPerGroup),
                    GPUMatrix(
                        tensor: grad, offset: grad.offset + first * g.outChannels * g.positions, outer: g.outChannels * g.positions,
                        inner: g.outPerGroup * g.positions, row: g.positions, column: 1),
                    GPUMatrix(
                        tensor: columns, offset: 0, outer: g.positions, inner: g.rowsPerGroup * images * g.positions,
                        row: images * g.positions, column: 1))
                let made = try kernel(KernelKey("roll", grad.dtype)) { KernelDialect.bind(grad.dtype) + KernelDialect.windows }
                try launch(made, groups: groups(for: images * g.inChannels * g.plane)) { arguments in
                    arguments.append(columns)
                    arguments.append(out.storage.base)
                    arguments.append(count: out.offset + first * g.inChannels * g.plane)
                    g.append(images, to: arguments)
                }
            }
        }
    }

    package func convolutionBackwardWeight(_ grad: Tensor, _ x: Tensor, _ p: ConvolutionParameters, into out: Tensor) throws(OpError) {
        guard out.numel > 0 else { return }
        if grad.numel == 0 { return try fill(out, with: .double(0)) }
        try run("convolutionBackwardWeight") { () throws(OpError) in
            if try library(.backwardWeight, input: x, weight: out, output: grad, p) { return }
            if try inFloat32(out, [grad, x], { (x, out) throws(OpError) in try convolutionBackwardWeight(x[0], x[1], p, into: out) }) {
                return
            }
            let (grad, x) = (try contiguous(grad), try contiguous(x))
            let g = Geometry(input: x.shape, weight: out.shape, output: grad.shape, p)
            var total: Tensor?
            try g.eachChunk(limit: GPUBackend.columnBytes / x.dtype.size) { first, images throws(OpError) in
                let columns = try scratch(g.rows * images * g.positions, x.dtype, like: x)
                try unroll(x, first, images, g, into: columns)
                // Transposes [images, channels, positions] to [channels, images, positions], so that one product sums over images too.
                let shape: Shape = [g.outChannels, images, g.positions]
                let turned = try scratch(shape.numel, grad.dtype, like: grad)
                let source = grad.view(
                    shape, strides: [g.positions, g.outChannels * g.positions, 1], offset: grad.offset + first * g.outChannels * g.positions
                )
                try copy(source, into: turned.view(shape, strides: shape.contiguousStrides, offset: 0))
                let isWhole = images == g.batch
                let target = isWhole ? out : try scratch(out.numel, out.dtype, like: x)
                let length = images * g.positions
                try product(
                    batch: (1, g.groups), m: g.outPerGroup, n: g.rowsPerGroup, k: length,
                    GPUMatrix(tensor: turned, offset: 0, inner: g.outPerGroup * length, row: length, column: 1),
                    GPUMatrix(tensor: columns, offset: 0, inner: g.rowsPerGroup * length, row: 1, column: length),
                    GPUMatrix(
                        tensor: target, offset: isWhole ? out.offset : 0, inner: g.outPerGroup * g.rowsPerGroup, row: g.rowsPerGroup,
                        column: 1))
                if isWhole { return }
                if let total { try binary(.add, total, target, KernelParameters(), into: total) } else { total = target }
            }
            if let total { try copy(total.view(out.shape, strides: out.shape.contiguousStrides, offset: 0), into: out) }
        }
    }

    /// Computes 16-bit floats in float32, so that a result is rounded once; false for other dtypes.
    private func inFloat32(_ out: Tensor, _ operands: [Tensor], _ body: ([Tensor], Tensor) throws(OpError) -> Void) throws(OpError) -> Bool
    {
        guard out.dtype.isFloatingPoint && out.dtype.size == 2 else { return false }
        var wide: [Tensor] = []
        for operand in operands { wide.append(try operand.converted(to: .float32)) }
        let result = try Tensor.uninitialized(out.shape, .float32, out.device)
        try body(wide, result)
        try copy(result, into: out)
        return true
    }

    private func unroll(_ x: Tensor, _ first: Int, _ images: Int, _ g: Geometry, into columns: Tensor) throws(OpError) {
        let made = try kernel(KernelKey("unroll", x.dtype)) { KernelDialect.bind(x.dtype) + KernelDialect.windows }
        try launch(made, groups: groups(for: columns.numel)) { arguments in
            arguments.append(x.storage.base)
            arguments.append(count: x.offset + first * g.inChannels * g.plane)
            arguments.append(columns)
            g.append(images, to: arguments)
        }
    }

    /// The sizes of a convolution; missing leading dimensions get extent one.
    private struct Geometry {
        let batch, inChannels, outChannels, groups: Int
        let input, kernel, output, stride, padding, dilation: [Int]

        init(input: Shape, weight: Shape, output: Shape, _ p: ConvolutionParameters) {
            func three(_ numbers: some Collection<Int>, _ filler: Int = 1) -> [Int] {
                [Int](repeating: filler, count: 3 - numbers.count) + numbers
            }
            (batch, inChannels, outChannels, groups) = (input[0], input[1], output[1], p.groups)
            (self.input, kernel, self.output) = (three(input.dropFirst(2)), three(weight.dropFirst(2)), three(output.dropFirst(2)))
            (stride, padding, dilation) = (three(p.stride), three(p.padding, 0), three(p.dilation))
        }

        var positions: Int { output.reduce(1, *) }
        var plane: Int { input.reduce(1, *) }
        var taps: Int { kernel.reduce(1, *) }
        var rows: Int { inChannels * taps }
        var rowsPerGroup: Int { rows / groups }
        var outPerGroup: Int { outChannels / groups }

        /// Calls `body` with the first image and the number of images of each chunk.
        func eachChunk(limit: Int, _ body: (Int, Int) throws(OpError) -> Void) throws(OpError) {
            let images = max(1, min(batch, limit / max(1, rows * positions)))
            var first = 0
            while first < batch {
                try body(first, min(images, batch - first))
                first += images
            }
        }

        func append(_ images: Int, to arguments: KernelArguments) {
            let numbers = [images, inChannels] + input + kernel + output + stride + padding + dilation
            numbers.map(Int64.init).withUnsafeBytes { arguments.append($0) }
        }
    }
}
