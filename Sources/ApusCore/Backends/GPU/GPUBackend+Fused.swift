import CKernels

extension GPUBackend {
    /// The lines of `shape` along `dim`: their number, their length, and the stride of their elements.
    private func lines(_ shape: Shape, _ dim: Int) -> (count: Int, length: Int, inner: Int) {
        guard !shape.isEmpty else { return (1, 1, 1) }
        return (shape.numel / max(1, shape[dim]), shape[dim], shape.dropFirst(dim + 1).reduce(1, *))
    }

    /// `x` as a contiguous tensor of `dtype`.
    private func operand(_ x: Tensor, _ dtype: DType) throws(OpError) -> Tensor {
        x.dtype == dtype ? try x.contiguousData() : try x.converted(to: dtype)
    }

    // MARK: Softmax

    package func softmax(_ x: Tensor, dim: Int, log: Bool, into out: Tensor) throws(OpError) {
        guard x.numel > 0 else { return }
        try run("softmax") { () throws(OpError) in
            try require(x.dtype)
            let x = try contiguous(x)
            let (count, length, inner) = lines(x.shape, dim)
            let made = try kernel(KernelKey("softmax", x.dtype)) { KernelDialect.bind(x.dtype) + KernelDialect.softmax }
            try launch(made, groups: groups(each: count)) { arguments in
                for number in [count, length, inner, log ? 1 : 0] { arguments.append(count: number) }
                arguments.append(x)
                arguments.append(out)
            }
        }
    }

    package func softmaxBackward(_ grad: Tensor, _ y: Tensor, dim: Int, log: Bool, into out: Tensor) throws(OpError) {
        guard y.numel > 0 else { return }
        try run("softmaxBackward") { () throws(OpError) in
            let (grad, y) = (try contiguous(grad), try contiguous(y))
            let (count, length, inner) = lines(y.shape, dim)
            let made = try kernel(KernelKey("softmax_backward", y.dtype)) { KernelDialect.bind(y.dtype) + KernelDialect.softmax }
            try launch(made, groups: groups(each: count)) { arguments in
                for number in [count, length, inner, log ? 1 : 0] { arguments.append(count: number) }
                arguments.append(grad)
                arguments.append(y)
                arguments.append(out)
            }
        }
    }

    // MARK: Normalisation. For layer norm each row is a group of one line; for batch norm each channel is a group of one line per image
    // (`KernelDialect.normalization`).

    private struct NormShape {
        var lines: Int
        var groups: Int
        var length: Int
        var byChannel: Bool

        static func rows(_ x: Tensor) -> NormShape { NormShape(lines: 1, groups: x.shape[0], length: x.shape[1], byChannel: false) }
        static func channels(_ x: Tensor) -> NormShape {
            NormShape(lines: x.shape[0], groups: x.shape[1], length: x.shape[2], byChannel: true)
        }
    }

    private func normKernel(_ name: String, _ x: Tensor) throws(OpError) -> OpaquePointer {
        try require(x.dtype)
        return try kernel(KernelKey(name, x.dtype)) { KernelDialect.bind(x.dtype) + KernelDialect.normalization }
    }

    private func statistics(_ x: Tensor, _ s: NormShape, eps: Double?, mean: Tensor, spread: Tensor) throws(OpError) {
        let made = try normKernel("statistics", x)
        try launch(made, groups: groups(each: s.groups)) { arguments in
            for number in [s.lines, s.groups, s.length] { arguments.append(count: number) }
            arguments.append(eps ?? 0, as: x.dtype)
            arguments.append(count: eps == nil ? 0 : 1)
            arguments.append(x)
            arguments.append(mean)
            arguments.append(spread)
        }
    }

    private func normalize(
        _ x: Tensor, _ s: NormShape, mean: Tensor, rstd: Tensor, weight: Tensor?, bias: Tensor?, into out: Tensor
    ) throws(OpError) {
        var (factor, term) = (weight, bias)
        if let weight { factor = try operand(weight, x.dtype) }
        if let bias { term = try operand(bias, x.dtype) }
        let made = try normKernel("apply_statistics", x)
        try launch(made, groups: groups(for: x.numel)) { arguments in
            for number in [x.numel, s.groups, s.length, s.byChannel ? 1 : 0] { arguments.append(count: number) }
            for tensor in [x, mean, rstd] { arguments.append(tensor) }
            arguments.append(count: mean.numel > s.groups ? 1 : 0)
            for optional in [factor, term] {
                arguments.append(optional ?? x)
                arguments.append(count: optional == nil ? 0 : 1)
            }
            arguments.append(out)
        }
    }

