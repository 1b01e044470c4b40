import ApusCore
import ApusFormats

/// The numbers of a state that lie beside its text as tensors: text takes several times their bytes, and the text of a file is limited.
final class StateTensors {
    private(set) var all: StateDict
    /// What the tensors belong to, for their names.
    var owner = ""

    init(_ all: StateDict = StateDict()) { self.all = all }

    /// The key of the tensors in `userInfo` of an encoder and a decoder.
    private static let key = CodingUserInfoKey(rawValue: "apus.tensors")!
    var userInfo: [CodingUserInfoKey: Any] { [StateTensors.key: self] }

    /// What stands in the text for a tensor.
    private struct Place: Codable {
        var tensor: String
    }

    /// Puts `numbers` among the tensors of the encoder, and their place into the text; false where the encoder has none.
    static func put<Number: TensorElement>(_ numbers: [Number], in encoder: any Encoder) throws -> Bool {
        guard let tensors = encoder.userInfo[key] as? StateTensors else { return false }
        let name = (["\(tensors.all.count)", tensors.owner] + encoder.codingPath.map(\.stringValue)).joined(separator: ".")
        tensors.all[name] = try tensor([numbers.count], Number.dtype) { memory in numbers.withUnsafeBytes { memory.copyMemory(from: $0) } }
        try Place(tensor: name).encode(to: encoder)
        return true
    }

    /// The numbers whose place is in the text; nil where there is no place but numbers.
    static func take<Number: TensorElement>(from decoder: any Decoder) throws -> [Number]? {
        guard let place = try? Place(from: decoder) else { return nil }
        func damaged(_ text: String) -> DecodingError {
            .dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: text))
        }
        guard let tensor = (decoder.userInfo[key] as? StateTensors)?.all[place.tensor] else {
            throw damaged("there is no tensor '\(place.tensor)'")
        }
        guard tensor.dtype == Number.dtype, tensor.ndim == 1 else {
            throw damaged("tensor '\(place.tensor)' is \(tensor.dtype) \(tensor.shape), where a row of \(Number.dtype) is wanted")
        }
        return tensor.array(Number.self)
    }
}
