import ApusCore
import ApusFormats
import ApusOptim

/// Converts the states of schedules, strings by PyTorch's names, to and from PyTorch's objects.
enum ScheduleObject {
    /// Entries in the states of PyTorch's schedules that are not needed to restore them.
    private static let bookkeeping: Set<String> = [
        "_is_initial", "_get_lr_called_within_step", "verbose", "_schedule_phases", "use_beta1", "default_min_lr", "mode_worse",
        "_scale_fn_custom",
        "_scale_fn_ref", "scale_mode", "lr_lambdas", "T_i", "T_cur", "_last_lr",
    ]
    /// Settings of a schedule that PyTorch keeps in the optimizer's groups.
    private static let inGroups = ["max_lr", "min_lr", "max_momentum", "base_momentum"]

    static func isOfSchedule(_ name: String) -> Bool { inGroups.contains(name) }

    // MARK: Texts and values

    /// The value that a string of a state stands for.
    static func value(_ text: String, listsAreTuples: Bool = false) -> PyTorchObject {
        switch text {
        case "true", "false": PyTorchObject(text == "true")
        case "None": .null
        case _ where text.hasPrefix("["): numbers(text, areTuple: listsAreTuples) { PyTorchObject($0) }
        default: Int(text).map { PyTorchObject($0) } ?? Double(text).map { PyTorchObject($0) } ?? PyTorchObject(text)
        }
    }

    static func numbers(_ text: String, areTuple: Bool = false, _ make: (Double) -> PyTorchObject) -> PyTorchObject {
        let all = text.dropFirst().dropLast().split(separator: ",").map { make(Double(String($0.drop { $0 == " " })) ?? .nan) }
        return areTuple ? .tuple(all) : .list(all)
    }

    /// The string for a value: a number, bool, name, or list of numbers.
    static func text(_ object: PyTorchObject, _ place: String, of owner: String) throws -> String {
        switch object.kind {
        case .null: return "None"
        case .bool: return "\(object.bool!)"
        case .int: return object.decimal!
        case .string: return object.string!
        case .list, .tuple:
            // Milestones that occur several times are repeated.
            return "[" + (try object.elements.map { try text($0, place, of: owner) }).joined(separator: ", ") + "]"
        case .dictionary where !object.items.contains { $0.key.double == nil || $0.value.int == nil }:
            return "\(object.items.flatMap { Array(repeating: $0.key.double!, count: max($0.value.int!, 0)) }.sorted())"
        case .tensor where object.shape?.numel == 1: return "\(try object.tensor().item() as Double)"
        default:
            if let number = object.double { return "\(number)" }
            throw CheckpointError(part: owner, reason: "\(place) is \(object), where a number, name or list should stand")
        }
    }

    // MARK: Schedules

    /// A state in the representation of PyTorch's `state_dict()`.
    static func object(_ state: [String: String]) -> PyTorchObject {
        var items: [(key: PyTorchObject, value: PyTorchObject)] = []
        var members: [Int: [String: String]] = [:]
        for (name, text) in state.sorted(by: { $0.key < $1.key }) {
            let parts = name.split(separator: ".", maxSplits: 2).map(String.init)
            if parts.count == 3, parts[0] == "_schedulers", let number = Int(parts[1]) {
                members[number, default: [:]][parts[2]] = text
            } else if name == "milestones" {
                // PyTorch's MultiStepLR stores how often each milestone occurs.
                let counts = Dictionary(
                    grouping: text.dropFirst().dropLast().split(separator: ",").compactMap { Double(String($0.drop { $0 == " " })) }
                ) { $0 }
                items.append(
                    (PyTorchObject(name), .counter(counts.sorted { $0.key < $1.key }.map { (PyTorchObject(Int($0.key)), $0.value.count) })))
            } else {
                items.append((PyTorchObject(name), value(text)))
            }
        }
        items += derived(state)
        if !members.isEmpty { items.append(("_schedulers", .list(members.sorted { $0.key < $1.key }.map { object($0.value) }))) }
        return .dictionary(items)
    }

    /// Values that PyTorch stores and Apus computes: the lengths of a cycle, and the position in the current warm restart.
    private static func derived(_ state: [String: String]) -> [(key: PyTorchObject, value: PyTorchObject)] {
        var items: [(key: PyTorchObject, value: PyTorchObject)] = []
        if let up = state["step_size_up"].flatMap({ Double($0) }), let down = state["step_size_down"].flatMap({ Double($0) }) {
            items += [("total_size", PyTorchObject(up + down)), ("step_ratio", PyTorchObject(up / (up + down)))]
            if let rates = state["max_lr"] { items.append(("max_lrs", value(rates))) }
        }
        if var length = state["T_0"].flatMap({ Int($0) }), let factor = state["T_mult"].flatMap({ Int($0) }),
            var place = state["last_epoch"].flatMap({ Int($0) })
        {
            while place >= length, length > 0 {
                place -= length
                length *= factor
            }
            items += [("T_i", PyTorchObject(length)), ("T_cur", PyTorchObject(place))]
        }
        if let strategy = state["anneal_strategy"] { items.append(("_anneal_func_type", PyTorchObject(strategy))) }
        return items
    }

    /// The strings of a state that Apus or PyTorch has written. Entries of `own` that the file lacks keep their values.
    static func state(_ object: PyTorchObject, like own: [String: String], of owner: String) throws -> [String: String] {
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
                    for (name, text) in try self.state(member, like: Dictionary(uniqueKeysWithValues: members), of: owner) {
                        state[prefix + name] = text
                    }
                }
            } else if name == "_anneal_func_type", own["anneal_strategy"] != nil {
                state["anneal_strategy"] = try text(value, name, of: owner)
            } else if own[name] != nil {
                state[name] = try text(value, name, of: owner)
            } else if name == "total_size" || name == "step_ratio" || name == "max_lrs", own["step_size_up"] != nil {
                continue
            } else if !bookkeeping.contains(name) {
                // The schedule throws an error if it has no such setting.
                state[name] = try text(value, name, of: owner)
            }
        }
        if own["step_size_up"] != nil, let total = object["total_size"]?.double, let ratio = object["step_ratio"]?.double {
            state["step_size_up"] = "\(total * ratio)"
            state["step_size_down"] = "\(total - total * ratio)"
            if let rates = object["max_lrs"] { state["max_lr"] = try text(rates, "max_lrs", of: owner) }
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
                guard let values = state[name].map({ value($0).elements }), values.count == all.count else { continue }
                for (g, value) in values.enumerated() where !all[g].contains(where: { $0.key.string == name }) {
                    all[g].append((key: PyTorchObject(name), value: value))
                }
            }
        }
        return ["state": optimizer["state"]!, "param_groups": .list(all.map { .dictionary($0) })]
    }

    /// The state of a schedule, completed with what PyTorch keeps of it in the optimizer's groups.
    static func schedule(_ schedule: PyTorchObject, with optimizer: PyTorchObject, like own: [String: String]) -> PyTorchObject {
        guard schedule.kind == .dictionary, let groups = optimizer["param_groups"]?.elements, !groups.isEmpty else { return schedule }
        var items = schedule.items
        for name in inGroups + ["initial_lr"] where own[name] != nil && schedule[name] == nil {
            let values = groups.compactMap { $0[name] }
            if values.count == groups.count { items.append((key: PyTorchObject(name), value: .list(values))) }
        }
        return .dictionary(items)
    }
}
