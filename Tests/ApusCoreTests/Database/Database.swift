import ApusCore
import ApusFormats
import Foundation
import TestSupport

/// PyTorch's answers to the samples of its own op database, which `record_database.py` recorded, and the same functions in Swift: the tables
/// of the files beside this one.
enum Database {
    typealias One = @Sendable (Call) throws -> Tensor
    typealias Several = @Sendable (Call) throws -> [Tensor]

    /// All functions by the database's names.
    static let functions: [String: Several] = {
        var all: [String: Several] = [:]
        for table in [pointwise, special, reductions, shapes, positions, matrices, created] {
            for (name, function) in table {
                precondition(all[name] == nil, "\(name) stands twice")
                all[name] = { [try function($0)] }
            }
        }
        for table in [severalShapes, severalMatrices, severalStatistics] {
            for (name, function) in table {
                precondition(all[name] == nil, "\(name) stands twice")
                all[name] = function
            }
        }
        return all
    }()

    struct Entry: Sendable {
        let samples: [JSON]
        /// What PyTorch refuses, with its message.
        let errors: [JSON]
    }

    static let entries: [String: Entry] = {
        let text: JSON = Recorded.load("database")
        return Dictionary(
            uniqueKeysWithValues: text.members!.map {
                ($0.key, Entry(samples: $0.value["samples"]!.array!, errors: $0.value["errors"]!.array!))
            })
    }()

    /// Never changed: `tensor` copies.
    nonisolated(unsafe) static let tensors = Recorded.tensors("database")

    /// A copy of the recorded tensor of `{"tensor": KEY, "dtype": …, "strides": …}`; float64 becomes `real`.
    static func tensor(_ json: JSON, real: DType = .float64, device: Device = .cpu) -> Tensor? {
        guard let key = json["tensor"]?.int else { return nil }
        let dtype = DType(json["dtype"]!.string!)!
        let kept = tensors["\(key)"]!.clone().to(dtype == .float64 ? real : dtype)
        guard let strides = json["strides"]?.array?.map({ $0.int! }) else { return kept.to(device) }
        // As it lay there: whole memory with the elements at their places.
        let count = zip(kept.shape, strides).reduce(1) { $1.0 == 0 ? 0 : $0 + ($1.0 - 1) * $1.1 }
        guard count > 0 else { return kept.to(device) }
        let memory = Tensor.zeros([count], dtype: kept.dtype)
        // Overlapping places, of expanded tensors, get the same value several times.
        memory.asStrided(kept.shape, strides).copy_(kept)
        return memory.to(device).asStrided(kept.shape, strides)
    }
}

/// The arguments of a sample, by place or by PyTorch's name; what is not asked for is an error.
final class Call {
    /// PyTorch finds out when it runs what Swift's types rule out.
    struct RuledOut: Error, CustomStringConvertible { let description: String }

