import ApusCore

/// The settings of `LBFGS`.
public struct LBFGSSettings: OptimizerSettings {
    /// The length of a step, or the first that a line search tries; by default 1.
    public var lr: Double
    /// The most iterations of a step, by default 20.
    public var maxIter: Int
    /// The most evaluations of the loss in a step, by default 1.25·maxIter.
    public var maxEval: Int
    /// A step ends where no element of the gradient is larger, by default 10⁻⁷.
    public var toleranceGrad: Double
    /// A step ends where the loss or each parameter has changed by less, by default 10⁻⁹.
    public var toleranceChange: Double
    /// How many changes H is built from, by default 100.
    public var historySize: Int
    /// How the length of a step is found; nil, the default, takes `lr`.
    public var lineSearchFn: LBFGS.LineSearch?

    public static let settings: [Setting<Self>] = [
        .init("lr", \.lr), .init("max_iter", \.maxIter), .init("max_eval", \.maxEval), .init("tolerance_grad", \.toleranceGrad),
        .init("tolerance_change", \.toleranceChange), .init("history_size", \.historySize), .init("line_search_fn", \.lineSearchFn),
    ]
    /// Each is for all parameters as one vector, stored with the first parameter; the last holds five numbers.
    public static let state: [StateTensor<Self>] = ["d", "prev_flat_grad", "old_dirs", "old_stps", .numbers("numbers", 5)]
    public static let countsSteps = false

    public func problem() -> String? {
        for (name, value) in [("max_iter", maxIter), ("max_eval", maxEval), ("history_size", historySize)]
        where value < 1 || value > 1_000_000 {
            return "invalid \(name): \(value); it must lie in 1 ... 1000000"
        }
        return nil
    }
}

/// Limited-memory BFGS (Liu and Nocedal, 1989): steps along −H·∇f, with H built from the last `historySize` changes of the parameters and
/// the gradient.
/// PyTorch: `torch.optim.LBFGS`.
///
/// A step evaluates the loss several times, so it takes a closure that clears the gradients, runs backward and returns the loss:
///
/// ```swift
/// optimizer.step {
///     optimizer.zeroGrad()
///     let loss = criterion(model(x), y)
///     loss.backward()
///     return loss
/// }
/// ```
/// For small problems and full batches; it has one group only.
public final class LBFGS: TypedOptimizer<LBFGSSettings> {
    /// How the length of a step is chosen.
    public enum LineSearch: String, CaseIterable, SettingValue, Sendable {
        /// A point with enough decrease and a flat enough slope (Nocedal and Wright, 2006, chapter 3).
        case strongWolfe = "strong_wolfe"
    }

    /// `maxEval` nil is 1.25·maxIter. Without `lineSearchFn` a step has the length `lr`, except the first: min(1, 1/‖∇f‖₁)·lr.
    ///
    /// Traps where `lr` is negative, one of `maxIter`, `maxEval` and `historySize` is outside 1 ... 1000000, or there are several groups.
    public init<Item: Optimizable>(
        _ parameters: [Item], lr: Double = 1, maxIter: Int = 20, maxEval: Int? = nil, toleranceGrad: Double = 1e-7,
        toleranceChange: Double = 1e-9,
        historySize: Int = 100, lineSearchFn: LineSearch? = nil
    ) {
        super.init(
            parameters,
            LBFGSSettings(
                lr: lr, maxIter: maxIter, maxEval: maxEval ?? maxIter * 5 / 4, toleranceGrad: toleranceGrad,
                toleranceChange: toleranceChange,
                historySize: historySize, lineSearchFn: lineSearchFn))
    }

    override var takesSeveralGroups: Bool { false }

    public override var needsClosure: Bool { true }

    /// Traps: the loss is needed. `step(_:)` takes it as a closure.
    public override func step() {
        fail("LBFGS.step", "needs a closure that computes the loss: step { optimizer.zeroGrad(); …; loss.backward(); return loss }")
    }

    // MARK: State, for all parameters as one vector, stored with the first

    /// Their indices in `LBFGSSettings.state`.
    private enum Place { static let (direction, gradient, dirs, steps, numbers, count) = (0, 1, 2, 3, 4, 5) }

    override func keeps<Kept: OptimizerSettings>(_ place: Int, ofParameter i: Int, _ group: ParameterGroup, _ settings: Kept) -> Bool {
        i == 0
    }

