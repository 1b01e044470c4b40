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
    private var calls: [Call] = []
    private var copies: [(copy: Tensor, parameter: Tensor)] = []

    /// `needed`: the indices of the states that the rule takes, in its order.
    init(_ needed: [Int]) { self.needed = needed }

    /// Adds a parameter; false if there is no rule to update it by. Kernels take contiguous tensors in the dtype that updates are computed
    /// in; other parameters are converted, and copied back afterwards.
    mutating func take(
        _ parameter: Tensor, _ gradient: Tensor, _ state: ParameterState, isFirst: Bool, _ rule: () -> OptimizerRule?
    ) throws(OpError) -> Bool {
        let dtype = parameter.dtype.computeType
        var at = calls.firstIndex { $0.dtype == dtype && $0.step == state.step && $0.isFirst == isFirst && $0.device == parameter.device }
        if at == nil, let rule = rule() {
            at = calls.count
            calls.append(
                Call(rule: rule, device: parameter.device, dtype: dtype, step: state.step, isFirst: isFirst, state: needed.map { _ in [] }))
        }
        guard let at else { return false }
        var target = parameter
        if dtype != parameter.dtype || !parameter.isContiguous {
            target = try parameter.converted(to: dtype)
            copies.append((target, parameter))
        }
        calls[at].parameters.append(target)
        calls[at].gradients.append(gradient.dtype == dtype ? try gradient.contiguousData() : try gradient.converted(to: dtype))
        for (s, place) in needed.enumerated() {
            if let tensor = state[place] { calls[at].state[s].append(tensor) }
        }
        return true
    }

    /// Updates all parameters in place; `writer` is the name recorded for the change.
    func run(_ writer: String) throws(OpError) {
        for call in calls {
            try call.device.backend.optimizerStep(call.rule, parameters: call.parameters, gradients: call.gradients, state: call.state)
            for parameter in call.parameters { parameter.didChange(by: writer) }
        }
        for (copy, parameter) in copies {
            try parameter.device.backend.copy(copy, into: parameter)
            parameter.didChange(by: writer)
        }
    }
}
