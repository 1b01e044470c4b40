import ApusCore
import ApusOptim
import Glibc
import TestSupport
import Testing

/// Optimizers with infinite and NaN numbers, and with unusual states and parameters.
@Suite struct OptimizerLawTests {
    /// AdamW keeps its decoupled weight decay, whatever state it loads.
    @Test func adamWStaysDecoupled() throws {
        let (x, y) = (Tensor([1.0, 2], requiresGrad: true), Tensor([1.0, 2], requiresGrad: true))
        let adam = Adam([x], lr: 0.1, weightDecay: 0.5)
        x.grad = Tensor([0.5, -1])
        adam.step()
        let loaded = AdamW([x], lr: 0.1, weightDecay: 0.5), fresh = AdamW([y], lr: 0.1, weightDecay: 0.5)
        try loaded.loadStateDict(adam.stateDict())
        #expect(loaded.paramGroups[0][option: "decoupled_weight_decay"] == .bool(true))
        noGrad { _ = y.copy_(x) }
        var state = adam.stateDict()
        state.values["param_groups.0.decoupled_weight_decay"] = true
        try fresh.loadStateDict(state)
        x.grad = Tensor([0.25, 1])
        y.grad = Tensor([0.25, 1])
        loaded.step()
        fresh.step()
        expectClose(x.detach(), y.detach(), rtol: 0, atol: 0)
    }

    /// Lion equals algorithm 2 of its paper, element by element in float64.
    @Test func lionIsAsWritten() {
        let grid: [(Double, (Double, Double), Double, Bool)] = [
            (0.01, (0.9, 0.99), 0, false), (0.1, (0.5, 0.8), 0.3, false), (0.02, (0, 0.9), 1, true), (0.03, (0.95, 0), 0.1, true),
        ]
        for (lr, betas, decay, maximize) in grid {
            let x = Recorded.numbers([5], 3).requiresGrad_()
            let optimizer = Lion([x], lr: lr, betas: betas, weightDecay: decay, maximize: maximize)
            var (p, m) = (values(x), [0.0, 0, 0, 0, 0])
            for step in 0..<20 {
                // The gradient of one element is always 0, and so is its sign: that element only decays.
                let gradient = (0..<5).map { $0 == 4 ? 0 : cos(Double(7 * step + 3 * $0)) }
                x.grad = Tensor(gradient, dtype: .float64)
                optimizer.step()
                for i in 0..<5 {
                    let g = maximize ? -gradient[i] : gradient[i]
                    let c = betas.0 * m[i] + (1 - betas.0) * g
                    p[i] *= 1 - lr * decay
                    p[i] -= lr * (c > 0 ? 1 : c < 0 ? -1 : 0)
                    m[i] = betas.1 * m[i] + (1 - betas.1) * g
                }
                expectClose(x.detach(), p, rtol: 1e-13, atol: 1e-13, "lr \(lr), betas \(betas), decay \(decay), step \(step)")
            }
            expectClose(optimizer.stateDict().tensors["state.0.exp_avg"]!, m, rtol: 1e-13, atol: 1e-13)
        }
        let a = Tensor.zeros([2], requiresGrad: true)
        #expect(message { _ = Lion([a], betas: (0.9, 1)) }.contains("invalid beta parameter at index 1: 1.0"))
        #expect(message { _ = Lion([a], weightDecay: -1) }.contains("invalid weightDecay"))
    }

    /// With a loss that is infinite or NaN beyond a wall, the strong Wolfe line search stays on the finite side and finds the minimum.
    @Test func lineSearchMeetsNumbersThatAreNotFinite() {
        // (x − 1)² − log(2 − x) and similar: the loss is `wall` from 1.5 on.
        for wall in [Double.infinity, .nan, -.infinity] {
            for start in [-30.0, -3, 0, 1.4] {
                let x = Tensor([start, 0.3], dtype: .float64, requiresGrad: true)
                let optimizer = LBFGS([x], lr: 10, maxIter: 60, lineSearchFn: .strongWolfe)
                func loss() -> Tensor {
                    optimizer.zeroGrad()
                    let inside = (x - Tensor([1.0, 0], dtype: .float64)).square().sum()
                    let value = x[0].item() > 1.5 ? inside * wall : inside
                    value.backward()
                    return value
                }
                for _ in 0..<3 { optimizer.step(loss) }
                expectClose(x.detach(), [1, 0], rtol: 1e-4, atol: 1e-4, "from \(start), a wall of \(wall)")
            }
        }
        // If the starting point is not finite, no parameter changes.
        let x = Tensor([2.0], requiresGrad: true)
        let optimizer = LBFGS([x], lineSearchFn: .strongWolfe)
        optimizer.step {
            optimizer.zeroGrad()
            let value = (x * Double.nan).sum()
            value.backward()
            return value
        }
        #expect(x.item() == 2)
    }

    /// The scale falls with every step that is not finite, but not to 0; its state can be loaded, and finite steps raise it again.
    @Test func scalesRecover() throws {
        let x = Tensor([1.0], requiresGrad: true)
        let optimizer = SGD([x], lr: 0.1)
        let scaler = GradScaler(growthInterval: 1)
        for _ in 0..<400 {
            x.grad = Tensor([Double.nan])
            scaler.step(optimizer)
            scaler.update()
            #expect(scaler.scale > 0)
        }
        #expect(x.item() == 1)
        let other = GradScaler(growthInterval: 1)
        try other.loadStateDict(scaler.stateDict())
        let low = other.scale
        for _ in 0..<20 {
            x.grad = Tensor([other.scale])
            other.step(optimizer)
            other.update()
        }
        #expect(other.scale > low * 1000)
        expectClose(x.detach(), [-1])
    }

    /// Parameters without elements contribute to no norm, of any order.
    @Test func clippingWithEmptyParameters() {
        for p in [1.0, 2, 3, .infinity, -.infinity, 0.5] {
            let (full, empty) = (Tensor.zeros([3], requiresGrad: true), Tensor.zeros([0, 4], requiresGrad: true))
            full.grad = Tensor([3.0, -4, 1])
            empty.grad = Tensor.zeros([0, 4])
            let norm = clipGradNorm_([empty, full], maxNorm: 1, normType: p)
            expectClose(norm, [Tensor([3.0, -4, 1]).norm(p: p).item()], "p = \(p)")
            #expect(clipGradNorm_([empty], maxNorm: 1, normType: p).item() == 0)
            clipGradValue_([empty, full], clipValue: 0.1)
        }
    }
}
