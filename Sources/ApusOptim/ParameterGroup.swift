import ApusCore

/// Tensors that an optimizer updates with the same settings. PyTorch: an entry of `param_groups`.
///
/// `Adam([ParameterGroup(net.base.parameters()), ParameterGroup(net.head.parameters(), lr: 1e-3)], lr: 1e-2)`: what a group leaves out
/// it takes from the optimizer. Settings may be changed between steps: `optimizer.paramGroups[0].lr = 0.01`.
public final class ParameterGroup {
    /// The tensors, in order.
    public let parameters: [Tensor]
    /// Settings by PyTorch's names (`weight_decay`).
    var options: OptionList
    /// What the optimizer remembers of each parameter, nil before its first step.
    var states: [ParameterState?]

    /// A group of `parameters`; a setting that is nil is the optimizer's own. One that the optimizer does not have traps there, by name.
    public init(
        _ parameters: [Tensor], lr: Double? = nil, momentum: Double? = nil, dampening: Double? = nil, weightDecay: Double? = nil,
        nesterov: Bool? = nil, betas: (Double, Double)? = nil, eps: Double? = nil, amsgrad: Bool? = nil, alpha: Double? = nil,
        centered: Bool? = nil, maximize: Bool? = nil
    ) {
        self.parameters = parameters
        states = Array(repeating: nil, count: parameters.count)
        options = OptionList()
        let numbers: [(String, Double?)] = [
            ("lr", lr), ("momentum", momentum), ("dampening", dampening), ("weight_decay", weightDecay), ("eps", eps), ("alpha", alpha),
        ]
        for (name, value) in numbers { options[name] = value.map { .double($0) } }
        options["betas"] = betas.map { .list([$0.0, $0.1]) }
        let switches: [(String, Bool?)] = [("nesterov", nesterov), ("amsgrad", amsgrad), ("centered", centered), ("maximize", maximize)]
        for (name, value) in switches { options[name] = value.map { .bool($0) } }
    }

    /// A group with settings by PyTorch's names: `["rho": 0.95, "weight_decay": 0.01]`.
    public init(_ parameters: [Tensor], options: KeyValuePairs<String, OptionValue>) {
        self.parameters = parameters
        states = Array(repeating: nil, count: parameters.count)
        self.options = OptionList(options.map { ($0.key, $0.value) })
    }

    /// A setting by PyTorch's name, nil where the optimizer has none of that name; set, it must be of the same kind.
    public subscript(option name: String) -> OptionValue? {
        get { options[name] }
        set {
            guard let newValue else { return }
            switch (options[name], newValue) {
            case (.bool?, .bool), (.int?, .int), (.double?, .double), (.string?, .string), (.list?, .list): options[name] = newValue
            case (.double?, .int(let whole)): options[name] = .double(Double(whole))
            case (nil, _): fail("ParameterGroup", "there is no setting '\(name)'; there are \(settingNames)")
            case (let old?, _): fail("ParameterGroup", "the setting '\(name)' is of another kind: it is \(old.text), not \(newValue.text)")
            }
        }
    }

    /// The learning rate. Traps where it is set to what is not finite: the parameters would be lost in the next step.
    public var lr: Double {
        get { number("lr") }
        set {
            if !newValue.isFinite {
                fail("ParameterGroup", "the learning rate is set to \(newValue) (it is \(number("lr"))); it must be finite")
                return
            }
            self[option: "lr"] = .double(newValue)
        }
    }
    /// The momentum, of optimizers that have one.
    public var momentum: Double {
        get { number("momentum") }
        set { self[option: "momentum"] = .double(newValue) }
    }
    /// The weight decay.
    public var weightDecay: Double {
        get { number("weight_decay") }
        set { self[option: "weight_decay"] = .double(newValue) }
    }
    /// The decay rates of the moments, of optimizers that have them.
    public var betas: (Double, Double) {
        get {
            guard let pair = options.list("betas"), pair.count == 2 else {
                fail("ParameterGroup", "there is no setting 'betas'; there are \(settingNames)")
                return (.nan, .nan)
            }
            return (pair[0], pair[1])
        }
        set { self[option: "betas"] = .list([newValue.0, newValue.1]) }
    }

    var settingNames: String { options.entries.map(\.name).joined(separator: ", ") }

    func number(_ name: String) -> Double {
        if let value = options.double(name) { return value }
        fail("ParameterGroup", "there is no setting '\(name)'; there are \(settingNames)")
        return .nan
    }

    func flag(_ name: String) -> Bool { options.bool(name) ?? false }
}

/// What an optimizer takes a list of: tensors, or groups of them.
public protocol Optimizable {
    /// Itself as a group, or nil where it is one of the tensors of a single group.
    var ownGroup: ParameterGroup? { get }
}

extension Tensor: Optimizable {
    public var ownGroup: ParameterGroup? { nil }
}

extension ParameterGroup: Optimizable {
    public var ownGroup: ParameterGroup? { self }
}

/// The groups that a list stands for: itself, or one group of its tensors.
func groups<Item: Optimizable>(of items: [Item]) -> [ParameterGroup] {
    let groups = items.compactMap(\.ownGroup)
    return groups.isEmpty ? [ParameterGroup(items.compactMap { $0 as? Tensor })] : groups
}

/// What an optimizer remembers of one parameter.
struct ParameterState {
    /// How many steps it has taken.
    var step = 0
    /// By PyTorch's names: `momentum_buffer`, `exp_avg`.
    var tensors: [(name: String, tensor: Tensor)] = []

    subscript(name: String) -> Tensor? {
        for entry in tensors where entry.name == name { return entry.tensor }
        return nil
    }
}
