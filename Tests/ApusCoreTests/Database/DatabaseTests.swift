import ApusCore
import ApusFormats
import Foundation
import TestSupport
import Testing

@Suite struct DatabaseTests {
    @Test func everyFunctionIsRecordedAndRun() {
        let lacking = Set(Database.functions.keys).symmetricDifference(Database.entries.keys)
        #expect(lacking.isEmpty, "record them with Tests/ApusCoreTests/Database/record_database.py, or write them in Swift")
    }

    /// In float64 PyTorch's results, gradients and gradients of gradients; in float32 its results.
    @Test(arguments: Database.entries.keys.sorted())
    func answers(_ name: String) throws {
        for (number, sample) in Database.entries[name]!.samples.enumerated() {
            let what = "sample \(number) of \(name): \(sample["arguments"]!.text) \(sample["named"]?.text ?? "")"
            try compareResults(name, sample, what, real: .float64, device: .cpu)
            try compareGradients(name, sample, what)
            try compareResults(name, sample, what, real: .float32, device: .cpu)
        }
    }

    /// The same results on other devices, and from the reference.
    @Test(arguments: Database.entries.keys.sorted())
    func answersOfDevices(_ name: String) throws {
        for device in Device.testedAndReference where device != .cpu {
            for (number, sample) in Database.entries[name]!.samples.enumerated() {
                let what = "sample \(number) of \(name) on \(device): \(sample["arguments"]!.text) \(sample["named"]?.text ?? "")"
                try compareResults(name, sample, what, real: .float32, device: device)
            }
        }
    }

    /// What PyTorch refuses is refused by an error, or by Swift's types where PyTorch complains of those.
    @Test(arguments: Database.entries.filter { !$0.value.errors.isEmpty }.keys.sorted())
    func refusals(_ name: String) throws {
        for sample in Database.entries[name]!.errors {
            let error = #expect(throws: (any Error).self, "\(name): \(sample.text)") {
                try checked {
                    let call = Call(sample, real: .float64, device: .cpu, differentiates: false)
                    for result in try Database.functions[name]!(call) { _ = values(result) }
                }
            }
            let message = sample["message"]!.string!
            #expect(
                !(error is Call.RuledOut) || DatabaseTests.complaintsOfTypes.contains { message.contains($0) },
                "\(name): \(error!), but PyTorch says: \(message)")
        }
    }

    /// PyTorch's words for arguments of a wrong kind; `max` of a tensor and a number is its maximum along a dim.
    private static let complaintsOfTypes = [
        "invalid combination of arguments", "expected Tensor as element", "only supports 0-dimensional start and end tensors",
        "must be a list/tuple", "Dimension out of range (expected to be in range of [-1, 0], but got 2)",
    ]

    private func compareResults(_ name: String, _ sample: JSON, _ what: String, real: DType, device: Device) throws {
        let call = Call(sample, real: real, device: device, differentiates: false)
        let found: [Tensor]
        do { found = try checked { try Database.functions[name]!(call) } } catch {
            Issue.record("\(what) in \(real): \(error)")
            return
        }
        #expect(call.unasked.isEmpty, "\(what): arguments that the test does not use")
        let expected = sample["results"]!.array!.map { Database.tensor($0, real: DatabaseTests.double.contains(name) ? .float64 : real)! }
        guard found.count == expected.count else {
            Issue.record("\(what): \(found.count) results of \(expected.count)")
            return
        }
        for (found, expected) in zip(found, expected) { compare(found, expected, what, real) }
    }

    private func compareGradients(_ name: String, _ sample: JSON, _ what: String) throws {
        guard let first = sample["first"]?.array else { return }
        let call = Call(sample, real: .float64, device: .cpu, differentiates: true)
        let inputs = call.differentiated
        do {
            try checked {
                // Leaves stay as they are where a function changes its argument.
                let results = try Database.functions[name]!(call)
                if !results.contains(where: \.requiresGrad) {
                    #expect(
                        first.allSatisfy {
                            $0 == .null || values(Database.tensor(["tensor": $0, "dtype": "float64"])!).allSatisfy { $0 == 0 }
                        }, "\(what): no gradient")
                    return
                }
                let second = sample["second"]?.array
                let grads = grad(
                    of: [weighted(results)], withRespectTo: inputs, createGraph: second != nil, allowUnused: true)
                for (found, expected) in zip(grads, first) { compareGradient(found, expected, "\(what): gradient") }
                guard let second else { return }
                let gradsOfGrads =
                    grads.contains { $0?.requiresGrad == true }
                    ? grad(of: [weighted(grads, from: 2)], withRespectTo: inputs, allowUnused: true) : inputs.map { _ in nil }
                for (found, expected) in zip(gradsOfGrads, second) { compareGradient(found, expected, "\(what): second gradient") }
            }
        } catch { Issue.record("\(what), gradient: \(error)") }
    }

    /// Σ w·x of those that can be differentiated, with the weights of `record_database.py`.
    private func weighted(_ tensors: [Tensor?], from first: Int = 0) -> Tensor {
        tensors.enumerated().reduce(Tensor(0.0, dtype: .float64)) { total, next in
            guard let x = next.element, x.requiresGrad else { return total }
            let weights = (0..<x.numel).map { cos(Double($0) * 0.7 + Double(first + next.offset)) }
            return total + (x * Tensor(weights, shape: x.shape, dtype: .float64)).sum()
        }
    }

    private func compareGradient(_ found: Tensor?, _ key: JSON, _ what: String) {
        guard let expected = Database.tensor(["tensor": key, "dtype": "float64"]) else {
            if let found { #expect(values(found).allSatisfy { $0 == 0 }, "\(what): PyTorch has none") }
            return
        }
        if let found {
            compare(found.to(.float64), expected, what, .float64)
        } else {
            #expect(values(expected).allSatisfy { $0 == 0 }, "\(what): there is none")
        }
    }

    /// Functions whose results are float64 whatever the operands.
    private static let double: Set = ["double", "float_power", "bincount", "item"]

    /// Answers are kept in float32. Beside its zeros PyTorch's J₀ is off by 5e-6 of its value; `SpecialFunctionTests` measures it exactly.
    private func compare(_ found: Tensor, _ expected: Tensor, _ what: String, _ real: DType) {
        let largest = values(expected).filter(\.isFinite).map(\.magnitude).max() ?? 0
        let tolerance = real == .float64 && expected.dtype == .float64 && !what.contains("bessel_j0") ? 2e-7 : 2e-5
        expectClose(found.detach(), expected, rtol: tolerance, atol: tolerance * max(largest, 1e-3), "\(what) in \(real)")
    }
}
