import ApusCore
import ApusFormats
import ApusNN

/// Transforms described in a JSON file: a list by torchvision's class and argument names.
///
/// ```json
/// [{"type": "RandomResizedCrop", "size": 224}, "RandomHorizontalFlip",
///  {"type": "RandomApply", "transforms": [{"type": "ColorJitter", "brightness": 0.4}], "p": 0.8},
///  "ToTensor", {"type": "Normalize", "mean": [0.5], "std": [0.5]}]
/// ```
/// A transform without arguments may be its name alone. Those of pictures come first, then `ToTensor`, then those of tensors; where there is
/// no `ToTensor` it comes last.
package enum TransformFile {
    /// The transforms in the file at `path`. Messages name the file and the place in it.
    package static func transforms(contentsOf path: String) throws -> Compose<Picture, Tensor> {
        try transforms(JSON(contentsOf: path), file: path)
    }

    /// The transforms of a list, which is from `file`.
    package static func transforms(_ json: JSON, file: String) throws -> Compose<Picture, Tensor> {
        var pictures: [any Transform<Picture, Picture>] = [], tensors: [any Transform<Tensor, Tensor>] = []
        var isTensor = false
        for (step, place) in try steps(json, path: "", file) {
            switch step {
            case .ofPictures(let transform) where !isTensor: pictures.append(transform)
            case .toTensor where !isTensor: isTensor = true
            case .ofTensors(let transform) where isTensor: tensors.append(transform)
            case .ofPictures, .toTensor:
                throw FormatError(file: file, place: .key(place), reason: "it takes a picture, which 'ToTensor' has made a tensor")
            case .ofTensors: throw FormatError(file: file, place: .key(place), reason: "it takes a tensor; 'ToTensor' comes before it")
            }
        }
        return Compose(pictures: pictures, tensors: tensors)
    }

    private static func steps(_ json: JSON, path: String, _ file: String) throws -> [(TransformTable.Step, place: String)] {
        guard case .array(let list) = json else {
            throw FormatError(
                file: file, place: path.isEmpty ? nil : .key(path), reason: "\(json.kind), where a list of transforms is wanted")
        }
        return try list.enumerated().map { index, json in
            let place = path.isEmpty ? "\(index)" : "\(path).\(index)"
            return (try step(json, place, file), place)
        }
    }

    private static func step(_ json: JSON, _ place: String, _ file: String) throws -> TransformTable.Step {
        func wrong(_ reason: String) -> FormatError { FormatError(file: file, place: .key(place), reason: reason) }
        let name: String
        var arguments: [JSON.Member] = []
        switch json {
        case .string(let text): name = text
        case .object(let members):
            guard let text = json["type"]?.string else { throw wrong("'type' is missing: the transform's class, such as \"Resize\"") }
            name = text
            arguments = members.filter { $0.key != "type" }
        default: throw wrong("\(json.kind), where a transform is wanted: {\"type\": \"Resize\", \"size\": …}")
        }
        do {
            var inner: [any Transform<Picture, Picture>]?
            if let list = json["transforms"], TransformTable.containers.contains(name) {
                inner = try steps(list, path: "\(place).transforms", file).map { step, place in
                    guard case .ofPictures(let transform) = step else {
                        throw FormatError(file: file, place: .key(place), reason: "'\(name)' holds transforms of pictures alone")
                    }
                    return transform
                }
                arguments.removeAll { $0.key == "transforms" }
            }
            let named = try arguments.map { ($0.key, try argument($0.value, wrong)) }
            return try TransformTable.make(name, [], named, containing: inner)
        } catch let error as FormatError {
            throw error
        } catch {
            throw wrong("\(error)")
        }
    }

    private static func argument(_ json: JSON, _ wrong: (String) -> FormatError) throws -> Argument {
        switch json {
        case .null: return .none
        case .bool(let value): return .bool(value)
        case .int(let value): return .int(Int(value))
        case .double(let value): return .double(value)
        case .string(let value): return .string(value)
        case .array(let values): return .list(try values.map { try argument($0, wrong) })
        case .object: throw wrong("an object is no argument of a transform")
        }
    }
}
