import ApusCore

/// A value as Python would pass it: an argument of a module's constructor or call, or its answer.
package indirect enum Argument {
    case none
    case bool(Bool)
    case int(Int)
    case double(Double)
    case string(String)
    case list([Argument])
    case tensor(Tensor)
    case dtype(DType)

    /// In messages: `the string 'same'`.
    package var summary: String {
        switch self {
        case .none: "None"
        case .bool(let value): repr(value)
        case .int(let value): "\(value)"
        case .double(let value): repr(value)
        case .string(let value): "the string '\(value.prefix(60))'"
        case .list(let values): "a list of \(values.count)"
        case .tensor(let value): "a \(value.dtype) tensor of shape \(value.shape)"
        case .dtype(let value): "the dtype \(value)"
        }
    }
}

/// What is wrong with a name or an argument from outside, such as a file that describes a model.
package struct TableError: Error, CustomStringConvertible {
    package let description: String
    /// Whether a class or argument of that name does not exist, rather than a value being wrong.
    package let isUnknownName: Bool

    package init(_ description: String, isUnknownName: Bool = false) {
        self.description = description
        self.isUnknownName = isUnknownName
    }
}

/// The arguments of one call, by position and by name, read in the order of PyTorch's signature: each `read` takes the next by position, else the
/// one of that name. `finish` complains about what is left.
package struct Arguments {
    /// What is called, for messages.
    let owner: String
    private let positional: [Argument]
    private var named: [(name: String, value: Argument)]
    private var position = 0
    /// The names of the signature, as far as they have been read.
    private var names: [String] = []
    /// What `size_average` and `reduce` said; see `reduction`.
    private var averages: Bool?
    private var reduces: Bool?

    package init(_ owner: String, _ positional: [Argument], _ named: [(name: String, value: Argument)]) {
        self.owner = owner
        self.positional = positional
        self.named = named
    }

    /// The next argument, called `name`; nil where it was not given.
    package mutating func read(_ name: String) throws -> Argument? {
        names.append(name)
        let place = named.firstIndex { $0.name == name }
        guard position < positional.count else { return place.map { named.remove(at: $0).value } }
        if place != nil { throw TableError("\(owner): argument '\(name)' is given by position and by name") }
        position += 1
        return positional[position - 1]
    }

    /// Throws where an argument was given that the signature does not have.
    package func finish() throws {
        if position < positional.count { throw TableError("\(owner): takes \(position) arguments by position, \(positional.count) were given", isUnknownName: true) }
        if let first = named.first { throw TableError("\(owner): there is no argument '\(first.name.prefix(60))'\(names.isEmpty ? "" : "; there are \(names.joined(separator: ", "))")", isUnknownName: true) }
    }

    func wrong(_ name: String, _ value: Argument, _ wanted: String) -> TableError { TableError("\(owner): argument '\(name)' must be \(wanted), it is \(value.summary)") }
    func missing(_ name: String) -> TableError { TableError("\(owner): argument '\(name)' is missing") }

    /// The value that `pick` finds in the argument, `fallback` where it was not given; nil from `pick` means that it has the wrong type.
    package mutating func read<Value>(_ name: String, _ fallback: Value?, _ wanted: String, _ pick: (Argument) -> Value?) throws -> Value {
        guard let value = try read(name) else {
            if let fallback { return fallback }
            throw missing(name)
        }
        guard let picked = pick(value) else { throw wrong(name, value, wanted) }
        return picked
    }

    /// The same where None, or leaving it out, gives nil.
    package mutating func readOptional<Value>(_ name: String, _ wanted: String, _ pick: (Argument) -> Value?) throws -> Value? {
        guard let value = try read(name) else { return nil }
        if case .none = value { return nil }
        guard let picked = pick(value) else { throw wrong(name, value, wanted + " or None") }
        return picked
    }

    // MARK: By type

    package mutating func bool(_ name: String, _ fallback: Bool? = nil) throws -> Bool { try read(name, fallback, "True or False", \.bool) }
    package mutating func int(_ name: String, _ fallback: Int? = nil) throws -> Int { try read(name, fallback, "an integer", \.int) }
    package mutating func double(_ name: String, _ fallback: Double? = nil) throws -> Double { try read(name, fallback, "a number", \.double) }
    /// A number that prints as it was given.
    package mutating func number(_ name: String, _ fallback: Scalar? = nil) throws -> Scalar { try read(name, fallback, "a number", \.number) }
    package mutating func string(_ name: String, _ fallback: String? = nil) throws -> String { try read(name, fallback, "a string", \.string) }
    package mutating func ints(_ name: String, _ fallback: [Int]? = nil) throws -> [Int] { try read(name, fallback, "a list of integers", \.ints) }
    /// One integer or a list of them, such as a kernel's size.
    package mutating func extents(_ name: String, _ fallback: Extents? = nil) throws -> Extents { try read(name, fallback, "an integer or a list of integers", \.extents) }
    package mutating func tensor(_ name: String) throws -> Tensor { try read(name, nil, "a tensor", \.tensor) }

    package mutating func optionalInt(_ name: String) throws -> Int? { try readOptional(name, "an integer", \.int) }
    package mutating func optionalDouble(_ name: String) throws -> Double? { try readOptional(name, "a number", \.double) }
    package mutating func optionalNumber(_ name: String) throws -> Scalar? { try readOptional(name, "a number", \.number) }
    package mutating func optionalBool(_ name: String) throws -> Bool? { try readOptional(name, "True or False", \.bool) }
    package mutating func optionalExtents(_ name: String) throws -> Extents? { try readOptional(name, "an integer or a list of integers", \.extents) }
    package mutating func optionalTensor(_ name: String) throws -> Tensor? { try readOptional(name, "a tensor", \.tensor) }

    /// A string that is one of the raw values of `Choice`.
    package mutating func choice<Choice: RawRepresentable<String>>(_ name: String, _ fallback: Choice? = nil) throws -> Choice where Choice: CaseIterable {
        try read(name, fallback, "one of " + Choice.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")) { $0.string.flatMap(Choice.init(rawValue:)) }
    }

    /// `size_average`, at its place in a loss's signature.
    mutating func sizeAverage() throws { averages = try optionalBool("size_average") }
    /// `reduce`, likewise.
    mutating func reduce() throws { reduces = try optionalBool("reduce") }

    /// `reduction`. As in PyTorch, `size_average` and `reduce`, which it has replaced, overrule it where one of them is given.
    mutating func reduction<Choice: RawRepresentable<String> & CaseIterable>() throws -> Choice {
        let choice: Choice = try choice("reduction", Choice(rawValue: "mean")!)
        if averages == nil && reduces == nil { return choice }
        return Choice(rawValue: reduces == false ? "none" : averages == false ? "sum" : "mean")!
    }

    /// Takes what is left, of any name, and does nothing with it.
    mutating func ignoreRest() {
        position = positional.count
        named = []
    }

    /// The arguments `device` and `dtype` that end most constructors: None or `cpu`, and None or a floating-point dtype.
    package mutating func deviceAndDType() throws -> (device: Device, dtype: DType) {
        let device = try readOptional("device", "the name of a device") { $0.string.flatMap { Device($0) } }
        let dtype = try readOptional("dtype", "a floating-point dtype") { (value: Argument) -> DType? in
            switch value {
            case .dtype(let dtype) where dtype.isFloatingPoint: dtype
            case .string(let name): DType(name).flatMap { $0.isFloatingPoint ? $0 : nil }
            default: nil
            }
        }
        return (device ?? .cpu, dtype ?? .float32)
    }
}

extension Argument {
    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    package var int: Int? { if case .int(let value) = self { value } else { nil } }
    package var string: String? { if case .string(let value) = self { value } else { nil } }
    package var tensor: Tensor? { if case .tensor(let value) = self { value } else { nil } }
    package var list: [Argument]? { if case .list(let values) = self { values } else { nil } }
    package var number: Scalar? {
        switch self {
        case .int(let value): .int(Int64(value))
        case .double(let value): .double(value)
        default: nil
        }
    }
    package var double: Double? { number?.doubleValue }
    package var ints: [Int]? {
        guard let list else { return nil }
        let values = list.compactMap(\.int)
        return values.count == list.count ? values : nil
    }
    /// One number or a list of them.
    package var doubles: [Double]? {
        if let double { return [double] }
        guard let list, !list.isEmpty else { return nil }
        let values = list.compactMap(\.double)
        return values.count == list.count ? values : nil
    }
    package var extents: Extents? { int.map { Extents($0) } ?? ints.flatMap { $0.isEmpty ? nil : Extents($0) } }
}
