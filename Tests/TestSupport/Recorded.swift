import ApusCore
import ApusFormats
import Foundation

/// What the scripts beside a suite (`record_….py`) recorded of other programs, PyTorch above all, in its folder `Recorded`.
///
/// A file that is missing, or is not what the suite takes it for, ends the run with its path and the place within it: no test could say anything
/// without. What a suite makes of its recordings is an extension of this.
package enum Recorded {
    /// `NAME.json`, beside the source that asks. Numbers that JSON lacks are there by name: `"nan"`, `"-inf"`.
    package static func load<Value: Decodable>(
        _ name: String, as type: Value.Type = Value.self, beside source: String = #filePath
    ) -> Value {
        read("\(name).json", beside: source) { try JSON(contentsOf: $0).decoded() }
    }

    /// The tensors of `NAME.safetensors`, by key.
    package static func tensors(_ name: String, beside source: String = #filePath) -> StateDict {
        read("\(name).safetensors", beside: source) { try StateDict.load(from: $0) }
    }

    private static func read<Value>(_ file: String, beside source: String, _ read: (String) throws -> Value) -> Value {
        let path = inCheckout("Recorded/\(file)", beside: source).path
        do { return try read(path) } catch { fatalError(error is DecodingError ? "\(path): \(JSON.problem(error))" : "\(error)") }
    }
}

/// A tensor within a recorded file; float64 where nothing else is said.
package struct RecordedTensor: Decodable, Sendable {
    package let shape: [Int]
    package let dtype: String?
    package let values: [Double]

    package var tensor: Tensor { Tensor(values, shape: Shape(shape), dtype: dtype.map { DType($0)! } ?? .float64) }
}

extension JSON {
    /// What a recorded object has under a key that its script always writes; where it has not, the run ends with the key and what there is.
    package func value<Value: Decodable>(_ key: String, as type: Value.Type = Value.self) -> Value {
        do {
            guard let value = self[key] else { fatalError("there is no '\(key)' in \(text)") }
            return try value.decoded()
        } catch { fatalError("'\(key)': \(JSON.problem(error)) in \(text)") }
    }
}
