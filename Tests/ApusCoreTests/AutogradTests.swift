import ApusCore
import Foundation
import Synchronization
import TestSupport
import Testing

@Suite struct AutogradTests {
    @Test func gradientsAccumulateUntilCleared() {
        let x = Tensor([1.0, 2], requiresGrad: true)
        (x * x).sum().backward()
        (x * x).sum().backward()
        expectClose(x.grad!, [4, 8])
        x.grad = nil
        #expect(x.grad == nil)
    }

    @Test func gradientOfEachLeafIsItsOwn() {
        let (x, y) = (Tensor([1.0], requiresGrad: true), Tensor([2.0], requiresGrad: true))
        (x + y).sum().backward()
        noGrad { _ = x.grad!.mul_(10) }
        expectClose(y.grad!, [1])
    }

    @Test func callersGradientIsNotTakenOver() {
        let x = Tensor([1.0, 2], requiresGrad: true)
        let seed = Tensor([3.0, 4])
        (x + 0).backward(gradient: seed)
        (x + 0).backward(gradient: seed)
        expectClose(seed, [3, 4])
        expectClose(x.grad!, [6, 8])
    }

    @Test func backwardTwiceNeedsTheGraph() {
        let x = Tensor([1.0], requiresGrad: true)
        let y = x.exp().sum()
        y.backward(retainGraph: true)
        y.backward()
        let error = #expect(throws: OpError.self) { try checked { y.backward() } }
        #expect(error!.description.contains("retainGraph"))
    }

