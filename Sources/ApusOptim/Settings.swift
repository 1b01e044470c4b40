import ApusCore

/// The settings of an optimizer: what can be set for each group of parameters, and what the update rule reads.
///
/// ```swift
/// struct LionSettings: OptimizerSettings {
///     var lr = 1e-4
///     var betas = (0.9, 0.99)
///     static let settings: [Setting<Self>] = [.init("lr", \.lr), .init("betas", \.betas)]
///     static let state: [StateTensor<Self>] = ["exp_avg"]
/// }
/// ```
/// Update rules read the properties. Names are used by state dictionaries, `ParameterGroup(_, options:)` and `group[option:]`.
public protocol OptimizerSettings {
    /// The learning rate, which schedules change.
    var lr: Double { get set }
    /// Every setting with its PyTorch name and its property. A property that is missing here cannot be set per group and is not saved.
    static var settings: [Setting<Self>] { get }
    /// The tensors that the optimizer stores for each parameter, in the order of `Step`'s subscript; none by default.
    static var state: [StateTensor<Self>] { get }
    /// Whether the steps of each parameter are counted and saved in checkpoints; true by default.
    static var countsSteps: Bool { get }
    /// Whether the rule updates each element by its own gradient and state alone; false by default. Such a rule is applied to rows of a sparse
    /// gradient, and processes can update parts of a parameter.
    static var isElementwise: Bool { get }
    /// Whether a step may change the rows of a sparse gradient alone, as if they were a table by themselves. By default where there is neither
    /// `addedDecay` nor `decoupledDecay`, which change all rows. A rule with a decay of its own returns false where there is one.
    var takesRows: Bool { get }
    /// Whether gradients are negated; false by default.
    var maximize: Bool { get }
    /// λ, where the gradient becomes g + λ·p before the update rule; 0 by default. Not for a decay that the rule applies itself.
    var addedDecay: Double { get }
    /// λ, where p becomes p·(1 − lr·λ) before the update rule; 0 by default. Not for a decay that the rule applies itself.
    var decoupledDecay: Double { get }
    /// What is wrong with the settings; nil if nothing is wrong. The learning rate is already known to be finite and not negative.
    func problem() -> String?
    /// What is wrong with a parameter, in words that follow its shape ("but only matrices are supported"); nil if nothing is wrong.
    static func problem(of parameter: Tensor) -> String?
}

extension OptimizerSettings {
    public static var state: [StateTensor<Self>] { [] }
    public static var countsSteps: Bool { true }
    public static var isElementwise: Bool { false }
    public var takesRows: Bool { addedDecay == 0 && decoupledDecay == 0 }
    public var maximize: Bool { false }
    public var addedDecay: Double { 0 }
    public var decoupledDecay: Double { 0 }
    /// 1 − lr·λ, what `decoupledDecay` leaves of a parameter.
    var decayFactor: Double { 1 - lr * decoupledDecay }
    public func problem() -> String? { nil }
    public static func problem(of parameter: Tensor) -> String? { nil }
}

/// A setting: its name in PyTorch (`weight_decay`) and its property.
public struct Setting<Settings>: Sendable {
    /// PyTorch's name.
    public let name: String
    let read: @Sendable (Settings) -> OptionValue
    /// Sets the value; false if it is of another kind.
    let write: @Sendable (inout Settings, OptionValue) -> Bool
    /// The possible names, for an enumeration.
    let choices: [String]

    private init<Value>(_ name: String, _ property: WritableKeyPath<Settings, Value> & Sendable, _ form: OptionForm<Value>) {
        self.name = name
        choices = form.choices
        read = { form.option($0[keyPath: property]) }
        write = { settings, option in
            guard let value = form.value(option) else { return false }
            settings[keyPath: property] = value
            return true
        }
    }

    /// Either of two.
    public init(_ name: String, _ property: WritableKeyPath<Settings, Bool> & Sendable) { self.init(name, property, .bool) }

    /// An integer.
    public init(_ name: String, _ property: WritableKeyPath<Settings, Int> & Sendable) { self.init(name, property, .int) }

    /// A number. From outside it may come as an integer.
    public init(_ name: String, _ property: WritableKeyPath<Settings, Double> & Sendable) { self.init(name, property, .double) }

    /// A text.
    public init(_ name: String, _ property: WritableKeyPath<Settings, String> & Sendable) { self.init(name, property, .string) }

    /// Several numbers, of any count.
    public init(_ name: String, _ property: WritableKeyPath<Settings, [Double]> & Sendable) { self.init(name, property, .list) }

    /// A pair of numbers, such as betas.
    public init(_ name: String, _ property: WritableKeyPath<Settings, (Double, Double)> & Sendable) { self.init(name, property, .pair) }

    /// Three numbers.
    public init(_ name: String, _ property: WritableKeyPath<Settings, (Double, Double, Double)> & Sendable) {
        self.init(name, property, .triple)
    }

    /// One of an enumeration.
    public init<Value: SettingValue>(_ name: String, _ property: WritableKeyPath<Settings, Value> & Sendable) {
        self.init(name, property, .choice)
    }

