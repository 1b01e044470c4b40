import ApusCore
import ApusFormats

/// A type of sample, or of a part of a sample, that batches can be made of without a custom function. PyTorch: the types that
/// `default_collate` supports.
///
/// | samples | batch |
/// | --- | --- |
/// | tensors of one shape and dtype | one tensor with a new first dimension |
/// | numbers and Bools | a tensor of one dimension: float64 for `Double`, float32 for `Float`, int64 for `Int` |
/// | `String`s | an array |
/// | arrays of one length, dictionaries with the same keys | an array or a dictionary of what its parts give |
///
/// Tuples, which cannot conform to a protocol, are collated part by part (``Dataset``). To make a struct conform, implement `collate`.
public protocol Collatable {
    /// Several samples, collated.
    associatedtype Collated
    /// Collates `samples`. Throws if they do not fit together; the error names the first that differs.
    static func collate(_ samples: [Self]) throws -> Collated
}

extension Tensor: Collatable {
    /// Stacks the tensors along a new first dimension.
    public static func collate(_ samples: [Tensor]) throws -> Tensor { try stacked(samples) }
}

extension TensorElement {
    /// A one-dimensional tensor of the numbers, in their own dtype.
    public static func collate(_ samples: [Self]) throws -> Tensor {
        try tensor([samples.count], dtype) { out in samples.withUnsafeBytes { out.copyMemory(from: $0) } }
    }
}

extension Bool: Collatable {}
extension Int: Collatable {}
extension Int64: Collatable {}
extension Int32: Collatable {}
extension Int16: Collatable {}
extension Int8: Collatable {}
extension UInt8: Collatable {}
extension Double: Collatable {}
extension Float: Collatable {}
extension Float16: Collatable {}
extension BFloat16: Collatable {}

extension String: Collatable {
    /// The strings as they are.
    public static func collate(_ samples: [String]) -> [String] { samples }
}

extension Array: Collatable where Element: Collatable {
    /// Collates the first elements, the second elements, and so on.
    public static func collate(_ samples: [[Element]]) throws -> [Element.Collated] {
        guard let first = samples.first else { return [] }
        if let odd = samples.firstIndex(where: { $0.count != first.count }) {
            throw CollationError(
                position: odd,
                description: "an array of \(samples[odd].count) elements, where the batch's first has \(first.count)\(remedy)")
        }
        return try first.indices.map { i in try collated(part: "element \(i)", samples.map { $0[i] }) }
    }
}

extension Dictionary: Collatable where Value: Collatable {
    /// Collates the values of each key.
    public static func collate(_ samples: [[Key: Value]]) throws -> [Key: Value.Collated] {
        guard let first = samples.first else { return [:] }
        func listed(_ sample: [Key: Value]) -> [String] { sample.keys.map { "\($0)" }.sorted() }
        if let odd = samples.firstIndex(where: { $0.keys != first.keys }) {
            throw CollationError(
                position: odd,
                description: "a dictionary with the keys \(listed(samples[odd])), where the batch's first has \(listed(first))\(remedy)")
        }
        var together: [Key: Value.Collated] = [:]
        for key in first.keys { together[key] = try collated(part: "'\(key)'", samples.map { $0[key]! }) }
        return together
    }
}

/// Thrown for samples that do not fit together; `position` is the index in the batch of the first one that differs.
struct CollationError: Error, CustomStringConvertible {
    let position: Int
    let description: String
}

private let remedy = "; make samples alike, or give the loader a collate function"

/// Stacks tensors of one shape and dtype along a new first dimension: [count, …]. Errors name the first tensor that differs.
package func stacked(_ tensors: [Tensor]) throws -> Tensor {
    guard let first = tensors.first else { return try Tensor.uninitialized([0], .float32, .cpu) }
    var shape = first.shape
    shape.insert(tensors.count, at: 0)
    for (position, tensor) in tensors.enumerated() where tensor.shape != first.shape || tensor.dtype != first.dtype {
        throw CollationError(
            position: position,
            description:
                "a tensor of shape \(tensor.shape) and dtype \(tensor.dtype), where the batch's first has \(first.shape) and \(first.dtype)\(remedy)"
        )
    }
    return try tensor(shape, first.dtype) { out in
        let size = first.numel * first.dtype.size
        guard size > 0 else { return }
        for (position, tensor) in tensors.enumerated() {
            try withHostBytes(of: tensor) {
                out.baseAddress!.advanced(by: position * size).copyMemory(from: $0.baseAddress!, byteCount: size)
            }
        }
    }
}

/// Collates one part of all samples; errors name the part.
private func collated<Part: Collatable>(part: String, _ parts: [Part]) throws -> Part.Collated {
    do {
        return try Part.collate(parts)
    } catch let error as CollationError {
        throw CollationError(position: error.position, description: "\(error.description) (in \(part))")
    }
}

/// Collates samples as ``Collatable`` says. PyTorch: `torch.utils.data.default_collate`.
public func defaultCollate<Sample: Collatable>(_ samples: [Sample]) throws -> Sample.Collated { try Sample.collate(samples) }

/// Collates tuples part by part, to implement a `collate` of samples that are not tuples:
/// ```swift
/// func collate(_ samples: [Drive]) throws -> (Tensor, Tensor) { try defaultCollate(samples.map { ($0.view, $0.angle) }) }
/// ```
public func defaultCollate<each Part: Collatable>(_ samples: [(repeat each Part)]) throws -> (repeat (each Part).Collated) {
    let columns = (repeat Column<each Part>())
    for sample in samples { repeat (each columns).parts.append(each sample) }
    var number = 0
    func next<Next: Collatable>(_ column: Column<Next>) throws -> Next.Collated {
        defer { number += 1 }
        return try collated(part: "part \(number)", column.parts)
    }
    return try (repeat next(each columns))
}

/// The values of one part of many tuples. A class, since arrays in a parameter pack cannot grow in place.
private final class Column<Part> {
    var parts: [Part] = []
}
