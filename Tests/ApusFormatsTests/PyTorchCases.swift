import ApusCore
import ApusSystem
import Foundation
import TestSupport
@testable import ApusFormats

/// The files of `Interop`, made by PyTorch and NumPy or taken from packages, with what must come out of them.
enum Interop {
    static func path(_ name: String) -> String { inCheckout("Interop/\(name)").path }

    /// The descriptions of a folder, by name; `.io` and the like are none.
    static func names(_ folder: String) -> [String] {
        (try! FileManager.default.contentsOfDirectory(atPath: path(folder))).filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }
            .sorted()
    }

    static func description(_ name: String) -> JSON { try! JSON(contentsOf: path("\(name).json")) }

    /// Whether a message lets a person find a place: it has each word of it, whatever the quotes.
    static func names(_ place: String, in message: String) -> Bool {
        func words(_ text: String) -> [Substring] { text.split { " ,:/()".contains($0) }.map { $0.drop { "'\"".contains($0) } } }
        return words(place).allSatisfy { word in words(message).contains { $0.hasPrefix(word.filter { !"'\"".contains($0) }) } }
    }
}

extension PyTorchObject {
    /// What differs from a recorded tree, with the place; values of tensors are compared with `tensors`.
    func differences(from tree: JSON, _ tensors: StateDict, at place: String = "") -> [String] {
        func differs(_ what: String) -> [String] { ["\(place): \(what), where \(tree.text.prefix(100)) was recorded, is \(self)"] }
        func check(_ holds: Bool, _ what: String = "value") -> [String] { holds ? [] : differs(what) }
        guard let (kind, value) = tree.members?.first.map({ ($0.key, $0.value) }) else { return differs("no node") }
        switch kind {
        case "none": return check(self.kind == .null)
        case "bool": return check(bool == value.bool)
        case "int": return check(decimal == value.string)
        case "float":
            return check(double.map { number in Double(value.string!).map { $0 == number || $0.isNaN && number.isNaN } ?? false } ?? false)
        case "complex":
            return check(complex.map { "\($0.real)" == value.array![0].string && "\($0.imaginary)" == value.array![1].string } ?? false)
        case "str": return check(self.kind == .string && string!.isSame(as: value.string!))
        case "bytes", "bytearray": return check(bytes == base64(value.string!) && isMutable == (kind == "bytearray"))
        case "size": return check(size == value.array!.map { $0.int! })
        case "device": return check(self.kind == .device && string == value.string)
        case "dtype": return check(self.kind == .dtype && string == value.string)
        case "dict":
            // PyTorch makes these references when it loads a recurrent layer; the file has none.
            let recorded = value.array!.filter { $0.array![0]["str"]?.string != "_flat_weight_refs" }
            guard self.kind == .dictionary, count == recorded.count else { return differs("dictionary") }
            return zip(items, recorded).flatMap { item, pair in
                item.key.differences(from: pair.array![0], tensors, at: place + "/key")
                    + item.value.differences(from: pair.array![1], tensors, at: "\(place)/\(item.key)")
            }
        case "list", "tuple", "set":
            guard "\(self.kind)" == kind, count == value.array!.count else { return differs(kind) }
            return zip(elements, value.array!).flatMap { $0.differences(from: $1, tensors, at: place + "/") }
        case "object":
            guard className == value.string else { return differs("class") }
            guard let state = tree["state"] else { return check(isTensor) }
            return self.state?.differences(from: state, tensors, at: place + "/state")
                ?? check(state["dict"]?.array?.isEmpty ?? false, "state")
        case "tensor":
            guard self.kind == .tensor else { return differs("tensor") }
            var problems =
                check(isParameter == (tree["parameter"]?.bool ?? false), "parameter")
                + check(requiresGrad == (tree["requires_grad"]?.bool ?? false), "gradient")
            problems += check(
                tree["layout"] != nil || dtypeName == tree["dtype"]!.string && shape == Shape(tree["shape"]!.array!.map { $0.int! }),
                "dtype or shape")
            guard tree["values"] == nil else {
                // Apus has no such tensor, and says which and why.
                return problems + check(message { _ = try self.tensor() }.contains(value.string!.split(separator: "/").last!), "error")
            }
            guard let found = try? self.tensor(), let wanted = tensors[value.string!.isEmpty ? "/" : value.string!] else {
                return differs("no values")
            }
            return problems
                + check(
                    found.dtype == wanted.dtype && found.shape == wanted.shape
                        && ApusFormatsTests.bytes(of: found) == ApusFormatsTests.bytes(of: wanted), "values")
        default: return differs("unknown node")
        }
    }
}
