/// How losses are reduced. PyTorch: `reduction`.
public enum Reduction: String, Sendable, CaseIterable {
    /// The mean, weighted if classes have weights.
    case mean
    /// The sum.
    case sum
    /// No reduction.
    case none
}

/// Class labels prepared for a loss: checked, and with ignored ones masked.
package struct ClassLabels {
    /// int64; 0 for ignored labels.
    package let indices: Tensor
    /// bool, of the same shape: false for ignored labels. nil if none are ignored.
    package let counted: Tensor?
    /// The number of labels that are not ignored; nil on a device, to avoid waiting for it.
    let count: Int?

    /// Throws if a label of `target` is neither in 0 ..< `classes` nor `ignoreIndex`. On a device, the kernels that use the labels check
    /// them, and the next wait reports errors.
    package init(_ target: Tensor, classes: Int, ignoreIndex: Int) throws(OpError) {
        guard target.dtype.isInteger else {
            throw OpError("labels must be integers, these are \(target.dtype); convert them with to(.int64)")
        }
        let labels = target.dtype == .int64 ? target.detach() : noGrad { target.to(.int64) }
        guard target.device.sharesHostMemory else {
            // Written so that it fuses into one kernel.
            let mask = noGrad { (labels - ignoreIndex).to(.bool) }
            (indices, counted, count) = (noGrad { labels * mask.to(.int64) }, mask, nil)
            return
        }
        // The host reads the labels, so that an error names the position before anything is computed.
        let host = try labels.hostData()
        var ignored = 0
        let buffer = UnsafeBufferPointer(start: UnsafePointer(host.pointer.assumingMemoryBound(to: Int64.self)), count: host.numel)
        for (i, label) in buffer.enumerated() where label < 0 || label >= classes || label == ignoreIndex {
            guard label == ignoreIndex else {
                throw OpError("label \(label) at position \(ClassLabels.position(i, in: target.shape)) is outside 0 ..< \(classes)")
            }
            ignored += 1
        }
        withExtendedLifetime(host) {}
        count = target.numel - ignored
        if ignored == 0 {
            (indices, counted) = (labels, nil)
        } else {
            let mask = noGrad { labels.ne(ignoreIndex) }
            (indices, counted) = (noGrad { labels.maskedFill(mask.logicalNot(), 0) }, mask)
        }
    }

    /// `3`, or `[1, 0, 2]` for labels in several dimensions.
    private static func position(_ flat: Int, in shape: Shape) -> String {
        if shape.count <= 1 { return "\(flat)" }
        var rest = flat
        var places: [Int] = []
        for extent in shape.reversed() {
            places.append(rest % extent)
            rest /= extent
        }
        return "\(places.reversed().map { $0 })"
    }
}

/// −log softmax(x)[label] along dimension 1 of x [N, C, …], times the label's weight, in one op.
///
/// Inputs: x and the labels (int64, 0 if ignored); then, if present, the mask of labels that are not ignored (bool), the weight of each
/// label (0 if ignored), and for `mean` the sum of weights to divide by, unless `divisor` has it.
/// Derivative: (softmax(x) − onehot(label))·weight·g, 0 for ignored labels.
struct CrossEntropy: Op {
    let hasIgnored: Bool
    let hasWeights: Bool
    let reduction: Reduction
    /// The divisor for `mean`; nil if it is the last input.
    let divisor: Double?

    var name: String { "crossEntropy" }

    /// The inputs after x, by name.
    private struct Labels {
        let indices: Tensor
        let counted: Tensor?
        let weights: Tensor?
        let divisor: LabelWeight
    }

    private func named(_ tensors: [Tensor]) -> Labels {
        let (ignored, weighed) = (hasIgnored ? 1 : 0, hasWeights ? 1 : 0)
        return Labels(
            indices: tensors[0], counted: hasIgnored ? tensors[1] : nil, weights: hasWeights ? tensors[1 + ignored] : nil,
            divisor: divisor.map { .number($0) } ?? .tensor(tensors[1 + ignored + weighed]))
    }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let x = inputs[0]
        let labels = named(Array(inputs.dropFirst()))
        let backend = x.device.backend
        let logp = try Tensor.uninitialized(x.shape, x.dtype, x.device)
        try backend.softmax(x, dim: 1, log: true, into: logp)
        saved.keep(x)
        saved.keep(logp)
        for label in inputs.dropFirst() { saved.keep(label) }

