import ApusCore

/// The arguments of one call, in the order of PyTorch's signature: `Signature(.int("in_features"), .int("out_features"), .bool("bias", true))`.
///
/// The called function gets the values in that order, so that the compiler checks their types and each name is written once.
package struct Signature<each Value>: Sendable {
    private let formals: (repeat Formal<each Value>)

    // Specialised, these functions would be copied for each of 150 classes, which is a fifth of this module's code. They run where a model
    // is made from a file or called by name, where their speed does not matter.
    @_semantics("optimize.sil.specialize.generic.never")
    package init(_ formals: repeat Formal<each Value>) { self.formals = (repeat each formals) }

    package var declared: [DeclaredArgument] {
        @_semantics("optimize.sil.specialize.generic.never")
        get {
            var all: [DeclaredArgument] = []
            for formal in repeat each formals { all += formal.declared }
            return all
        }
    }

    /// A constructor with these arguments, such as `Linear.init`.
    @_semantics("optimize.sil.specialize.generic.never") @inline(never)
    func makes(_ make: @escaping @Sendable (repeat each Value) throws -> Module) -> ModuleConstructor { constructs(make) }

    /// The same for values of any type.
    @_semantics("optimize.sil.specialize.generic.never") @inline(never)
    package func constructs<Made>(_ make: @escaping @Sendable (repeat each Value) throws -> Made) -> Constructor<Made> {
        Constructor(declared: declared) { a in
            let values = (repeat try (each formals).read(&a))
            try a.finish()
            return try make(repeat each values)
        }
    }

    /// A module's call with these arguments.
    @_semantics("optimize.sil.specialize.generic.never") @inline(never)
    func calls<Made: Module>(_ call: @escaping @Sendable (Made, repeat each Value) throws -> Argument) -> ModuleCall {
        ModuleCall(declared: declared) { module, a in
            guard let made = module as? Made else { throw TableError("\(a.owner): a \(module.typeName) cannot be called as one") }
            let values = (repeat try (each formals).read(&a))
            try a.finish()
            return try call(made, repeat each values)
        }
    }

    /// The same for a call that returns one tensor.
    @_semantics("optimize.sil.specialize.generic.never") @inline(never)
    func calls<Made: Module>(_ call: @escaping @Sendable (Made, repeat each Value) throws -> Tensor) -> ModuleCall {
        calls { (module: Made, values: repeat each Value) in Argument.tensor(try call(module, repeat each values)) }
    }
}

/// How a value is built from PyTorch's arguments.
package struct Constructor<Made>: Sendable {
    package let declared: [DeclaredArgument]
    let make: @Sendable (inout Arguments) throws -> Made

    /// The value with those arguments, of the class `name`. Throws `TableError` for wrong names and types.
    package func callAsFunction(_ name: String, _ positional: [Argument], _ named: [(name: String, value: Argument)]) throws -> Made {
        var arguments = Arguments(name, positional, named)
        return try make(&arguments)
    }
}

/// How a module is built.
typealias ModuleConstructor = Constructor<Module>

/// How a module is called with PyTorch's arguments.
struct ModuleCall: Sendable {
    let declared: [DeclaredArgument]
    let call: @Sendable (Module, inout Arguments) throws -> Argument
}

/// A class that declares its constructor's and its call's arguments, by PyTorch's names. `ModuleTable` lists it.
protocol DeclaredModule: Module {
    static var arguments: ModuleConstructor { get }
    /// One tensor, `input`, unless the class overrides it.
    static var inputs: ModuleCall { get }
}

extension DeclaredModule {
    static var inputs: ModuleCall { Signature(.tensor("input")).calls { (module: Module, x) in module(x) } }
}

/// A module that is called with an input and a target, as losses are.
protocol ComparingModule: DeclaredModule {
    func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor
}

extension ComparingModule {
    static var inputs: ModuleCall { Signature(.tensor("input"), .tensor("target")).calls { (module: Self, x, y) in module(x, y) } }
}
