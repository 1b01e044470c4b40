import ApusCore
import ApusFormats
import ApusNN

/// A constructor's call in a JSON file, by PyTorch's class and argument names: `{"type": "Linear", "in_features": 4, "out_features": 2}`, or a
/// class's name alone.
package struct DescribedCall {
    /// The class's name.
    package let type: String
    /// Its arguments, as they were written.
    package var arguments: [JSON.Member]

    /// Reads `json`. `what` (`a layer`) and `example` are for messages, of which `wrong` makes errors.
    package init(_ json: JSON, what: String, example: String, _ wrong: (String) -> FormatError) throws {
        switch json {
        case .string(let name): (type, arguments) = (name, [])
        case .object(let members):
            guard let name = json["type"]?.string else { throw wrong("'type' is missing: the class, as in \(example)") }
            (type, arguments) = (name, members.filter { $0.key != "type" })
        default: throw wrong("\(json.kind), where \(what) is wanted: \(example)")
        }
    }

    /// The arguments as values of PyTorch's.
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
