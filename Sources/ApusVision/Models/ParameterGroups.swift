import ApusCore
import ApusNN
import ApusOptim

extension Module {
    /// Groups the parameters that require a gradient for an optimizer, with learning rates that decrease towards the input: the last stage
    /// gets `lr`, each stage before it `layerDecay` times the rate of the next, so stage i of n gets lr · layerDecayⁿ⁻¹⁻ⁱ (Clark et al.,
    /// 2020, https://arxiv.org/abs/2003.10555). timm: `param_groups_layer_decay`.
    ///
    /// Stages are ``ImageClassifier/stages``; for other modules the children in order. Stages without parameters do not count. Parameters
    /// in no stage get `lr`.
    ///
    /// - Parameters:
    ///   - weightDecay: for all groups; by default the optimizer's.
    ///   - decayNormAndBias: whether weight decay applies to tensors of at most one dimension (biases, scales of normalisations) too;
    ///     otherwise they get groups of their own without decay. timm: `weight_decay_exclude_1d`.
    public final func parameterGroups(
        lr: Double, layerDecay: Double = 1, weightDecay: Double? = nil, decayNormAndBias: Bool = true
    ) -> [ParameterGroup] {
        let stages = (self as? any ImageClassifier)?.stages ?? children().map { [$0] }
        var seen: Set<ObjectIdentifier> = []
        func fresh(_ parameters: [Parameter]) -> [Parameter] { parameters.filter { seen.insert(ObjectIdentifier($0)).inserted } }
        // Frozen stages count, so that freezing one does not change the rates of the others.
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
