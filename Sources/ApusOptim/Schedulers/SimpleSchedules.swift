import ApusCore
import Glibc

/// The initial rate times a function of the step: lr = lr₀·f(t); groups added later use the last function. PyTorch: `LambdaLR`.
public final class LambdaLR: LRScheduler {
    private let lambdas: [(Int) -> Double]

    /// One function for all groups. It is not part of the state.
    public init(_ optimizer: Optimizer, _ lambda: @escaping (Int) -> Double, lastEpoch: Int = -1) {
        lambdas = Array(repeating: lambda, count: optimizer.paramGroups.count)
        super.init(optimizer, lastEpoch: lastEpoch)
    }

    /// A function for each group.
    public init(_ optimizer: Optimizer, _ lambdas: [(Int) -> Double], lastEpoch: Int = -1) {
        self.lambdas = oneForEach("LambdaLR", lambdas, optimizer)
        super.init(optimizer, lastEpoch: lastEpoch)
    }

    public override func rates() -> [Double] {
        baseLRs.enumerated().map { i, rate in rate * lambdas[min(i, lambdas.count - 1)](lastEpoch) }
    }
}

/// The current rate times a function of the step: lr ← lr·f(t); groups added later use the last function.
/// PyTorch: `MultiplicativeLR`.
public final class MultiplicativeLR: LRScheduler {
    private let lambdas: [(Int) -> Double]

    /// One function for all groups. It is not part of the state.
    public convenience init(_ optimizer: Optimizer, _ lambda: @escaping (Int) -> Double, lastEpoch: Int = -1) {
        self.init(optimizer, Array(repeating: lambda, count: optimizer.paramGroups.count), lastEpoch: lastEpoch)
    }

    /// A function for each group.
    public init(_ optimizer: Optimizer, _ lambdas: [(Int) -> Double], lastEpoch: Int = -1) {
        self.lambdas = oneForEach("MultiplicativeLR", lambdas, optimizer)
        super.init(optimizer, lastEpoch: lastEpoch)
    }

    public override func rates() -> [Double] {
        isInitial
            ? scaled(1) : optimizer.paramGroups.enumerated().map { i, group in group.lr * lambdas[min(i, lambdas.count - 1)](lastEpoch) }
    }

    /// Starts again at the current rates, since lr has no closed form.
    override func restart() { begin() }
}

/// The functions, one per group; another number fails, and inside `checked` a group without a function keeps its rate.
private func oneForEach(_ schedule: String, _ lambdas: [(Int) -> Double], _ optimizer: Optimizer) -> [(Int) -> Double] {
    let count = optimizer.paramGroups.count
    if lambdas.count != count { fail(schedule, "got \(lambdas.count) functions for \(count) groups") }
    return (0..<count).map { $0 < lambdas.count ? lambdas[$0] : { _ in 1 } }
}

/// The initial rate times (1 − t/totalIters)^power, 0 after `totalIters` steps. PyTorch: `PolynomialLR`.
public final class PolynomialLR: LRScheduler {
    private var totalIters: Int
    private var power: Double

    /// Traps where `totalIters` is not positive.
    public init(_ optimizer: Optimizer, totalIters: Int = 5, power: Double = 1, lastEpoch: Int = -1) {
        (self.totalIters, self.power) = (totalIters, power)
        super.init(optimizer, lastEpoch: lastEpoch)
    }

    override var settings: [StateEntry] { [.init("total_iters", self, \.totalIters), .init("power", self, \.power)] }
    override func problem() -> String? { totalIters > 0 ? nil : "totalIters must be positive, not \(totalIters)" }

    public override func rates() -> [Double] {
        let (total, t) = (Double(totalIters), Double(lastEpoch))
        if isInitial || t > total { return scaled(1) }
        return scaled(pow((1 - t / total) / (1 - (t - 1) / total), power))
    }
}

/// lr ← gamma·lr every `stepSize` steps. PyTorch: `StepLR`.
public final class StepLR: LRScheduler {
    private var stepSize: Int
    private var gamma: Double

    /// Traps where `stepSize` is not positive.
    public init(_ optimizer: Optimizer, _ stepSize: Int, gamma: Double = 0.1, lastEpoch: Int = -1) {
        (self.stepSize, self.gamma) = (stepSize, gamma)
        super.init(optimizer, lastEpoch: lastEpoch)
    }

    override var settings: [StateEntry] { [.init("step_size", self, \.stepSize), .init("gamma", self, \.gamma)] }
    override func problem() -> String? { stepSize > 0 ? nil : "stepSize must be positive, not \(stepSize)" }

