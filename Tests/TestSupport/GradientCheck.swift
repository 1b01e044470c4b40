import ApusCore
import Testing

/// Compares the derivatives that autograd computes for `f` with finite differences, in float64: first derivatives and, unless `second` is
/// false, second ones (derivatives of the gradient with respect to the inputs and to the incoming gradient).
///
/// The floating-point tensors among `inputs` are converted to float64 and differentiated; others (indices, masks) are passed on as they are.
/// `f` must be smooth within 2·`step` of the inputs: choose inputs away from kinks. It is called often; keep the inputs small.
package func checkGradients(
    _ inputs: [Tensor], second: Bool = true, step: Double = 1e-4, rtol: Double = 1e-6, atol: Double = 1e-8, _ what: String = "",
    sourceLocation: SourceLocation = #_sourceLocation, _ f: ([Tensor]) -> Tensor
) {
    func report(_ complaints: [String], _ derivative: String) {
        for complaint in complaints {
            let text = "\(what.isEmpty ? "" : "\(what): ")\(derivative) derivative \(complaint)"
            Issue.record(Comment(rawValue: text), sourceLocation: sourceLocation)
        }
    }
    let check = GradientCheck(eps: step, atol: atol, rtol: rtol, isFast: true)
    let leaves = inputs.map { x in
        x.dtype.isFloatingPoint ? Tensor(values(x), shape: x.shape, dtype: .float64, device: x.device).requiresGrad_() : x.detach()
    }
    let output = f(leaves)
    guard output.dtype == .float64 else { return report(["cannot be checked: the output is \(output.dtype), not float64"], "first") }
    guard output.requiresGrad else { return report(["cannot be checked: the output has no graph"], "first") }
    let first = check.complaints(leaves) { [f($0)] }
    report(first, "first")
    if second, first.isEmpty { report(check.secondComplaints(leaves) { [f($0)] }, "second") }
}
