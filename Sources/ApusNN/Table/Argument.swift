import ApusCore

/// A Python value: an argument of a module's constructor or call, or a result.
package indirect enum Argument {
    case none
    case bool(Bool)
    case int(Int)
    case double(Double)
    case string(String)
    case list([Argument])
    case tensor(Tensor)
    case dtype(DType)

    /// A description for messages: `the string 'same'`.
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

/// A wrong name or argument from outside, such as from a file that describes a model.
package struct TableError: Error, CustomStringConvertible {
    package let description: String
    /// Whether there is no class or argument of that name, as opposed to a wrong value.
    package let isUnknownName: Bool

    package init(_ description: String, isUnknownName: Bool = false) {
        self.description = description
        self.isUnknownName = isUnknownName
    }
}

/// The arguments of one call, read in the order of the signature: each `next` takes the next positional argument, or the named one.
/// `finish` throws where arguments are left.
struct Arguments {
    /// The name of the called class, for messages.
    let owner: String
    private let positional: [Argument]
    private var named: [(name: String, value: Argument)]
    private var position = 0
    /// The names of the signature that have been read.
    private var names: [String] = []
    /// Whether the next argument is keyword-only.
    var isByName = false

    init(_ owner: String, _ positional: [Argument], _ named: [(name: String, value: Argument)]) {
        self.owner = owner
        self.positional = positional
        self.named = named
    }

    /// The value of the next argument, called `name`; nil where it is not given.
    mutating func next(_ name: String) throws -> Argument? {
        names.append(name)
        let place = named.firstIndex { $0.name == name }
        guard position < positional.count, !isByName else { return place.map { named.remove(at: $0).value } }
        if place != nil { throw TableError("\(owner): argument '\(name)' is given by position and by name") }
        position += 1
        return positional[position - 1]
    }

    /// Ignores all remaining arguments.
    mutating func ignoreRest() {
        position = positional.count
        named = []
    }

    /// Throws where an argument is left that the signature does not have.
    func finish() throws {
        if position < positional.count {
            throw TableError("\(owner): takes \(position) arguments by position, \(positional.count) were given", isUnknownName: true)
        }
        if let first = named.first {
            let known = names.isEmpty ? "" : "; there are \(names.joined(separator: ", "))"
            throw TableError("\(owner): there is no argument '\(first.name.prefix(60))'\(known)", isUnknownName: true)
        }
    }

    func wrong(_ name: String, _ value: Argument, _ wanted: String) -> TableError {
        TableError("\(owner): argument '\(name)' must be \(wanted), it is \(value.summary)")
    }
    func missing(_ name: String) -> TableError { TableError("\(owner): argument '\(name)' is missing") }
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
    /// One number or a list of numbers.
    package var doubles: [Double]? {
        if let double { return [double] }
        guard let list, !list.isEmpty else { return nil }
        let values = list.compactMap(\.double)
        return values.count == list.count ? values : nil
    }
    package var extents: Extents? { int.map { Extents($0) } ?? ints.flatMap { $0.isEmpty ? nil : Extents($0) } }
    /// One integer, or a list in which None becomes nil.
    var outputExtents: OutputExtents? {
        if let int { return OutputExtents(int) }
        if case .none = self { return OutputExtents([nil] as [Int?]) }
        guard let list, !list.isEmpty else { return nil }
        var extents: [Int?] = []
        for element in list {
            if case .none = element { extents.append(nil) } else if let number = element.int { extents.append(number) } else { return nil }
        }
        return OutputExtents(extents)
    }

    /// Several results, with None for nil.
    static func answers(_ tensors: Tensor?...) -> Argument { .list(tensors.map { $0.map { .tensor($0) } ?? .none }) }
}
