import ApusCore

/// Scales the loss so that float16 gradients do not underflow, and adapts the scale. PyTorch: `torch.amp.GradScaler`.
///
/// ```swift
/// let scaler = GradScaler()
/// optimizer.zeroGrad()
/// scaler.scale(autocast(.float16) { loss(net(x), y) }).backward()
/// scaler.step(optimizer)
/// scaler.update()
/// ```
/// `step` divides the gradients by the scale, and skips the optimizer's step if one of them is infinite or NaN; `update` then multiplies
/// the scale by `backoffFactor`, or by `growthFactor` after `growthInterval` consecutive steps without such gradients. To inspect or clip
/// the gradients, call `unscale_` before. bfloat16 has float32's range and needs no scaling.
public final class GradScaler {
    /// Whether scaling is on; if not, `scale` returns its argument and `step` calls the optimizer's.
    public let isEnabled: Bool
    /// The factor of the scale after `growthInterval` good steps.
    public private(set) var growthFactor: Double
    /// The factor of the scale after infinite or NaN gradients.
    public private(set) var backoffFactor: Double
    /// The number of consecutive good steps before the scale grows.
    public private(set) var growthInterval: Int
    // float32, as in PyTorch.
    private var scaleFactor: Float
    private var scaleNumber: Double {
        get { Double(scaleFactor) }
        set { scaleFactor = Float(newValue) }
    }
    private var growthTracker = 0
    private var seen: [Seen] = []

    /// The state of an optimizer's gradients since the last `update`.
    private struct Seen {
        let optimizer: Optimizer
        var foundInf: Bool
        var isStepped: Bool
    }

    /// Traps unless `initScale` is positive, `growthFactor` above 1, `backoffFactor` between 0 and 1 and `growthInterval` positive.
    public init(
        initScale: Double = 65536, growthFactor: Double = 2, backoffFactor: Double = 0.5, growthInterval: Int = 2000, enabled: Bool = true
    ) {
        isEnabled = enabled
        self.growthFactor = growthFactor
        self.backoffFactor = backoffFactor
        self.growthInterval = growthInterval
        scaleFactor = Float(initScale)
        if let problem = Self.problem(scaleFactor, growthFactor, backoffFactor, growthInterval) { fail("GradScaler", problem) }
    }

    private static func problem(_ scale: Float, _ growth: Double, _ backoff: Double, _ interval: Int) -> String? {
        if !(scale > 0 && scale.isFinite) { return "the scale must be positive and finite, it is \(scale)" }
        if !(growth > 1 && growth.isFinite) { return "growthFactor must be greater than 1, it is \(growth)" }
        if !(backoff > 0 && backoff < 1) { return "backoffFactor must lie between 0 and 1, it is \(backoff)" }
        return interval > 0 ? nil : "growthInterval must be positive, it is \(interval)"
    }

    /// The factor; 1 where it is not enabled. PyTorch: `get_scale`.
    public var scale: Double { isEnabled ? Double(scaleFactor) : 1 }
    @available(*, unavailable, renamed: "scale") public func getScale() -> Double { scale }

    /// loss · scale, to call `backward()` on.
    public func scale(_ loss: Tensor) -> Tensor { isEnabled ? loss * Double(scaleFactor) : loss }

    /// Divides the gradients of the optimizer's parameters by the scale, in place. Call it at most once before `step`, after `backward()`.
    ///
    /// Traps where it was called since the last `update`, and on a float16 gradient, whose parameter should be float32.
    public func unscale_(_ optimizer: Optimizer) {
        if !isEnabled { return }
        if let known = seen.first(where: { $0.optimizer === optimizer }) {
            fail(
                "unscale_",
                known.isStepped
                    ? "is called after step(); unscale before it, and call update() after it"
                    : "has already been called on this optimizer since the last update(); call it once, after backward()")
            return
        }
        unscale(optimizer, "unscale_")
    }

