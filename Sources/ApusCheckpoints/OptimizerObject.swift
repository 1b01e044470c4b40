import ApusCore
import ApusFormats
import ApusOptim

extension PyTorchObject {
    /// The state of an optimizer in PyTorch's representation: `state` by the parameters' indices, with step counts as tensors or integers,
    /// and `param_groups`. As in PyTorch, `state` has only parameters that had a step.
    init(_ state: OptimizerState, countsAreTensors: Bool) {
        var states: [Int: [(key: PyTorchObject, value: PyTorchObject)]] = [:]
        var groups: [Int: [(key: PyTorchObject, value: PyTorchObject)]] = [:]
        var stepped: Set<Int> = []
        for (key, value) in state.values.sorted(by: { $0.key < $1.key }) {
            let parts = key.split(separator: ".", maxSplits: 2).map(String.init)
            guard parts.count == 3, let number = Int(parts[1]) else { continue }
            if parts[0] == "state" {
                let count = value.number ?? 0
                states[number, default: []].append(
                    (
                        key: PyTorchObject(parts[2]),
                        value: value.number != nil && countsAreTensors ? .tensor(Tensor(Float(count))) : PyTorchObject(value)
                    ))
                if count > 0 { stepped.insert(number) }
            } else {
                groups[number, default: []].append((key: PyTorchObject(parts[2]), value: PyTorchObject(value, listsAreTuples: true)))
            }
        }
        for (key, tensor) in state.tensors {
            let parts = key.split(separator: ".", maxSplits: 2).map(String.init)
            let number = Int(parts[1])!
            states[number, default: []].append((key: PyTorchObject(parts[2]), value: .tensor(tensor)))
            stepped.insert(number)
        }
        states = states.filter { stepped.contains($0.key) }
        self = [
            "state": .dictionary(states.sorted { $0.key < $1.key }.map { (key: PyTorchObject($0.key), value: .dictionary($0.value)) }),
            "param_groups": .list(groups.sorted { $0.key < $1.key }.map { .dictionary($0.value) }),
        ]
    }
}

extension OptimizerState {
    /// PyTorch's settings that choose an implementation and do not change the result.
    private static let implementations: Set<String> = ["foreach", "capturable", "differentiable", "fused"]

    /// Parses a state in the representation of PyTorch's `optimizer.state_dict()`.
    init(_ object: PyTorchObject, of optimizer: String) throws {
        func wrong(_ reason: String) -> CheckpointError { CheckpointError(part: optimizer, reason: reason) }
        guard let states = object["state"], states.kind == .dictionary, let groups = object["param_groups"], groups.kind == .list else {
            throw wrong("no state and param_groups but \(object): not the state of an optimizer")
        }
        self.init(tensors: StateDict(), values: [:])
        // Parameters are numbered consecutively through all groups; a file may use other numbers.
        var numbers: [Int: Int] = [:]
        for (g, group) in groups.elements.enumerated() {
            for (key, value) in group.items {
                guard let name = key.string else { throw wrong("param_groups.\(g) has the key \(key)") }
                if name == "params" {
                    let first = numbers.count
                    for parameter in value.elements {
                        guard let number = parameter.int, numbers.updateValue(numbers.count, forKey: number) == nil else {
                            throw wrong("param_groups.\(g).params holds \(parameter), where numbers of parameters should stand, each once")
                        }
                    }
                    values["param_groups.\(g).params"] = .ints(Array(first..<numbers.count))
                } else if !Self.implementations.contains(name) && !ScheduleObject.isOfSchedule(name) {
                    values["param_groups.\(g).\(name)"] = try OptionValue(value, "param_groups.\(g).\(name)", of: optimizer)
                }
            }
        }
        for (key, state) in states.items {
            guard let number = key.int.flatMap({ numbers[$0] }) else { throw wrong("state of parameter \(key), which is in no group") }
            for (key, value) in state.items {
                guard let name = key.string else { throw wrong("state.\(number) has the key \(key)") }
                if value.kind == .null { // A momentum buffer before the first step.
                    values["state.\(number).\(name)"] = .absent
                } else if name == "step" {
                    guard let count = try value.int ?? value.single.flatMap({ Int(exactly: $0) }) else {
                        throw wrong("state.\(number).step is \(value), which is no count")
                    }
                    values["state.\(number).step"] = .int(count)
                } else if value.isTensor {
                    tensors["state.\(number).\(name)"] = try value.tensor()
                } else if let single = value.double {
                    tensors["state.\(number).\(name)"] = Tensor(single)
                } else {
                    throw wrong("state.\(number).\(name) is \(value), where a tensor or a number should stand")
                }
            }
        }
    }
}