    override func fits<Loaded: OptimizerSettings>(
        _ found: Shape, _ place: Int, _ parameter: Tensor, _ group: ParameterGroup, _ settings: Loaded
    ) -> Bool {
        let n = group.parameters.map(\.numel).reduce(0, +)
        switch place {
        case Place.direction, Place.gradient: return found == [n]
        case Place.numbers: return super.fits(found, place, parameter, group, settings)
        default: return found.count == 2 && found[1] == n && found[0] <= (settings as? LBFGSSettings)?.historySize ?? 0
        }
    }

    override func problem(of states: [ParameterState?]) -> String? {
        if let i = states.dropFirst().firstIndex(where: { $0 != nil }) {
            return "state.\(i) has tensors; the first parameter's are those of all"
        }
        guard let state = states.first ?? nil else { return nil }
        let found = (0..<Place.count).filter { state[$0] != nil }.map { LBFGSSettings.stateNames[$0] }
        guard let dirs = state[Place.dirs], let steps = state[Place.steps], let numbers = state[Place.numbers], found.count == Place.count
        else {
            return "state.0 has \(found.joined(separator: ", ")) alone, of \(LBFGSSettings.stateNames.joined(separator: ", "))"
        }
        if dirs.shape[0] != steps.shape[0] { return "state.0 has \(dirs.shape[0]) old_dirs, but \(steps.shape[0]) old_stps" }
        // The last are the counts of iterations and evaluations.
        let counts = numbers.array(Double.self).suffix(2)
        if let count = counts.first(where: { Int(exactly: $0).map { !(0...largestCount).contains($0) } ?? true }) {
            return "state.0.numbers counts \(count) iterations or evaluations"
        }
        return nil
    }

    private struct Memory {
        var direction: Tensor
        var gradient: Tensor
        /// Changes of the gradient and of the parameters.
        var dirs: [Tensor] = []
        var steps: [Tensor] = []
        var length = 0.0
        var scale = 1.0
        var loss = 0.0
        var iterations = 0
        var evaluations = 0
    }

    private var memory: Memory? {
        get {
            guard let state = paramGroups[0].states.first ?? nil else { return nil }
            guard let direction = state[Place.direction], let gradient = state[Place.gradient], let dirs = state[Place.dirs],
                let steps = state[Place.steps],
                let numbers = state[Place.numbers]?.array(Double.self)
            else { return nil }
            func rows(_ matrix: Tensor) -> [Tensor] { (0..<matrix.shape[0]).map { matrix[$0] } }
            return Memory(
                direction: direction, gradient: gradient, dirs: rows(dirs), steps: rows(steps), length: numbers[0], scale: numbers[1],
                loss: numbers[2], iterations: Int(numbers[3]), evaluations: Int(numbers[4]))
        }
        set {
            guard let newValue else { return }
            let none = Tensor.zeros([0, newValue.direction.numel], dtype: newValue.direction.dtype, device: newValue.direction.device)
            let numbers = [newValue.length, newValue.scale, newValue.loss, Double(newValue.iterations), Double(newValue.evaluations)]
            var state = ParameterState()
            for (place, tensor) in [
                (Place.direction, newValue.direction), (Place.gradient, newValue.gradient),
                (Place.dirs, newValue.dirs.isEmpty ? none : Tensor.stack(newValue.dirs)),
                (Place.steps, newValue.steps.isEmpty ? none : Tensor.stack(newValue.steps)),
                (Place.numbers, Tensor(numbers, dtype: .float64)),
            ] { state.remember(tensor, at: place, of: Place.count) }
            paramGroups[0].states[0] = state
        }
    }

    // MARK: A step

