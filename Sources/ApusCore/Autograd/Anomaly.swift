/// Anomaly mode: checks every op's result and every gradient for NaN and infinity, and names the first op that produced one.
public enum Anomaly {
    /// Where an op was called: the path of its module and, in debug builds, the source lines.
    final class Origin {
        let modulePath: String?
        let trace: CallTrace

        init() {
            modulePath = Context.current.modulePath
            trace = CallTrace.capture()
        }
    }

    static func checkForward(_ inputs: [Tensor], _ output: Tensor) throws(OpError) {
        guard output.dtype.isFloatingPoint, !isFinite(output), inputs.allSatisfy({ !$0.dtype.isFloatingPoint || isFinite($0) }) else {
            return
        }
        let shapes = inputs.map { "\($0.shape)" }.joined(separator: ", ")
        throw OpError("made the first NaN or infinity, from finite inputs of shapes \(shapes)\(CallTrace.capture().lines)")
    }

    static func checkBackward(_ node: Node, _ gradients: Gradients) throws(OpError) {
        for (i, gradient) in gradients.enumerated() {
            guard let gradient, gradient.dtype.isFloatingPoint, !isFinite(gradient) else { continue }
            throw locate(
                OpError("its backward made the first NaN or infinity, in the gradient of input \(i) of shape \(gradient.shape)"), node)
        }
    }

    /// Adds to an error of the backward pass the op's name and, in anomaly mode, where it was called in the forward pass.
    static func locate(_ error: OpError, _ node: Node) -> OpError {
        var located = OpError(error.message + (node.origin?.trace.lines ?? ""), op: error.op.isEmpty ? node.name : error.op)
        located.modulePath = error.modulePath ?? node.origin?.modulePath
        return located
    }

    private static func isFinite(_ x: Tensor) -> Bool {
        noGrad {
            let context = Context.current
            let outer = context.anomaly
            context.anomaly = false
            defer { context.anomaly = outer }
            return x.detach().isfinite().all().item(Bool.self)
        }
    }
}

/// Runs `body` in anomaly mode: the first op that produces NaN or infinity, forward or backward, traps (or throws inside `checked`) with
/// its name, the module's path and, in debug builds, the source lines of the calls. Slow; for debugging only. PyTorch:
/// `torch.autograd.detect_anomaly`.
@discardableResult public func detectAnomaly<Result>(_ body: () throws -> Result) rethrows -> Result {
    let context = Context.current
    let outer = context.anomaly
    context.anomaly = true
    defer { context.anomaly = outer }
    return try body()
}
