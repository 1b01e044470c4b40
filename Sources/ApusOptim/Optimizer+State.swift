import ApusCore
import ApusSystem

/// What an optimizer needs to continue: tensors, and numbers as text.
///
/// Names are PyTorch's, joined by dots: `state.0.exp_avg` (tensor), `state.0.step`, `param_groups.0.lr`, `param_groups.0.params`
/// (values). Parameters are numbered across all groups. A checkpoint holds the tensors as a section and the values as metadata.
public struct OptimizerState {
    /// Moments and buffers.
    public var tensors: StateDict
    /// Settings and step counts; numbers are written so that they are read back exactly.
    public var values: [String: String]

    /// A state from its parts, read from a file.
    public init(tensors: StateDict, values: [String: String]) {
        self.tensors = tensors
        self.values = values
    }
}

extension ParameterGroup {
    /// All settings by PyTorch's names, and the initial rate where a schedule has set one.
    fileprivate var entries: [(name: String, value: OptionValue)] {
        (settings?.entries ?? own) + (initialLR.map { [(name: "initial_lr", value: .double($0))] } ?? [])
    }
}

extension Optimizer {
    /// A copy of the state, which later steps do not change. Where processes share its steps, all call it, and all get the whole.
    /// PyTorch: `state_dict`.
    public final func stateDict() -> OptimizerState {
        var tensors = StateDict()
        var values: [String: String] = [:]
        var number = 0
        for (g, group) in paramGroups.enumerated() {
            for (name, value) in group.entries { values["param_groups.\(g).\(name)"] = value.text }
            values["param_groups.\(g).params"] = "\(Array(number..<number + group.parameters.count))"
            guard let settings = group.settings.map({ type(of: $0) }) else { continue }
            for (parameter, state) in zip(group.parameters, group.states) {
                if let state {
                    if settings.countsSteps { values["state.\(number).step"] = "\(state.step)" }
                    for (name, tensor) in zip(settings.stateNames, state.tensors) {
                        if let tensor { tensors["state.\(number).\(name)"] = noGrad { whole(tensor, of: parameter) } }
                    }
                }
                number += 1
            }
        }
        return OptimizerState(tensors: tensors, values: values)
    }

    /// A copy of a parameter's state; put together where processes have parts of it.
    private func whole(_ tensor: Tensor, of parameter: Tensor) -> Tensor {
        guard let sharedSteps, tensor.shape == [sharedSteps.range(of: parameter).count] else { return tensor.clone() }
        do { return try sharedSteps.whole(tensor, of: parameter) } catch { return fail(name + ".stateDict", "\(error)") }
    }

    /// What this process keeps of a parameter's state.
    private func own(_ tensor: Tensor, of parameter: Tensor) -> Tensor {
        guard let sharedSteps, tensor.shape == parameter.shape else { return tensor }
        let range = sharedSteps.range(of: parameter)
        return noGrad { tensor.reshape(-1)[range].clone() }
    }

    /// Restores a state from `stateDict()` of an optimizer of the same type with groups of the same sizes.
    ///
    /// Throws an `OptimizerStateError` that names everything that differs; then nothing has changed.
    /// Tensors are copied to the parameters' devices and dtypes, but float32 for half-precision parameters.
    public final func loadStateDict(_ state: OptimizerState) throws { try loading(state)() }

    /// Reads and checks a state as ``loadStateDict(_:)`` does; nothing changes before what it returns is called.
    package final func loading(_ state: OptimizerState) throws -> () -> Void {
        var reader = StateReader(state)
        var loaded: [(group: ParameterGroup, settings: any OptimizerSettings, initialLR: Double?, states: [ParameterState?])] = []
        for (g, group) in paramGroups.enumerated() {
            guard let settings = group.settings else { continue }
            let numbers = reader.number..<reader.number + group.parameters.count
            reader.readParameters("param_groups.\(g).params", numbers)
            let read = settled(reader.readSettings("param_groups.\(g)", settings))
            if let problem = read.firstProblem() { reader.problems.append("param_groups.\(g): \(problem)") }
            let rate = reader.readSetting("param_groups.\(g).initial_lr", like: .double(0), isOptional: true)?.number
            loaded.append((group, read, rate ?? group.initialLR, readStates(group, read, &reader)))
        }
        try reader.finish(name)
        return { [loaded] in
            for (group, settings, initialLR, states) in loaded {
                (group.settings, group.initialLR, group.states) = (settings, initialLR, states)
            }
        }
    }