    package func layerNorm(
        _ x: Tensor, weight: Tensor?, bias: Tensor?, eps: Double, into out: Tensor, mean: Tensor, rstd: Tensor
    ) throws(OpError) {
        guard x.numel > 0 else { return }
        try run("layerNorm") { () throws(OpError) in
            let x = try contiguous(x)
            try statistics(x, .rows(x), eps: eps, mean: mean, spread: rstd)
            try normalize(x, .rows(x), mean: mean, rstd: rstd, weight: weight, bias: bias, into: out)
        }
    }

    package func channelStatistics(_ x: Tensor, mean: Tensor, variance: Tensor) throws(OpError) {
        guard x.numel > 0 else { return }
        try run("channelStatistics") { () throws(OpError) in
            let x = try contiguous(x)
            try statistics(x, .channels(x), eps: nil, mean: mean, spread: variance)
        }
    }

    package func channelNormalize(_ x: Tensor, mean: Tensor, rstd: Tensor, weight: Tensor?, bias: Tensor?, into out: Tensor) throws(OpError)
    {
        guard x.numel > 0 else { return }
        try run("channelNormalize") { () throws(OpError) in
            let type = x.dtype.computeType
            let (x, mean, rstd) = (try contiguous(x), try operand(mean, type), try operand(rstd, type))
            try normalize(x, .channels(x), mean: mean, rstd: rstd, weight: weight, bias: bias, into: out)
        }
    }

    package func layerNormBackward(
        _ grad: Tensor, _ x: Tensor, weight: Tensor?, mean: Tensor, rstd: Tensor, gradX: Tensor?, gradWeight: Tensor?, gradBias: Tensor?
    ) throws(OpError) {
        guard x.numel > 0 else { return try zero([gradX, gradWeight, gradBias]) }
        try run("layerNormBackward") { () throws(OpError) in
            let (grad, x) = (try contiguous(grad), try contiguous(x))
            try gradient(grad, x, .rows(x), weight: weight, mean: mean, rstd: rstd, training: true, gradX: gradX, keeping: (nil, nil))
            guard gradWeight != nil || gradBias != nil else { return }
            let (rows, n) = (x.shape[0], x.shape[1])
            let chunk = 64
            let parts = (rows + chunk - 1) / chunk
            let sums = try scratch(parts * 2 * n, x.dtype.computeType, like: x)
            let made = try normKernel("row_parameters", x)
            try launch(made, groups: groups(for: n * parts)) { arguments in
                for number in [rows, n] { arguments.append(count: number) }
                for tensor in [grad, x, mean, rstd, sums] { arguments.append(tensor) }
                arguments.append(count: chunk)
            }
            for (offset, target) in [(0, gradBias), (n, gradWeight)] {
                guard let target else { continue }
                let total = try scratch(n, sums.dtype, like: x)
                try reduce(
                    .sum, sums.view([parts, n], strides: [2 * n, 1], offset: offset), dims: [0],
                    into: total.view([1, n], strides: [n, 1], offset: 0))
                try copy(total, into: target.view([n], strides: [1], offset: target.offset))
            }
        }
    }

    package func channelNormBackward(
        _ grad: Tensor, _ x: Tensor, weight: Tensor?, mean: Tensor, rstd: Tensor, training: Bool, gradX: Tensor?, gradWeight: Tensor?,
        gradBias: Tensor?
    ) throws(OpError) {
        guard x.numel > 0 else { return try zero([gradX, gradWeight, gradBias]) }
        try run("channelNormBackward") { () throws(OpError) in
            let (grad, x) = (try contiguous(grad), try contiguous(x))
            try gradient(
                grad, x, .channels(x), weight: weight, mean: mean, rstd: rstd, training: training, gradX: gradX,
                keeping: (gradBias, gradWeight))
        }
    }

    private func zero(_ targets: [Tensor?]) throws(OpError) {
        for case let target? in targets { try fill(target, with: .double(0)) }
    }

