/// A function of one number: its kind, which has a line in the table of kernels, and its derivative. The rules are in `Unary.swift`.
package final class UnaryRule: Sendable {
    /// What the derivative needs to keep.
    enum Keeps: Sendable { case nothing, input, output }

    package let name: String
    package let kind: UnaryKind
    /// The dtypes of the function, from the table of kernels.
    package let domain: PointwiseDomain
    /// Whether integers and bool are returned unchanged, although the kernel is for floats only.
    package let leavesIntegers: Bool
    let keeps: Keeps
    let autocast: AutocastPolicy
    /// The gradient of the input from that of the output and the kept tensor; nil if the function is piecewise constant, so that its
    /// gradient is zero.
    let derivative: (@Sendable (_ g: Tensor, _ kept: Tensor, _ p: KernelParameters) throws(OpError) -> Tensor)?
    package var isLocallyConstant: Bool { derivative == nil }

    /// `name` is the op's name, by default that of the kind.
    init(
        _ kind: UnaryKind, named name: String? = nil, leavesIntegers: Bool = false, keeps: Keeps = .input, autocast: AutocastPolicy = .asIs,
        _ derivative: (@Sendable (Tensor, Tensor, KernelParameters) throws(OpError) -> Tensor)? = nil
    ) {
        let function = kind.function
        self.name = name ?? function.name
        self.kind = kind
        domain = function.domain
        self.leavesIntegers = leavesIntegers
        self.keeps = derivative == nil ? .nothing : keeps
        self.autocast = autocast
        self.derivative = derivative
    }
}

// Each function has one rule object; several rules may share a kernel (`add` and `mul` by a number use `affine`).
extension UnaryRule: Equatable, CustomStringConvertible {
    package static func == (a: UnaryRule, b: UnaryRule) -> Bool { a === b }
    package var description: String { name == kind.function.name ? name : "\(name) by \(kind.function.name)" }
}

/// Applies a `UnaryRule`.
struct Unary: Op {
    let rule: UnaryRule
    var p = KernelParameters()

    var name: String { rule.name }
    var autocast: AutocastPolicy { rule.autocast }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let x = inputs[0]
        guard rule.domain.contains(x.dtype) else {
            throw OpError(
                x.dtype == .bool
                    ? "is not defined for bool; convert with to(_:) first" : "is for integers and bool, this tensor is \(x.dtype)")
        }
        let out = try Tensor.uninitialized(x.shape, rule.domain.writesBool ? .bool : x.dtype, x.device)
        try x.device.backend.unary(rule.kind, x, p, into: out)
        switch rule.keeps {
        case .nothing: break
        case .input: saved.keep(x)
        case .output: saved.keepOutput(out)
        }
        return out
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) throws(OpError) -> Gradients {
        guard let derivative = rule.derivative else { return [Tensor.zeros(like: grad)] }
        return [try derivative(grad, context.saved.first ?? grad, p)]
    }
}

/// A function of two numbers: its kind, which has a line in the table of kernels, and its derivative. The rules are in `Binary.swift`.
package final class BinaryRule: Sendable {
    package let name: String
    package let kind: BinaryKind
    /// The dtypes of the function, from the table of kernels.
    package let domain: PointwiseDomain
    let keepsInputs: Bool
    let keepsOutput: Bool
    let autocast: AutocastPolicy
    /// The gradients of the operands; nil if they are zero. `kept` has a, b and y as far as they were kept; `op` has the rule and its
    /// constants.
    let derivative: (@Sendable (_ g: Tensor, _ kept: SavedValues, _ context: BackwardContext, _ op: Binary) throws(OpError) -> Gradients)?
    package var isLocallyConstant: Bool { derivative == nil }

    /// `name` is the op's name, by default that of the kind.
    init(
        _ kind: BinaryKind, named name: String? = nil, keepsInputs: Bool = true, keepsOutput: Bool = false,
        autocast: AutocastPolicy = .asIs,
        _ derivative: (@Sendable (Tensor, SavedValues, BackwardContext, Binary) throws(OpError) -> Gradients)? = nil
    ) {
        let function = kind.function
        self.name = name ?? function.name
        self.kind = kind
        domain = function.domain
        self.keepsInputs = keepsInputs && derivative != nil
        self.keepsOutput = keepsOutput
        self.autocast = autocast
        self.derivative = derivative
    }
}

extension BinaryRule: Equatable, CustomStringConvertible {
    package static func == (a: BinaryRule, b: BinaryRule) -> Bool { a === b }
    package var description: String { name == kind.function.name ? name : "\(name) by \(kind.function.name)" }
}

