import ApusCore

/// Tensors that an optimizer updates with the same settings. PyTorch: an entry of `param_groups`.
///
/// `Adam([ParameterGroup(net.base.parameters()), ParameterGroup(net.head.parameters(), lr: 1e-3)], lr: 1e-2)`: settings that a group leaves
/// out come from the optimizer. Settings may be changed between steps: `optimizer.paramGroups[0].lr = 0.01`.
public final class ParameterGroup {
    /// The tensors, in order.
    public let parameters: [Tensor]
    /// The settings it was given, by PyTorch's names (`weight_decay`); it has no others before it belongs to an optimizer.
    private(set) var own: [(name: String, value: OptionValue)]
    /// All settings, in the optimizer's type; nil before the group belongs to one.
    var settings: (any OptimizerSettings)?
    /// The rate that schedules start from; nil without a schedule. PyTorch: `initial_lr`.
    var initialLR: Double?
    /// The optimizer's state of each parameter, nil before its first step.
    var states: [ParameterState?]

    /// A group of `parameters`; settings that are nil come from the optimizer. Adding it to an optimizer that lacks a given setting traps.
    public convenience init(
        _ parameters: [Tensor], lr: Double? = nil, momentum: Double? = nil, dampening: Double? = nil, weightDecay: Double? = nil,
        nesterov: Bool? = nil, betas: (Double, Double)? = nil, eps: Double? = nil, amsgrad: Bool? = nil, alpha: Double? = nil,
        centered: Bool? = nil, maximize: Bool? = nil
    ) {
        let numbers: [(String, Double?)] = [
            ("lr", lr), ("momentum", momentum), ("dampening", dampening), ("weight_decay", weightDecay), ("eps", eps), ("alpha", alpha),
        ]
        let flags: [(String, Bool?)] = [("nesterov", nesterov), ("amsgrad", amsgrad), ("centered", centered), ("maximize", maximize)]
        let given =
            numbers.map { ($0, $1.map(OptionValue.double)) } + flags.map { ($0, $1.map(OptionValue.bool)) } + [
                ("betas", betas.map(OptionForm.pair.option))
            ]
        self.init(parameters, own: given.compactMap { name, value in value.map { (name: name, value: $0) } })
    }

    /// A group with settings by PyTorch's names: `["rho": 0.95, "weight_decay": 0.01]`. Adding it to an optimizer that lacks one or has one
    /// of another kind, traps.
    public convenience init(_ parameters: [Tensor], options: KeyValuePairs<String, OptionValue>) {
        self.init(parameters, own: options.map { (name: $0.key, value: $0.value) })
    }

    private init(_ parameters: [Tensor], own: [(name: String, value: OptionValue)]) {
        self.parameters = parameters
        self.own = own
        states = Array(repeating: nil, count: parameters.count)
    }

    /// A setting by PyTorch's name, nil where the optimizer has none of that name. Setting it traps unless the optimizer has it with the
    /// same kind of value; a group that belongs to no optimizer yet stores it as if it had been given.
    public subscript(option name: String) -> OptionValue? {
        get {
            if name == "initial_lr" { return initialLR.map(OptionValue.double) }
            return settings.map { $0[option: name] } ?? own.last { $0.name == name }?.value
        }
        set {
            guard let newValue else { return }
            if name == "initial_lr", initialLR != nil, let rate = newValue.number {
                initialLR = rate
            } else if name == "lr", let rate = newValue.number {
                lr = rate
            } else if settings == nil {
                own.append((name: name, value: newValue))
            } else if let problem = settings?.set(name, newValue) {
                fail("ParameterGroup", problem)
            }
        }
    }

    /// PyTorch's names of all settings, for messages; empty before the group belongs to an optimizer.
    package var optionNames: String { settings.map { type(of: $0).names } ?? "" }

    /// The learning rate. Setting it to a value that is not finite traps, since the next step would destroy the parameters.
    public var lr: Double {
        get { settings?.lr ?? number("lr") }
        set {
            if !newValue.isFinite {
                fail("ParameterGroup", "the learning rate is set to \(newValue) (it is \(lr)); it must be finite")
            } else if settings == nil {
                own.append((name: "lr", value: .double(newValue)))
            } else {
                settings?.lr = newValue
            }
        }
    }
    /// The momentum; traps for optimizers without one.
    public var momentum: Double {
        get { number("momentum") }
        set { self[option: "momentum"] = .double(newValue) }
    }
    /// The weight decay.
    public var weightDecay: Double {
        get { number("weight_decay") }
        set { self[option: "weight_decay"] = .double(newValue) }
    }
    /// The decay rates of the moments; traps for optimizers without them.
    public var betas: (Double, Double) {
        get {
            if let pair = self[option: "betas"].flatMap(OptionForm.pair.value) { return pair }
            failMissing("betas")
            return (.nan, .nan)
        }
        set { self[option: "betas"] = OptionForm.pair.option(newValue) }
    }

    private func number(_ name: String) -> Double {
        if let value = self[option: name]?.number { return value }
        failMissing(name)
        return .nan
    }

    private func failMissing(_ name: String) {
        fail(
            "ParameterGroup",
            settings.map { "has no setting '\(name)'; it has \(type(of: $0).names)" }
                ?? "was given no setting '\(name)', and belongs to no optimizer yet")
    }
}

/// The items of an optimizer's list of parameters: `Tensor` and `ParameterGroup`.
public protocol Optimizable {}
extension Tensor: Optimizable {}
extension ParameterGroup: Optimizable {}

/// The groups of a list: its groups, or one group of its tensors.
func groups<Item: Optimizable>(of items: [Item]) -> [ParameterGroup] {
    if let groups = items as? [ParameterGroup] { return groups }
    guard let tensors = items as? [Tensor] else { trap("Optimizer", "takes tensors or parameter groups, not \(Item.self)") }
    return [ParameterGroup(tensors)]
}

/// The optimizer's state of one parameter.
struct ParameterState {
    /// The number of steps so far.
    var step = 0
    /// In the order of `OptimizerSettings.state`; nil for those that no step has needed, and empty where no step has needed any.
    private(set) var tensors: [Tensor?] = []

    subscript(place: Int) -> Tensor? { tensors.isEmpty ? nil : tensors[place] }

    /// Stores the tensor at index `place` of `count`.
    mutating func remember(_ tensor: Tensor, at place: Int, of count: Int) {
        if tensors.isEmpty { tensors = Array(repeating: nil, count: count) }
        tensors[place] = tensor
    }
}
