import Apus

extension ConformanceRunner {
    /// What a mutated argument becomes, one after the other.
    private static var mutations: [(name: String, value: Argument)] {
        [("a string", .string("nothing has this value")), ("None", .none), ("-1", .int(-1)), ("2^40", .int(1 << 40)), ("an empty list", .list([])),
         ("2^40 in a list", .list([.int(1 << 40)])), ("NaN", .double(.nan)), ("a dtype", .dtype(.float16)), ("an empty tensor", .tensor(Tensor.zeros([0])))]
    }

    /// Builds and calls the first recorded case of a class again and again, each time with one argument (of constructor and call, given in the case
    /// or not) replaced by a value that is wrong, or as good as never meant. A string must be refused wherever it stands, an unknown name too; whatever
    /// is not refused must have an answer of sane size. `report` gets what was done and what is wrong with the result, nil where nothing is.
    ///
    /// That a trap ends the process, and what it allocates, the caller sees.
    package func sweepArguments(_ folder: String, report: (Result) -> Void) throws {
        guard let only else { preconditionFailure("names one class") }
        let answered = try Case.read("\(folder)/\(only)").first { item in if case .output = item.answer { true } else { false } }
        guard let item = answered else { throw CaseFileError(description: "\(folder)/\(only) has no case with an answer") }
        func check(_ key: String, mustFail: Bool, _ body: () throws -> Argument?) {
            report(Result(module: only, key: key, complaint: withGenerator(Generator(seed: 0)) { Self.complaint(mustFail: mustFail, body) }))
        }
        func made(_ positional: [Argument], _ named: [(name: String, value: Argument)]) throws -> Module {
            try ModuleTable.make(only, positional.map(\.copied), named.map { ($0.name, $0.value.copied) })
        }
        func called(_ module: Module, _ positional: [Argument], _ named: [(name: String, value: Argument)]) throws -> Argument {
            try ModuleTable.call(only, module, positional.map(\.copied), named.map { ($0.name, $0.value.copied) })
        }

        // Names, in order, as the complaint about an unknown one lists them.
        let unknown: (name: String, value: Argument) = ("no_such_argument", .int(1))
        let constructor = Self.names { _ = try made(item.arguments, item.namedArguments + [unknown]) }
        let call = Self.names { _ = try called(try made(item.arguments, item.namedArguments), item.inputs, item.namedInputs + [unknown]) }
        if only != "Identity" {
            check("unknown argument", mustFail: true) {
                _ = try made(item.arguments, item.namedArguments + [unknown])
                return nil
            }
        }
        check("unknown input", mustFail: true) { try called(try made(item.arguments, item.namedArguments), item.inputs, item.namedInputs + [unknown]) }

        for (what, value) in Self.mutations {
            let isString = value.string != nil
            for name in constructor {
                let arguments = Self.replaced(name, value, constructor, item.arguments, item.namedArguments)
                check("\(name)=\(what)", mustFail: isString) {
                    let module = try made([], arguments)
                    return isString ? nil : try called(module, item.inputs, item.namedInputs)
                }
            }
            for name in call {
                let inputs = Self.replaced(name, value, call, item.inputs, item.namedInputs)
                check("called with \(name)=\(what)", mustFail: isString) { try called(try made(item.arguments, item.namedArguments), [], inputs) }
            }
        }
    }

    /// The names that a complaint about an unknown argument lists.
    private static func names(_ body: () throws -> Void) -> [String] {
        do {
            try body()
            return []
        } catch {
            let parts = "\(error)".split(separator: "there are ")
            return parts.count < 2 ? [] : parts[1].split(separator: ", ").map(String.init)
        }
    }

    /// All arguments by name, one of them replaced.
    private static func replaced(
        _ name: String, _ value: Argument, _ names: [String], _ positional: [Argument], _ named: [(name: String, value: Argument)]
    ) -> [(name: String, value: Argument)] {
        (zip(names, positional).map { ($0, $1) } + named).filter { $0.0 != name } + [(name, value)]
    }

    private static func complaint(mustFail: Bool, _ body: () throws -> Argument?) -> String? {
        do {
            let answer = try body()
            if mustFail { return "was taken" }
            if let answer, answer.numel > 1 << 24 { return "has an answer of \(answer.numel) numbers" }
            return nil
        } catch {
            return error is TableError || error is OpError ? nil : "throws a \(type(of: error)): \(error)"
        }
    }
}

extension Argument {
    fileprivate var numel: Int {
        switch self {
        case .tensor(let tensor): tensor.numel
        case .list(let values): values.reduce(0) { $0 + $1.numel }
        default: 0
        }
    }
}
