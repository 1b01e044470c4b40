import ApusCore

/// The value of a setting of an optimizer or a schedule, as its state stores it.
public enum OptionValue: Hashable, Sendable {
    /// True or false.
    case bool(Bool)
    /// An integer.
    case int(Int)
    /// A floating-point number.
    case double(Double)
    /// A name out of a list of choices.
    case string(String)
    /// Several numbers, such as betas.
    case list([Double])

    /// The text in a state dictionary; `init(_:like:)` reads it back exactly.
    public var text: String {
        switch self {
        case .bool(let value): "\(value)"
        case .int(let value): "\(value)"
        case .double(let value): "\(value)"
        case .string(let value): value
        case .list(let values): "[" + values.map { "\($0)" }.joined(separator: ", ") + "]"
        }
    }

    /// The value that `text` holds, of the same kind as `example`; nil if it does not.
    init?(_ text: String, like example: OptionValue) {
        switch example {
        case .bool:
            guard let value = Bool(text) else { return nil }
            self = .bool(value)
        case .int:
            guard let value = Int(text) else { return nil }
            self = .int(value)
        case .double:
            guard let value = Double(text) else { return nil }
            self = .double(value)
        case .string:
            self = .string(text)
        case .list:
            guard text.hasPrefix("["), text.hasSuffix("]") else { return nil }
            var values: [Double] = []
            for part in text.dropFirst().dropLast().split(separator: ",") {
                guard let value = Double(String(part.drop { $0 == " " })) else { return nil }
                values.append(value)
            }
            self = .list(values)
        }
    }
}

extension OptionValue: ExpressibleByBooleanLiteral, ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral {
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(floatLiteral value: Double) { self = .double(value) }
    public init(integerLiteral value: Int) { self = .int(value) }
}

/// A type of settings: Bool, Int, Double, String, a list of numbers, or an enumeration of strings (optional, with nil as `None`).
public protocol SettingValue: Sendable {
    /// The value of an option; nil if the option is of another kind.
    init?(_ option: OptionValue)
    /// The value as a state dictionary stores it.
    var option: OptionValue { get }
    /// The possible names, for an enumeration.
    static var choices: [String] { get }
}

extension SettingValue {
    public static var choices: [String] { [] }
}

extension Bool: SettingValue {
    public init?(_ option: OptionValue) {
        guard case .bool(let value) = option else { return nil }
        self = value
    }
    public var option: OptionValue { .bool(self) }
}

extension Int: SettingValue {
    public init?(_ option: OptionValue) {
        guard case .int(let value) = option else { return nil }
        self = value
    }
    public var option: OptionValue { .int(self) }
}

extension Double: SettingValue {
    /// Also takes an integer.
    public init?(_ option: OptionValue) {
        switch option {
        case .double(let value): self = value
        case .int(let value): self = Double(value)
        default: return nil
        }
    }
    public var option: OptionValue { .double(self) }
}

extension String: SettingValue {
    public init?(_ option: OptionValue) {
        guard case .string(let value) = option else { return nil }
        self = value
    }
    public var option: OptionValue { .string(self) }
}

extension [Double]: SettingValue {
    public init?(_ option: OptionValue) {
        guard case .list(let values) = option else { return nil }
        self = values
    }
    public var option: OptionValue { .list(self) }
}

extension SettingValue where Self: RawRepresentable & CaseIterable, RawValue == String {
    public init?(_ option: OptionValue) {
        guard case .string(let name) = option else { return nil }
        self.init(rawValue: name)
    }
    public var option: OptionValue { .string(rawValue) }
    public static var choices: [String] { allCases.map(\.rawValue) }
}

extension Optional: SettingValue where Wrapped: SettingValue & RawRepresentable & CaseIterable, Wrapped.RawValue == String {
    public init?(_ option: OptionValue) {
        if option == .string("None") {
            self = .none
        } else if let value = Wrapped(option) {
            self = .some(value)
        } else {
            return nil
        }
    }
    public var option: OptionValue { self?.option ?? .string("None") }
    public static var choices: [String] { Wrapped.choices + ["None"] }
}

/// A saved state that does not fit the optimizer or schedule it is loaded into. Nothing was changed.
public struct OptimizerStateError: Error, CustomStringConvertible, Sendable {
    /// The optimizer's or schedule's type.
    public let owner: String
    /// Everything that differs, one sentence each.
    public let problems: [String]

    public var description: String { "\(owner): the state does not fit: " + problems.joined(separator: "; ") }
}

/// What is wrong with a number that must be at least `low` and below `high`; nil if nothing is wrong. PyTorch: `Invalid … value`.
func invalid(_ name: String, _ value: Double, from low: Double = 0, below high: Double = .infinity) -> String? {
    if value >= low && value < high { return nil }
    let range = high == .infinity ? "at least \(low) and finite" : "at least \(low) and below \(high)"
    return "invalid \(name): \(value); it must be \(range)"
}
