import ApusCore

/// A part of a network: layers, parameters and a computation. PyTorch: `nn.Module`.
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
/// Stored properties are found by reflection, also inside arrays, optionals, dictionaries (by sorted key), tuples, structs and enums. Their
/// keys are named as in PyTorch (`convA` is `conv_a`, `W_q` stays) or as ``Named`` says. Nothing is cached, so a replaced layer is found at
/// once. A layer that is not found, because a closure or another object holds it, traps when it is called in training.
///
/// A module is not Sendable: it moves between tasks by `sending`. Use ``Shared`` to call one module from several tasks.
open class Module {
    /// Whether it is in training mode (dropout drops, batch normalisation updates statistics). Set it with ``train(_:)`` and ``eval()``.
    public final var training = true

    /// Which modules have called it.
    final var calls = CallMemory()

    /// Hooks and members registered by name; nil for most modules, so that one comparison tells whether there are hooks.
    final var extras: ModuleExtras?

    /// A module without members beyond its stored properties.
    public init() {}

    /// Computes the output for one input. Override it, but call the module itself (`model(x)`), so that hooks run and messages name it.
    @_disfavoredOverload open func forward(_ x: Tensor) -> Tensor {
        // Also reached where a class with its own callAsFunction is called as a `Module`.
        fail(
            "forward",
            "\(typeName) has no forward(_:) of one tensor; if its forward takes more, name it callAsFunction, and where it is called as a Module, as in a Sequential, override func callAsFunction(_ x: Tensor) too"
        )
    }

    /// Calls the module: runs hooks and ``forward(_:)``; error messages name its path.
    ///
    /// A module with other inputs or outputs declares its own `callAsFunction` by ``call(_:body:)``, which is preferred over this one.
    @_disfavoredOverload @discardableResult open func callAsFunction(_ x: Tensor) -> Tensor {
        if extras?.hooks == nil {
            enter()
            defer { leave() }
            return forward(x)
        }
        return call([x]) { forward($0[0]) }
    }

    /// The type's name in the printed form. PyTorch: `_get_name()`.
    open var typeName: String { "\(type(of: self))" }

    /// The text between the parentheses of the printed form, such as `in_features=784, out_features=256, bias=True`.
    ///
    /// A layer of the library prints the arguments that its signature marks as shown.
    open var extraRepr: String { (type(of: self) as? any DeclaredModule.Type).map { shown($0.arguments.declared) } ?? "" }

    /// The printed form, as PyTorch prints it. PyTorch: `repr(module)`.
    open var description: String { describeMembers() }

    /// The names of members that were renamed, in older state dicts, with their paths now; those that came together stand together.
    var olderKeys: [[(old: String, new: String)]] { derived.map { $0.rule.olderKeys($0.name) }.filter { !$0.isEmpty } }

    // MARK: Modes

    /// Switches it and all modules in it to training mode, or to evaluation mode. PyTorch: `train()`.
    @discardableResult open func train(_ mode: Bool = true) -> Self {
        training = mode
        for module in checkedModules() { module.training = mode }
        return self
    }

    /// Switches to evaluation mode. PyTorch: `eval()`.
    @discardableResult public final func eval() -> Self { train(false) }

    /// Sets whether its parameters, those of modules in it too, require a gradient. PyTorch: `requires_grad_()`.
    @discardableResult public final func requiresGrad_(_ requires: Bool = true) -> Self {
        for parameter in parameters() { parameter.requiresGrad = requires }
        return self
    }

    /// Sets the gradients of its parameters to nil. PyTorch: `zero_grad()`.
    public final func zeroGrad() {
        for parameter in parameters() { parameter.grad = nil }
    }

    // MARK: Moving

    /// Moves parameters and buffers to `device`; they stay the same objects, so an existing optimizer keeps working. PyTorch: `to(device)`.
    @discardableResult public final func to(_ device: Device) -> Self { convertTensors { $0.to(device) } }

    /// Converts floating-point parameters and buffers to `dtype`; they stay the same objects. PyTorch: `to(dtype)`. Traps where `dtype` is
    /// no floating-point type.
    @discardableResult public final func to(_ dtype: DType) -> Self {
        guard dtype.isFloatingPoint else {
            fail("\(typeName).to", "parameters can only be floating-point numbers, not \(dtype)")
            return self
        }
        return convertTensors { $0.dtype.isFloatingPoint ? $0.to(dtype) : $0 }
    }

    /// Converts floating-point tensors to `dtype` and moves all to `device`. PyTorch: `to(device, dtype)`.
    @discardableResult public final func to(_ device: Device, _ dtype: DType) -> Self { to(dtype).to(device) }
    /// Converts to float32. PyTorch: `float()`.
    @discardableResult public final func float() -> Self { to(.float32) }
    /// Converts to float64. PyTorch: `double()`.
    @discardableResult public final func double() -> Self { to(.float64) }
    /// Converts to float16. PyTorch: `half()`.
    @discardableResult public final func half() -> Self { to(.float16) }
    /// Converts to bfloat16. PyTorch: `bfloat16()`.
    @discardableResult public final func bfloat16() -> Self { to(.bfloat16) }

    private func convertTensors(_ convert: (Tensor) -> Tensor) -> Self {
        noGrad {
            for tensor in parameters() as [Tensor] + buffers() where !tensor.isPoisoned {
                let moved = convert(tensor)
                if moved !== tensor && !moved.isPoisoned { tensor.setData(moved) }
            }
        }
        // Tensors that are computed from them have another dtype or device now.
        for module in modules() { module.bindDerived() }
        return self
    }

    /// Calls `body` with every module in it, children first, then with the module itself. PyTorch: `apply(fn)`.
    @discardableResult public final func apply(_ body: (Module) throws -> Void) rethrows -> Self {
        for child in children() { try child.apply(body) }
        try body(self)
        return self
    }
}

extension Module: CustomStringConvertible {}

@available(*, unavailable, message: "this is the module itself: call it with a tensor, model(x)")
extension Module: TensorOperand {}
