import ApusCore

/// Every module class by PyTorch's name: how it is built from PyTorch's arguments, and how it is called.
///
/// What files describe (`apus --model FILE.json`, recorded answers) goes through here, so arguments are checked before they
/// reach a constructor. One file a family has the entries.
package enum ModuleTable {
    struct Entry: Sendable {
        let name: String
        let make: @Sendable (inout Arguments) throws -> Module
        let call: @Sendable (Module, inout Arguments) throws -> Argument

        /// A module that takes one tensor and returns one.
        init(_ name: String, input: String = "input", _ make: @escaping @Sendable (inout Arguments) throws -> Module) {
            self.name = name
            self.make = make
            call = { module, a in
                let x = try a.tensor(input)
                try a.finish()
                return .tensor(module(x))
            }
        }

        /// A module with a call of its own.
        init<Made: Module>(
            _ name: String, _ make: @escaping @Sendable (inout Arguments) throws -> Made, call: @escaping @Sendable (Made, inout Arguments) throws -> Argument
        ) {
            self.name = name
            self.make = make
            self.call = { module, a in
                guard let made = module as? Made else { throw TableError("\(name): a \(module.typeName) cannot be called as one") }
                return try call(made, &a)
            }
        }
    }

    private static let entries: [String: Entry] = {
        let families = [activations, linear, dropouts, convolutions, pooling, paddings, normalization, recurrent, attention, losses, vision]
        return Dictionary(families.joined().map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }()

    /// The names of all classes, sorted.
    package static var names: [String] { entries.keys.sorted() }

    /// Builds a module. Throws `TableError` for names and types, and what the constructor reports as a programming error as `OpError`.
    package static func make(_ name: String, _ positional: [Argument], _ named: [(name: String, value: Argument)]) throws -> Module {
        var arguments = Arguments(name, positional, named)
        let entry = try entry(name)
        return try Context.withMemoryBudget(memoryBudget) {
            try checked {
                let module = try entry.make(&arguments)
                try arguments.finish()
                return module
            }
        }
    }

    /// The most that one module may allocate while it is made: a few wrong digits in a file must not take the machine's memory.
    static let memoryBudget = 1 << 34

    /// Calls a module of the class `name`: one tensor, or a list for several outputs. Throws as `make`.
    package static func call(_ name: String, _ module: Module, _ positional: [Argument], _ named: [(name: String, value: Argument)]) throws -> Argument {
        var arguments = Arguments(name, positional, named)
        let entry = try entry(name)
        return try checked { try entry.call(module, &arguments) }
    }

    private static func entry(_ name: String) throws -> Entry {
        guard let entry = entries[name] else { throw TableError("there is no module class '\(name.prefix(60))'", isUnknownName: true) }
        return entry
    }
}
