import ApusCore
import ApusFormats
import ApusNN

/// A constructor call in a JSON file, with PyTorch's class and argument names: `{"type": "Linear", "in_features": 4, "out_features": 2}`,
/// or only the name of a class.
package struct DescribedCall {
    /// The name of the class.
    package let type: String
    /// The arguments as written.
    package var arguments: [JSON.Member]

    /// Parses `json`. `what` (`a layer`) and `example` go into messages, of which `wrong` makes errors.
    package init(_ json: JSON, what: String, example: String, _ wrong: (String) -> FormatError) throws {
        switch json {
        case .string(let name): (type, arguments) = (name, [])
        case .object(let members):
            guard let name = json["type"]?.string else { throw wrong("'type' is missing: the class, as in \(example)") }
            (type, arguments) = (name, members.filter { $0.key != "type" })
        default: throw wrong("\(json.kind), where \(what) is wanted: \(example)")
        }
    }

    /// The arguments as `Argument`s, by PyTorch's names.
    package func named(_ wrong: (String) -> FormatError) throws -> [(name: String, value: Argument)] {
        try arguments.map { ($0.key, try DescribedCall.argument($0.value, wrong)) }
    }

    private static func argument(_ json: JSON, _ wrong: (String) -> FormatError) throws -> Argument {
        switch json {
        case .null: .none
        case .bool(let value): .bool(value)
        case .int(let value): .int(Int(value))
        case .double(let value): .double(value)
        case .string(let value): .string(value)
        case .array(let values): .list(try values.map { try argument($0, wrong) })
        case .object: throw wrong("an object is no argument")
        }
    }
}