/// Applies a `BinaryRule` to operands of the same shape and dtype, which `Tensor.binary` has broadcast and promoted.
struct Binary: Op {
    let rule: BinaryRule
    var p = KernelParameters()

    var name: String { rule.name }
    var autocast: AutocastPolicy { rule.autocast }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let (a, b) = (inputs[0], inputs[1])
        let out = try Tensor.uninitialized(a.shape, rule.domain.writesBool ? .bool : a.dtype, a.device)
        try a.device.backend.binary(rule.kind, a, b, p, into: out)
        if rule.keepsInputs {
            saved.keep(a)
            saved.keep(b)
        }
        if rule.keepsOutput { saved.keepOutput(out) }
        return out
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) throws(OpError) -> Gradients {
        guard let derivative = rule.derivative else { return [Tensor.zeros(like: grad), Tensor.zeros(like: grad)] }
        return try derivative(grad, context.saved, context, self)
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
    final func unary(_ rule: UnaryRule, _ a: Double = 0, _ b: Double = 0, _ c: Double = 0) -> Tensor {
        unary(rule, KernelParameters(a, b, c))
    }

    package final func unary(_ rule: UnaryRule, _ p: KernelParameters) -> Tensor {
        var x = self
        if !dtype.isFloatingPoint && !isPoisoned {
            if rule.leavesIntegers { return clone() }
            if rule.domain.converts { x = to(.float32) }
        }
        return apply(Unary(rule: rule, p: p), Inputs(x))
    }

    /// Promotes and broadcasts the operands, then applies the rule.
    package static func binary(_ rule: BinaryRule, _ a: Tensor, _ b: Tensor, _ p: KernelParameters = KernelParameters()) -> Tensor {
        if a.dtype == b.dtype && a.shape == b.shape && a.dtype.isFloatingPoint && rule.domain.floats {
            return apply(Binary(rule: rule, p: p), Inputs(a, b))
        }
        if a.isPoisoned { return a }
        if b.isPoisoned { return b }
        do throws(OpError) {
            var dtype = Tensor.resultType(a, b)
            if !dtype.isFloatingPoint && rule.domain.converts { dtype = .float32 }
            guard rule.domain.contains(dtype) else {
                throw OpError(
                    rule.domain.floats
                        ? "is not defined for bool; use logical functions, or convert with to(_:)"
                        : "is for integers, the operands are \(a.dtype) and \(b.dtype)")
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

    /// The dtype of an expression of a tensor and a number. PyTorch: `torch.result_type`.
    public static func resultType(_ x: Tensor, _ value: some ScalarConvertible) -> DType { resultType(x, x.wrapped(value)) }
    /// The dtype of an expression of these tensors. PyTorch: `torch.result_type`.
    ///
    /// Tensors with dimensions determine the dtype; a scalar tensor counts only if its category (bool, integer, float) is higher, and a
    /// Swift number only if its category is higher still.
    public static func resultType(_ a: Tensor, _ b: Tensor) -> DType {
        if a.dtype == b.dtype { return a.dtype }
        let (pa, pb) = (a.promotionRank, b.promotionRank)
        if pa == pb { return DType.promote(a.dtype, b.dtype) }
        let (strong, weak) = pa > pb ? (a, b) : (b, a)
        if weak.dtype.category <= strong.dtype.category { return strong.dtype }
        // An integer tensor with a Swift float gives float32, with a scalar float tensor that tensor's dtype.
        return weak.dtype
    }

    /// The dtype of an expression of all these tensors: the promoted dtype of those with dimensions, unless scalar tensors, or Swift
    /// numbers, have a higher category.
    package static func resultType(_ operands: [Tensor]) -> DType {
        var promoted: [DType?] = [nil, nil, nil]
        for x in operands { promoted[x.promotionRank] = promoted[x.promotionRank].map { DType.promote($0, x.dtype) } ?? x.dtype }
        let strongest = promoted.reversed().compactMap { $0 }
        return strongest.dropFirst().reduce(strongest[0]) { $1.category > $0.category ? $1 : $0 }
    }

    /// The dtype of an expression of a tensor of `dtype` and a Swift number.
    static func resultType(_ dtype: DType, _ number: Scalar) -> DType { number.dtype.category > dtype.category ? number.dtype : dtype }

    /// 2 for a tensor with dimensions, 1 for a scalar tensor, 0 for a Swift number.
    private final var promotionRank: Int { isWrappedNumber ? 0 : ndim == 0 ? 1 : 2 }

    /// Converts both to `dtype` and broadcasts them, by recorded ops if anything changes.
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
