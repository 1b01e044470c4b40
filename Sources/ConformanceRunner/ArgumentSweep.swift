import Apus

extension ConformanceRunner {
    /// The values that replace an argument, one after the other.
    private static var mutations: [(name: String, value: Argument)] {
        [
            ("a string", .string("nothing has this value")), ("None", .none), ("-1", .int(-1)), ("2^40", .int(1 << 40)),
            ("an empty list", .list([])),
            ("2^40 in a list", .list([.int(1 << 40)])), ("NaN", .double(.nan)), ("a dtype", .dtype(.float16)),
            ("an empty tensor", .tensor(Tensor.zeros([0]))),
        ]
    }

    /// Builds and calls the first recorded case of a class many times, each time with one argument (of constructor or call, given in the
    /// case or not) replaced by a wrong or extreme value. A string must always be refused with the argument's declaration, and an unknown
    /// name must be refused too; an answer must have a reasonable size. `report` receives what was tried and what is wrong with the result,
    /// or nil.
    ///
    /// The caller watches for traps, which end the process, and for the memory that is allocated.
    package func sweepArguments(_ folder: String, report: (Result) -> Void) throws {
        guard let only else { preconditionFailure("names one class") }
        let answered = try Case.read("\(folder)/\(only)").first { item in if case .output = item.answer { true } else { false } }
        guard let item = answered else { throw CaseFileError(description: "\(folder)/\(only) has no case with an answer") }
        func check(_ key: String, mustSay: String?, _ body: () throws -> Argument?) {
            report(Result(module: only, key: key, complaint: withGenerator(Generator(seed: 0)) { Self.complaint(mustSay: mustSay, body) }))
        }
        func made(_ positional: [Argument], _ named: [(name: String, value: Argument)]) throws -> Module {
            try ModuleTable.make(only, positional.map(\.copied), named.map { ($0.name, $0.value.copied) })
        }
        func called(_ module: Module, _ positional: [Argument], _ named: [(name: String, value: Argument)]) throws -> Argument {
            try ModuleTable.call(only, module, positional.map(\.copied), named.map { ($0.name, $0.value.copied) })
        }

        let unknown: (name: String, value: Argument) = ("no_such_argument", .int(1))
        let declared = try ModuleTable.declared(only)
        let isUnknown = "there is no argument '\(unknown.name)'"
        if only != "Identity" {
            check("unknown argument", mustSay: isUnknown) {
                _ = try made(item.arguments, item.namedArguments + [unknown])
                return nil
            }
        }
        check("unknown input", mustSay: isUnknown) {
            try called(try made(item.arguments, item.namedArguments), item.inputs, item.namedInputs + [unknown])
        }

        for (what, value) in Self.mutations {
            let isString = value.string != nil
            for argument in declared.arguments {
                let arguments = Self.replaced(argument.name, value, declared.arguments, item.arguments, item.namedArguments)
                check("\(argument.name)=\(what)", mustSay: isString ? argument.complaint : nil) {
                    let module = try made([], arguments)
                    return isString ? nil : try called(module, item.inputs, item.namedInputs)
                }
            }
            for input in declared.inputs {
                let inputs = Self.replaced(input.name, value, declared.inputs, item.inputs, item.namedInputs)
                check("called with \(input.name)=\(what)", mustSay: isString ? input.complaint : nil) {
                    try called(try made(item.arguments, item.namedArguments), [], inputs)
                }
            }
        }
    }

    /// All arguments by name, with one of them replaced.
    private static func replaced(
        _ name: String, _ value: Argument, _ declared: [DeclaredArgument], _ positional: [Argument],
        _ named: [(name: String, value: Argument)]
    ) -> [(name: String, value: Argument)] {
        (zip(declared.map(\.name), positional).map { ($0, $1) } + named).filter { $0.0 != name } + [(name, value)]
    }

    private static func complaint(mustSay: String?, _ body: () throws -> Argument?) -> String? {
        do {
            let answer = try body()
            if mustSay != nil { return "was taken" }
            if let answer, answer.numel > 1 << 24 { return "has an answer of \(answer.numel) numbers" }
            return nil
        } catch {
            if let mustSay, !"\(error)".contains(mustSay) { return "is refused with '\(error)' instead of '\(mustSay)'" }
            return error is TableError || error is OpError ? nil : "throws a \(type(of: error)): \(error)"
        }
    }
}

extension DeclaredArgument {
    /// The message that refuses a value of another kind.
    fileprivate var complaint: String { "argument '\(name)' must be \(wanted)" }
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
