/// Compares the derivatives that autograd computes with finite differences.
///
/// The finite differences are (−f(2h) + 8f(h) − 8f(−h) + f(−2h)) / 12h. Their error is the rounding error of f, in float64 about 10⁻¹⁶·|f|
/// / h; f must be smooth within 2h of the inputs.
package struct GradientCheck {
    /// The step h.
    private let eps: Double
    private let atol: Double
    private let rtol: Double
    /// Whether to differentiate one linear combination of all elements of the results instead of each element.
    private let isFast: Bool

    package init(eps: Double, atol: Double, rtol: Double, isFast: Bool) {
        (self.eps, self.atol, self.rtol, self.isFast) = (eps, atol, rtol, isFast)
    }

    /// Compares the derivatives of `f` with respect to those of `inputs` that require a gradient; returns a message for each that differs.
    package func complaints(_ inputs: [Tensor], _ f: ([Tensor]) -> [Tensor]) -> [String] {
        let leaves = inputs.map { $0.requiresGrad ? $0.detach().requiresGrad_() : $0 }
        let varied = leaves.indices.filter { leaves[$0].requiresGrad }
        let outputs = GradientCheck.differentiable(f, leaves)
        if outputs.contains(where: \.isPoisoned) { return ["the function has failed"] }
        let count = outputs.reduce(0) { $0 + $1.numel }
        func unit(_ i: Int) -> [Double] { (0..<count).map { $0 == i ? 1 : 0 } }
        let weights = isFast ? [GradientCheck.weights(count, phase: 0)] : (0..<count).map(unit)
        let analytic = weights.map { gradients(of: outputs, leaves, varied, weights: $0) }
        var complaints: [String] = []
        for (place, i) in varied.enumerated() {
            let columns = (0..<leaves[i].numel).map { slope(f, leaves, i, element: $0) }
            for (k, row) in weights.enumerated() {
                let numeric = columns.map { column in zip(row, column).reduce(0.0) { $1.0 == 0 ? $0 : $0 + $1.0 * $1.1 } }
                if let complaint = difference(analytic[k][place], numeric, leaves[i]) {
                    complaints.append("of \(isFast ? "" : "element \(k) of the results by ")input \(i): \(complaint)")
                    break
                }
            }
        }
        return complaints
    }

    /// The same for second derivatives: those of the gradients as functions of inputs and incoming gradients, which are `incoming` or some
    /// irregular numbers.
    package func secondComplaints(_ inputs: [Tensor], incoming: [Tensor]? = nil, _ f: ([Tensor]) -> [Tensor]) -> [String] {
        let outputs = GradientCheck.differentiable(f, inputs).filter(\.requiresGrad)
        let incoming = (incoming ?? outputs.map { GradientCheck.incoming($0) }).map { $0.detach().requiresGrad_() }
        return complaints(inputs + incoming) { all in
            let inputs = Array(all.prefix(inputs.count))
            let outputs = GradientCheck.differentiable(f, inputs).filter(\.requiresGrad)
            return grad(
                of: outputs, withRespectTo: inputs.filter(\.requiresGrad), gradients: Array(all.dropFirst(inputs.count)), createGraph: true,
                allowUnused: true
            ).compactMap { $0 }
        }
    }

    /// The results that can have a gradient.
    private static func differentiable(_ f: ([Tensor]) -> [Tensor], _ inputs: [Tensor]) -> [Tensor] {
        enableGrad { f(inputs) }.filter { $0.isPoisoned || $0.dtype.isFloatingPoint }
    }

    /// Fixed numbers between ½ and 1½, irregular so that errors do not cancel.
    private static func weights(_ count: Int, phase: Double) -> [Double] {
        (0..<count).map { i in
            let turn = (Double(i) + phase) * 0.6180339887498949
            return 0.5 + turn - turn.rounded(.down)
        }
    }

    private static func incoming(_ output: Tensor) -> Tensor {
        Tensor(weights(output.numel, phase: 0.3), shape: output.shape, dtype: output.dtype, device: output.device)
    }

    /// The gradients of Σ weight · output with respect to the leaves `varied`; nil for leaves that it does not depend on.
    private func gradients(of outputs: [Tensor], _ leaves: [Tensor], _ varied: [Int], weights: [Double]) -> [Tensor?] {
        var (connected, cotangents): ([Tensor], [Tensor]) = ([], [])
        var rest = weights[...]
        for output in outputs {
            if output.requiresGrad {
                connected.append(output)
                cotangents.append(
                    Tensor(Array(rest.prefix(output.numel)), shape: output.shape, dtype: output.dtype, device: output.device))
            }
            rest = rest.dropFirst(output.numel)
        }
        if connected.isEmpty { return varied.map { _ in nil } }
        return grad(
            of: connected, withRespectTo: varied.map { leaves[$0] }, gradients: cotangents, retainGraph: !isFast, allowUnused: true)
    }

    /// The derivatives of all results with respect to one element of leaf `i`, by finite differences.
    private func slope(_ f: ([Tensor]) -> [Tensor], _ leaves: [Tensor], _ i: Int, element: Int) -> [Double] {
        let leaf = leaves[i]
        func moved(_ change: Double) -> [Double] {
            var numbers = leaf.array(Double.self)
            numbers[element] += change
            var inputs = leaves
            inputs[i] = Tensor(numbers, shape: leaf.shape, dtype: leaf.dtype, device: leaf.device).requiresGrad_()
            return GradientCheck.differentiable(f, inputs).flatMap { $0.array(Double.self) }
        }
        let (near, nearBehind, far, farBehind) = (moved(eps), moved(-eps), moved(2 * eps), moved(-2 * eps))
        return near.indices.map { k in
            (8 * (near[k] - nearBehind[k]) - (far[k] - farBehind[k])) / (12 * eps)
        }
    }

    private func difference(_ gradient: Tensor?, _ numeric: [Double], _ leaf: Tensor) -> String? {
        if let gradient, gradient.shape != leaf.shape { return "it has shape \(gradient.shape), the input has \(leaf.shape)" }
        let found = gradient?.array(Double.self) ?? [Double](repeating: 0, count: numeric.count)
        func differs(_ i: Int) -> Bool {
            let (a, n) = (found[i], numeric[i])
            return a != n && !(n.isFinite && (a - n).magnitude <= atol + rtol * n.magnitude)
        }
        guard let first = numeric.indices.first(where: differs) else { return nil }
        let digits = leaf.dtype == .float64 ? "" : "; finite differences want float64, the input is \(leaf.dtype)"
        return "element \(first) is \(found[first]), finite differences give \(numeric[first]) (difference "
            + "\((found[first] - numeric[first]).magnitude), allowed \(atol + rtol * numeric[first].magnitude)); "
            + "\(numeric.indices.count(where: differs)) of \(numeric.count) elements differ\(digits)"
    }
}

