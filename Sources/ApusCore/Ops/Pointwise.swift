/// What every function of one number needs: name, kernel, on which numbers, and derivative. `Unary.swift` has the table.
package final class UnaryRule: Sendable {
    /// Which dtypes the function is computed in.
    package enum Domain: Sendable {
        /// Floats; integers and bool are converted to float32 first.
        case floats
        /// Floats and integers as they are.
        case numbers
        /// Any dtype, the result is bool.
        case predicate
        /// Integers and bool.
        case bits
        /// Floats and integers; integers are their own result.
        case rounding
    }

    /// What the derivative is computed from.
    enum Keeps: Sendable { case nothing, input, output }

    package let name: String
    package let kind: UnaryKind
    package let domain: Domain
    let keeps: Keeps
    let autocast: AutocastPolicy
    /// The input's gradient from the output's and what was kept; nil: the function is locally constant, its gradient zero.
    let derivative: (@Sendable (_ g: Tensor, _ kept: Tensor, _ p: KernelParameters) -> Tensor)?

    init(
        _ name: String, _ kind: UnaryKind, _ domain: Domain = .floats, keeps: Keeps = .input, autocast: AutocastPolicy = .asIs,
        _ derivative: (@Sendable (Tensor, Tensor, KernelParameters) -> Tensor)? = nil
    ) {
        self.name = name
        self.kind = kind
        self.domain = domain
        self.keeps = derivative == nil ? .nothing : keeps
        self.autocast = autocast
        self.derivative = derivative
    }
}

/// Applies a `UnaryRule`.
struct Unary: Op {
    let rule: UnaryRule
    var p = KernelParameters()

    var name: String { rule.name }
    var autocast: AutocastPolicy { rule.autocast }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let x = inputs[0]
        let out: Tensor
        switch rule.domain {
        case .predicate:
            out = try Tensor.uninitialized(x.shape, .bool, x.device)
        case .bits where x.dtype.isFloatingPoint:
            throw OpError("is for integers and bool, this tensor is \(x.dtype)")
        case .numbers where x.dtype == .bool:
            throw OpError("is not defined for bool; convert with to(_:) first")
        default:
            out = try Tensor.uninitialized(x.shape, x.dtype, x.device)
        }
        try x.device.backend.unary(rule.kind, x, p, into: out)
        switch rule.keeps {
        case .nothing: break
        case .input: saved.keep(x)
        case .output: saved.keepOutput(out)
        }
        return out
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        guard let derivative = rule.derivative else { return [Tensor.zeros(like: grad)] }
        return [derivative(grad, context.saved.first ?? grad, p)]
    }
}

/// What every function of two numbers needs. `Binary.swift` has the table.
package final class BinaryRule: Sendable {
    package enum Domain: Sendable {
        /// Any dtype.
        case any
        /// Floats and integers.
        case numbers
        /// Floats; integers are converted to float32 first.
        case floats
        /// Integers and bool.
        case bits
        /// Integers.
        case integers
    }

    package let name: String
    package let kind: BinaryKind
    package let domain: Domain
    let keepsInputs: Bool
    let keepsOutput: Bool
    let autocast: AutocastPolicy
    /// The operands' gradients; `a`, `b` and `y` are there as far as they were kept. nil: zero.
    let derivative: (@Sendable (_ g: Tensor, _ kept: SavedValues, _ context: BackwardContext, _ p: KernelParameters) -> Gradients)?

    init(
        _ name: String, _ kind: BinaryKind, _ domain: Domain = .any, keepsInputs: Bool = true, keepsOutput: Bool = false,
        autocast: AutocastPolicy = .asIs,
        _ derivative: (@Sendable (Tensor, SavedValues, BackwardContext, KernelParameters) -> Gradients)? = nil
    ) {
        self.name = name
        self.kind = kind
        self.domain = domain
        self.keepsInputs = keepsInputs && derivative != nil
        self.keepsOutput = keepsOutput
        self.autocast = autocast
        self.derivative = derivative
    }
}

/// Applies a `BinaryRule` to operands of one shape and dtype (`Tensor.binary` has broadcast and promoted them).
struct Binary: Op {
    let rule: BinaryRule
    var p = KernelParameters()

    var name: String { rule.name }
    var autocast: AutocastPolicy { rule.autocast }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let (a, b) = (inputs[0], inputs[1])
        let out = try Tensor.uninitialized(a.shape, a.dtype, a.device)
        try a.device.backend.binary(rule.kind, a, b, p, into: out)
        if rule.keepsInputs {
            saved.keep(a)
            saved.keep(b)
        }
        if rule.keepsOutput { saved.keepOutput(out) }
        return out
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        guard let derivative = rule.derivative else { return [Tensor.zeros(like: grad), Tensor.zeros(like: grad)] }
        return derivative(grad, context.saved, context, p)
    }
}

