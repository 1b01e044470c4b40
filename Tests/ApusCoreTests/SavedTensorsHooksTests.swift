import ApusCore
import TestSupport
import Testing

/// `savedTensorsHooks`, `saveOnCPU`, `disableSavedTensorsHooks`.
@Suite struct SavedTensorsHooksTests {
    private let x = Tensor([0.5, -1.25, 2], requiresGrad: true), w = Tensor([1.5, 0.25, -3], requiresGrad: true)

    private func gradients(_ make: () -> Tensor) -> [Tensor] {
        for leaf in [x, w] { leaf.grad = nil }
        make().sum().backward()
        return [x.grad!, w.grad!]
    }

    /// What ops save passes through the hooks: inputs, outputs and parameters, as often as it is saved, and back in each pass.
    @Test func everySavedTensor() {
        var (packed, unpacked): ([[Float]], Int) = ([], 0)
        func loss() -> Tensor {
            savedTensorsHooks(
                { (saved: Tensor) -> [Float] in
                    #expect(!saved.requiresGrad && !isGradEnabled)
                    packed.append(saved.array(Float.self))
                    return saved.array(Float.self)
                },
                { numbers in
                    unpacked += 1
                    return Tensor(numbers, shape: [3])
                }
            ) { (x * w).exp() }
        }
        let expected = gradients { (x * w).exp() }
        let found = gradients { loss() }
        for (a, b) in zip(found, expected) { expectEqual(a, b) }
        let product = x.detach() * w.detach()
        #expect(packed.count == 3 && Set(packed) == Set([x, w, product.exp()].map { $0.array(Float.self) }))
        #expect(unpacked == 3)
        // Twice through one graph.
        let y = loss().sum()
        y.backward(retainGraph: true)
        y.backward()
        #expect(packed.count == 6 && unpacked == 9)
        #expect(noGrad { loss() }.requiresGrad == false && packed.count == 6)
    }

    /// The derivative is computed with what `unpack` returns.
    @Test func packedValuesCount() {
        let found = gradients { savedTensorsHooks({ $0 * 2 }, { $0 * 5 }) { x * w } }
        expectClose(found[0], w.detach() * 10)
        expectClose(found[1], x.detach() * 10)
        let halves = gradients { savedTensorsHooks({ $0.to(.float16) }, { $0.to(.float32) }) { (x * w).tanh() * w } }
        let whole = gradients { (x * w).tanh() * w }
        for (a, b) in zip(halves, whole) { expectClose(a, b, rtol: 1e-2, atol: 1e-2) }
        #expect(!halves[0].equal(whole[0]))
    }

    @Test func historyIsKept() {
        checkGradients([x, w]) { inputs in
            savedTensorsHooks({ $0.clone() }, { $0 * 1 }) { (inputs[0] * inputs[1]).exp() * inputs[0].sin() }
        }
        checkGradients([x, w]) { inputs in
            savedTensorsHooks({ $0 }, { $0 }) {
                let y = inputs[0] * inputs[1]
                y.mul_(inputs[0]).exp_()
                y[0] = y[1] * y[2]
                return y * inputs[1]
            }
        }
    }

    @Test func theInnermostKeeps() {
        var log = ""
        func scope(_ name: String, _ body: () -> Tensor) -> Tensor {
            savedTensorsHooks(
                { (saved: Tensor) -> Tensor in
                    log += name
                    // What a hook does is not packed.
                    return enableGrad { saved * w }.detach() / w.detach()
                }, { $0 }, body)
        }
        _ = scope("a") { x.exp() + scope("b") { x.sin() } + x.cos() }
        #expect(log == "aba")
    }

    @Test func aFunctionWithItsOwnBackward() {
        struct Product: DifferentiableFunction {
            func forward(_ x: [Tensor], _ context: FunctionContext) -> [Tensor] {
                let y = x[0] * x[1]
                context.save(x[0], x[1], y)
                return [y]
            }
            func backward(_ g: [Tensor], _ context: FunctionContext) -> [Tensor?] {
                [g[0] * context.saved[2] / context.saved[0], g[0] * context.saved[0]]
            }
        }
        checkGradients([x, w]) { inputs in savedTensorsHooks({ $0.clone() }, { $0 }) { Product()(inputs)[0].sin() } }
    }

    @Test(arguments: Device.testedAndReference) func onTheProcessor(_ device: Device) {
        let x = self.x.detach().to(device).requiresGrad_(), w = self.w.detach().to(device).requiresGrad_()
        weak var kept: Storage?
        let y = saveOnCPU { () -> Tensor in
            let product = x * w
            kept = product.storage
            return product.sin()
        }
        #expect(device == .cpu || kept == nil)
        y.sum().backward()
        expectClose(x.grad!, (x.detach() * w.detach()).cos() * w.detach())
        #expect(x.grad!.device == device)
    }

    @Test func checkpointsAndHooks() {
        var count = 0
        let expected = gradients { (x * w).exp().tanh() }
        let found = gradients {
            savedTensorsHooks(
                { (saved: Tensor) -> Tensor in
                    count += 1
                    return saved.clone()
                }, { $0 }
            ) { checkpoint(x * w) { $0.exp().tanh() } }
        }
        for (a, b) in zip(found, expected) { expectEqual(a, b) }
        #expect(count == 3, "two factors and the input of the checkpoint")
    }

    @Test func whatHooksMustNotDo() {
        #expect(message { savedTensorsHooks({ $0 }, { $0[0..<2] }) { x * w }.sum().backward() }.contains("[2]"))
        #expect(message { savedTensorsHooks({ $0 }, { $0.to(.float64) }) { x * w }.sum().backward() }.contains("float64"))
        #expect(message { savedTensorsHooks({ $0.add_(1) }, { $0 }) { x.sin() * w } }.contains("in place"))
    }

    @Test func switchedOff() {
        let reason = "graphs are written to files here"
        #expect(message { disableSavedTensorsHooks(reason) { saveOnCPU { x * w } } }.contains(reason))
        #expect(message { disableSavedTensorsHooks(reason) { checkpoint(x) { $0 * w } } }.contains(reason))
        #expect(message { saveOnCPU { disableSavedTensorsHooks(reason) { x * w } } }.contains(reason))
        #expect(
            message {
                disableSavedTensorsHooks("outer") {
                    disableSavedTensorsHooks(reason) {}; saveOnCPU {}
                }
            }.contains("outer"))
        #expect(message { disableSavedTensorsHooks(reason) { x * w } } == "")
        // A backward pass runs checkpoints again wherever it is called.
        let y = checkpoint(x) { ($0 * w).exp() }
        #expect(message { disableSavedTensorsHooks(reason) { y.sum().backward() } } == "")
        #expect(message { saveOnCPU { x * w } } == "")
    }
}
