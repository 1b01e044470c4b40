import ApusCheckpoints
import ApusCore
import ApusFormats
import ApusNN
import ApusSystem
import ApusTraining

/// A `Sequential` described in a JSON file: a list of layers by PyTorch's class and argument names.
///
/// ```json
/// [
///   {"type": "Conv2d", "name": "conv1", "in_channels": 1, "out_channels": 8, "kernel_size": 3, "padding": 1},
///   "ReLU",
///   {"type": "MaxPool2d", "kernel_size": 2},
///   "Flatten",
///   {"type": "Linear", "in_features": 1568, "out_features": 10}
/// ]
/// ```
/// A layer without arguments may be its name alone. `name` is its key in the state dict, by default its index. A nested `Sequential` has
/// its own list in `layers`. An object of layers by name, `{"fc1": {"type": …}, …}`, is another form of such a list.
enum LayerFile {
    /// The model that `text` describes. Messages name `file` and the layer.
    static func sequential(_ text: String, file: String) throws -> Module {
        try sequential(parsed(text, file: file), path: "", file: file)
    }

    /// The text in a file that lists `what`.
    static func contents(_ path: String, _ what: String) throws -> String {
        let file = try MappedFile(path)
        guard file.bytes.count < 1 << 20 else {
            throw FormatError(file: path, reason: "\(Text.bytes(file.bytes.count)) are too many for a list of \(what)")
        }
        return withExtendedLifetime(file) { String(decoding: file.bytes, as: UTF8.self) }
    }

    /// JSON that somebody has written; an error names line and column.
    static func parsed(_ text: String, file: String) throws -> JSON {
        do throws(JSONError) {
            return try JSON(parsing: text)
        } catch {
            let before = text.utf8.prefix(error.offset)
            let line = before.count { $0 == UInt8(ascii: "\n") }
            let column = before.reversed().prefix { $0 != UInt8(ascii: "\n") }.count
            throw FormatError(file: file, place: .line(line + 1, column: column + 1), reason: error.message)
        }
    }

    private static func sequential(_ json: JSON, path: String, file: String) throws -> Sequential {
        var entries: [(name: String?, value: JSON)]
        switch json {
        case .array(let values): entries = values.map { (nil, $0) }
        case .object(let members): entries = members.map { ($0.key, $0.value) }
        default:
            throw FormatError(file: file, place: path.isEmpty ? nil : .key(path), reason: "\(json.kind), where a list of layers is wanted")
        }
        guard !entries.isEmpty else { throw FormatError(file: file, place: path.isEmpty ? nil : .key(path), reason: "there are no layers") }
        var layers: [(String, Module)] = []
        for (i, entry) in entries.enumerated() {
            let own = entry.value["name"]
            let name = entry.name ?? own?.string ?? String(i)
            let place = path.isEmpty ? name : "\(path).\(name)"
            func wrong(_ reason: String) -> FormatError { FormatError(file: file, place: .key(place), reason: reason) }
            if let own {
                guard let text = own.string else { throw wrong("'name' is \(own.kind), where a string is wanted") }
                guard text.isSame(as: name) else {
                    throw wrong("'name' is '\(printable(text))', the layer's key in the object '\(printable(name))'; leave one out")
                }
            }
            guard !name.isEmpty, !name.contains(".") else { throw wrong("a layer's name must not be empty or contain a dot") }
            guard !layers.contains(where: { $0.0.isSame(as: name) }) else { throw wrong("two layers have this name") }
            layers.append((name, try layer(entry.value, place, file, wrong)))
        }
        return Sequential(layers)
    }

    private static func layer(_ json: JSON, _ place: String, _ file: String, _ wrong: (String) -> FormatError) throws -> Module {
        var call = try DescribedCall(json, what: "a layer", example: "{\"type\": \"Linear\", \"in_features\": …}", wrong)
        call.arguments.removeAll { $0.key == "name" }
        let type = call.type
        if type == "Sequential" {
            guard let inner = json["layers"], call.arguments.count == 1 else { throw wrong("a Sequential has one argument, 'layers'") }
            return try sequential(inner, path: place, file: file)
        }
        guard ModuleTable.names.contains(type) else {
            let hint = nearest(to: type, in: ModuleTable.names).map { "; did you mean '\($0)'?" } ?? ""
            throw wrong("there is no layer '\(printable(type))'\(hint)")
        }
        do {
            return try ModuleTable.make(type, [], call.named(wrong))
        } catch let error as FormatError {
            throw error
        } catch {
            throw wrong("\(error)")
        }
    }
}
