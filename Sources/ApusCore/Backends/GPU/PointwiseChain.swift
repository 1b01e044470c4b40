/// Deferred pointwise work, which becomes one kernel: each step computes an element of its output from the operands' elements at the same
/// index, so that a step can read the result of an earlier one from a register.
///
/// This is safe because within the chain, memory that a step writes is accessed with one shape and strides only; a step that does not fit
/// starts a new chain. A result whose tensor is released before the chain runs is not written.
struct PointwiseChain {
    enum Function: Hashable {
        case unary(UnaryKind), binary(BinaryKind), compare(CompareKind), select, convert, fill
    }

    /// The source of an operand.
    enum Source: Hashable {
        /// A load from memory, by its index in `loads`.
        case load(Int)
        /// The result of an earlier step.
        case step(Int)
    }

    struct Step {
        var function: Function
        /// The operands' dtype (for `select`, that of the two values).
        var dtype: DType
        var operands: [Source]
        var constants: KernelParameters
        /// The value of `fill`.
        var value: Scalar = .double(0)
        var output: View
        /// The size of the output's block if its tensor was released; the block returns to the pool after the chain has run.
        var released: Int?
        /// Whether a later step writes the same view.
        var isOverwritten = false
    }

    /// A tensor's layout in memory.
    struct View: Equatable {
        var block: UnsafeMutableRawPointer
        var offset: Int
        var strides: Shape
        var isContiguous: Bool
        var dtype: DType
    }

    private(set) var shape = Shape()
    private(set) var steps: [Step] = []
    private(set) var loads: [View] = []
    /// Storages that are read must stay alive until the chain has run.
    private var held: [Storage] = []
    /// The step that last wrote each block.
    private var writers: [UnsafeMutableRawPointer: Int] = [:]

    static let maximumSteps = 24
    static let maximumViews = 12

    var isEmpty: Bool { steps.isEmpty }

    /// Whether the chain reads or writes this block.
    func touches(_ block: UnsafeMutableRawPointer) -> Bool {
        writers[block] != nil || loads.contains { $0.block == block }
    }

    /// Records that the block's tensor was released; false if the chain does not write the block.
    mutating func release(_ block: UnsafeMutableRawPointer, _ byteCount: Int) -> Bool {
        guard let writer = writers.removeValue(forKey: block) else { return false }
        steps[writer].released = byteCount
        return true
    }

    /// Whether a step with these tensors can join the chain.
    func accepts(_ operands: [Tensor], _ output: Tensor) -> Bool {
        if steps.isEmpty { return true }
        guard output.shape == shape, steps.count < PointwiseChain.maximumSteps,
            loads.count + steps.count + operands.count < PointwiseChain.maximumViews
        else { return false }
        for operand in operands {
            if let writer = writers[operand.storage.base], steps[writer].output != View(operand) { return false }
        }
        let view = View(output)
        if let writer = writers[view.block], steps[writer].output != view { return false }
        return !loads.contains { $0.block == view.block && $0 != view }
            && !operands.contains { $0.storage.base == view.block && View($0) != view }
    }

    mutating func append(
        _ function: Function, _ dtype: DType, _ operands: [Tensor], _ constants: KernelParameters, value: Scalar = .double(0),
        into output: Tensor
    ) {
        if steps.isEmpty { shape = output.shape }
        let sources = operands.map { operand -> Source in
            let view = View(operand)
            if let writer = writers[view.block] { return .step(writer) }
            if let known = loads.firstIndex(of: view) { return .load(known) }
            loads.append(view)
            held.append(operand.storage)
            return .load(loads.count - 1)
        }
        let view = View(output)
        if let writer = writers[view.block] { steps[writer].isOverwritten = true }
        writers[view.block] = steps.count
        steps.append(Step(function: function, dtype: dtype, operands: sources, constants: constants, value: value, output: view))
    }

    mutating func removeAll() {
        steps.removeAll(keepingCapacity: true)
        loads.removeAll(keepingCapacity: true)
        writers.removeAll(keepingCapacity: true)
        held.removeAll(keepingCapacity: true)
    }

    /// Step `i` as its own chain, with operands read from memory; used if the chain is not worth a kernel.
    func alone(_ i: Int) -> PointwiseChain {
        var chain = PointwiseChain()
        chain.shape = shape
        var step = steps[i]
        step.operands = step.operands.map { source in
            let view =
                switch source {
                case .load(let load): loads[load]
                case .step(let other): steps[other].output
                }
            if let known = chain.loads.firstIndex(of: view) { return .load(known) }
            chain.loads.append(view)
            return .load(chain.loads.count - 1)
        }
        step.released = nil
        step.isOverwritten = false
        chain.steps = [step]
        return chain
    }

    /// The steps whose results must be written to memory.
    var stored: [Int] { steps.indices.filter { steps[$0].released == nil && !steps[$0].isOverwritten } }

    /// The names of its functions in order: `mul add relu`.
    var title: String { steps.map(\.function.title).joined(separator: " ") }

    /// The views that the kernel accesses: loads, then stores.
    var views: [View] { loads + stored.map { steps[$0].output } }
}

extension PointwiseChain.View {
    init(_ x: Tensor) {
        self.init(block: x.storage.base, offset: x.offset, strides: x.strides, isContiguous: x.isContiguous, dtype: x.dtype)
    }
}

extension PointwiseChain.Function {
    var title: String {
        switch self {
        case .unary(let kind): "\(kind)"
        case .binary(let kind): "\(kind)"
        case .compare(let kind): "\(kind)"
        case .select: "where"
        case .convert: "copy"
        case .fill: "fill"
        }
    }

    /// A number per function, for the kernel's key.
    var code: Int32 {
        switch self {
        case .unary(let kind): kind.rawValue
        case .binary(let kind): 1000 + kind.rawValue
        case .compare(let kind): 2000 + kind.rawValue
        case .select: 3000
        case .convert: 3001
        case .fill: 3002
        }
    }

    /// A number per group of functions that share a kernel.
    var family: Int32 {
        if case .unary(let kind) = self, kind.function.domain.writesBool { return 100 }
        return 1 + code / 1000
    }
}
