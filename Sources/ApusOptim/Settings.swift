import ApusCore

/// The settings of an optimizer: what a group of parameters may have of its own, and what the rule reads in a step.
///
/// ```swift
/// struct LionSettings: OptimizerSettings {
///     var lr = 1e-4
///     var betas = (0.9, 0.99)
///     static let settings: [Setting<Self>] = [.init("lr", \.lr), .init("betas", \.betas)]
///     static let state: [StateTensor<Self>] = ["exp_avg"]
/// }
/// ```
/// A step reads properties. Names are for what comes from outside: state dictionaries, `ParameterGroup(_, options:)`, `group[option:]`.
public protocol OptimizerSettings {
    /// The learning rate, which schedules change.
    var lr: Double { get set }
    /// Every setting by its name in PyTorch and its property. What is missing here no group has of its own, and no checkpoint keeps.
    static var settings: [Setting<Self>] { get }
    /// The tensors that the optimizer keeps of each parameter, in the order in which a step gives them; none where not said.
    static var state: [StateTensor<Self>] { get }
    /// Whether it is counted, and kept in checkpoints, how many steps each parameter has taken; true where not said.
    static var countsSteps: Bool { get }
    /// Whether gradients are negated; false where there is no such setting.
    var maximize: Bool { get }
    /// λ where the gradient becomes g + λ·p before the rule sees it; 0 where not said. A decay that the rule applies itself is not this one.
    var addedDecay: Double { get }
    /// What is wrong with the settings, nil where nothing is. The learning rate has been looked at: it is finite and not negative.
    func problem() -> String?
    /// What is wrong with a parameter, to be said after its shape ("but only matrices are supported"); nil where nothing is.
    static func problem(of parameter: Tensor) -> String?
}

extension OptimizerSettings {
    public static var state: [StateTensor<Self>] { [] }
    public static var countsSteps: Bool { true }
    public var maximize: Bool { false }
    public var addedDecay: Double { 0 }
    public func problem() -> String? { nil }
    public static func problem(of parameter: Tensor) -> String? { nil }
}

/// A setting by its name in PyTorch (`weight_decay`) and its property.
public struct Setting<Settings>: Sendable {
    /// PyTorch's name.
    public let name: String
    let read: @Sendable (Settings) -> OptionValue
    /// Whether the value is of the setting's kind, and was taken over.
    let write: @Sendable (inout Settings, OptionValue) -> Bool
    /// The names that there are, where it is one of a list.
    let choices: [String]

    /// A setting that is one value: a switch, a number, a text, a list of numbers, or one of a list of names.
    public init<Value: SettingValue>(_ name: String, _ property: WritableKeyPath<Settings, Value> & Sendable) {
        self.name = name
        choices = Value.choices
        read = { $0[keyPath: property].option }
        write = { settings, option in
            guard let value = Value(option) else { return false }
            settings[keyPath: property] = value
            return true
        }
    }

    /// A pair of numbers, such as betas.
    public init(_ name: String, _ property: WritableKeyPath<Settings, (Double, Double)> & Sendable) {
        self.name = name
        choices = []
        read = { .list([$0[keyPath: property].0, $0[keyPath: property].1]) }
        write = { settings, option in
            guard let list = [Double](option), list.count == 2 else { return false }
            settings[keyPath: property] = (list[0], list[1])
            return true
        }
    }

    /// Three numbers.
    public init(_ name: String, _ property: WritableKeyPath<Settings, (Double, Double, Double)> & Sendable) {
        self.name = name
        choices = []
        read = { .list([$0[keyPath: property].0, $0[keyPath: property].1, $0[keyPath: property].2]) }
        write = { settings, option in
            guard let list = [Double](option), list.count == 3 else { return false }
            settings[keyPath: property] = (list[0], list[1], list[2])
            return true
        }
    }
}

/// A tensor that an optimizer keeps of each parameter: a moment, a buffer. It is made in the parameter's first step, and checkpoints hold it as
/// `state.3.exp_avg`.
public struct StateTensor<Settings>: Sendable, ExpressibleByStringLiteral {
    /// PyTorch's name.
    public let name: String
    private let isNeeded: (@Sendable (Settings) -> Bool)?
    private let initial: (@Sendable (Settings) -> Double)?
    private let shape: (@Sendable (Shape) -> Shape)?
    private let isDouble: Bool

    init(
        _ name: String, when isNeeded: (@Sendable (Settings) -> Bool)?, initial: (@Sendable (Settings) -> Double)?,
        shape: (@Sendable (Shape) -> Shape)?,
        isDouble: Bool
    ) {
        (self.name, self.isNeeded, self.initial, self.shape, self.isDouble) = (name, isNeeded, initial, shape, isDouble)
    }

