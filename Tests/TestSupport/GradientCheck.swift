import Apus
import Testing

/// Compares the derivatives that autograd computes for `f` with finite differences, in float64: first derivatives and, unless `second` is
/// false, second ones (derivatives of the gradient with respect to the inputs and to the incoming gradient).
///
/// The floating-point tensors among `inputs` are converted to float64 and differentiated; others (indices, masks) are passed on as they are.
/// `f` must be smooth within 2·`step` of the inputs: choose inputs away from kinks. It is called often; keep the inputs small.
///
/// The finite differences are (−f(2h) + 8f(h) − 8f(−h) + f(−2h)) / 12h; at h = 10⁻⁴ their error is the rounding of f, about 10⁻¹²·|f|.
package func checkGradients(
    _ inputs: [Tensor], second: Bool = true, step: Double = 1e-4, rtol: Double = 1e-6, atol: Double = 1e-8, _ what: String = "",
    sourceLocation: SourceLocation = #_sourceLocation, _ f: ([Tensor]) -> Tensor
) {
    let prefix = what.isEmpty ? "" : "\(what): "
    let first = compareDerivatives(inputs, step: step, rtol: rtol, atol: atol, f)
    for complaint in first {
        Issue.record(Comment(rawValue: "\(prefix)first derivative \(complaint)"), sourceLocation: sourceLocation)
    }
    guard second, first.isEmpty else { return }
    let incoming = weights(f(inputs.map { leaf($0) }).shape, phase: 0.3)
    let complaints = compareDerivatives(inputs + [incoming], step: step, rtol: rtol, atol: atol) { all in
        let (inputs, incoming) = (Array(all.dropLast()), all[all.count - 1])
        let differentiable = inputs.filter { $0.dtype.isFloatingPoint }
        let gradients = grad(of: [f(inputs)], withRespectTo: differentiable, gradients: [incoming], createGraph: true, allowUnused: true)
        var sum = Tensor.zeros([], dtype: .float64)
        for (i, gradient) in gradients.enumerated() {
            guard let gradient else { continue }
            sum = sum + (gradient * weights(gradient.shape, phase: 1 + Double(i)).to(gradient.device)).sum().to(.cpu)
        }
        return sum
    }
    for complaint in complaints {
        Issue.record(Comment(rawValue: "\(prefix)second derivative \(complaint)"), sourceLocation: sourceLocation)
    }
}

/// The differences between the derivatives of Σ w·f, with fixed weights w, and finite differences.
private func compareDerivatives(_ inputs: [Tensor], step: Double, rtol: Double, atol: Double, _ f: ([Tensor]) -> Tensor) -> [String] {
    let leaves = inputs.map { leaf($0) }
    let differentiable = leaves.indices.filter { leaves[$0].dtype.isFloatingPoint }
    let output = f(leaves)
    guard output.dtype == .float64 else { return ["cannot be checked: the output is \(output.dtype), not float64"] }
    guard output.requiresGrad else { return ["cannot be checked: the output has no graph"] }
    let weight = weights(output.shape, phase: 0)
    let analytic = grad(
        of: [output], withRespectTo: differentiable.map { leaves[$0] }, gradients: [weight.to(output.device)], allowUnused: true)
    let w = values(weight)

    func weightedSum(_ changed: Int, _ element: Int, _ change: Double) -> Double {
        var all = leaves
        var numbers = values(leaves[changed])
        numbers[element] += change
        all[changed] = Tensor(numbers, shape: leaves[changed].shape, dtype: .float64, device: leaves[changed].device).requiresGrad_()
        return zip(values(f(all)), w).reduce(0) { $0 + $1.0 * $1.1 }
    }

    var complaints: [String] = []
    for (number, i) in differentiable.enumerated() {
        let numeric = (0..<leaves[i].numel).map { element in
            let near = weightedSum(i, element, step) - weightedSum(i, element, -step)
            let far = weightedSum(i, element, 2 * step) - weightedSum(i, element, -2 * step)
            return (8 * near - far) / (12 * step)
        }
        // The gradient of an input without influence is nil.
        let found = analytic[number].map { values($0) } ?? [Double](repeating: 0, count: numeric.count)
        if let gradient = analytic[number], gradient.shape != leaves[i].shape {
            complaints.append("of input \(i): shape \(gradient.shape), the input has \(leaves[i].shape)")
        } else if let complaint = difference(found, numeric, leaves[i].shape, rtol: rtol, atol: atol) {
            complaints.append("of input \(i): \(complaint)")
        }
    }
    return complaints
}

/// The values as a float64 leaf that requires a gradient; integers and bool are only detached.
private func leaf(_ x: Tensor) -> Tensor {
    guard x.dtype.isFloatingPoint else { return x.detach() }
    return Tensor(values(x), shape: x.shape, dtype: .float64, device: x.device).requiresGrad_()
}

/// Fixed numbers between ½ and 1½, irregular so that errors do not cancel.
private func weights(_ shape: Shape, phase: Double) -> Tensor {
    Tensor(
        (0..<shape.numel).map { i in
            let turn = (Double(i) + phase) * 0.6180339887498949
            return 0.5 + turn - turn.rounded(.down)
        }, shape: shape, dtype: .float64)
}