    private func readStates<Settings: OptimizerSettings>(
        _ group: ParameterGroup, _ settings: Settings, _ reader: inout StateReader
    ) -> [ParameterState?] {
        group.parameters.map { parameter in
            defer { reader.number += 1 }
            var state = ParameterState()
            var missing: [String] = []
            let step = Settings.countsSteps ? reader.readCount("state.\(reader.number).step") : nil
            state.step = step ?? 0
            for (place, slot) in Settings.state.enumerated() {
                let key = "state.\(reader.number).\(slot.name)"
                guard let tensor = reader.tensor(key) else {
                    if slot.isNeeded(settings) { missing.append("\(key) is missing") }
                    continue
                }
                if !fits(tensor.shape, place, parameter, group, settings) {
                    reader.problems.append("\(key) has shape \(tensor.shape), its parameter \(parameter.shape)")
                } else if !tensor.dtype.isFloatingPoint {
                    reader.problems.append("\(key) is \(tensor.dtype), not a floating-point tensor")
                } else {
                    state.remember(own(slot.adopt(tensor, parameter), of: parameter), at: place, of: Settings.state.count)
                }
            }
            if state.tensors.isEmpty && step == nil { return nil }
            // Momentum buffers are all created in one step; moments need a step count.
            reader.problems += missing
            if Settings.countsSteps && step == nil { reader.problems.append("state.\(reader.number).step is missing") }
            return state
        }
    }
}

/// Reads a state by its keys, and records what does not fit and which keys were not read.
private struct StateReader {
    private let state: OptimizerState
    private var unread: Set<String>
    private var known: Set<ByteKey> = []
    /// The index of the current parameter across all groups.
    var number = 0
    var problems: [String] = []

    init(_ state: OptimizerState) {
        self.state = state
        unread = Set(state.values.keys)
    }

    private mutating func value(_ key: String) -> String? {
        unread.remove(key)
        return state.values[key]
    }

    mutating func readParameters(_ key: String, _ numbers: Range<Int>) {
        let wanted = "\(Array(numbers))"
        guard let found = value(key) else {
            problems.append("\(key) is missing")
            return
        }
        if found != wanted { problems.append("\(key) is \(found), the group's parameters are \(wanted)") }
    }

    mutating func readSetting(_ key: String, like example: OptionValue, isOptional: Bool = false) -> OptionValue? {
        guard let text = value(key) else {
            if !isOptional { problems.append("\(key) is missing") }
            return nil
        }
        let read = OptionValue(text, like: example)
        if read == nil { problems.append("\(key) is '\(text)', which is not like \(example.text)") }
        return read
    }

    mutating func readSettings(_ group: String, _ present: any OptimizerSettings) -> any OptimizerSettings {
        var settings = present
        for (name, example) in present.entries {
            guard let read = readSetting("\(group).\(name)", like: example) else { continue }
            if settings.set(name, read) != nil { problems.append("\(group).\(name) is '\(read.text)', which is not like \(example.text)") }
        }
        return settings
    }

    mutating func readCount(_ key: String) -> Int? {
        guard let text = value(key) else { return nil }
        if let count = Int(text), count >= 0 { return count }
        problems.append("\(key) is '\(text)', not a count")
        return 0
    }

    mutating func tensor(_ key: String) -> Tensor? {
        guard let tensor = state.tensors[key] else { return nil }
        known.insert(ByteKey(key))
        return tensor
    }

    /// Throws if anything does not fit.
    func finish(_ owner: String) throws {
        let strange = state.tensors.keys.filter { !known.contains(ByteKey($0)) }.map { "tensor \($0) is not one of this optimizer's" }
        let all = problems + strange + unread.sorted().map { "value \($0) is not one of this optimizer's" }
        guard all.isEmpty else { throw OptimizerStateError(owner: owner, problems: all) }
    }
}

extension Optimizer: CustomStringConvertible {
    /// The groups and their settings, formatted as in PyTorch.
    public var description: String {
        var lines = [name + " ("]
        for (g, group) in paramGroups.enumerated() {
            lines.append("Parameter Group \(g)")
            for (setting, value) in group.entries.sorted(by: { $0.name < $1.name }) {
                let text =
                    switch value {
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