    /// Up to `max_iter` iterations; returns the loss before them.
    @discardableResult public override func step(_ closure: () throws -> Tensor) rethrows -> Tensor {
        let group = paramGroups[0]
        let settings = settings(of: group)
        let (lr, maxIterations, maxEvaluations) = (settings.lr, settings.maxIter, settings.maxEval)
        let (gradTolerance, changeTolerance) = (settings.toleranceGrad, settings.toleranceChange)
        let first = try enableGrad { try closure() }
        if first.isPoisoned { return first }
        return try noGrad {
            var loss = first.item()
            var gradient = flatGradient()
            var evaluations = 1
            var memory = self.memory ?? Memory(direction: gradient, gradient: gradient)
            memory.evaluations += 1
            if gradient.abs().max().item() <= gradTolerance { return first }
            // From a point that is not finite no direction can be computed.
            guard loss.isFinite, gradient.isfinite().all().item(Bool.self) else { return first }

            var iteration = 0
            while iteration < maxIterations {
                iteration += 1
                memory.iterations += 1
                if memory.iterations == 1 {
                    memory.direction = -gradient
                } else {
                    remember(gradient, &memory, limit: settings.historySize)
                    memory.direction = direction(gradient, memory)
                }
                memory.gradient = gradient.clone()
                let before = loss
                memory.loss = before
                memory.length = memory.iterations == 1 ? min(1, 1 / gradient.abs().sum().item()) * lr : lr
                let slope = gradient.dot(memory.direction).item()
                if slope > -changeTolerance { break }

                var spent = 0
                if settings.lineSearchFn == .strongWolfe {
                    let start = group.parameters.map { $0.detach().clone() }
                    let direction = memory.direction
                    let found = try strongWolfe(
                        from: LinePoint(position: 0, loss: loss, gradient: gradient.clone(), slope: slope), length: memory.length,
                        size: direction.abs().max().item(), tolerance: changeTolerance, limit: maxEvaluations - evaluations
                    ) { length in
                        move(direction, by: length)
                        let loss = try enableGrad { try closure() }.item()
                        let gradient = flatGradient()
                        for (parameter, old) in zip(group.parameters, start) { parameter.detach().copy_(old) }
                        return LinePoint(position: length, loss: loss, gradient: gradient, slope: gradient.dot(direction).item())
                    }
                    (loss, gradient, memory.length, spent) = (
                        found.point.loss, found.point.gradient, found.point.position, found.evaluations
                    )
                    move(direction, by: memory.length)
                } else {
                    move(memory.direction, by: memory.length)
                    // The loss after the last iteration is not used.
                    if iteration != maxIterations {
                        loss = try enableGrad { try closure() }.item()
                        gradient = flatGradient()
                        spent = 1
                    }
                }
                guard loss.isFinite else { break }
                evaluations += spent
                memory.evaluations += spent
                if iteration == maxIterations || evaluations >= maxEvaluations { break }
                if gradient.abs().max().item() <= gradTolerance { break }
                if (memory.direction.abs().max().item() * memory.length).magnitude <= changeTolerance { break }
                if abs(loss - before) < changeTolerance { break }
            }
            self.memory = memory
            return first
        }
    }

    /// Stores the last change of gradient and parameters if the curvature along it is positive.
    private func remember(_ gradient: Tensor, _ memory: inout Memory, limit: Int) {
        let (y, s) = (gradient - memory.gradient, memory.direction * memory.length)
        let curvature = y.dot(s).item()
        guard curvature > 1e-10 else { return }
        if memory.dirs.count == limit {
            memory.dirs.removeFirst()
            memory.steps.removeFirst()
        }
        memory.dirs.append(y)
        memory.steps.append(s)
        memory.scale = curvature / y.dot(y).item()
    }

    /// −H·g by the two-loop recursion over the history.
    private func direction(_ gradient: Tensor, _ memory: Memory) -> Tensor {
        let q = -gradient
        let inverse = zip(memory.dirs, memory.steps).map { 1 / $0.dot($1).item() }
        var along = [Double](repeating: 0, count: inverse.count)
        for i in inverse.indices.reversed() {
            along[i] = memory.steps[i].dot(q).item() * inverse[i]
            q.add_(memory.dirs[i] * -along[i])
        }
        q.mul_(memory.scale)
        for i in inverse.indices {
            let back = memory.dirs[i].dot(q).item() * inverse[i]
            q.add_(memory.steps[i] * (along[i] - back))
        }
        return q
    }

    private func flatGradient() -> Tensor {
        Tensor.cat(
            paramGroups[0].parameters.map { p in
                let dtype = p.dtype.computeType
                return p.grad.map { $0.detach().toDense().reshape(-1).to(dtype) } ?? Tensor.zeros([p.numel], dtype: dtype, device: p.device)
            })
    }

    private func move(_ direction: Tensor, by length: Double) {
        var start = 0
        for parameter in paramGroups[0].parameters {
            parameter.detach().add_(direction.narrow(0, start, parameter.numel).reshape(parameter.shape) * length)
            start += parameter.numel
        }
    }
}
