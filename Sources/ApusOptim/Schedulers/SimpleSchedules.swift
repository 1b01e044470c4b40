import ApusCore
import Glibc

/// The initial rate times a function of the step: lr = lr₀·f(t); a group that joins later takes the last function. PyTorch: `LambdaLR`.
public final class LambdaLR: LRScheduler {
    private let lambdas: [(Int) -> Double]

    /// One function for all groups. It is not part of the state.
    public init(_ optimizer: Optimizer, _ lambda: @escaping (Int) -> Double, lastEpoch: Int = -1) {
        lambdas = Array(repeating: lambda, count: optimizer.paramGroups.count)
        super.init(optimizer, lastEpoch: lastEpoch, options: [])
    }

    /// A function for each group.
    public init(_ optimizer: Optimizer, _ lambdas: [(Int) -> Double], lastEpoch: Int = -1) {
        self.lambdas = oneForEach("LambdaLR", lambdas, optimizer)
        super.init(optimizer, lastEpoch: lastEpoch, options: [])
    }

    public override func rates() -> [Double] {
        baseLRs.enumerated().map { i, rate in rate * lambdas[min(i, lambdas.count - 1)](lastEpoch) }
    }
}

/// The rate times a function of the step, in each step: lr ← lr·f(t); a group that joins later takes the last function.
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
        super.init(optimizer, lastEpoch: lastEpoch, options: [])
    }

    public override func rates() -> [Double] {
        isInitial
            ? scaled(1) : optimizer.paramGroups.enumerated().map { i, group in group.lr * lambdas[min(i, lambdas.count - 1)](lastEpoch) }
    }

    /// Goes on from the present rates: it knows no others.
    override func restart() { begin() }
}

/// The functions, one a group; another number traps, and inside `checked` a group without a function keeps its rate.
private func oneForEach(_ schedule: String, _ lambdas: [(Int) -> Double], _ optimizer: Optimizer) -> [(Int) -> Double] {
    let count = optimizer.paramGroups.count
    if lambdas.count != count { fail(schedule, "got \(lambdas.count) functions for \(count) groups") }
    return (0..<count).map { $0 < lambdas.count ? lambdas[$0] : { _ in 1 } }
}

/// The initial rate times (1 − t/totalIters)^power, 0 after `totalIters` steps. PyTorch: `PolynomialLR`.
public final class PolynomialLR: LRScheduler {
    /// Traps where `totalIters` is not positive.
    public init(_ optimizer: Optimizer, totalIters: Int = 5, power: Double = 1, lastEpoch: Int = -1) {
        super.init(optimizer, lastEpoch: lastEpoch, options: [("total_iters", .int(totalIters)), ("power", .double(power))])
    }

    override func validate(_ options: OptionList) -> String? {
        let total = options.int("total_iters") ?? 0
        return total > 0 ? nil : "totalIters must be positive, not \(total)"
    }

    public override func rates() -> [Double] {
        let (total, t) = (Double(count("total_iters")), Double(lastEpoch))
        if isInitial || t > total { return scaled(1) }
        return scaled(pow((1 - t / total) / (1 - (t - 1) / total), number("power")))
    }
}

/// lr ← gamma·lr every `stepSize` steps. PyTorch: `StepLR`.
public final class StepLR: LRScheduler {
    /// Traps where `stepSize` is not positive.
    public init(_ optimizer: Optimizer, stepSize: Int, gamma: Double = 0.1, lastEpoch: Int = -1) {
        super.init(optimizer, lastEpoch: lastEpoch, options: [("step_size", .int(stepSize)), ("gamma", .double(gamma))])
    }

    override func validate(_ options: OptionList) -> String? {
        let size = options.int("step_size") ?? 0
        return size > 0 ? nil : "stepSize must be positive, not \(size)"
    }

    public override func rates() -> [Double] {
        if isStretched {
            return baseLRs.map { $0 * pow(number("gamma"), (place(lastEpoch) / Double(max(count("step_size"), 1))).rounded(.down)) }
        }
        // Until `init` has reported it, a step size of 0 must not divide.
        let turns = lastEpoch != 0 && lastEpoch % max(count("step_size"), 1) == 0
        return scaled(turns ? number("gamma") : 1)
    }
}

