import ApusCore

/// The value of a setting of an optimizer or a schedule, or of another number in their states.
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
    /// Several integers, such as the numbers of a group's parameters.
    case ints([Int])

    /// A setting that is nil, or a tensor that no step has made yet. PyTorch: `None`.
    package static var absent: OptionValue { .string("None") }

    /// The value as a file has it. A state that is loaded may have such a text, as ``string(_:)``, in place of each value: it comes back to the
    /// same bits.
    public var text: String {
        switch self {
        case .bool(let value): "\(value)"
        case .int(let value): "\(value)"
        case .double(let value): "\(value)"
        case .string(let value): value
        case .list(let values): "\(values)"
        case .ints(let values): "\(values)"
        }
    }

    /// What a text spells in the kind of `example`, nil if nothing; another value is what it is.
    func read(like example: OptionValue) -> OptionValue? {
        guard case .string(let text) = self else { return self }
        func numbers<Number: LosslessStringConvertible>() -> [Number]? {
            guard text.hasPrefix("["), text.hasSuffix("]") else { return nil }
            let parts = text.dropFirst().dropLast().split(separator: ",")
            let values = parts.compactMap { Number(String($0.drop { $0 == " " })) }
            return values.count == parts.count ? values : nil
        }
        return switch example {
        case .bool: Bool(text).map(OptionValue.bool)
        case .int: Int(text).map(OptionValue.int)
        case .double: Double(text).map(OptionValue.double)
        case .string: self
        case .list: numbers().map(OptionValue.list)
        case .ints: numbers().map(OptionValue.ints)
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
            option: { $0.map(some.option) ?? .absent },
            value: { option in
                if option == .absent { return .some(nil) }
                return some.value(option).map(Optional.some)
            }, choices: some.choices + [OptionValue.absent.text])
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

    var numbers: [Double]? {
        switch self {
        case .list(let values): values
        case .ints(let values): values.map { Double($0) }
        default: nil
        }
    }
    func numbers(_ count: Int) -> [Double]? { numbers.flatMap { $0.count == count ? $0 : nil } }
}

/// A saved state that does not fit the optimizer, schedule or scaler that it is loaded into. Nothing was changed.
public struct OptimizerStateError: Error, CustomStringConvertible, Sendable {
    /// The type of that.
    public let owner: String
    /// Everything that differs, one sentence each.
    public let problems: [String]

    /// The type, and everything that differs.
    public var description: String { "\(owner): the state does not fit: " + problems.joined(separator: "; ") }
}

/// The largest count that a state may have: a Double has every integer up to it, and going on counting from it does not overflow.
let largestCount = 1 << 53

/// What is wrong with counts of a state, of either sign; nil if nothing is wrong.
func invalid(counts: KeyValuePairs<String, Int>) -> String? {
    counts.first { $0.value.magnitude > largestCount }.map { "\($0.key) is \($0.value), which is beyond any count (2⁵³)" }
}

/// What is wrong with a number that must be at least `low` and below `high`; nil if nothing is wrong. PyTorch: `Invalid … value`.
func invalid(_ name: String, _ value: Double, from low: Double = 0, below high: Double = .infinity) -> String? {
    if value >= low && value < high { return nil }
    let range = high == .infinity ? "at least \(low) and finite" : "at least \(low) and below \(high)"
    return "invalid \(name): \(value); it must be \(range)"
}