    /// A tensor on the parameter's device, of the type that updates are computed in: float32 for half types, which hold neither the square of
    /// a small gradient nor eps.
    ///
    /// - Parameters:
    ///   - isNeeded: With which settings there is one; always where not given.
    ///   - initial: What it is filled with; 0 where not given.
    ///   - shape: Its shape from the parameter's; the same where not given.
    public init(
        _ name: String, when isNeeded: (@Sendable (Settings) -> Bool)? = nil, initial: (@Sendable (Settings) -> Double)? = nil,
        shape: (@Sendable (Shape) -> Shape)? = nil
    ) {
        self.init(name, when: isNeeded, initial: initial, shape: shape, isDouble: false)
    }

    /// A tensor of zeros, shaped as the parameter.
    public init(stringLiteral name: String) { self.init(name) }

    /// A single number, kept as float64 on the processor whatever the parameter is.
    public static func number(_ name: String, initial: (@Sendable (Settings) -> Double)? = nil) -> StateTensor {
        StateTensor(name, when: nil, initial: initial, shape: { _ in [] }, isDouble: true)
    }

    /// Several of them.
    static func numbers(_ name: String, _ count: Int) -> StateTensor {
        StateTensor(name, when: nil, initial: nil, shape: { _ in [count] }, isDouble: true)
    }

    func isNeeded(_ settings: Settings) -> Bool { isNeeded?(settings) ?? true }

    /// Whether a loaded tensor of that shape may be it.
    func fits(_ found: Shape, _ parameter: Tensor) -> Bool { found == (shape?(parameter.shape) ?? parameter.shape) }

    private func place(of parameter: Tensor) -> (DType, Device) {
        isDouble ? (.float64, .cpu) : (parameter.dtype.computeType, parameter.device)
    }

    func make(_ settings: Settings, _ parameter: Tensor) throws(OpError) -> Tensor {
        let (dtype, device) = place(of: parameter)
        let tensor = try Tensor.uninitialized(shape?(parameter.shape) ?? parameter.shape, dtype, device)
        try device.backend.fill(tensor, with: .double(initial?(settings) ?? 0))
        return tensor
    }

    /// A copy of a loaded tensor, as it is kept.
    func adopt(_ loaded: Tensor, _ parameter: Tensor) -> Tensor {
        let (dtype, device) = place(of: parameter)
        return noGrad { loaded.detach().to(device).to(dtype).clone() }
    }
}

// MARK: By name

extension OptimizerSettings {
    static var names: String { settings.map(\.name).joined(separator: ", ") }
    static var stateNames: [String] { state.map(\.name) }

    /// All settings by name, in order.
    var entries: [(name: String, value: OptionValue)] { Self.settings.map { (name: $0.name, value: $0.read(self)) } }

    subscript(option name: String) -> OptionValue? { Self.settings.first { $0.name == name }?.read(self) }

    /// Takes over a setting; what is wrong with its name or kind, nil where nothing is.
    mutating func set(_ name: String, _ value: OptionValue) -> String? {
        guard let setting = Self.settings.first(where: { $0.name == name }) else { return "has no setting '\(name)'; it has \(Self.names)" }
        if setting.write(&self, value) { return nil }
        let choices = setting.choices.isEmpty ? "" : "; there are \(setting.choices.joined(separator: ", "))"
        return "has a setting '\(name)' of another kind: it is \(setting.read(self).text), not \(value.text)\(choices)"
    }

    /// What is wrong with the settings, the learning rate among them.
    func firstProblem() -> String? { invalid("learning rate", lr) ?? problem() }
}

// MARK: What schedules move

/// Sets the momentum of a group.
typealias MomentumSetter = (ParameterGroup, Double) -> Void

extension OptimizerSettings {
    /// What sets the momentum, β₁ where there are betas, of groups with settings of this type; nil where there is neither. Names are looked up here,
    /// once, so that no step looks one up.
    func momentumSetter() -> MomentumSetter? {
        let settings = Self.settings
        guard let setting = settings.first(where: { $0.name == "betas" }) ?? settings.first(where: { $0.name == "momentum" }) else {
            return nil
        }
        func set(_ momentum: Double, _ settings: inout Self) -> Bool {
            guard case .list(var betas) = setting.read(settings), !betas.isEmpty else { return setting.write(&settings, .double(momentum)) }
            betas[0] = momentum
            return setting.write(&settings, .list(betas))
        }
        // One of another kind, of an optimizer of one's own, is no momentum.
        var trial = self
        guard set(0, &trial) else { return nil }
        return { group, momentum in
            guard var settings = group.settings as? Self else { trap("ParameterGroup", "belongs to another optimizer than the schedule") }
            _ = set(momentum, &settings)
            group.settings = settings
        }
    }
}
