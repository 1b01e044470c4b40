import Apus
import Foundation
import TestSupport
import Testing

/// What `Tests/ApusNNTests/record_functions.py` recorded from PyTorch.
struct Recorded: Decodable {
    struct Numbers: Decodable {
        let shape: [Int]
        let values: [Double]
    }

    let texts: [String: String]
    let numbers: [String: Numbers]

    static let all: Recorded = {
        let path = inCheckout("Recorded/functions.json")
        do { return try JSONDecoder().decode(Recorded.self, from: Data(contentsOf: path)) } catch { fatalError("\(path.path): \(error)") }
    }()

    static func tensor(_ name: String, sourceLocation: SourceLocation = #_sourceLocation) -> Tensor {
        guard let numbers = all.numbers[name] else {
            Issue.record("nothing was recorded as \(name)", sourceLocation: sourceLocation)
            return Tensor.zeros([])
        }
        return Tensor(numbers.values, shape: Shape(numbers.shape), dtype: .float64)
    }

    /// The same numbers as the script's `wave`, in float64.
    static func wave(_ shape: Shape, k: Double = 0.7, scale: Double = 1) -> Tensor {
        Tensor((0..<shape.numel).map { sin(Double($0) * k + 0.3) * scale }, shape: shape, dtype: .float64)
    }

    /// Expects that `tensors` are what was recorded as `name/0`, `name/1` …
    static func expect(
        _ name: String, _ tensors: [Tensor], rtol: Double = 1e-10, atol: Double = 1e-12, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        for (i, actual) in tensors.enumerated() {
            expectClose(
                actual.detach(), tensor("\(name)/\(i)"), rtol: rtol, atol: atol, checkDType: false, "\(name)/\(i)",
                sourceLocation: sourceLocation)
        }
        #expect(all.numbers["\(name)/\(tensors.count)"] == nil, "more was recorded as \(name)", sourceLocation: sourceLocation)
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

    /// Expects the recorded printed form and keys.
    static func expectText(_ name: String, _ module: Module, sourceLocation: SourceLocation = #_sourceLocation) {
        if let text = all.texts["\(name)/repr"] { #expect("\(module)" == text, sourceLocation: sourceLocation) }
        #expect(module.stateDict().keys.joined(separator: " ") == all.texts["\(name)/keys"], sourceLocation: sourceLocation)
    }
}