    /// One of an enumeration, or nil, which states spell `None`.
    public init<Value: SettingValue>(_ name: String, _ property: WritableKeyPath<Settings, Value?> & Sendable) {
        self.init(name, property, .optional())
    }
}

/// A tensor that an optimizer stores for each parameter, such as a moment or a buffer. It is created in the parameter's first step; a
/// checkpoint holds it as `state.3.exp_avg`.
public struct StateTensor<Settings>: Sendable, ExpressibleByStringLiteral {
    /// PyTorch's name.
    public let name: String
    private let isNeeded: (@Sendable (Settings) -> Bool)?
    private let initial: (@Sendable (Settings) -> Double)?
    private let shape: (@Sendable (Shape) -> Shape?)?
    private let isDouble: Bool

    init(
        _ name: String, when isNeeded: (@Sendable (Settings) -> Bool)?, initial: (@Sendable (Settings) -> Double)?,
        shape: (@Sendable (Shape) -> Shape?)?,
        isDouble: Bool
    ) {
        (self.name, self.isNeeded, self.initial, self.shape, self.isDouble) = (name, isNeeded, initial, shape, isDouble)
    }

    /// A tensor on the parameter's device, in the dtype that updates are computed in: float32 for half precision, which can hold neither
    /// the square of a small gradient nor eps.
    ///
    /// - Parameters:
    ///   - isNeeded: whether the tensor exists with the given settings; by default always.
    ///   - initial: the initial value of all elements; by default 0.
    ///   - shape: its shape, given the parameter's, or nil where parameters of that shape have none; by default the same.
    public init(
        _ name: String, when isNeeded: (@Sendable (Settings) -> Bool)? = nil, initial: (@Sendable (Settings) -> Double)? = nil,
        shape: (@Sendable (Shape) -> Shape?)? = nil
    ) {
        self.init(name, when: isNeeded, initial: initial, shape: shape, isDouble: false)
    }

    /// A tensor of zeros with the parameter's shape.
    public init(stringLiteral name: String) { self.init(name) }

    /// A single number, stored as float64 on the CPU for every parameter.
    public static func number(_ name: String, initial: (@Sendable (Settings) -> Double)? = nil) -> StateTensor {
        StateTensor(name, when: nil, initial: initial, shape: { _ in [] }, isDouble: true)
    }

    /// Several such numbers.
    static func numbers(_ name: String, _ count: Int) -> StateTensor {
        StateTensor(name, when: nil, initial: nil, shape: { _ in [count] }, isDouble: true)
    }

    func isNeeded(_ settings: Settings) -> Bool { isNeeded?(settings) ?? true }

    /// Its shape; nil where `parameter` has none.
    func shape(of parameter: Tensor) -> Shape? {
        guard let shape else { return parameter.shape }
        return shape(parameter.shape)
    }

    /// Whether it has one element for each of a parameter's, as a moment has. A process that updates `count` elements of the parameter keeps
    /// that part of it; of others, such as a number, every process keeps the whole.
    func isOfElements(_ count: Int) -> Bool { !isDouble && (shape.map { $0([count]) == [count] } ?? true) }

    private func place(of parameter: Tensor) -> (DType, Device) {
        isDouble ? (.float64, .cpu) : (parameter.dtype.computeType, parameter.device)
    }

    /// A new one; nil where `parameter` has none.
    func make(_ settings: Settings, _ parameter: Tensor) throws(OpError) -> Tensor? {
        guard let own = shape(of: parameter) else { return nil }
        let (dtype, device) = place(of: parameter)
        return try Tensor.filled(own, .double(initial?(settings) ?? 0), dtype, device)
    }

    /// A copy of a loaded tensor with the device and dtype that it is stored with.
    func adopt(_ loaded: Tensor, _ parameter: Tensor) -> Tensor {
        let (dtype, device) = place(of: parameter)
        return noGrad { loaded.detach().to(device).to(dtype).clone() }
    }
}

// MARK: By name

extension OptimizerSettings {
    static var names: String { settings.map(\.name).joined(separator: ", ") }
    static var stateNames: [String] { state.map(\.name) }
    static func isOfElements(_ place: Int, _ count: Int) -> Bool { state[place].isOfElements(count) }

    /// All settings by name, in order.
    var entries: [(name: String, value: OptionValue)] { Self.settings.map { (name: $0.name, value: $0.read(self)) } }

    subscript(option name: String) -> OptionValue? { Self.settings.first { $0.name == name }?.read(self) }

    /// Sets a setting by name. Returns what is wrong with the name or the kind, or nil.
    mutating func set(_ name: String, _ value: OptionValue) -> String? {
        guard let setting = Self.settings.first(where: { $0.name == name }) else { return "has no setting '\(name)'; it has \(Self.names)" }
        if setting.write(&self, value) { return nil }
        let choices = setting.choices.isEmpty ? "" : "; there are \(setting.choices.joined(separator: ", "))"
        return "has a setting '\(name)' of another kind: it is \(setting.read(self).text), not \(value.text)\(choices)"
    }

    /// What is wrong with the learning rate or the other settings; nil if nothing is wrong.
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