    /// The gradient of x, and those of bias and weight if they are sums that it needs anyway.
    private func gradient(
        _ grad: Tensor, _ x: Tensor, _ s: NormShape, weight: Tensor?, mean: Tensor, rstd: Tensor, training: Bool, gradX: Tensor?,
        keeping: (bias: Tensor?, weight: Tensor?)
    ) throws(OpError) {
        let type = x.dtype.computeType
        let (mean, rstd) = (try operand(mean, type), try operand(rstd, type))
        var factor = weight
        if let weight { factor = try operand(weight, x.dtype) }
        let sums = try scratch(2 * s.groups, type, like: x)
        if training && gradX != nil || keeping.bias != nil || keeping.weight != nil {
            let made = try normKernel("norm_sums", x)
            try launch(made, groups: groups(each: s.groups)) { arguments in
                for number in [s.lines, s.groups, s.length, s.byChannel ? 1 : 0] { arguments.append(count: number) }
                for tensor in [grad, x, mean, rstd] { arguments.append(tensor) }
                arguments.append(count: mean.numel > s.groups ? 1 : 0)
                arguments.append(factor ?? x)
                arguments.append(count: factor == nil ? 0 : 1)
                arguments.append(sums)
            }
        }
        if let gradX {
            let made = try normKernel("norm_gradient", x)
            try launch(made, groups: groups(for: x.numel)) { arguments in
                for number in [x.numel, s.lines, s.groups, s.length, s.byChannel ? 1 : 0, training ? 1 : 0] {
                    arguments.append(count: number)
                }
                for tensor in [grad, x, mean, rstd] { arguments.append(tensor) }
                arguments.append(count: mean.numel > s.groups ? 1 : 0)
                arguments.append(factor ?? x)
                arguments.append(count: factor == nil ? 0 : 1)
                arguments.append(sums)
                arguments.append(gradX)
            }
        }
        for (offset, target) in [(0, keeping.bias), (s.groups, keeping.weight)] {
            guard let target else { continue }
            try copy(
                sums.view([s.groups], strides: [1], offset: offset), into: target.view([s.groups], strides: [1], offset: target.offset))
        }
    }

    // MARK: Recurrent cells

    private func cellKernel(_ name: String, _ kind: RecurrentKind, _ dtype: DType) throws(OpError) -> OpaquePointer {
        try require(dtype)
        return try kernel(KernelKey(name, dtype, variant: kind.rawValue)) {
            KernelDialect.bind(dtype) + KernelDialect.kind(kind) + "#define GATES \(kind.gates)\n#define KEPT \(kind.kept)\n"
                + KernelDialect.recurrent
        }
    }

    package func recurrentCell(
        _ kind: RecurrentKind, input: Tensor, hidden: Tensor, state: Tensor?, gates: Tensor?, cell: Tensor?, into out: Tensor
    ) throws(OpError) {
        guard out.numel > 0 else { return }
        try run("recurrentCell") { () throws(OpError) in
            let made = try cellKernel("cell", kind, out.dtype)
            try launch(made, groups: groups(for: out.numel)) { arguments in
                for number in [out.shape[0], out.shape[1]] { arguments.append(count: number) }
                for tensor in [input, hidden, state ?? input, gates ?? out, cell ?? out, out] { arguments.append(tensor) }
            }
        }
    }

    package func recurrentCellBackward(
        _ kind: RecurrentKind, _ grad: Tensor, gates: Tensor?, state: Tensor?, cell: Tensor?, out: Tensor, gradCell: Tensor?,
        gradInput: Tensor, gradHidden: Tensor?, gradState: Tensor?
    ) throws(OpError) {
        guard out.numel > 0 else { return }
        try run("recurrentCellBackward") { () throws(OpError) in
            let made = try cellKernel("cell_backward", kind, out.dtype)
            try launch(made, groups: groups(for: out.numel)) { arguments in
                for number in [out.shape[0], out.shape[1]] { arguments.append(count: number) }
                for tensor in [
                    grad, gates ?? grad, state ?? grad, cell ?? grad, out, gradCell ?? gradInput, gradInput, gradHidden ?? gradInput,
                    gradState ?? gradInput,
                ] {
                    arguments.append(tensor)
                }
            }
        }
    }

    // MARK: Optimizers

    package var hasOptimizerStep: Bool { true }

    package func optimizerStep(_ rule: OptimizerRule, parameters: [Tensor], gradients: [Tensor], state: [[Tensor]]) throws(OpError) {
        guard let dtype = parameters.first?.dtype else { return }
        let (numberCount, places) = (Int(APUS_OPTIMIZER_NUMBERS), 0..<Int(APUS_OPTIMIZER_STATES))
        let numbers = rule.numbers + Array(repeating: 0, count: numberCount - rule.numbers.count)
        func states(_ place: Int) -> [Tensor]? { place < state.count && !state[place].isEmpty ? state[place] : nil }
        let kept = places.reduce(0) { states($1) == nil ? $0 : $0 | 1 << $1 }
        try run("optimizerStep") { () throws(OpError) in
            try require(dtype)
            let made = try kernel(KernelKey("\(rule.kind)", dtype)) {
                KernelDialect.bind(dtype) + "#define NUMBERS \(numberCount)\n" + KernelDialect.optimizer
            }
            for (i, parameter) in parameters.enumerated() where parameter.numel > 0 {
                try launch(made, groups: groups(for: parameter.numel)) { arguments in
                    arguments.append(count: parameter.numel)
                    arguments.append(numbers, as: dtype)
                    arguments.append(count: kept)
                    arguments.append(parameter)
                    arguments.append(gradients[i])
                    for place in places { arguments.append(states(place)?[i] ?? parameter) }
                }
            }
        }
    }
}
