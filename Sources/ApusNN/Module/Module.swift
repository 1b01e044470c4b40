import ApusCore

/// A part of a network: layers, parameters and how they compute. PyTorch: `nn.Module`.
///
/// A subclass declares its layers and parameters as stored properties and overrides ``forward(_:)``:
///
/// ```swift
/// final class Net: Module {
///     let conv1 = Conv2d(1, 8, kernelSize: 3, padding: 1)
///     let fc = Linear(8 * 14 * 14, 10)
///     override func forward(_ x: Tensor) -> Tensor {
///         fc(F.maxPool2d(F.relu(conv1(x)), kernelSize: 2).flatten(startDim: 1))
///     }
/// }
/// ```
///
/// Stored properties are found by reflection, also inside arrays, optionals, dictionaries (those by sorted key), tuples, structs and enums, and
/// are named as PyTorch would name them (`convA` is `conv_a`, `W_q` stays) or as ``Named`` says. Nothing found is kept: a layer that is exchanged
/// is seen at once. A layer that is not found, since a closure or another object holds it, fails when it is called in training.
///
/// A module is not Sendable: it moves between tasks as Swift 6 lets values move, and ``Shared`` serves one from several tasks.
open class Module {
    /// Whether it behaves as in training (dropout drops, batch normalisation learns statistics). Set it with ``train(_:)`` and ``eval()``.
    public final var training = true

    /// Who has called it.
    final var calls = CallMemory()

    /// Hooks and members registered by name; nil for most modules, so that a call finds out about hooks by one comparison.
    final var extras: ModuleExtras?

    /// A module without members beyond its stored properties.
    public init() {}

    /// Computes the output for one input. Override it; call the module itself (`model(x)`), so that hooks and messages see the call.
    @_disfavoredOverload open func forward(_ x: Tensor) -> Tensor {
        // Also reached where a class with a call of its own is called as a `Module`.
        fail(
            "forward",
            "\(typeName) has no forward(_:) of one tensor; if its forward takes more, name it callAsFunction, and where it is called as a Module, as in a Sequential, override func callAsFunction(_ x: Tensor) too"
        )
    }

    /// Calls the module: hooks, then ``forward(_:)``, with its path in messages.
    ///
    /// A module with other inputs or outputs has a `callAsFunction` of its own, which passes through ``call(_:body:)`` and goes before this one.
    @_disfavoredOverload open func callAsFunction(_ x: Tensor) -> Tensor {
        if extras?.hooks == nil {
            enter()
            defer { leave() }
            return forward(x)
        }
        return call([x]) { forward($0[0]) }
    }

    /// The type's name as it is printed. PyTorch: `_get_name()`.
    open var typeName: String { "\(type(of: self))" }

    /// What stands between the parentheses of the printed form, such as `in_features=784, out_features=256, bias=True`.
    ///
    /// A layer of the library prints the arguments that it declares as shown.
    open var extraRepr: String { (type(of: self) as? any DeclaredModule.Type).map { shown($0.arguments.declared) } ?? "" }

    /// As PyTorch prints it. PyTorch: `repr(module)`.
    open var description: String { describeMembers() }

    // MARK: Modes

    /// Puts it and all modules in it into training mode (or out of it). PyTorch: `train()`.
    @discardableResult open func train(_ mode: Bool = true) -> Self {
        training = mode
        for module in checkedModules() { module.training = mode }
        return self
    }

    /// Leaves training mode, for evaluation and serving. PyTorch: `eval()`.
    @discardableResult public final func eval() -> Self { train(false) }

    /// Sets whether its parameters require a gradient. PyTorch: `requires_grad_()`.
    @discardableResult public final func requiresGrad_(_ requires: Bool = true) -> Self {
        for parameter in parameters() { parameter.requiresGrad = requires }
        return self
    }

    /// Clears the gradients of its parameters. PyTorch: `zero_grad()`.
    public final func zeroGrad() {
        for parameter in parameters() { parameter.grad = nil }
    }

    // MARK: Moving

    /// Moves parameters and buffers to `device`; they stay the same objects, so an optimizer made before keeps working. PyTorch: `to(device)`.
    @discardableResult public final func to(_ device: Device) -> Self { convertTensors { $0.to(device) } }

    /// Converts floating-point parameters and buffers to `dtype`; they stay the same objects. PyTorch: `to(dtype)`.
    @discardableResult public final func to(_ dtype: DType) -> Self {
        guard dtype.isFloatingPoint else {
            fail("\(typeName).to", "parameters can only be floating-point numbers, not \(dtype)")
            return self
        }
        return convertTensors { $0.dtype.isFloatingPoint ? $0.to(dtype) : $0 }
    }

    /// Moves and converts at once.
    @discardableResult public final func to(_ device: Device, _ dtype: DType) -> Self { to(dtype).to(device) }
    /// In float32. PyTorch: `float()`.
    @discardableResult public final func float() -> Self { to(.float32) }
    /// In float64. PyTorch: `double()`.
    @discardableResult public final func double() -> Self { to(.float64) }
    /// In float16. PyTorch: `half()`.
    @discardableResult public final func half() -> Self { to(.float16) }
    /// In bfloat16. PyTorch: `bfloat16()`.
    @discardableResult public final func bfloat16() -> Self { to(.bfloat16) }

    private func convertTensors(_ convert: (Tensor) -> Tensor) -> Self {
        noGrad {
            for tensor in parameters() as [Tensor] + buffers() where !tensor.isPoisoned {
                let moved = convert(tensor)
                if moved !== tensor && !moved.isPoisoned { tensor.setData(moved) }
            }
        }
        // What is computed from them has another type or place now.
        for module in modules() { module.bindDerived() }
        return self
    }

    /// Calls `body` with every module in it, children first, itself last. PyTorch: `apply(fn)`.
    @discardableResult public final func apply(_ body: (Module) throws -> Void) rethrows -> Self {
        for child in children() { try child.apply(body) }
        try body(self)
        return self
    }
}

extension Module: CustomStringConvertible {}
