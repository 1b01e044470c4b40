import ApusCore
import ApusFormats
import ApusSystem

/// What `apus convert` does: a file of tensors in another format. What the new format has no place for is metadata there, or listed.
public struct FileConversion {
    /// The number of tensors written.
    public private(set) var count = 0
    /// What is not in the new file, or is another type there, and why.
    public private(set) var notes: [(key: String, reason: String)] = []

    /// Reads the file at `input`, of any format, and writes `output` in the format that its ending says. Names are the paths in the file joined by
    /// dots; a lone tensor is `tensor`. A PyTorch file that holds data alone becomes one of today's layout with the whole object.
    public init(_ input: String, to output: String, at place: String = "") throws {
        let file = try TensorFile(input, at: place)
        let format = TensorFile.Format(ending: output) ?? .safetensors
        if let pyTorch = file.pyTorch, format == .pyTorch, place.isEmpty {
            do {
                try pyTorch.root.save(to: output)
                count = file.tensors.count
                return
            } catch is FormatError {
                // Objects of classes cannot be written: the tensors can.
            }
        }
        notes = file.leftOut.map { ($0.key, "left out: \($0.reason)") }
        var tensors = StateDict()
        for (key, tensor) in file.tensors {
            // NumPy has no bfloat16; float32 has all its values.
            if tensor.dtype == .bfloat16, format == .npz || format == .npy {
                tensors[key] = tensor.to(.float32)
                notes.append((key, "bfloat16 is written as float32, which has the same values"))
            } else {
                tensors[key] = tensor
            }
        }
        if format != .safetensors {
            for (key, value) in file.metadata {
                notes.append((key, "left out: \(format.rawValue) has no place for the text '\(printable(value))'"))
            }
        }
        try tensors.save(to: output, metadata: format == .safetensors ? file.metadata : [:])
        count = tensors.count
    }
}