    /// Unscales and records whether all gradients are finite. Returns the index in `seen`; nil without gradients, or for float16 ones.
    @discardableResult private func unscale(_ optimizer: Optimizer, _ caller: String) -> Int? {
        let grads = optimizer.stepped.compactMap(\.grad)
        if grads.contains(where: { $0.dtype == .float16 }) {
            fail(
                caller,
                "cannot unscale float16 gradients, which have lost what the scale was to save; keep the parameters float32 and compute inside autocast(.float16)"
            )
            return nil
        }
        if grads.isEmpty { return nil }
        let inverse = Double(Float(1 / Double(scaleFactor)))
        var isFinite = true
        noGrad {
            for grad in grads {
                // For a sparse gradient, the rows that it holds.
                let values = grad.sparseRows?.values ?? grad.detach()
                values.mul_(inverse)
                isFinite = isFinite && (values.numel == 0 || values.isfinite().all().item(Bool.self))
            }
        }
        // Processes that have parts of the gradients take the step together, or none does.
        if let steps = optimizer.sharedSteps {
            do { isFinite = try !steps.anyProcess(!isFinite) } catch { fail(caller, "\(error)") }
        }
        seen.append(Seen(optimizer: optimizer, foundInf: !isFinite, isStepped: false))
        return seen.count - 1
    }

    /// Unscales the gradients unless that was done, and calls the optimizer's `step()` unless one is infinite or NaN.
    ///
    /// Traps where it was called for this optimizer since the last `update`, or no parameter has a gradient.
    public func step(_ optimizer: Optimizer) {
        if !isEnabled { return optimizer.step() }
        guard optimizer.stepped.contains(where: { $0.grad != nil }) else {
            fail("GradScaler.step", "no parameter of the optimizer has a gradient; call scale(loss).backward() first")
            return
        }
        guard let i = seen.firstIndex(where: { $0.optimizer === optimizer }) ?? unscale(optimizer, "GradScaler.step") else { return }
        if seen[i].isStepped {
            fail("GradScaler.step", "has already been called for this optimizer since the last update(); call update() after each step")
            return
        }
        seen[i].isStepped = true
        if !seen[i].foundInf { optimizer.step() }
    }

    /// Adapts the scale to the steps since the last update, or sets it to `newScale`. Traps where there was neither a step nor `unscale_`.
    public func update(_ newScale: Double? = nil) {
        if !isEnabled { return }
        if let newScale {
            let scale = Float(newScale)
            if let problem = Self.problem(scale, growthFactor, backoffFactor, growthInterval) {
                fail("GradScaler.update", problem)
                return
            }
            scaleFactor = scale
        } else if seen.isEmpty {
            fail("GradScaler.update", "no gradients were looked at since the last update(); call step(optimizer) first")
            return
        } else if seen.contains(where: \.foundInf) {
            // Never 0, from which the scale could not grow again.
            scaleFactor = max(Float(Double(scaleFactor) * backoffFactor), .leastNormalMagnitude)
            growthTracker = 0
        } else {
            growthTracker += 1
            if growthTracker == growthInterval {
                let grown = Float(Double(scaleFactor) * growthFactor)
                if grown.isFinite { scaleFactor = grown }
                growthTracker = 0
            }
        }
        seen = []
    }

    // MARK: State

    private var entries: [StateEntry] {
        [
            .init("scale", self, \.scaleNumber), .init("growth_factor", self, \.growthFactor),
            .init("backoff_factor", self, \.backoffFactor), .init("growth_interval", self, \.growthInterval),
            .init("_growth_tracker", self, \.growthTracker),
        ]
    }

    private func problem() -> String? {
        if growthTracker < 0 { return "_growth_tracker is \(growthTracker), not a count" }
        return invalid(counts: ["_growth_tracker": growthTracker])
            ?? Self.problem(scaleFactor, growthFactor, backoffFactor, growthInterval)
    }

    /// Scale, settings and progress, by PyTorch's names; empty where scaling is off. Call it after `update`.
    public func stateDict() -> [String: OptionValue] { isEnabled ? entries.state : [:] }

    /// Restores what `stateDict()` returned. Throws an `OptimizerStateError` that names everything that does not fit; then nothing has
    /// changed. Does nothing where scaling is off.
    public func loadStateDict(_ state: [String: OptionValue]) throws { try loading(state)() }

    /// Reads and checks a state as ``loadStateDict(_:)`` does; nothing changes before what it returns is called.
    package func loading(_ state: [String: OptionValue]) throws -> () -> Void {
        if !isEnabled { return {} }
        let load = try entries.loading(state, of: "GradScaler", problem: problem)
        return { [self] in
            load()
            seen = []
        }
    }

    /// What puts it back to how it is now, where loading has changed it.
    package func undoing() -> () throws -> Void {
        let (entries, seen) = (entries, seen)
        return { [self] in
            entries.restore()
            self.seen = seen
        }
    }
}
