// An argument that PyTorch's signature has no default for has no label. The schedules here take it with its label as well.

extension StepLR {
    /// The same with the label `stepSize`.
    public convenience init(_ optimizer: Optimizer, stepSize: Int, gamma: Double = 0.1, lastEpoch: Int = -1) {
        self.init(optimizer, stepSize, gamma: gamma, lastEpoch: lastEpoch)
    }
}

extension MultiStepLR {
    /// The same with the label `milestones`.
    public convenience init(_ optimizer: Optimizer, milestones: [Int], gamma: Double = 0.1, lastEpoch: Int = -1) {
        self.init(optimizer, milestones, gamma: gamma, lastEpoch: lastEpoch)
    }
}

extension ExponentialLR {
    /// The same with the label `gamma`.
    public convenience init(_ optimizer: Optimizer, gamma: Double, lastEpoch: Int = -1) {
        self.init(optimizer, gamma, lastEpoch: lastEpoch)
    }
}

extension CosineAnnealingLR {
    /// The same with the label `tMax`.
    public convenience init(_ optimizer: Optimizer, tMax: Int, etaMin: Double = 0, lastEpoch: Int = -1) {
        self.init(optimizer, tMax, etaMin: etaMin, lastEpoch: lastEpoch)
    }
}

extension CosineAnnealingWarmRestarts {
    /// The same with the label `t0`.
    public convenience init(_ optimizer: Optimizer, t0: Int, tMult: Int = 1, etaMin: Double = 0, lastEpoch: Int = -1) {
        self.init(optimizer, t0, tMult: tMult, etaMin: etaMin, lastEpoch: lastEpoch)
    }
}

extension CyclicLR {
    /// The same with the labels `baseLR`, `maxLR`.
    public convenience init(
        _ optimizer: Optimizer, baseLR: Double, maxLR: Double, stepSizeUp: Int = 2000, stepSizeDown: Int? = nil, mode: Mode = .triangular,
        gamma: Double = 1, scale: Scale? = nil, cycleMomentum: Bool = true, baseMomentum: Double = 0.8, maxMomentum: Double = 0.9,
        lastEpoch: Int = -1
    ) {
        self.init(
            optimizer, baseLR, maxLR, stepSizeUp: stepSizeUp, stepSizeDown: stepSizeDown, mode: mode, gamma: gamma, scale: scale,
            cycleMomentum: cycleMomentum, baseMomentum: baseMomentum, maxMomentum: maxMomentum, lastEpoch: lastEpoch)
    }
    /// The same with the labels `baseLR`, `maxLR`.
    public convenience init(
        _ optimizer: Optimizer, baseLR: [Double], maxLR: [Double], stepSizeUp: Int = 2000, stepSizeDown: Int? = nil,
        mode: Mode = .triangular, gamma: Double = 1, scale: Scale? = nil, cycleMomentum: Bool = true, baseMomentum: [Double]? = nil,
        maxMomentum: [Double]? = nil, lastEpoch: Int = -1
    ) {
        self.init(
            optimizer, baseLR, maxLR, stepSizeUp: stepSizeUp, stepSizeDown: stepSizeDown, mode: mode, gamma: gamma, scale: scale,
            cycleMomentum: cycleMomentum, baseMomentum: baseMomentum, maxMomentum: maxMomentum, lastEpoch: lastEpoch)
    }
}

extension OneCycleLR {
    /// The same with the label `maxLR`.
    public convenience init(
        _ optimizer: Optimizer, maxLR: Double, totalSteps: Int? = nil, epochs: Int? = nil, stepsPerEpoch: Int? = nil,
        pctStart: Double = 0.3, annealStrategy: AnnealStrategy = .cos, cycleMomentum: Bool = true, baseMomentum: Double = 0.85,
        maxMomentum: Double = 0.95, divFactor: Double = 25, finalDivFactor: Double = 1e4, threePhase: Bool = false, lastEpoch: Int = -1
    ) {
        self.init(
            optimizer, maxLR, totalSteps: totalSteps, epochs: epochs, stepsPerEpoch: stepsPerEpoch, pctStart: pctStart,
            annealStrategy: annealStrategy, cycleMomentum: cycleMomentum, baseMomentum: baseMomentum, maxMomentum: maxMomentum,
            divFactor: divFactor, finalDivFactor: finalDivFactor, threePhase: threePhase, lastEpoch: lastEpoch)
    }
    /// The same with the label `maxLR`.
    public convenience init(
        _ optimizer: Optimizer, maxLR: [Double], totalSteps: Int? = nil, epochs: Int? = nil, stepsPerEpoch: Int? = nil,
        pctStart: Double = 0.3, annealStrategy: AnnealStrategy = .cos, cycleMomentum: Bool = true, baseMomentum: [Double]? = nil,
        maxMomentum: [Double]? = nil, divFactor: Double = 25, finalDivFactor: Double = 1e4, threePhase: Bool = false, lastEpoch: Int = -1
    ) {
        self.init(
            optimizer, maxLR, totalSteps: totalSteps, epochs: epochs, stepsPerEpoch: stepsPerEpoch, pctStart: pctStart,
            annealStrategy: annealStrategy, cycleMomentum: cycleMomentum, baseMomentum: baseMomentum, maxMomentum: maxMomentum,
            divFactor: divFactor, finalDivFactor: finalDivFactor, threePhase: threePhase, lastEpoch: lastEpoch)
    }
}

extension SequentialLR {
    /// The same with the label `milestones`.
    public convenience init(_ optimizer: Optimizer, _ schedulers: [LRScheduler], milestones: [Int]) {
        self.init(optimizer, schedulers, milestones)
    }
}

extension SWALR {
    /// The same with the label `swaLR`.
    public convenience init(
        _ optimizer: Optimizer, swaLR: Double, annealEpochs: Int = 10, annealStrategy: OneCycleLR.AnnealStrategy = .cos, lastEpoch: Int = -1
    ) {
        self.init(optimizer, swaLR, annealEpochs: annealEpochs, annealStrategy: annealStrategy, lastEpoch: lastEpoch)
    }
    /// The same with the label `swaLR`.
    public convenience init(
        _ optimizer: Optimizer, swaLR: [Double], annealEpochs: Int = 10, annealStrategy: OneCycleLR.AnnealStrategy = .cos,
        lastEpoch: Int = -1
    ) {
        self.init(optimizer, swaLR, annealEpochs: annealEpochs, annealStrategy: annealStrategy, lastEpoch: lastEpoch)
    }
}
