/// A differentiable function with its own backward. PyTorch: `torch.autograd.Function`.
///
/// ```swift
/// struct Cube: DifferentiableFunction {
///     func forward(_ x: [Tensor], _ context: FunctionContext) -> [Tensor] {
///         context.save(x[0])
///         return [x[0] * x[0] * x[0]]
///     }
///     func backward(_ g: [Tensor], _ context: FunctionContext) -> [Tensor?] {
///         let x = context.saved[0]
///         return [g[0] * 3 * x * x]
///     }
/// }
/// let y = Cube()(x)[0]
/// ```
public protocol DifferentiableFunction {
    /// The name in messages and profiles; the type's name by default.
    var name: String { get }
    /// Computes the outputs; ops inside are not recorded.
    func forward(_ inputs: [Tensor], _ context: FunctionContext) -> [Tensor]
    /// The gradients of the inputs from those of the outputs (zeros for outputs without one): one per input, nil for no gradient. It is
    /// differentiable itself if it uses differentiable ops on `context.saved`.
    func backward(_ gradients: [Tensor], _ context: FunctionContext) -> [Tensor?]
}

/// What a function keeps between forward and backward.
public final class FunctionContext {
    var kept: [Tensor] = []
    /// The tensors given to `save`, in order. Changing one in place between forward and backward traps.
    public internal(set) var saved: [Tensor] = []
    /// For each input, whether its gradient is needed.
    public internal(set) var needsInputGrad: [Bool] = []

    /// Keeps tensors for backward: inputs, outputs or others.
    public func save(_ tensors: Tensor...) { kept += tensors }
}

extension DifferentiableFunction {
    /// The type's name.
    public var name: String { "\(Self.self)" }

    /// Runs `forward` and records the function as one op.
    public func callAsFunction(_ inputs: Tensor...) -> [Tensor] { callAsFunction(inputs) }

    /// Runs `forward` and records the function as one op.
    public func callAsFunction(_ given: [Tensor]) -> [Tensor] {
        let inputs = given.map(\.standIn)
        for x in inputs where x.isPoisoned {
            return noGrad { forward(inputs, FunctionContext()) }.map { _ in x }
        }
        return Context.activity(.op(name, type: nil)) {
            let outputs = record(inputs)
            Context.current.observer?.didRun(name, inputs: inputs, outputs: outputs)
            return outputs
        }
    }

    private func record(_ inputs: [Tensor]) -> [Tensor] {
        let functionContext = FunctionContext()
        functionContext.needsInputGrad = inputs.map(\.requiresGrad)
        // Outputs get history of their own, so an input that is returned unchanged must become another tensor.
        let outputs = noGrad { forward(inputs, functionContext) }.map { output in
            inputs.contains { $0 === output } ? Tensor(sharing: output) : output
        }
        guard Context.current.gradEnabled, inputs.contains(where: \.requiresGrad) else { return outputs }
        let saved = functionContext.kept.map { kept in
            let output = outputs.firstIndex { $0 === kept }
            return SavedTensor(
                tensor: output == nil ? kept : Tensor(sharing: kept), version: kept.storage.version, output: Int32(output ?? -1))
        }
        let node = FunctionNode(self, inputs: inputs, saved: SavedTensors(saved), outputs: outputs, context: functionContext)
        functionContext.kept = []
        if let hooks = Context.current.savedTensorsHooks {
            do throws(OpError) {
                try node.pack(by: hooks)
            } catch {
                let failed = fail(error, op: name)
                return outputs.map { _ in failed }
            }
        }
        for (i, output) in outputs.enumerated() where output.dtype.isFloatingPoint { output.record(node, index: Int32(i)) }
        return outputs
    }
}

final class FunctionNode: Node {
    let function: any DifferentiableFunction
    let inputs: [GradientForm]
    let outputs: [GradientForm]
    let needsInputGrad: [Bool]
    /// The autocast dtype of forward; backward uses the same.
    let autocast: DType?

    init(_ function: any DifferentiableFunction, inputs: [Tensor], saved: SavedTensors, outputs: [Tensor], context: FunctionContext) {
        self.function = function
        self.inputs = inputs.map(GradientForm.init)
        self.outputs = outputs.map(GradientForm.init)
        needsInputGrad = context.needsInputGrad
        autocast = Context.current.autocast
        super.init(Inputs(inputs))
        self.saved = saved
        moreSlots = [Tensor?](repeating: nil, count: max(outputs.count - 1, 0))
    }

    override package var name: String { function.name }

    override func backward(_ grad: Tensor?, _ more: [Tensor?], createGraph: Bool) throws(OpError) -> Gradients {
        let context = FunctionContext()
        context.saved = try withSaved { () throws(OpError) in Array(SavedValues(node: self)) }
        context.needsInputGrad = needsInputGrad
        let gradients = zip([grad] + more, outputs).map { grad, output in
            grad ?? Tensor.zeros(output.shape, dtype: output.dtype, device: output.device)
        }
        let results = Context.autocasting(to: autocast) { function.backward(gradients, context) }
        guard results.count == edges.count else {
            throw OpError("\(name) has \(edges.count) inputs, its backward returned \(results.count) gradients")
        }
        // Kernels rely on the shape, dtype and device of a gradient, and this one comes from user code.
        var fitting: [Tensor?] = []
        for (i, result) in results.enumerated() {
            fitting.append(
                try context.needsInputGrad[i]
                    ? result.map { (given) throws(OpError) in try inputs[i].fit(given, "\(name)'s backward", "input \(i)") } : nil)
        }
        return Gradients(fitting)
    }
}

/// The shape, dtype and device of a tensor, and so of its gradient.
struct GradientForm: Equatable, CustomStringConvertible {
    let shape: Shape
    let dtype: DType
    let device: Device

    init(_ x: Tensor) { (shape, dtype, device) = (x.shape, x.dtype, x.device) }

    var description: String { "\(dtype) \(shape) on \(device)" }

    /// Converts `gradient` to this form as PyTorch does: sums over broadcast dimensions and converts the dtype.
    func fit(_ gradient: Tensor, _ source: String, _ target: String) throws(OpError) -> Tensor {
        if gradient.isPoisoned { return gradient }
        guard gradient.device == device else {
            throw OpError(
                "\(source) returned a gradient on \(gradient.device) for \(target), which is on \(device); move it there with to(_:)",
                op: "backward")
        }
        var fitting = gradient
        if gradient.shape != shape {
            guard Shape.broadcast(shape, gradient.shape) == gradient.shape else {
                throw OpError(
                    "\(source) returned a gradient of shape \(gradient.shape) for \(target), which has shape \(shape)", op: "backward")
            }
            fitting = gradient.sum(toShape: shape)
        }
        return fitting.dtype == dtype ? fitting : fitting.to(dtype)
    }
}
