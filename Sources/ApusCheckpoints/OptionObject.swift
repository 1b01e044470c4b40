import ApusFormats
import ApusOptim

extension PyTorchObject {
    /// A value of a state. In a list None stands for NaN, a number that there is not; of settings, PyTorch's lists are tuples.
    init(_ value: OptionValue, listsAreTuples: Bool = false) {
        switch value {
        case .absent: self = .null
        case .bool(let value): self = PyTorchObject(value)
        case .int(let value): self = PyTorchObject(value)
        case .double(let value): self = PyTorchObject(value)
        case .string(let value): self = PyTorchObject(value)
        case .ints(let values): self = .list(values.map { PyTorchObject($0) })
        case .list(let values):
            let elements: [PyTorchObject] = values.map { $0.isNaN ? .null : PyTorchObject($0) }
            self = listsAreTuples ? .tuple(elements) : .list(elements)
        }
    }
}

extension OptionValue {
    /// The value that PyTorch has at `place` of a state: a number, bool, name, or list of numbers.
    init(_ object: PyTorchObject, _ place: String, of owner: String) throws {
        switch object.kind {
        case .null: self = .absent
        case .bool: self = .bool(object.bool!)
        case .string: self = .string(object.string!)
        case _ where object.int != nil: self = .int(object.int!)
        case .dictionary where !object.items.contains { $0.key.double == nil || $0.value.int == nil }:
            // Milestones that occur several times are repeated.
            self = .list(object.items.flatMap { Array(repeating: $0.key.double!, count: max($0.value.int!, 0)) }.sorted())
        case .tensor where object.shape?.numel == 1: self = .double(try object.tensor().item())
        case .list, .tuple:
            let numbers = object.elements.compactMap { $0.kind == .null ? Double.nan : $0.double }
            if numbers.count < object.elements.count { fallthrough }
            self = .list(numbers)
        default:
            guard let number = object.double else {
                throw CheckpointError(part: owner, reason: "\(place) is \(object), where a number, name or list should stand")
            }
            self = .double(number)
        }
    }
}
