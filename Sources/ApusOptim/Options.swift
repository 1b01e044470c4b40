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
    /// `true` or `false`.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// A number with a point: `0.9`.
    public init(floatLiteral value: Double) { self = .double(value) }
    /// A number without one: `5`. A setting that is a Double takes it too.
    public init(integerLiteral value: Int) { self = .int(value) }
}

/// An enumeration of texts as a setting: `enum MuonRate: String, CaseIterable, SettingValue { … }`. States and options hold its raw values.
public protocol SettingValue: RawRepresentable, CaseIterable, Sendable where RawValue == String {}

/// How values of one type stand in states and options.
struct OptionForm<Value>: Sendable {
    let option: @Sendable (Value) -> OptionValue
    /// The value of an option; nil if the option is of another kind.
    let value: @Sendable (OptionValue) -> Value?
    /// The possible names, for an enumeration.
    var choices: [String] = []
}

extension OptionForm<Bool> {
    static let bool = OptionForm(option: { .bool($0) }, value: { if case .bool(let value) = $0 { value } else { nil } })
}

extension OptionForm<Int> {
    static let int = OptionForm(option: { .int($0) }, value: { if case .int(let value) = $0 { value } else { nil } })
}

extension OptionForm<Double> {
    static let double = OptionForm(option: { .double($0) }, value: { $0.number })
}

extension OptionForm<String> {
    static let string = OptionForm(option: { .string($0) }, value: { if case .string(let value) = $0 { value } else { nil } })
}

extension OptionForm<[Double]> {
    static let list = OptionForm(option: { .list($0) }, value: { $0.numbers })
}

extension OptionForm<(Double, Double)> {
    static let pair = OptionForm(option: { .list([$0.0, $0.1]) }, value: { $0.numbers(2).map { ($0[0], $0[1]) } })
}

extension OptionForm<(Double, Double, Double)> {
    static let triple = OptionForm(option: { .list([$0.0, $0.1, $0.2]) }, value: { $0.numbers(3).map { ($0[0], $0[1], $0[2]) } })
}

extension OptionForm where Value: SettingValue {
    static var choice: Self {
        OptionForm(
            option: { .string($0.rawValue) }, value: { if case .string(let name) = $0 { Value(rawValue: name) } else { nil } },
            choices: Value.allCases.map(\.rawValue))
    }
}

extension OptionForm {
    /// One of the names, or `None` for nil.
    static func optional<Wrapped: SettingValue>() -> Self where Value == Wrapped? {
        let some = OptionForm<Wrapped>.choice
        return OptionForm(
            option: { $0.map(some.option) ?? .string("None") },
            value: { option in
                if option == .string("None") { return .some(nil) }
                return some.value(option).map(Optional.some)
            }, choices: some.choices + ["None"])
    }
}

extension OptionValue {
    /// A number, of an integer too; nil where it is none.
    public var number: Double? {
        switch self {
        case .double(let value): value
        case .int(let value): Double(value)
        default: nil
        }
    }

    fileprivate var numbers: [Double]? { if case .list(let values) = self { values } else { nil } }
    func numbers(_ count: Int) -> [Double]? { numbers.flatMap { $0.count == count ? $0 : nil } }
}

/// A saved state that does not fit the optimizer or schedule it is loaded into. Nothing was changed.
public struct OptimizerStateError: Error, CustomStringConvertible, Sendable {
    /// The optimizer's or schedule's type.
    public let owner: String
    /// Everything that differs, one sentence each.
    public let problems: [String]

    /// The type, and everything that differs.
    public var description: String { "\(owner): the state does not fit: " + problems.joined(separator: "; ") }
}

/// What is wrong with a number that must be at least `low` and below `high`; nil if nothing is wrong. PyTorch: `Invalid … value`.
func invalid(_ name: String, _ value: Double, from low: Double = 0, below high: Double = .infinity) -> String? {
    if value >= low && value < high { return nil }
    let range = high == .infinity ? "at least \(low) and finite" : "at least \(low) and below \(high)"
    return "invalid \(name): \(value); it must be \(range)"
}
