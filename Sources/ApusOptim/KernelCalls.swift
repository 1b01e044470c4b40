import ApusCore

/// The parameters of a group that kernels update in one step, grouped by kernel call: one dtype, one device, one step count.
struct KernelCalls {
    private struct Call {
        let rule: OptimizerRule
        let device: Device
        let dtype: DType
        let step: Int
        let isFirst: Bool
        var parameters: [Tensor] = []
        var gradients: [Tensor] = []
        var state: [[Tensor]]
    }

    private let needed: [Int]
    private let places: Int
    private var calls: [Call] = []
    private var copies: [(copy: Tensor, original: Tensor)] = []

    /// `needed`: the indices of the states that there are with the settings, of `places` that there may be.
    init(_ needed: [Int], of places: Int) { (self.needed, self.places) = (needed, places) }

    /// Adds a parameter; false if there is no kernel to update it by. Kernels take contiguous tensors in the dtype that updates are computed
    /// in; others are converted, and copied back afterwards.
    mutating func take(
        _ parameter: Tensor, _ gradient: Tensor, _ state: ParameterState, isFirst: Bool, _ rule: () -> OptimizerRule?
    ) throws(OpError) -> Bool {
        let dtype = parameter.dtype.computeType
        var at = calls.firstIndex { $0.dtype == dtype && $0.step == state.step && $0.isFirst == isFirst && $0.device == parameter.device }
        if at == nil, parameter.device.hasOptimizerStep, let rule = rule() {
            at = calls.count
            calls.append(
                Call(
                    rule: rule, device: parameter.device, dtype: dtype, step: state.step, isFirst: isFirst,
                    state: Array(repeating: [], count: places)))
        }
        guard let at else { return false }
        calls[at].parameters.append(try inPlace(parameter, dtype))
        calls[at].gradients.append(try operand(gradient, dtype))
        for place in needed {
            if let tensor = state[place] { calls[at].state[place].append(try inPlace(tensor, dtype)) }
        }
        return true
    }

    private func operand(_ x: Tensor, _ dtype: DType) throws(OpError) -> Tensor {
        x.dtype == dtype && x.isContiguous ? x : try x.converted(to: dtype)
    }

    private mutating func inPlace(_ x: Tensor, _ dtype: DType) throws(OpError) -> Tensor {
        let target = try operand(x, dtype)
        if target !== x { copies.append((target, x)) }
        return target
    }

    /// Updates all parameters in place; `writer` is the name recorded for the change.
    func run(_ writer: String) throws(OpError) {
        for call in calls {
            try call.device.optimizerStep(
                call.rule, parameters: call.parameters, gradients: call.gradients, state: call.state, by: writer)
        }
        for (copy, original) in copies { try original.copyData(copy, by: writer) }
    }
}
