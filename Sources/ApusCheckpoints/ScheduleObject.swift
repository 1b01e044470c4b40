import ApusCore
import ApusFormats
import ApusOptim

/// Converts the states of schedules, values by PyTorch's names, to and from PyTorch's objects.
enum ScheduleObject {
    /// Entries in the states of PyTorch's schedules that are not needed to restore them.
    private static let bookkeeping: Set<String> = [
        "_is_initial", "_get_lr_called_within_step", "verbose", "_schedule_phases", "use_beta1", "default_min_lr", "mode_worse",
        "_scale_fn_custom", "_scale_fn_ref", "scale_mode", "lr_lambdas", "T_i", "T_cur", "_last_lr", "_milestones",
    ]
    /// Settings of a schedule that PyTorch keeps in the optimizer's groups.
    private static let inGroups = ["max_lr", "min_lr", "max_momentum", "base_momentum", "swa_lr"]
    /// The names that lists of a cycle have in PyTorch.
    private static let ofCycle = [
        "base_lr": "base_lrs", "max_lr": "max_lrs", "base_momentum": "base_momentums", "max_momentum": "max_momentums",
    ]
    /// The name of a cycle's initial rates, which PyTorch does not keep: its `base_lrs` are the lower ends of the cycle there.
    private static let initialRates = "initial_lrs"
    /// The names that `anneal_strategy` has there, OneCycleLR's and SWALR's.
    private static let ofAnnealing = ["_anneal_func_type", "_anneal_strategy"]

    static func isOfSchedule(_ name: String) -> Bool { inGroups.contains(name) }

    // MARK: Schedules

    /// A state in the representation of PyTorch's `state_dict()`.
    static func object(_ state: [String: OptionValue]) -> PyTorchObject {
        var state = state
        if state["step_size_up"] != nil { (state[initialRates], state["base_lrs"]) = (state["base_lrs"], state["base_lr"]) }
        var items: [(key: PyTorchObject, value: PyTorchObject)] = []
        var members: [Int: [String: OptionValue]] = [:]
        for (name, value) in state.sorted(by: { $0.key < $1.key }) {
            let parts = name.split(separator: ".", maxSplits: 2).map(String.init)
            if parts.count == 3, parts[0] == "_schedulers", let number = Int(parts[1]) {
                members[number, default: [:]][parts[2]] = value
            } else if name == "milestones", case .list(let milestones) = value {
                // PyTorch's MultiStepLR stores how often each milestone occurs.
                let counts = Dictionary(grouping: milestones) { $0 }
                let sorted: [(key: PyTorchObject, count: Int)] = counts.sorted { $0.key < $1.key }.map { milestone, all in
                    (Int(exactly: milestone).map { PyTorchObject($0) } ?? PyTorchObject(milestone), all.count)
                }
                items.append((PyTorchObject(name), .counter(sorted)))
            } else {
                items.append((PyTorchObject(name), PyTorchObject(value)))
            }
        }
        items += derived(state)
        if !members.isEmpty { items.append(("_schedulers", .list(members.sorted { $0.key < $1.key }.map { object($0.value) }))) }
        return .dictionary(items)
    }

    /// Values that PyTorch stores and Apus computes: the lengths of a cycle, the position in the current warm restart, and None for each
    /// function of a schedule that has nothing else.
    private static func derived(_ state: [String: OptionValue]) -> [(key: PyTorchObject, value: PyTorchObject)] {
        var items: [(key: PyTorchObject, value: PyTorchObject)] = []
        if let up = state["step_size_up"]?.number, let down = state["step_size_down"]?.number {
            items += [
                ("total_size", PyTorchObject(up + down)), ("step_ratio", PyTorchObject(up / (up + down))), ("_scale_fn_custom", .null),
            ]
            for (own, theirs) in ofCycle.sorted(by: { $0.key < $1.key }) where state[theirs] == nil {
                if let numbers = state[own] { items.append((PyTorchObject(theirs), PyTorchObject(numbers))) }
            }
        }
        if case (.int(let first)?, .int(let factor)?, .int(let epoch)?) = (state["T_0"], state["T_mult"], state["last_epoch"]) {
            let (place, length) = CosineAnnealingWarmRestarts.place(of: epoch, first: first, factor: factor)
            items += [("T_i", PyTorchObject(length)), ("T_cur", PyTorchObject(place))]
        }
        if case .list(let rates)? = state["base_lrs"], state.count == 4, state["_last_lr"] != nil {
            items.append(("lr_lambdas", .list(rates.map { _ in .null })))
        }
        if let strategy = state["anneal_strategy"] { items += ofAnnealing.map { (PyTorchObject($0), PyTorchObject(strategy)) } }
        return items
    }