/// Whether the derivatives of `f` with respect to those of `inputs` that require a gradient agree with finite differences:
/// |a − n| ≤ atol + rtol·|n| for each element of the Jacobians. Traps if they do not, or returns false without `raiseException`. PyTorch:
/// `torch.autograd.gradcheck`.
///
/// ```swift
/// gradcheck({ $0.exp() * 2 }, Tensor.randn(3, dtype: .float64, requiresGrad: true))
/// ```
/// The inputs should be float64, and `f` smooth within 2·`eps` of them. With `fastMode` one linear combination of the results' elements is
/// differentiated instead of each. Traps if no input requires a gradient.
@discardableResult public func gradcheck(
    _ f: ([Tensor]) -> [Tensor], _ inputs: [Tensor], eps: Double = 1e-6, atol: Double = 1e-5, rtol: Double = 1e-3,
    raiseException: Bool = true, fastMode: Bool = false
) -> Bool {
    verdict("gradcheck", inputs, raiseException) {
        GradientCheck(eps: eps, atol: atol, rtol: rtol, isFast: fastMode).complaints(inputs, f)
    }
}

/// The same for a function of one tensor with one result.
@discardableResult public func gradcheck(
    _ f: (Tensor) -> Tensor, _ x: Tensor, eps: Double = 1e-6, atol: Double = 1e-5, rtol: Double = 1e-3,
    raiseException: Bool = true, fastMode: Bool = false
) -> Bool {
    gradcheck({ [f($0[0])] }, [x], eps: eps, atol: atol, rtol: rtol, raiseException: raiseException, fastMode: fastMode)
}

/// The same for second derivatives: those of the gradients with respect to `inputs` and `gradOutputs`, one for each result that has a
/// gradient (irregular numbers by default). PyTorch: `torch.autograd.gradgradcheck`.
@discardableResult public func gradgradcheck(
    _ f: ([Tensor]) -> [Tensor], _ inputs: [Tensor], gradOutputs: [Tensor]? = nil, eps: Double = 1e-6, atol: Double = 1e-5,
    rtol: Double = 1e-3, raiseException: Bool = true, fastMode: Bool = false
) -> Bool {
    verdict("gradgradcheck", inputs, raiseException) {
        GradientCheck(eps: eps, atol: atol, rtol: rtol, isFast: fastMode).secondComplaints(inputs, incoming: gradOutputs, f)
    }
}

/// The same for a function of one tensor with one result.
@discardableResult public func gradgradcheck(
    _ f: (Tensor) -> Tensor, _ x: Tensor, gradOutputs: [Tensor]? = nil, eps: Double = 1e-6, atol: Double = 1e-5,
    rtol: Double = 1e-3, raiseException: Bool = true, fastMode: Bool = false
) -> Bool {
    gradgradcheck(
        { [f($0[0])] }, [x], gradOutputs: gradOutputs, eps: eps, atol: atol, rtol: rtol, raiseException: raiseException, fastMode: fastMode)
}

private func verdict(_ name: String, _ inputs: [Tensor], _ raiseException: Bool, _ complaints: () -> [String]) -> Bool {
    if inputs.contains(where: \.isPoisoned) { return false }
    guard inputs.contains(where: \.requiresGrad) else {
        fail(name, "none of the inputs requires a gradient; set requiresGrad of those that are to be differentiated")
        return false
    }
    let found = complaints()
    guard let first = found.first else { return true }
    if raiseException { fail(name, "the derivative \(first)") }
    return false
}