/// Applies a comparison; the result is bool and has no gradient.
struct Compare: Op {
    let kind: CompareKind
    var name: String { "\(kind)" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let (a, b) = (inputs[0], inputs[1])
        let out = try Tensor.uninitialized(a.shape, .bool, a.device)
        try a.device.backend.compare(kind, a, b, into: out)
        return out
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients { [nil, nil] }
}

extension Tensor {
    final func unary(_ rule: UnaryRule, _ a: Double = 0, _ b: Double = 0, _ c: Double = 0) -> Tensor { unary(rule, KernelParameters(a, b, c)) }

    package final func unary(_ rule: UnaryRule, _ p: KernelParameters) -> Tensor {
        var x = self
        if !dtype.isFloatingPoint && !isPoisoned {
            if rule.domain == .floats { x = to(.float32) }
            if rule.domain == .rounding { return clone() }
        }
        return apply(Unary(rule: rule, p: p), Inputs(x))
    }

    /// Promotes and broadcasts the operands, then applies the rule.
    package static func binary(_ rule: BinaryRule, _ a: Tensor, _ b: Tensor, _ p: KernelParameters = KernelParameters()) -> Tensor {
        if a.dtype == b.dtype && a.shape == b.shape && a.dtype.isFloatingPoint && rule.domain != .bits && rule.domain != .integers {
            return apply(Binary(rule: rule, p: p), Inputs(a, b))
        }
        if a.isPoisoned { return a }
        if b.isPoisoned { return b }
        do throws(OpError) {
            var dtype = Tensor.resultType(a, b)
            switch rule.domain {
            case .any: break
            case .numbers where dtype == .bool:
                throw OpError("is not defined for bool; use logical functions, or convert with to(_:)")
            case .floats where !dtype.isFloatingPoint: dtype = .float32
            case .bits where dtype.isFloatingPoint, .integers where dtype.category != 1:
                throw OpError("is for integers, the operands are \(a.dtype) and \(b.dtype)")
            default: break
            }
            let (x, y) = try Tensor.broadcast(a, b, dtype)
            return apply(Binary(rule: rule, p: p), Inputs(x, y))
        } catch {
            return fail(error, op: rule.name)
        }
    }

    static func compare(_ kind: CompareKind, _ a: Tensor, _ b: Tensor) -> Tensor {
        if a.isPoisoned { return a }
        if b.isPoisoned { return b }
        do throws(OpError) {
            let (x, y) = try Tensor.broadcast(a, b, Tensor.resultType(a, b))
            return apply(Compare(kind: kind), Inputs(x, y))
        } catch {
            return fail(error, op: "\(kind)")
        }
    }

    /// The dtype of an expression of these tensors. PyTorch: `torch.result_type`.
    ///
    /// Tensors with dimensions decide; a scalar tensor, and then a Swift number, count only where their kind (bool, integer, float) is higher.
    public static func resultType(_ a: Tensor, _ b: Tensor) -> DType {
        if a.dtype == b.dtype { return a.dtype }
        let (pa, pb) = (a.promotionRank, b.promotionRank)
        if pa == pb { return DType.promote(a.dtype, b.dtype) }
        let (strong, weak) = pa > pb ? (a, b) : (b, a)
        if weak.dtype.category <= strong.dtype.category { return strong.dtype }
        // A Swift float beside integers gives the default float; a float tensor its own.
        return weak.dtype
    }

    /// The dtype of an expression of all these tensors: what those with dimensions promote to, unless the scalar tensors, and then the Swift
    /// numbers, are of a higher kind.
    package static func resultType(_ operands: [Tensor]) -> DType {
        var promoted: [DType?] = [nil, nil, nil]
        for x in operands { promoted[x.promotionRank] = promoted[x.promotionRank].map { DType.promote($0, x.dtype) } ?? x.dtype }
        let strongest = promoted.reversed().compactMap { $0 }
        return strongest.dropFirst().reduce(strongest[0]) { $1.category > $0.category ? $1 : $0 }
    }

    /// The dtype of an expression of a tensor of `dtype` and a Swift number.
    static func resultType(_ dtype: DType, _ number: Scalar) -> DType { number.dtype.category > dtype.category ? number.dtype : dtype }

    /// 2: has dimensions; 1: a scalar tensor; 0: a Swift number.
    private final var promotionRank: Int { isWrappedNumber ? 0 : ndim == 0 ? 1 : 2 }

    /// Both as `dtype` and of the shape they broadcast to, by recorded ops where that changes anything.
    static func broadcast(_ a: Tensor, _ b: Tensor, _ dtype: DType) throws(OpError) -> (Tensor, Tensor) {
        guard let shape = Shape.broadcast(a.shape, b.shape) else {
            throw OpError(
                "shapes \(a.shape) and \(b.shape) do not broadcast: matched from the last dimension on, extents must be equal or one of them 1; "
                    + "reshape, unsqueeze or transpose one of them")
        }
        if a.device != b.device { try checkDevices([a, b]) }
        return (a.to(dtype).expand(shape), b.to(dtype).expand(shape))
    }
}
