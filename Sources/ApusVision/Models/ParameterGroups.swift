import ApusCore
import ApusNN
import ApusOptim

extension Module {
    /// The parameters that require a gradient, in groups for an optimizer, with rates that fall towards the input: the last stage learns at
    /// `lr`, each one before at `layerDecay` times the rate of the next, so that stage i of n learns at lr · layerDecayⁿ⁻¹⁻ⁱ (Clark et al.,
    /// 2020, https://arxiv.org/abs/2003.10555). timm: `param_groups_layer_decay`.
    ///
    /// Stages are ``ImageClassifier/stages``, for other modules the children in order; those without parameters do not count. Parameters in
    /// no stage learn at `lr`.
    ///
    /// - Parameters:
    ///   - weightDecay: of all groups; by default the optimizer's.
    ///   - decayNormAndBias: whether tensors of at most one dimension (biases, scales of normalisations) decay too; otherwise they are in groups of
    ///     their own, whose decay is 0. timm: `weight_decay_exclude_1d`.
    public final func parameterGroups(
        lr: Double, layerDecay: Double = 1, weightDecay: Double? = nil, decayNormAndBias: Bool = true
    ) -> [ParameterGroup] {
        let stages = (self as? any ImageClassifier)?.stages ?? children().map { [$0] }
        var seen: Set<ObjectIdentifier> = []
        func fresh(_ parameters: [Parameter]) -> [Parameter] { parameters.filter { seen.insert(ObjectIdentifier($0)).inserted } }
        // Frozen stages count, so that freezing one leaves the rates of the others as they are.
        var depths = stages.map { fresh($0.flatMap { $0.parameters() }) }.filter { !$0.isEmpty }
        let rest = fresh(parameters())
        if !rest.isEmpty { depths.append((depths.popLast() ?? []) + rest) }
        var rate = lr
        var groups: [ParameterGroup] = []
        for parameters in depths.reversed() {
            let learning = parameters.filter(\.requiresGrad)
            let (decaying, others) = (
                learning.filter { decayNormAndBias || $0.ndim > 1 }, learning.filter { !decayNormAndBias && $0.ndim <= 1 }
            )
            if !others.isEmpty { groups.append(ParameterGroup(others, lr: rate, weightDecay: 0)) }
            if !decaying.isEmpty { groups.append(ParameterGroup(decaying, lr: rate, weightDecay: weightDecay)) }
            rate *= layerDecay
        }
        return groups.reversed()
    }
}