    public override func rates() -> [Double] {
        if isStretched {
            return baseLRs.map { $0 * pow(gamma, (place(lastEpoch) / Double(max(stepSize, 1))).rounded(.down)) }
        }
        // Until `init` has reported it, a step size of 0 must not divide.
        let turns = lastEpoch != 0 && lastEpoch % max(stepSize, 1) == 0
        return scaled(turns ? gamma : 1)
    }
}

/// lr ← gamma·lr at each of `milestones`. PyTorch: `MultiStepLR`.
public final class MultiStepLR: LRScheduler {
    private var milestones: [Double]
    private var gamma: Double

    /// Arguments, order and defaults of PyTorch's `lr_scheduler.MultiStepLR`.
    public init(_ optimizer: Optimizer, _ milestones: [Int], gamma: Double = 0.1, lastEpoch: Int = -1) {
        (self.milestones, self.gamma) = (milestones.map { Double($0) }, gamma)
        super.init(optimizer, lastEpoch: lastEpoch)
    }

    override var settings: [StateEntry] {
        [.init("milestones", self, \.milestones, isOfAnyLength: true), .init("gamma", self, \.gamma)]
    }
    override func problem() -> String? {
        milestones.first { !$0.isFinite || $0 != $0.rounded() }.map { "the milestone \($0) is no number of steps" }
    }

    public override func rates() -> [Double] {
        let turns = milestones.count { $0 == Double(lastEpoch) }
        return turns == 0 ? scaled(1) : scaled(pow(gamma, Double(turns)))
    }
}

/// lr ← gamma·lr in each step. PyTorch: `ExponentialLR`.
public final class ExponentialLR: LRScheduler {
    private var gamma: Double

    /// Arguments, order and defaults of PyTorch's `lr_scheduler.ExponentialLR`.
    public init(_ optimizer: Optimizer, _ gamma: Double, lastEpoch: Int = -1) {
        self.gamma = gamma
        super.init(optimizer, lastEpoch: lastEpoch)
    }

    override var settings: [StateEntry] { [.init("gamma", self, \.gamma)] }

    public override func rates() -> [Double] { scaled(isInitial ? 1 : gamma) }
}

/// The initial rate times `factor` for `totalIters` steps, the initial rate after. PyTorch: `ConstantLR`.
public final class ConstantLR: LRScheduler {
    private var factor: Double
    private var totalIters: Int

    /// Traps where `factor` is outside 0 … 1.
    public init(_ optimizer: Optimizer, factor: Double = 1.0 / 3, totalIters: Int = 5, lastEpoch: Int = -1) {
        (self.factor, self.totalIters) = (factor, totalIters)
        super.init(optimizer, lastEpoch: lastEpoch)
    }

    override var settings: [StateEntry] { [.init("factor", self, \.factor), .init("total_iters", self, \.totalIters)] }
    override func problem() -> String? { factor >= 0 && factor <= 1 ? nil : "factor must be between 0 and 1, not \(factor)" }

    public override func rates() -> [Double] {
        if lastEpoch == 0 { return scaled(totalIters > 0 ? factor : 1) }
        if lastEpoch != totalIters { return scaled(1) }
        // Nothing leads back from a rate of 0 but the initial one.
        return factor == 0 ? baseLRs : scaled(1 / factor)
    }
}

/// The initial rate times a factor that goes linearly from `startFactor` to `endFactor` over `totalIters` steps.
/// PyTorch: `LinearLR`.
public final class LinearLR: LRScheduler {
    private var startFactor, endFactor: Double
    private var totalIters: Int

    /// Traps where `startFactor` is not above 0 and at most 1, or `endFactor` outside 0 … 1.
    public init(_ optimizer: Optimizer, startFactor: Double = 1.0 / 3, endFactor: Double = 1, totalIters: Int = 5, lastEpoch: Int = -1) {
        (self.startFactor, self.endFactor, self.totalIters) = (startFactor, endFactor, totalIters)
        super.init(optimizer, lastEpoch: lastEpoch)
    }

    override var settings: [StateEntry] {
        [.init("start_factor", self, \.startFactor), .init("end_factor", self, \.endFactor), .init("total_iters", self, \.totalIters)]
    }
    override func problem() -> String? {
        guard startFactor > 0 && startFactor <= 1 else { return "startFactor must be greater than 0 and at most 1, not \(startFactor)" }
        return endFactor >= 0 && endFactor <= 1 ? nil : "endFactor must be between 0 and 1, not \(endFactor)"
    }

    public override func rates() -> [Double] {
        let (start, end, total) = (startFactor, endFactor, totalIters)
        if lastEpoch == 0 { return scaled(total > 0 ? start : end) }
        if isInitial || lastEpoch > total { return scaled(1) }
        return scaled(1 + (end - start) / (Double(total) * start + Double(lastEpoch - 1) * (end - start)))
    }
}
