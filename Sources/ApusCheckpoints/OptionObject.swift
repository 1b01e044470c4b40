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

extension PyTorchObject {
    /// The value of a number, or of a tensor or array of one element, as PyTorch keeps rates of capturable optimizers and counts of steps;
    /// nil for others.
    var single: Double? {
        get throws {
            guard isTensor else { return double }
            let tensor = try tensor()
            return tensor.numel == 1 ? tensor.item(Double.self) : nil
        }
    }
}

extension OptionValue {
    /// The most milestones that a state may have: a file says in a few bytes how often each occurs.
    private static let mostMilestones = 1_000_000

    /// The value that PyTorch has at `place` of a state: a number, bool, name, or list of numbers. A tensor of one element is its number.
    init(_ object: PyTorchObject, _ place: String, of owner: String) throws {
        func wrong(_ reason: String) -> CheckpointError { CheckpointError(part: owner, reason: "\(place) is \(object), \(reason)") }
        switch object.kind {
        case .null: self = .absent
        case .bool: self = .bool(object.bool!)
        case .string: self = .string(object.string!)
        case _ where object.int != nil: self = .int(object.int!)
        case .dictionary where !object.items.contains { $0.key.double == nil || $0.value.int == nil }:
            // Milestones that occur several times are repeated.
            var milestones: [Double] = []
            for (key, value) in object.items {
                guard value.int! <= Self.mostMilestones - milestones.count else {
                    throw wrong("with more than \(Self.mostMilestones) numbers in all")
                }
                milestones += Array(repeating: key.double!, count: max(value.int!, 0))
            }
            self = .list(milestones.sorted())
        case .list, .tuple:
            let numbers = try object.elements.compactMap { $0.kind == .null ? Double.nan : try $0.single }
            if numbers.count < object.elements.count { fallthrough }
            self = .list(numbers)
        default:
            guard let number = try object.single else { throw wrong("where a number, name or list should stand") }
            self = .double(number)
        }
    }
}
