import ApusCore
import ApusSystem

/// What an optimizer needs to continue: tensors, and numbers.
///
/// Names are PyTorch's, joined by dots: `state.0.exp_avg` (tensor), `state.0.step`, `param_groups.0.lr`, `param_groups.0.params`
/// (values). Parameters are numbered across all groups. A parameter that no step has updated yet has the step 0, and in place of each of its
/// tensors the value `None`.
public struct OptimizerState {
    /// Moments and buffers.
    public var tensors: StateDict
    /// Settings and step counts: `state.values["param_groups.0.lr"]?.number`.
    public var values: [String: OptionValue]

    /// A state from its parts. Values from a file may be their texts: ``OptionValue/string(_:)``.
    public init(tensors: StateDict, values: [String: OptionValue]) {
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
        var values: [String: OptionValue] = [:]
        var number = 0
        for (g, group) in paramGroups.enumerated() {
            for (name, value) in group.entries { values["param_groups.\(g).\(name)"] = value }
            values["param_groups.\(g).params"] = .ints(Array(number..<number + group.parameters.count))
            guard let settings = group.settings else { continue }
            for (i, (parameter, state)) in zip(group.parameters, group.states).enumerated() {
                if type(of: settings).countsSteps { values["state.\(number).step"] = .int(state?.step ?? 0) }
                for (place, name) in type(of: settings).stateNames.enumerated() {
                    if let tensor = state.flatMap({ $0[place] }) {
                        tensors["state.\(number).\(name)"] = noGrad { whole(tensor, type(of: settings), place, of: parameter) }
                    } else if keeps(place, ofParameter: i, group, settings) {
                        values["state.\(number).\(name)"] = .absent
                    }
                }
                number += 1
            }
        }
        return OptimizerState(tensors: tensors, values: values)
    }

    /// `state`, in which parameters that it does not name have had no step: PyTorch and earlier versions leave them out.
    package final func completed(_ state: OptimizerState) -> OptimizerState {
        let named = Set(
            (state.tensors.keys + state.values.keys).compactMap { key in
                let parts = key.split(separator: ".", maxSplits: 2)
                return parts.count == 3 && parts[0] == "state" ? Int(parts[1]) : nil
            })
        var (state, number) = (state, 0)
        for group in paramGroups {
            for _ in group.parameters {
                if !named.contains(number), let settings = group.settings.map({ type(of: $0) }) {
                    if settings.countsSteps { state.values["state.\(number).step"] = .int(0) }
                    for name in settings.stateNames { state.values["state.\(number).\(name)"] = .absent }
                }
                number += 1
            }
        }
        return state
    }

    /// A copy of a parameter's state; put together where processes have parts of it.
    private func whole(_ tensor: Tensor, _ settings: any OptimizerSettings.Type, _ place: Int, of parameter: Tensor) -> Tensor {
        guard let sharedSteps, settings.isOfElements(place, sharedSteps.range(of: parameter).count) else { return tensor.clone() }
        do { return try sharedSteps.whole(tensor, of: parameter) } catch { return fail(name + ".stateDict", "\(error)") }
    }

    /// What this process keeps of a parameter's state.
    private func own(_ tensor: Tensor, _ settings: any OptimizerSettings.Type, _ place: Int, of parameter: Tensor) -> Tensor {
        guard let range = sharedSteps?.range(of: parameter), settings.isOfElements(place, range.count) else { return tensor }
        return noGrad { tensor.reshape(-1)[range].clone() }
    }