    enum Key: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
        case place(Int), name(String)
        init(integerLiteral value: Int) { self = .place(value) }
        init(stringLiteral value: String) { self = .name(value) }
    }

    private let arguments: [JSON]
    private let named: [JSON.Member]
    private let real: DType
    private let device: Device
    private var asked: Set<String> = ["device", "requires_grad"]
    /// The tensors that the sample differentiates by, in order; made before the function asks for them, which it may do in any order.
    let differentiated: [Tensor]
    private let made: [String: [Tensor]]

    init(_ sample: JSON, real: DType, device: Device, differentiates: Bool) {
        arguments = sample["arguments"]!.array!
        named = sample["named"]?.members ?? []
        (self.real, self.device) = (real, device)
        var differentiated: [Tensor] = []
        func tensors(_ json: JSON) -> [Tensor] {
            if let list = json.array { return list.flatMap(tensors) }
            guard let tensor = Database.tensor(json, real: real, device: device) else { return [] }
            if json["differentiated"]?.bool == true && differentiates {
                tensor.requiresGrad_()
                differentiated.append(tensor)
            }
            return [tensor]
        }
        var made: [String: [Tensor]] = [:]
        for (place, argument) in arguments.enumerated() { made["\(place)"] = tensors(argument) }
        for member in named { made[member.key] = tensors(member.value) }
        self.made = made
        self.differentiated = differentiated
    }

    /// What the function did not ask for.
    var unasked: [String] { (arguments.indices.map(String.init) + named.map(\.key)).filter { !asked.contains($0) } }

    private func find(_ keys: [Key]) -> (json: JSON, key: String)? {
        var found: (JSON, String)?
        for key in keys {
            switch key {
            case .place(let place):
                asked.insert("\(place)")
                if place < arguments.count { found = found ?? (arguments[place], "\(place)") }
            case .name(let name):
                asked.insert(name)
                if let value = named.first(where: { $0.key == name })?.value { found = found ?? (value, name) }
            }
        }
        return found?.0 == .null ? nil : found
    }

    private func wrong<Value>(_ keys: [Key], _ wanted: String) throws -> Value {
        throw RuledOut(description: "\(keys) is not \(wanted) but \(find(keys)?.json.text ?? "missing")")
    }

    /// The first argument.
    var x: Tensor { get throws { try tensor(0) } }

    func has(_ keys: Key...) -> Bool { find(keys) != nil }
    func isTensor(_ keys: Key...) -> Bool { find(keys)?.json["tensor"] != nil }
    func isList(_ keys: Key...) -> Bool { find(keys)?.json.array != nil }

    func tensor(_ keys: Key...) throws -> Tensor {
        guard let (json, key) = find(keys), json["tensor"] != nil else { return try wrong(keys, "a tensor") }
        return made[key]![0]
    }
    func optional(_ keys: Key...) throws -> Tensor? {
        guard let (json, key) = find(keys) else { return nil }
        return json["tensor"] == nil ? try wrong(keys, "a tensor") : made[key]![0]
    }
    /// The tensors of a list.
    func tensors(_ keys: Key...) throws -> [Tensor] {
        guard let (json, key) = find(keys), let list = json.array, list.allSatisfy({ $0["tensor"] != nil }) else {
            return try wrong(keys, "a list of tensors")
        }
        return made[key]!
    }
    /// All arguments by place, from one on.
    func rest(_ first: Int = 0) throws -> [Tensor] { try (first..<arguments.count).map { try tensor(.place($0)) } }
    /// A list of tensors, or all arguments by place.
    func all() throws -> [Tensor] { isList(0) ? try tensors(0) : try rest() }

    func int(_ keys: Key..., or other: Int? = nil) throws -> Int {
        guard let json = find(keys)?.json else { return try other ?? wrong(keys, "an integer") }
        return try json.int ?? wrong(keys, "an integer")
    }
    func optionalInt(_ keys: Key...) throws -> Int? {
        guard let json = find(keys)?.json else { return nil }
        return try json.int ?? wrong(keys, "an integer")
    }
    /// A list of integers, or one.
    func ints(_ keys: Key...) throws -> [Int]? {
        guard let json = find(keys)?.json else { return nil }
        if let one = json.int { return [one] }
        guard let list = json.array, list.allSatisfy({ $0.int != nil }) else { return try wrong(keys, "a list of integers") }
        return list.map { $0.int! }
    }
    func shape(_ keys: Key...) throws -> [Int] {
        guard let list = find(keys)?.json.array, list.allSatisfy({ $0.int != nil }) else { return try wrong(keys, "a list of integers") }
        return list.map { $0.int! }
    }
    func double(_ keys: Key..., or other: Double? = nil) throws -> Double {
        guard let json = find(keys)?.json else { return try other ?? wrong(keys, "a number") }
        return try number(json) ?? wrong(keys, "a number")
    }
    func optionalDouble(_ keys: Key...) throws -> Double? {
        guard let json = find(keys)?.json else { return nil }
        return try number(json) ?? wrong(keys, "a number")
    }
    func doubles(_ keys: Key...) throws -> [Double] {
        guard let list = find(keys)?.json.array, list.allSatisfy({ $0.double != nil }) else { return try wrong(keys, "a list of numbers") }
        return list.map { $0.double! }
    }
    func scalar(_ keys: Key..., or other: Scalar? = nil) throws -> Scalar {
        guard let json = find(keys)?.json else { return try other ?? wrong(keys, "a number") }
        if let value = json.bool { return .bool(value) }
        if let value = json.int { return .int(Int64(value)) }
        return try number(json).map(Scalar.double) ?? wrong(keys, "a number")
    }
    private func number(_ json: JSON) -> Double? { json.double ?? json["number"]?.string.map { Double($0)! } }
    func bool(_ keys: Key..., or other: Bool? = nil) throws -> Bool {
        guard let json = find(keys)?.json else { return try other ?? wrong(keys, "a bool") }
        return try json.bool ?? wrong(keys, "a bool")
    }
    func optionalString(_ keys: Key...) throws -> String? {
        guard let json = find(keys)?.json else { return nil }
        return try json.string ?? wrong(keys, "a string")
    }
    func choice<Choice: RawRepresentable<String>>(_ keys: Key..., or other: Choice? = nil) throws -> Choice {
        guard let json = find(keys)?.json else { return try other ?? wrong(keys, "a name") }
        guard let name = json.string, let choice = Choice(rawValue: name) else { return try wrong(keys, "one of \(Choice.self)") }
        return choice
    }
    func dtype(_ keys: Key...) throws -> DType? {
        guard let json = find(keys)?.json else { return nil }
        guard let name = json["dtype"]?.string, let dtype = DType(name) else { return try wrong(keys, "a dtype") }
        return dtype == .float64 ? real : dtype
    }

    /// A function of two operands, of which the second may be a number.
    func pair(_ both: (Tensor, Tensor) -> Tensor, _ number: (Tensor, Scalar) -> Tensor) throws -> Tensor {
        try isTensor(1) ? both(x, tensor(1)) : number(x, scalar(1))
    }
}
