import ApusCore
import Glibc

/// Half a cosine from the initial rate to `etaMin` over `tMax` steps, and back (SGDR without restarts; Loshchilov and Hutter, 2017):
/// lr = etaMin + (lr₀ − etaMin)·(1 + cos(π·t/tMax))/2, in its chainable form. PyTorch: `CosineAnnealingLR` (`T_max`, `eta_min`).
public final class CosineAnnealingLR: LRScheduler {
    private var tMax: Int
    private var etaMin: Double

    /// Traps where `tMax` is not positive.
    public init(_ optimizer: Optimizer, _ tMax: Int, etaMin: Double = 0, lastEpoch: Int = -1) {
        (self.tMax, self.etaMin) = (tMax, etaMin)
        super.init(optimizer, lastEpoch: lastEpoch)
    }

    override var settings: [StateEntry] { [.init("T_max", self, \.tMax), .init("eta_min", self, \.etaMin)] }
    override func problem() -> String? { tMax > 0 ? nil : "tMax must be positive, not \(tMax)" }
    override var beginsAnew: Bool { true }

    public override func rates() -> [Double] {
        let (tMax, t) = (Double(tMax), Double(lastEpoch))
        if isInitial { return scaled(1) }
        // A stretched schedule may start again; the chainable form cannot leave etaMin.
        if isStretched { return baseLRs.map { etaMin + ($0 - etaMin) * (1 + cos(.pi * min(place(lastEpoch), tMax) / tMax)) / 2 } }
        let groups = zip(baseLRs, optimizer.paramGroups.map(\.lr))
        if (t - 1 - tMax).truncatingRemainder(dividingBy: 2 * tMax) == 0 {
            return groups.map { base, lr in lr + (base - etaMin) * (1 - cos(.pi / tMax)) / 2 }
        }
        return groups.map { _, lr in (1 + cos(.pi * t / tMax)) / (1 + cos(.pi * (t - 1) / tMax)) * (lr - etaMin) + etaMin }
    }
}