    /// Restores a state from `stateDict()` of an optimizer of the same type with groups of the same sizes.
    ///
    /// Throws an `OptimizerStateError` that names everything that differs or is missing; then nothing has changed. Only `initial_lr` may be
    /// missing, as it is before a schedule is made; a group that has one keeps it.
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
            let rate = reader.readRate("param_groups.\(g).initial_lr")
            let states = readStates(group, read, &reader)
            if reader.problems.isEmpty, let problem = problem(of: states) { reader.problems.append(problem) }
            loaded.append((group, read, rate, states))
        }
        try reader.finish(name)
        return { [loaded] in
            for (group, settings, initialLR, states) in loaded {
                (group.settings, group.states) = (settings, states)
                if let initialLR { group.initialLR = initialLR }
            }
        }
    }

    /// What puts settings, rates and states back to how they are now, where loading has changed them. Groups that have come since stay.
    package final func undoing() -> () throws -> Void {
        let before = paramGroups.map { ($0, $0.settings, $0.initialLR, $0.states) }
        return {
            for (group, settings, initialLR, states) in before {
                (group.settings, group.initialLR, group.states) = (settings, initialLR, states)
            }
        }
    }

    private func readStates<Settings: OptimizerSettings>(
        _ group: ParameterGroup, _ settings: Settings, _ reader: inout StateReader
    ) -> [ParameterState?] {
        group.parameters.enumerated().map { i, parameter in
            defer { reader.number += 1 }
            var state = ParameterState()
            if Settings.countsSteps { state.step = reader.readCount("state.\(reader.number).step") }
            for (place, slot) in Settings.state.enumerated() {
                let key = "state.\(reader.number).\(slot.name)"
                guard let tensor = reader.tensor(key) else {
                    reader.readAbsence(key, isOptional: !keeps(place, ofParameter: i, group, settings))
                    continue
                }
                // Earlier versions kept an empty tensor where the parameter has none.
                if slot.shape(of: parameter) == nil && tensor.shape == [0] { continue }
                if !fits(tensor.shape, place, parameter, group, settings) {
                    reader.problems.append("\(key) has shape \(tensor.shape), its parameter \(parameter.shape)")
                } else if !tensor.dtype.isFloatingPoint {
                    reader.problems.append("\(key) is \(tensor.dtype), not a floating-point tensor")
                } else {
                    let own = own(slot.adopt(tensor, parameter), Settings.self, place, of: parameter)
                    state.remember(own, at: place, of: Settings.state.count)
                }
            }
            return state.tensors.isEmpty && state.step == 0 ? nil : state
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

    /// The value of that name. Where there is none, that is a problem unless it is optional.
    private mutating func value(_ key: String, isOptional: Bool = false) -> OptionValue? {
        unread.remove(key)
        if state.values[key] == nil && !isOptional { problems.append("\(key) is missing") }
        return state.values[key]
    }

    mutating func readParameters(_ key: String, _ numbers: Range<Int>) {
        let wanted = OptionValue.ints(Array(numbers))
        guard let found = value(key) else { return }
        if found.read(like: wanted) != wanted { problems.append("\(key) is \(found.text), the group's parameters are \(wanted.text)") }
    }

    mutating func readSetting(_ key: String, like example: OptionValue, isOptional: Bool = false) -> OptionValue? {
        guard let found = value(key, isOptional: isOptional) else { return nil }
        let read = found.read(like: example)
        if read == nil { problems.append("\(key) is '\(found.text)', which is not like \(example.text)") }
        return read
    }

    mutating func readRate(_ key: String) -> Double? {
        guard let read = readSetting(key, like: .double(0), isOptional: true) else { return nil }
        if read.number == nil { problems.append("\(key) is '\(read.text)', not a number") }
        return read.number
    }

    /// Reads that there is no tensor `key`.
    mutating func readAbsence(_ key: String, isOptional: Bool) {
        if let found = value(key, isOptional: isOptional), found != .absent {
            problems.append("\(key) is '\(found.text)', neither a tensor nor \(OptionValue.absent.text)")
        }
    }

    mutating func readSettings(_ group: String, _ present: any OptimizerSettings) -> any OptimizerSettings {
        var settings = present
        for (name, example) in present.entries {
            guard let read = readSetting("\(group).\(name)", like: example) else { continue }
            if settings.set(name, read) != nil { problems.append("\(group).\(name) is '\(read.text)', which is not like \(example.text)") }
        }
        return settings
    }

    mutating func readCount(_ key: String) -> Int {
        guard let found = value(key) else { return 0 }
        if case .int(let count)? = found.read(like: .int(0)), (0...largestCount).contains(count) { return count }
        problems.append("\(key) is '\(found.text)', not a count")
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
