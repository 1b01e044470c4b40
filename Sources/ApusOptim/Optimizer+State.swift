import ApusCore
import ApusSystem

/// What an optimizer needs to go on where it was: tensors, and numbers as text.
///
/// Names are PyTorch's, joined by dots: `state.0.exp_avg` (tensor), `state.0.step`, `param_groups.0.lr`, `param_groups.0.params`
/// (values). Parameters are numbered through all groups. A checkpoint holds the one as a section, the other as metadata.
public struct OptimizerState {
    /// Moments and buffers.
    public var tensors: StateDict
    /// Settings and step counts; numbers are spelt so that they come back to the same bits.
    public var values: [String: String]

    /// A state put together from a file.
    public init(tensors: StateDict, values: [String: String]) {
        self.tensors = tensors
        self.values = values
    }
}

extension Optimizer {
    /// Settings that only a schedule adds to a group.
    private static let scheduleSettings: [(String, OptionValue)] = [("initial_lr", 0.0)]

    /// The state: copies of all tensors, so that later steps do not change it. PyTorch: `state_dict`.
    public final func stateDict() -> OptimizerState {
        var tensors = StateDict()
        var values: [String: String] = [:]
        var number = 0
        for (g, group) in paramGroups.enumerated() {
            for (name, value) in group.options.entries { values["param_groups.\(g).\(name)"] = value.text }
            values["param_groups.\(g).params"] = "\(Array(number..<number + group.parameters.count))"
            for state in group.states {
                if let state {
                    if countsSteps { values["state.\(number).step"] = "\(state.step)" }
                    for (name, tensor) in state.tensors { tensors["state.\(number).\(name)"] = noGrad { tensor.clone() } }
                }
                number += 1
            }
        }
        return OptimizerState(tensors: tensors, values: values)
    }

    /// Takes over a state that `stateDict()` gave, of an optimizer of the same type with groups of the same sizes.
    ///
    /// Throws an `OptimizerStateError` that names everything that differs; then nothing has changed.
    /// Tensors are copied, to the parameters' devices and dtypes, float32 for parameters of a half type.
    public final func loadStateDict(_ state: OptimizerState) throws {
        var problems: [String] = []
        var unread = Set(state.values.keys)
        func value(_ key: String) -> String? {
            unread.remove(key)
            return state.values[key]
        }

        var groupOptions: [OptionList] = []
        var groupStates: [[ParameterState?]] = []
        var knownTensors: Set<ByteKey> = []
        var number = 0
        for (g, group) in paramGroups.enumerated() {
            let numbers = "\(Array(number..<number + group.parameters.count))"
            let paramsKey = "param_groups.\(g).params"
            if let found = value(paramsKey) {
                if found != numbers { problems.append("\(paramsKey) is \(found), the group's parameters are \(numbers)") }
            } else {
                problems.append("\(paramsKey) is missing")
            }
            var options = group.options
            for (name, example) in options.entries + Self.scheduleSettings.map({ (name: $0.0, value: $0.1) }) {
                let key = "param_groups.\(g).\(name)"
                guard let text = value(key) else {
                    if !Self.scheduleSettings.contains(where: { $0.0 == name }) { problems.append("\(key) is missing") }
                    continue
                }
                guard let read = OptionValue(text, like: example) else {
                    problems.append("\(key) is '\(text)', which is not like \(example.text)")
                    continue
                }
                options[name] = read
            }
            for (name, value) in fixedOptions { options[name] = value }
            let trial = ParameterGroup(group.parameters)
            trial.options = options
            if let problem = validate(trial) { problems.append("param_groups.\(g): \(problem)") }
            groupOptions.append(options)

            let names = stateNames(trial)
            var states: [ParameterState?] = []
            for parameter in group.parameters {
                var loaded = ParameterState()
                let stepKey = "state.\(number).step"
                let step = value(stepKey)
                if let step, countsSteps {
                    if let count = Int(step), count >= 0 { loaded.step = count } else { problems.append("\(stepKey) is '\(step)', not a count") }
                }
                for name in names {
                    let key = "state.\(number).\(name)"
                    guard let tensor = state.tensors[key] else { continue }
                    knownTensors.insert(ByteKey(key))
                    if !fits(tensor, name, parameter, trial) {
                        problems.append("\(key) has shape \(tensor.shape), its parameter \(parameter.shape)")
                    } else if !tensor.dtype.isFloatingPoint {
                        problems.append("\(key) is \(tensor.dtype), not a floating-point tensor")
                    } else {
                        loaded.tensors.append((name: name, tensor: noGrad { tensor.detach().to(parameter.device).to(keepsDouble(name) ? .float64 : parameter.dtype.computeType).clone() }))
                    }
                }
                if loaded.tensors.isEmpty && step == nil {
                    states.append(nil)
                } else {
                    // Momentum buffers are born together; moments belong to a count of steps.
                    for name in names where loaded[name] == nil && state.tensors["state.\(number).\(name)"] == nil {
                        problems.append("state.\(number).\(name) is missing")
                    }
                    if countsSteps && step == nil { problems.append("\(stepKey) is missing") }
                    states.append(loaded)
                }
                number += 1
            }
            groupStates.append(states)
        }
        for key in state.tensors.keys where !knownTensors.contains(ByteKey(key)) { problems.append("tensor \(key) is not one of this optimizer's") }
        for key in unread.sorted() { problems.append("value \(key) is not one of this optimizer's") }
        guard problems.isEmpty else { throw OptimizerStateError(owner: name, problems: problems) }
        for (g, group) in paramGroups.enumerated() {
            group.options = groupOptions[g]
            group.states = groupStates[g]
        }
    }
}

extension Optimizer: CustomStringConvertible {
    /// The groups and their settings, as PyTorch lays them out.
    public var description: String {
        var lines = [name + " ("]
        for (g, group) in paramGroups.enumerated() {
            lines.append("Parameter Group \(g)")
            for (setting, value) in group.options.entries.sorted(by: { $0.name < $1.name }) {
                let text = switch value {
                case .bool(let flag): flag ? "True" : "False"
                case .list(let values): "(" + values.map { "\($0)" }.joined(separator: ", ") + ")"
                default: value.text
                }
                lines.append("    \(setting): \(text)")
            }
            if g + 1 < paramGroups.count { lines.append("") }
        }
        return (lines + [")"]).joined(separator: "\n")
    }
}
