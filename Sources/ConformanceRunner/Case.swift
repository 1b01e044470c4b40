import Apus

/// One recorded call of a module: how it was built and called, and PyTorch's answer. See `FORMAT.md` beside the cases.
struct Case {
    let key: String
    let module: String
    let training: Bool
    let arguments: [Argument]
    let namedArguments: [(name: String, value: Argument)]
    let inputs: [Argument]
    let namedInputs: [(name: String, value: Argument)]
    /// `state_dict()` before the forward pass.
    let state: StateDict
    let answer: Answer
    /// The gradients that PyTorch computed, by the names of leaf tensors.
    let gradients: [(leaf: String, value: Tensor)]

    enum Answer {
        /// The cotangents have the same structure as the output.
        case output(repr: String, Argument, cotangents: Argument, after: StateDict)
        /// PyTorch raised an error in the constructor or in the forward pass.
        case error(onConstruct: Bool)
    }
}

/// An error in a file of cases, with its path and the case.
struct CaseFileError: Error, CustomStringConvertible {
    let description: String
}

extension Case {
    /// The cases of one folder. `apus-conformance` runs outside of the tests too and tells users what is wrong with a file, so it cannot
    /// use the tests' own `Recorded`, which ends the test run there.
    static func read(_ folder: String) throws -> [Case] {
        let path = folder + "/cases.json"
        let json = try JSON(contentsOf: path)
        let tensors = try StateDict.load(from: folder + "/tensors.safetensors")
        guard let list = json["cases"]?.array else { throw CaseFileError(description: "\(path): there is no list 'cases'") }
        return try list.enumerated().map { i, value in
            do throws(Malformed) {
                return try Case(value, tensors)
            } catch {
                throw CaseFileError(description: "\(path): case \(value["key"]?.string ?? "\(i)"): \(error.reason)")
            }
        }
    }

    private struct Malformed: Error {
        let reason: String
    }

    private init(_ json: JSON, _ tensors: StateDict) throws(Malformed) {
        func part(_ name: String) throws(Malformed) -> JSON {
            guard let value = json[name] else { throw Malformed(reason: "'\(name)' is missing") }
            return value
        }
        func string(_ name: String) throws(Malformed) -> String {
            guard let value = try part(name).string else { throw Malformed(reason: "'\(name)' is no string") }
            return value
        }
        func strings(_ name: String) throws(Malformed) -> [String] {
            guard let list = try part(name).array else { throw Malformed(reason: "'\(name)' is no list") }
            let texts = list.compactMap(\.string)
            guard texts.count == list.count else { throw Malformed(reason: "'\(name)' has an element that is no string") }
            return texts
        }
        func tensor(_ name: String) throws(Malformed) -> Tensor {
            guard let value = tensors[name] else { throw Malformed(reason: "there is no tensor '\(name)'") }
            return value
        }
        func argument(_ value: JSON) throws(Malformed) -> Argument {
            switch value {
            case .null: return .none
            case .bool(let value): return .bool(value)
            case .int(let value): return .int(Int(value))
            case .double(let value): return .double(value)
            case .string(let value): return .string(value)
            case .array(let values): return .list(try arguments(values))
            case .object(let members):
                guard members.count == 1, let text = members[0].value.string else {
                    throw Malformed(reason: "an object is no tensor, dtype or float")
                }
                switch members[0].key {
                case "tensor": return .tensor(try tensor(text))
                case "dtype":
                    guard let dtype = DType(text) else { throw Malformed(reason: "there is no dtype '\(text)'") }
                    return .dtype(dtype)
                case "float":
                    guard let number = ["inf": Double.infinity, "-inf": -.infinity, "nan": .nan][text] else {
                        throw Malformed(reason: "there is no float '\(text)'")
                    }
                    return .double(number)
                default: throw Malformed(reason: "an object with the key '\(members[0].key)' stands for nothing")
                }
            }
        }
        func arguments(_ values: [JSON]) throws(Malformed) -> [Argument] {
            var result: [Argument] = []
            for value in values { result.append(try argument(value)) }
            return result
        }
        func list(_ name: String) throws(Malformed) -> [Argument] {
            guard let values = try part(name).array else { throw Malformed(reason: "'\(name)' is no list") }
            return try arguments(values)
        }
        func named(_ name: String) throws(Malformed) -> [(name: String, value: Argument)] {
            guard let members = try part(name).members else { throw Malformed(reason: "'\(name)' is no object") }
            var result: [(name: String, value: Argument)] = []
            for member in members { result.append((member.key, try argument(member.value))) }
            return result
        }
        func dictionary(_ name: String, _ keys: [String]) throws(Malformed) -> StateDict {
            var result = StateDict()
            for key in keys { result[key] = try tensor("\(try string("key"))/\(name)/\(key)") }
            return result
        }

        key = try string("key")
        module = try string("module")
        guard let training = try part("training").bool else { throw Malformed(reason: "'training' is no boolean") }
        self.training = training
        self.arguments = try list("args")
        namedArguments = try named("kwargs")
        inputs = try list("inputs")
        namedInputs = try named("input_kwargs")
        state = try dictionary("state", try strings("state"))
        if let error = json["error"] {
            guard let on = error["on"]?.string, on == "construct" || on == "forward" else {
                throw Malformed(reason: "'error' does not say where PyTorch raises")
            }
            answer = .error(onConstruct: on == "construct")
            gradients = []
            return
        }
        let output = try argument(try part("output"))
        let leaves = try strings("grad")
        let cotangents = leaves.isEmpty ? Argument.none : try Case.cotangents(of: try part("output"), tensors)
        answer = .output(repr: try string("repr"), output, cotangents: cotangents, after: try dictionary("after", try strings("after")))
        var gradients: [(leaf: String, value: Tensor)] = []
        for leaf in leaves { gradients.append((leaf, try tensor("\(key)/grad/\(leaf)"))) }
        self.gradients = gradients
    }

    /// The tensors `KEY/cotangent…` for the outputs `KEY/output…`; None for an output that has none.
    private static func cotangents(of output: JSON, _ tensors: StateDict) throws(Malformed) -> Argument {
        switch output {
        case .array(let values):
            var result: [Argument] = []
            for value in values { result.append(try cotangents(of: value, tensors)) }
            return .list(result)
        case .object(let members):
            guard let name = members.first?.value.string, let slash = name.firstIndex(of: "/"), name[slash...].hasPrefix("/output") else {
                return .none
            }
            return tensors[String(name[..<slash] + "/cotangent" + name[slash...].dropFirst("/output".count))].map { .tensor($0) } ?? .none
        default: return .none
        }
    }
}
