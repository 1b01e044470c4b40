import ApusCore
import ApusNN
import Foundation
import TestSupport
import Testing

extension Recorded {
    /// What `Tests/ApusNNTests/record_functions.py` recorded from PyTorch.
    struct Functions: Decodable {
        let texts: [String: String]
        let numbers: [String: RecordedTensor]
    }
    static let functions: Functions = load("functions")

    static func tensor(_ name: String, sourceLocation: SourceLocation = #_sourceLocation) -> Tensor {
        if let numbers = functions.numbers[name] { return numbers.tensor }
        Issue.record("nothing was recorded as \(name)", sourceLocation: sourceLocation)
        return Tensor.zeros([])
    }

    /// The same numbers as the script's `wave`, in float64.
    static func wave(_ shape: Shape, k: Double = 0.7, scale: Double = 1) -> Tensor {
        Tensor((0..<shape.numel).map { sin(Double($0) * k + 0.3) * scale }, shape: shape, dtype: .float64)
    }

    /// Expects that `tensors` equal those recorded as `name/0`, `name/1` …
    static func expect(
        _ name: String, _ tensors: [Tensor], rtol: Double = 1e-10, atol: Double = 1e-12, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        for (i, actual) in tensors.enumerated() {
            expectClose(
                actual.detach(), tensor("\(name)/\(i)"), rtol: rtol, atol: atol, checkDType: false, "\(name)/\(i)",
                sourceLocation: sourceLocation)
        }
        #expect(functions.numbers["\(name)/\(tensors.count)"] == nil, "more was recorded as \(name)", sourceLocation: sourceLocation)
    }

    /// Expects the recorded output, and the gradients of its sum weighted by `wave(k: 2.3)`.
    static func expectDifferentiated(
        _ name: String, _ inputs: Tensor..., sourceLocation: SourceLocation = #_sourceLocation, f: ([Tensor]) -> Tensor
    ) {
        let leaves = inputs.map { $0.detach().clone().requiresGrad_() }
        let output = f(leaves)
        let gradients =
            output.requiresGrad
            ? grad(of: [output], withRespectTo: leaves, gradients: [wave(output.shape, k: 2.3)], allowUnused: true)
            : leaves.map { _ in nil }
        expect(name, [output] + zip(leaves, gradients).map { $1 ?? Tensor.zeros(like: $0) }, sourceLocation: sourceLocation)
    }

    /// Expects the recorded printed form and state keys.
    static func expectText(_ name: String, _ module: Module, sourceLocation: SourceLocation = #_sourceLocation) {
        if let text = functions.texts["\(name)/repr"] { #expect("\(module)" == text, sourceLocation: sourceLocation) }
        #expect(module.stateDict().keys.joined(separator: " ") == functions.texts["\(name)/keys"], sourceLocation: sourceLocation)
    }
}
