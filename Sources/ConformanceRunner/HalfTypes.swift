import Apus

extension ConformanceRunner {
    /// Runs cases recorded in float16 or bfloat16. Every value, of outputs and gradients, must be within PyTorch's tolerance for the
    /// dtype from PyTorch's value, or at most as far from the float64 value (for the same rounded inputs) as the worst of PyTorch's
    /// values in that tensor: PyTorch's kernels round between their steps, and not all stay within its tolerance. Classes in `composed`
    /// may be off by four more roundings.
    package func checkHalfTypes(_ folder: String, report: (Result) -> Void) throws {
        guard let only else { preconditionFailure("names one class") }
        for item in try Case.read("\(folder)/\(only)") {
            let complaint: String?
            do { complaint = try halfComplaint(item) } catch { complaint = "\(error)" }
            report(Result(module: item.module, key: item.key, complaint: complaint))
        }
    }

    /// Classes for which PyTorch rounds less often, since it has one kernel or a wider dtype for what are several ops here.
    private static let composed: Set<String> = ["BCEWithLogitsLoss", "GroupNorm", "GRU", "LSTM", "TransformerEncoderLayer"]

    private func halfComplaint(_ item: Case) throws -> String? {
        guard case .output(_, let output, let cotangents, _) = item.answer else { return "is no case with an answer" }
        func numbers(_ module: Module, _ dtype: DType?) throws -> [(name: String, tensor: Tensor)] {
            let (answer, leaves) = try called(item, module, dtype)
            try runBackward(answer, cotangents, dtype)
            return answer.tensors("output")
                + item.gradients.compactMap { gradient in leaves[gradient.leaf]?.grad.map { ("gradient of \(gradient.leaf)", $0) } }
        }
        let own = try numbers(try build(item), nil), exact = try numbers(try build(item).to(.float64), .float64)
        let recorded = output.tensors("output") + item.gradients.map { ("gradient of \($0.leaf)", $0.value) }
        guard own.map(\.name) == recorded.map(\.0), exact.count == own.count else {
            return "has \(own.map(\.name)) instead of \(recorded.map(\.0))"
        }
        for (i, (name, expected)) in recorded.enumerated() {
            if own[i].tensor.shape != expected.shape || own[i].tensor.dtype != expected.dtype {
                return "\(name) is \(own[i].tensor.dtype) \(own[i].tensor.shape) instead of \(expected.dtype) \(expected.shape)"
            }
            let (a, b, c) = (own[i].tensor.array(Double.self), expected.array(Double.self), exact[i].tensor.array(Double.self))
            let tolerance = Tolerance(half: expected.dtype)
            let rounding = (expected.dtype == .float16 ? 0x1p-11 : 0x1p-8) * (c.map { abs($0) }.max() ?? 0)
            let allowed = (zip(b, c).map { abs($0 - $1) }.max() ?? 0) + (Self.composed.contains(item.module) ? 4 * rounding : 0)
            let far = a.indices.filter {
                !(abs(a[$0] - b[$0]) <= tolerance.absolute + tolerance.relative * abs(b[$0]) || abs(a[$0] - c[$0]) <= allowed)
            }
            if let worst = far.max(by: { abs(a[$0] - c[$0]) < abs(a[$1] - c[$1]) }) {
                return
                    "\(name): \(far.count) of \(a.count) are too far, such as \(a[worst]); PyTorch has \(b[worst]), in float64 it is \(c[worst])"
            }
        }
        return nil
    }
}

extension Argument {
    /// The tensors in the value with their names: `output`, or `output/0`, `output/1/0` …
    fileprivate func tensors(_ name: String) -> [(name: String, tensor: Tensor)] {
        switch self {
        case .tensor(let tensor): [(name, tensor.detach())]
        case .list(let values): values.enumerated().flatMap { $0.element.tensors("\(name)/\($0.offset)") }
        default: []
        }
    }
}