    /// The values of a state that Apus or PyTorch has written. Entries of `own` that the file lacks keep their values.
    static func state(_ object: PyTorchObject, like own: [String: OptionValue], of owner: String) throws -> [String: OptionValue] {
        guard object.kind == .dictionary else {
            throw CheckpointError(part: owner, reason: "\(object), where a dictionary of settings should stand")
        }
        var state = own
        for (key, value) in object.items {
            guard let name = key.string else { throw CheckpointError(part: owner, reason: "a setting with the key \(key)") }
            if name == "_schedulers" {
                for (number, member) in value.elements.enumerated() {
                    let prefix = "_schedulers.\(number)."
                    let members = own.filter { $0.key.hasPrefix(prefix) }.map { (String($0.key.dropFirst(prefix.count)), $0.value) }
                    for (name, value) in try self.state(member, like: Dictionary(uniqueKeysWithValues: members), of: owner) {
                        state[prefix + name] = value
                    }
                }
            } else if ofAnnealing.contains(name), own["anneal_strategy"] != nil {
                state["anneal_strategy"] = try OptionValue(value, name, of: owner)
            } else if own[name] != nil {
                state[name] = try OptionValue(value, name, of: owner)
            } else if ["total_size", "step_ratio", initialRates].contains(name) || ofCycle.values.contains(name), own["step_size_up"] != nil
            {
                continue
            } else if !bookkeeping.contains(name) {
                // The schedule throws an error if it has no such setting.
                state[name] = try OptionValue(value, name, of: owner)
            }
        }
        if own["step_size_up"] != nil, let total = object["total_size"]?.double, let ratio = object["step_ratio"]?.double {
            let up = (total * ratio).rounded()
            guard let climb = Int(exactly: up), let descent = Int(exactly: total.rounded() - up) else {
                throw CheckpointError(part: owner, reason: "a cycle of \(total) steps, of which it climbs for \(ratio)")
            }
            (state["step_size_up"], state["step_size_down"]) = (.int(climb), .int(descent))
            // A file of Apus has the lower ends by their own name; `base_lrs` in those of earlier versions were the initial rates.
            for (own, theirs) in ofCycle where own != "base_lr" || object[own] == nil {
                if let numbers = object[theirs] { state[own] = try OptionValue(numbers, theirs, of: owner) }
            }
            if let rates = object[initialRates] { state["base_lrs"] = try OptionValue(rates, initialRates, of: owner) }
        }
        return state
    }

    // MARK: What PyTorch keeps in the groups

    /// The state of an optimizer, completed with what its schedules keep in its groups.
    static func groups(_ optimizer: PyTorchObject, with schedules: [LRScheduler]) -> PyTorchObject {
        let groups = optimizer["param_groups"]!.elements
        var all = groups.map(\.items)
        for schedule in schedules {
            let state = schedule.stateDict()
            for name in inGroups {
                guard let values = state[name].map({ PyTorchObject($0).elements }), values.count == all.count else { continue }
                for (g, value) in values.enumerated() where !all[g].contains(where: { $0.key.string == name }) {
                    all[g].append((key: PyTorchObject(name), value: value))
                }
            }
        }
        return ["state": optimizer["state"]!, "param_groups": .list(all.map { .dictionary($0) })]
    }

    /// The state of a schedule, completed with what PyTorch keeps of it in the optimizer's groups.
    static func schedule(_ schedule: PyTorchObject, with optimizer: PyTorchObject, like own: [String: OptionValue]) -> PyTorchObject {
        guard schedule.kind == .dictionary, let groups = optimizer["param_groups"]?.elements, !groups.isEmpty else { return schedule }
        var items = schedule.items
        for name in inGroups + ["initial_lr"] where own[name] != nil && schedule[name] == nil {
            let values = groups.compactMap { $0[name] }
            if values.count == groups.count { items.append((key: PyTorchObject(name), value: .list(values))) }
        }
        return .dictionary(items)
    }
}