    /// Only the named leaves get a gradient, the same as in a full backward pass; nothing runs for the others.
    @Test func backwardForSomeLeaves() {
        let leaves = (0..<3).map { Tensor([Double($0) + 1, 2], requiresGrad: true) }
        let frozen = Tensor([1.0, 1])
        func loss() -> Tensor { ((leaves[0] * leaves[1]).exp() * leaves[2] * frozen).sum() }
        loss().backward()
        let all = leaves.map { $0.grad! }
        for subset in [[0], [2], [0, 1], [2, 0], [0, 1, 2], []] {
            for leaf in leaves { leaf.grad = nil }
            loss().backward(inputs: subset.map { leaves[$0] } + [frozen])
            for i in 0..<3 { #expect(subset.contains(i) ? leaves[i].grad!.equal(all[i]) : leaves[i].grad == nil, "\(subset): \(i)") }
        }
        // A hook on a leaf that is not named does not request its gradient.
        let handle = leaves[1].registerHook { _ in nil }
        for leaf in leaves { leaf.grad = nil }
        loss().backward(inputs: [leaves[0]])
        #expect(leaves[0].grad!.equal(all[0]) && leaves[1].grad == nil)
        handle.remove()
        let y = leaves[0] * 2
        #expect(message { y.sum().backward(inputs: [y]) }.contains("not a leaf"))
    }

    @Test func gradOfNonLeavesAndSecondDerivatives() {
        let x = Tensor([2.0], requiresGrad: true)
        let y = x * x
        let z = y * x
        let first = grad(of: z.sum(), withRespectTo: [x, y], createGraph: true)
        expectClose(first[0], [12])
        expectClose(first[1], [2])
        expectClose(grad(of: first[0].sum(), withRespectTo: [x])[0], [12])
        #expect(x.grad == nil)
        let unused = Tensor([1.0], requiresGrad: true)
        #expect(grad(of: [(x * 2).sum()], withRespectTo: [unused], allowUnused: true)[0] == nil)
    }

    @Test func noGradDetachAndEnableGrad() {
        let x = Tensor([1.0], requiresGrad: true)
        #expect(!noGrad { x * 2 }.requiresGrad)
        #expect(noGrad { enableGrad { x * 2 } }.requiresGrad)
        #expect(!x.detach().requiresGrad)
        #expect(!inferenceMode { x * 2 }.requiresGrad)
        #expect(isGradEnabled)
    }

    @Test func hooksSeeAndReplaceGradients() {
        let x = Tensor([1.0, 2], requiresGrad: true)
        let y = x * 3
        var seen: [Double] = []
        let handle = y.registerHook { g in
            seen = g.array()
            return g * 10
        }
        y.retainGrad()
        y.sum().backward()
        #expect(seen == [1, 1])
        expectClose(x.grad!, [30, 30])
        expectClose(y.grad!, [10, 10])
        handle.remove()
        var after = 0
        let leafHandle = x.registerPostAccumulateGradHook { _ in after += 1 }
        (x * 1).sum().backward()
        #expect(after == 1)
        leafHandle.remove()
        (x * 1).sum().backward()
        #expect(after == 1)
        expectClose(x.grad!, [32, 32])
    }

    // MARK: In place

    @Test func savedTensorChangedInPlaceIsNoticed() {
        let x = Tensor([1.0, 2], requiresGrad: true)
        let y = x * 2
        let z = y.exp()
        z.add_(1)
        let error = #expect(throws: OpError.self) { try checked { z.sum().backward() } }
        #expect(error!.description.contains("exp") && error!.description.contains("add_"))
    }

    @Test func inPlaceOnALeafIsRefused() {
        let x = Tensor([1.0], requiresGrad: true)
        #expect(throws: OpError.self) { try checked { x.add_(1) } }
        #expect(throws: OpError.self) { try checked { x[0].fill_(1) } }
        noGrad { _ = x.add_(1) }
        expectClose(x, [2])
    }

    @Test func inPlaceIsDifferentiated() {
        let x = Tensor([1.0, 2, 3], requiresGrad: true)
        let y = x * 1
        y.mul_(x)
        y[1].mul_(10)
        let view = y[1...]
        y.add_(x)
        view.mul_(2)
        // y = [x₀² + x₀, 2(10x₁² + x₁), 2(x₂² + x₂)]
        expectClose(y, [2, 84, 24])
        y.sum().backward()
        expectClose(x.grad!, [3, 82, 14])
    }

    @Test func assignmentThroughSubscripts() {
        let w = Tensor([1.0, 2, 3], requiresGrad: true)
        let m = Tensor.zeros([3, 3])
        m[1] = w
        m[.all, 0] = w * 2
        m[Tensor([2, 2]), Tensor([1, 2])] = w[..<2]
        m[m.eq(0)] = Tensor(0.5)
        expectClose(m, [2, 0.5, 0.5, 4, 2, 3, 6, 1, 2])
        (m * m).sum().backward()
        expectClose(w.grad!, [8 + 2, 16 + 4 + 4, 24 + 6])
    }

    @Test func reluInPlaceUsesItsOwnOutput() {
        let x = Tensor([-1.0, 2], requiresGrad: true)
        let y = (x * 2).relu_()
        y.sum().backward()
        expectClose(x.grad!, [0, 2])
    }

    /// A part written from another part that overlaps it gets the values from before the write.
    @Test(arguments: [5, 100_000]) func overlappingParts(n: Int) {
        let start = Tensor.arange(0.0, Double(n), dtype: .float64)
        let (up, down, sum) = (start.clone(), start.clone(), start.clone())
        up[1...] = up[.slice(nil, -1)]
        #expect(up.equal(Tensor.cat([start[..<1], start[..<(n - 1)]])))
        down[.slice(nil, -1)] = down[1...]
        #expect(down.equal(Tensor.cat([start[1...], start[(n - 1)...]])))
        sum[1...].add_(sum[..<(n - 1)])
        #expect(sum.equal(Tensor.cat([start[..<1], start[1...] * 2 - 1])))
        let square = Tensor.arange(0.0, 10_000, dtype: .float64).reshape(100, 100)
        let (turned, before) = (square.clone(), square.t().contiguous())
        #expect(turned.copy_(turned.t()).equal(before))
        turned.copy_(turned)
        #expect(turned.equal(before))
        checkGradients([Tensor([1.0, -2, 0.5], dtype: .float64)]) { inputs in
            let y = inputs[0] * inputs[0]
            y[1...] = y[.slice(nil, -1)]
            return y * y
        }
    }

    // MARK: Custom functions

    struct Cube: DifferentiableFunction {
        func forward(_ x: [Tensor], _ context: FunctionContext) -> [Tensor] {
            context.save(x[0])
            return [x[0] * x[0] * x[0], x[0] + 1]
        }
        func backward(_ g: [Tensor], _ context: FunctionContext) -> [Tensor?] {
            let x = context.saved[0]
            return [g[0] * 3 * x * x + g[1]]
        }
    }

    @Test func customFunction() {
        checkGradients([Tensor([1.0, -2, 0.5])]) { Cube()($0[0])[0] }
        checkGradients([Tensor([1.0, -2, 0.5])]) {
            let y = Cube()($0[0]); return y[0] * y[1]
        }
        let x = Tensor([2.0], requiresGrad: true)
        #expect(Cube()(x)[1].gradFn == "Cube")
    }

    /// As in PyTorch, the gradients that a backward returns are summed to the inputs' shapes and converted to their dtypes.
    @Test func aFunctionsGradientIsMadeToFit() {
        struct Wide: DifferentiableFunction {
            func forward(_ x: [Tensor], _ context: FunctionContext) -> [Tensor] { [x[0].expand(4, 3) * 1] }
            func backward(_ g: [Tensor], _ context: FunctionContext) -> [Tensor?] { [g[0].to(.float64)] }
        }
        let x = Tensor([1.0, 2, 3], requiresGrad: true)
        Wide()(x)[0].sum().backward()
        #expect(x.grad!.dtype == .float32 && x.grad!.array(Float.self) == [4, 4, 4])
    }

    // MARK: Depth and threads

    /// Built, run backward and freed on a thread with a 512 KB stack; a tenth of them elsewhere, whose ops take longer, and a frame each would
    /// still be too much.
    @Test(arguments: Device.tested) func millionOps(_ device: Device) async {
        let count = device == .cpu ? 1_000_000 : 100_000
        let gradient = await onThread(stackSize: 512 << 10) { () -> Double in
            let x = Tensor([1.0], device: device, requiresGrad: true)
            var y = x
            for _ in 0..<count { y = y + 1.0 }
            y.sum().backward()
            return x.grad!.item()
        }
        #expect(gradient == 1)
    }

    /// A graph that is released without a backward pass, with its saved tensors.
    @Test func millionOpsFreed() async {
        let value = await onThread(stackSize: 512 << 10) { () -> Double in
            let x = Tensor([1.0], requiresGrad: true)
            var y = x
            for _ in 0..<200_000 { y = (y * x).sin() }
            return y.detach().item()
        }
        #expect(value.isFinite)
    }

    @Test func separateGraphsOnSeveralThreads() async {
        let answers = await withTaskGroup(of: Double.self) { group in
            for k in 1...8 {
                group.addTask {
                    let x = Tensor([Double(k)], requiresGrad: true)
                    var y = x
                    for _ in 0..<200 { y = y * 1.001 }
                    y.sum().backward()
                    return x.grad!.item()
                }
            }
            return await group.reduce(into: [Double]()) { $0.append($1) }
        }
        #expect(answers.allSatisfy { abs($0 - pow(1.001, 200)) < 1e-4 })
    }

    // MARK: Anomaly

    @Test func anomalyNamesTheOp() {
        let x = Tensor([0.0, 1], requiresGrad: true)
        let forward = #expect(throws: OpError.self) { try checked { detectAnomaly { x.log() } } }
        #expect(forward!.op == "log")
        // Outside the macro, because its expansion has no lines in this file.
        var backward: OpError?
        do { try checked { detectAnomaly { x.sqrt().sum().backward() } } } catch { backward = error as? OpError }
        #expect(backward!.op == "sqrt" && backward!.message.contains("backward"))
        #if DEBUG
            #expect(backward!.message.contains("AutogradTests.swift"))
        #endif
    }

    /// Calls are traced while other threads map and unmap files, as data loaders do.
    @Test func anomalyWhileFilesComeAndGo() async {
        final class Flag: Sendable { let up = Mutex(false) }
        let done = Flag()
        async let mapper: Void = onThread(stackSize: 1 << 20) {
            let file = open("/bin/sh", O_RDONLY)
            defer { close(file) }
            while !done.up.withLock({ $0 }) {
                let mapped = (0..<20).map { _ in mmap(nil, 1 << 15, PROT_READ, MAP_PRIVATE, file, 0) }
                for base in mapped where base != MAP_FAILED { munmap(base!, 1 << 15) }
            }
        }
        let x = Tensor([1.0, 2], requiresGrad: true)
        for _ in 0..<300 { detectAnomaly { (x * x).sum().backward() } }
        done.up.withLock { $0 = true }
        await mapper
        expectClose(x.grad!, [600, 1200])
    }
}

/// Runs `body` on a thread with a stack of that size.
func onThread<Result: Sendable>(stackSize: Int, _ body: @escaping @Sendable () -> Result) async -> Result {
    await withCheckedContinuation { continuation in
        let thread = Thread { continuation.resume(returning: body()) }
        thread.stackSize = stackSize
        thread.start()
    }
}
