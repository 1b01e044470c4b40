import ApusCore
import ApusFormats
import ApusOptim
import Foundation
import TestSupport
import Testing

/// `GradScaler` against steps recorded from PyTorch (Tests/ApusOptimTests/record_autocast.py), its errors and state.
@Suite struct GradScalerTests {
    @Test func recordedWalks() {
        let walks = Recorded.load("scaler", as: [JSON].self)
        #expect(walks.count == 3)
        for walk in walks {
            let p = Tensor([1.0, -2], requiresGrad: true)
            let optimizer = SGD([p], lr: 0.125, momentum: 0.5)
            let scaler = GradScaler(
                initScale: 1024, growthFactor: walk.value("growth"), backoffFactor: walk.value("backoff"),
                growthInterval: walk.value("interval"))
            for (i, (kind, expected)) in zip(walk.value("pattern", as: String.self), walk.value("steps", as: [JSON].self)).enumerated() {
                optimizer.zeroGrad()
                let loss = (p * Tensor([0.5, 0.25 * Double(i % 4)])).sum() * (kind == "." ? 1.0 : kind == "!" ? .infinity : .nan)
                scaler.scale(loss).backward()
                if i % 2 == 1 { scaler.unscale_(optimizer) }
                scaler.step(optimizer)
                scaler.update()
                #expect(scaler.scale == expected.value("scale"), "step \(i)")
                #expect(scaler.stateDict()["_growth_tracker"] == .int(expected.value("tracker")), "step \(i)")
                expectClose(p.detach(), expected.value("p"), "step \(i)")
            }
            #expect(scaler.stateDict().keys.sorted() == walk.value("keys"))
        }
    }

