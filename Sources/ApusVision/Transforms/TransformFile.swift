import ApusCheckpoints
import ApusCore
import ApusFormats
import ApusNN
import ApusSystem

/// Transforms described in a JSON file: a list by torchvision's class and argument names.
///
/// ```json
/// [{"type": "RandomResizedCrop", "size": 224}, "RandomHorizontalFlip",
///  {"type": "RandomApply", "transforms": [{"type": "ColorJitter", "brightness": 0.4}], "p": 0.8},
///  "ToTensor", {"type": "Normalize", "mean": [0.5], "std": [0.5]}]
/// ```
/// A transform without arguments may be given by its name alone. Transforms of pictures come first, then `ToTensor`, then transforms of
/// tensors; `ToTensor` is appended if it is missing.
package enum TransformFile {
    /// The transforms in the file at `path`. Errors name the file and the place in it.
    package static func transforms(contentsOf path: String) throws -> Compose<Picture, Tensor> {
        try transforms(JSON(contentsOf: path), file: path)
    }

    /// The transforms in a list from `file`.
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
        var call = try DescribedCall(json, what: "a transform", example: "{\"type\": \"Resize\", \"size\": …}", wrong)
        guard TransformTable.names.contains(call.type) else {
            let hint = nearest(to: call.type, in: TransformTable.names).map { "; did you mean '\($0)'?" } ?? ""
            throw wrong("there is no transform '\(printable(call.type))'\(hint)")
        }
        do {
            var inner: [any Transform<Picture, Picture>]?
            if let list = json["transforms"], TransformTable.containers.contains(call.type) {
                inner = try steps(list, path: "\(place).transforms", file).map { step, place in
                    guard case .ofPictures(let transform) = step else {
                        throw FormatError(file: file, place: .key(place), reason: "'\(call.type)' holds transforms of pictures alone")
                    }
                    return transform
                }
                call.arguments.removeAll { $0.key == "transforms" }
            }
            return try TransformTable.make(call.type, [], try call.named(wrong), containing: inner)
        } catch let error as FormatError {
            throw error
        } catch {
            throw wrong("\(error)")
        }
    }
}