        let index = labels.indices.asColumn
        let picked = try Tensor.uninitialized(index.shape, x.dtype, x.device)
        try backend.gather(logp, dim: 1, index, into: picked)
        let losses = try Tensor.uninitialized(labels.indices.shape, x.dtype, x.device)
        let flat = picked.view(losses.shape, strides: losses.strides, offset: picked.offset)
        try backend.unary(.negative, flat, KernelParameters(), into: losses)
        if let weights = labels.weights {
            // An ignored loss may be infinite, and ∞·0 would be NaN.
            if let counted = labels.counted {
                let zeros = try Tensor.uninitialized(losses.shape, x.dtype, x.device)
                try backend.fill(zeros, with: .double(0))
                try backend.select(counted, losses, zeros, into: losses)
            }
            try backend.binary(.mul, losses, weights, KernelParameters(), into: losses)
        }
        if reduction == .none { return losses }
        let ones = Shape(repeating: 1, count: losses.ndim)
        let total = try Tensor.uninitialized(ones, x.dtype, x.device)
        try backend.reduce(.sum, losses, dims: Array(0..<losses.ndim), into: total)
        if reduction == .mean {
            switch labels.divisor {
            case .number(let number): try backend.unary(.affine, total, KernelParameters(1 / number), into: total)
            case .tensor(let sum): try backend.binary(.div, total, sum.expanded(total.shape), KernelParameters(), into: total)
            }
        }
        return total.view([], strides: [], offset: total.offset)
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let (x, logp) = (context.saved[0], context.saved[1])
        let labels = named(Array(context.saved.dropFirst(2)))
        // The factor for each label, [N, 1, …].
        var scale = reduction == .mean ? labels.divisor.dividing(grad) : grad
        if let weights = labels.weights { scale = scale * weights }
        scale = scale.expand(labels.indices.shape)
        // If all labels are ignored, the divisor is 0 and the factor NaN.
        if let counted = labels.counted { scale = Tensor.where(counted, scale, 0) }
        scale = scale.unsqueeze(1)
        let index = labels.indices.asColumn
        // A recorded pass computes p from x, whose history the second derivative needs; otherwise the saved log-softmax is enough.
        let p = Context.current.gradEnabled ? x.softmax(dim: 1) : logp.exp()
        return Gradients([(p * scale).scatterAdd(1, index, -scale)] + Array(repeating: nil, count: context.inputCount - 1))
    }
}

extension Tensor {
    /// A view of [N, …] as [N, 1, …].
    fileprivate final var asColumn: Tensor {
        var (shape, strides) = (self.shape, self.strides)
        shape.insert(1, at: 1)
        strides.insert(0, at: 1)
        return view(shape, strides: strides, offset: offset)
    }

    /// Cross entropy of scores [N, C, …] with labels [N, …], without label smoothing; `F.crossEntropy` has all options.
    package final func crossEntropy(
        labels target: Tensor, weight: Tensor?, ignoreIndex: Int, reduction: Reduction
    ) throws(OpError) -> Tensor {
        guard dtype.isFloatingPoint else { throw OpError("scores must be floating-point numbers, these are \(dtype)") }
        let labels = try ClassLabels(target, classes: shape[1], ignoreIndex: ignoreIndex)
        let (weights, divisor) = try labels.weights(weight, dtype)
        var inputs = [self, labels.indices] + [labels.counted, weights].compactMap { $0 }
        var number: Double?
        switch divisor {
        case .number(let sum): number = sum
        case .tensor(let sum): inputs.append(sum)
        }
        let op = CrossEntropy(hasIgnored: labels.counted != nil, hasWeights: weights != nil, reduction: reduction, divisor: number)
        return apply(op, Inputs(inputs))
    }
}

/// The sum of all labels' weights, the divisor of `mean`; a scalar tensor if computed on a device.
package enum LabelWeight {
    case number(Double)
    case tensor(Tensor)

    /// x divided by the sum.
    package func dividing(_ x: Tensor) -> Tensor {
        switch self {
        case .number(let number): x * (1 / number)
        case .tensor(let sum): x / sum
        }
    }
}

extension ClassLabels {
    /// The weight of each label in `dtype` (nil if all are 1), and their sum. `classWeights` is [C], or nil for ones.
    package func weights(_ classWeights: Tensor?, _ dtype: DType) throws(OpError) -> (each: Tensor?, sum: LabelWeight) {
        if classWeights == nil && counted == nil { return (nil, .number(Double(count ?? indices.numel))) }
        return noGrad {
            let each: Tensor
            if let classWeights {
                let chosen = classWeights.detach().to(dtype).indexSelect(dim: 0, indices.reshape([-1])).reshape(indices.shape)
                each = counted.map { chosen.maskedFill($0.logicalNot(), 0) } ?? chosen
            } else {
                each = counted.map { $0.to(dtype) } ?? Tensor.ones(indices.shape, dtype: dtype, device: indices.device)
            }
            guard let count else { return (each, .tensor(each.sum())) }
            return (each, .number(classWeights == nil ? Double(count) : each.sum().item()))
        }
    }
}