    @Test func unscalingComesOnce() {
        let p = Tensor([1.0], requiresGrad: true)
        let (optimizer, scaler) = (SGD([p], lr: 1), GradScaler(initScale: 8))
        scaler.scale(p * 3).sum().backward()
        #expect(p.grad!.item() == 24)
        scaler.unscale_(optimizer)
        #expect(p.grad!.item() == 3)
        #expect(
            message { scaler.unscale_(optimizer) }.contains("unscale_: has already been called on this optimizer since the last update()"))
        #expect(p.grad!.item() == 3)
        scaler.step(optimizer)
        #expect(p.item() == -2)
        #expect(message { scaler.unscale_(optimizer) }.contains("called after step()"))
        #expect(message { scaler.step(optimizer) }.contains("GradScaler.step: has already been called"))
        #expect(p.item() == -2)
        scaler.update()
        scaler.step(optimizer)
        #expect(p.item() == -2 - 3.0 / 8)
    }

    @Test func stepsNeedGradients() {
        let p = Tensor([1.0], requiresGrad: true)
        let (optimizer, scaler) = (SGD([p], lr: 1), GradScaler())
        #expect(
            message { scaler.step(optimizer) }.contains("no parameter of the optimizer has a gradient; call scale(loss).backward() first"))
        scaler.unscale_(optimizer)
        #expect(message { scaler.step(optimizer) }.contains("no parameter"))
        #expect(message { scaler.update() }.contains("GradScaler.update: no gradients were looked at"))
        p.grad = Tensor([1.0])
        scaler.step(optimizer)
        scaler.update()
        #expect(scaler.stateDict()["_growth_tracker"] == 1)
    }

    @Test func halfGradientsAreRefused() {
        let p = Tensor([1.0]).to(.float16).requiresGrad_()
        let (optimizer, scaler) = (SGD([p], lr: 1), GradScaler(initScale: 8))
        p.grad = Tensor([1.0]).to(.float16)
        #expect(message { scaler.unscale_(optimizer) }.contains("cannot unscale float16 gradients"))
        #expect(message { scaler.step(optimizer) }.contains("cannot unscale float16 gradients"))
        #expect(p.grad!.item() == 1 && p.item() == 1)
    }

    @Test func oneBadOptimizerHoldsOnlyItselfBack() {
        let (p, q) = (Tensor([1.0], requiresGrad: true), Tensor([1.0], requiresGrad: true))
        let (a, b, scaler) = (SGD([p], lr: 1), SGD([q], lr: 1), GradScaler(initScale: 8))
        (p.grad, q.grad) = (Tensor([8.0]), Tensor([Double.infinity]))
        scaler.step(a)
        scaler.step(b)
        scaler.update()
        #expect(p.item() == 0 && q.item() == 1 && scaler.scale == 4)
    }

    @Test func sparseGradients() {
        let table = Tensor.ones([4, 2]).requiresGrad_()
        let (optimizer, scaler) = (SGD([table], lr: 1), GradScaler(initScale: 4))
        func step(_ value: Double) {
            table.grad = Tensor.sparseRows(Tensor([2]), Tensor.full([1, 2], value), shape: [4, 2])
            scaler.step(optimizer)
            scaler.update()
        }
        step(2)
        expectClose(table.detach(), [1, 1, 1, 1, 0.5, 0.5, 1, 1])
        step(.nan)
        expectClose(table.detach(), [1, 1, 1, 1, 0.5, 0.5, 1, 1])
        #expect(scaler.scale == 2)
    }

    @Test func scalesSetByHand() {
        let scaler = GradScaler(initScale: 4)
        scaler.update(16)
        #expect(scaler.scale == 16 && scaler.scale(Tensor([3.0])).item() == 48)
        #expect(message { scaler.update(0) }.contains("must be positive and finite"))
        #expect(scaler.scale == 16)
        // A scale that would overflow stays.
        let large = GradScaler(initScale: 0x1p127, growthInterval: 1), p = Tensor([1.0], requiresGrad: true)
        p.grad = Tensor([1.0])
        large.step(SGD([p], lr: 1))
        large.update()
        #expect(large.scale == 0x1p127)
    }

    @Test func disabledItIsTheOptimizer() throws {
        let p = Tensor([1.0], requiresGrad: true), scaler = GradScaler(enabled: false), optimizer = SGD([p], lr: 1)
        let loss = p * 2
        #expect(scaler.scale(loss) === loss && scaler.scale == 1 && scaler.stateDict().isEmpty)
        loss.backward()
        scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
        #expect(p.item() == -1)
        try scaler.loadStateDict([:])
    }

    @Test func stateSurvives() throws {
        let p = Tensor([1.0], requiresGrad: true), optimizer = SGD([p], lr: 1)
        let first = GradScaler(initScale: 0.1, growthFactor: 1.5, backoffFactor: 0.3, growthInterval: 4), second = GradScaler()
        func step(_ scaler: GradScaler, _ value: Double) {
            p.grad = Tensor([value])
            scaler.step(optimizer)
            scaler.update()
        }
        for value in [1.0, .infinity, 1, 1, 1] { step(first, value) }
        try second.loadStateDict(first.stateDict())
        #expect(second.stateDict() == first.stateDict() && second.scale == first.scale)
        for value in [1.0, 1, .nan, 1] {
            step(first, value)
            step(second, value)
            #expect(second.scale == first.scale)
        }
        let before = second.stateDict()
        for (key, value, complaint) in [
            ("scale", -1, "positive"), ("growth_factor", .string("x"), "growth_factor is 'x'"), ("_growth_tracker", -1, "not a count"),
            ("growth_interval", 2.5, "growth_interval is '2.5'"), ("backoff_factor", .string("2"), "backoffFactor"),
            ("speed", 1, "not one of its"),
        ] as [(String, OptionValue, String)] {
            var wrong = before
            wrong[key] = value
            let error = #expect(throws: OptimizerStateError.self) { try second.loadStateDict(wrong) }
            #expect(error?.description.contains(complaint) == true)
        }
        #expect(throws: OptimizerStateError.self) { try second.loadStateDict([:]) }
        for key in before.keys {
            var wrong = before
            wrong[key] = nil
            let error = #expect(throws: OptimizerStateError.self) { try second.loadStateDict(wrong) }
            #expect(error?.problems == ["\(key) is missing"])
        }
        #expect(second.stateDict() == before)
        try second.loadStateDict(before.mapValues { .string($0.text) })
        #expect(second.stateDict() == before)
    }

    @Test func settingsAreChecked() {
        #expect(message { _ = GradScaler(initScale: 0) }.contains("scale must be positive"))
        #expect(message { _ = GradScaler(growthFactor: 1) }.contains("growthFactor"))
        #expect(message { _ = GradScaler(backoffFactor: 1) }.contains("backoffFactor"))
        #expect(message { _ = GradScaler(growthInterval: 0) }.contains("growthInterval"))
    }
}