/// lr ← gamma·lr at each of `milestones`. PyTorch: `MultiStepLR`.
public final class MultiStepLR: LRScheduler {
    /// Arguments, order and defaults of PyTorch's `lr_scheduler.MultiStepLR`.
    public init(_ optimizer: Optimizer, milestones: [Int], gamma: Double = 0.1, lastEpoch: Int = -1) {
        super.init(
            optimizer, lastEpoch: lastEpoch, options: [("milestones", .list(milestones.map { Double($0) })), ("gamma", .double(gamma))])
    }

    public override func rates() -> [Double] {
        let turns = (options.list("milestones") ?? []).count { $0 == Double(lastEpoch) }
        return turns == 0 ? scaled(1) : scaled(pow(number("gamma"), Double(turns)))
    }
}

/// lr ← gamma·lr in each step. PyTorch: `ExponentialLR`.
public final class ExponentialLR: LRScheduler {
    /// Arguments, order and defaults of PyTorch's `lr_scheduler.ExponentialLR`.
    public init(_ optimizer: Optimizer, gamma: Double, lastEpoch: Int = -1) {
        super.init(optimizer, lastEpoch: lastEpoch, options: [("gamma", .double(gamma))])
    }

    public override func rates() -> [Double] { scaled(isInitial ? 1 : number("gamma")) }
}

/// The initial rate times `factor` for `totalIters` steps, the initial rate after. PyTorch: `ConstantLR`.
public final class ConstantLR: LRScheduler {
    /// Traps where `factor` is outside 0 … 1.
    public init(_ optimizer: Optimizer, factor: Double = 1.0 / 3, totalIters: Int = 5, lastEpoch: Int = -1) {
        super.init(optimizer, lastEpoch: lastEpoch, options: [("factor", .double(factor)), ("total_iters", .int(totalIters))])
    }

    override func validate(_ options: OptionList) -> String? {
        let factor = options.double("factor") ?? .nan
        return factor >= 0 && factor <= 1 ? nil : "factor must be between 0 and 1, not \(factor)"
    }

    public override func rates() -> [Double] {
        let (factor, total) = (number("factor"), count("total_iters"))
        if lastEpoch == 0 { return scaled(total > 0 ? factor : 1) }
        if lastEpoch != total { return scaled(1) }
        // Nothing leads back from a rate of 0 but the initial one.
        return factor == 0 ? baseLRs : scaled(1 / factor)
    }
}

/// The initial rate times a factor that goes in a straight line from `startFactor` to `endFactor` over `totalIters` steps.
/// PyTorch: `LinearLR`.
public final class LinearLR: LRScheduler {
    /// Traps where `startFactor` is not above 0 and at most 1, or `endFactor` outside 0 … 1.
    public init(_ optimizer: Optimizer, startFactor: Double = 1.0 / 3, endFactor: Double = 1, totalIters: Int = 5, lastEpoch: Int = -1) {
        super.init(
            optimizer, lastEpoch: lastEpoch,
            options: [
                ("start_factor", .double(startFactor)), ("end_factor", .double(endFactor)), ("total_iters", .int(totalIters)),
            ])
    }

    override func validate(_ options: OptionList) -> String? {
        let (start, end) = (options.double("start_factor") ?? .nan, options.double("end_factor") ?? .nan)
        guard start > 0 && start <= 1 else { return "startFactor must be greater than 0 and at most 1, not \(start)" }
        return end >= 0 && end <= 1 ? nil : "endFactor must be between 0 and 1, not \(end)"
    }

    public override func rates() -> [Double] {
        let (start, end, total) = (number("start_factor"), number("end_factor"), count("total_iters"))
        if lastEpoch == 0 { return scaled(total > 0 ? start : end) }
        if isInitial || lastEpoch > total { return scaled(1) }
        return scaled(1 + (end - start) / (Double(total) * start + Double(lastEpoch - 1) * (end - start)))
    }
}
