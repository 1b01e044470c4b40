import ApusCore
import TestSupport
import Testing

/// Backward passes from several tensors, within others, and hooks on several gradients.
@Suite struct BackwardTests {
    private let x = Tensor([1.0, 2, 3], requiresGrad: true), w = Tensor([0.5, -1, 2], requiresGrad: true)

    @Test func fromSeveralTensors() {
        let y = (x * w).exp(), z = y.sum(), other = w.sin()
        Tensor.backward([z, y, other], gradients: [nil, Tensor([1.0, 2, 3]), Tensor([2.0, 2, 2])])
        let expected = (x.detach() * w.detach()).exp() * Tensor([2.0, 3, 4])
        expectClose(x.grad!, expected * w.detach())
        expectClose(w.grad!, expected * x.detach() + w.detach().cos() * 2)
        // Scalars need no gradients, and one tensor may stand there twice.
        for leaf in [x, w] { leaf.grad = nil }
        let loss = (x * x).sum()
        Tensor.backward([loss, loss, (x * w).sum()], inputs: [x])
        expectClose(x.grad!, x.detach() * 4 + w.detach())
        #expect(w.grad == nil)
        // A second derivative.
        x.grad = nil
        Tensor.backward([x.pow(3).sum()], createGraph: true)
        expectClose(grad(of: x.grad!.sum(), withRespectTo: x), x.detach() * 6)
        x.grad = nil
        Tensor.backward([])
    }

    @Test func retainsGrad() {
        let y = x * 2
        #expect(!y.retainsGrad && !x.retainsGrad)
        y.retainGrad()
        x.retainGrad()
        #expect(y.retainsGrad && !x.retainsGrad)
        y.mul_(3)
        #expect(y.retainsGrad)
        y.sum().backward()
        expectClose(y.grad!, [1, 1, 1])
    }

    /// The node of a tensor whose gradient is asked for need not be differentiated, and its graph stays.
    @Test func theGraphBeyondWhatIsAskedForStays() {
        let h = x.exp()
        expectClose(grad(of: (h * h).sum(), withRespectTo: h), h.detach() * 2)
        h.sum().backward()
        expectClose(x.grad!, h.detach())
    }

    /// A derivative that runs a pass over nodes which the pass around it is in the middle of.
    @Test func aPassWithinAPass() {
        struct Nosy: DifferentiableFunction {
            let look: () -> Void
            func forward(_ x: [Tensor], _ context: FunctionContext) -> [Tensor] { [x[0] * 1] }
            func backward(_ g: [Tensor], _ context: FunctionContext) -> [Tensor?] {
                look()
                return [g[0]]
            }
        }
        let h = x * w
        var seen: Tensor?
        let nosy = Nosy { seen = enableGrad { grad(of: (h * h).sum(), withRespectTo: h, retainGraph: true) } }
        let y = h.sin() + nosy(h)[0] + h.exp()
        y.sum().backward()
        let plain = x.detach() * w.detach()
        expectClose(seen!, plain * 2)
        expectClose(x.grad!, (plain.cos() + 1 + plain.exp()) * w.detach())
        expectClose(w.grad!, (plain.cos() + 1 + plain.exp()) * x.detach())
    }

    // MARK: Hooks on several gradients

    @Test func whenAllGradientsAreKnown() {
        let y = x * w, z = y.sin(), unused = (x * 2)
        var calls: [[Tensor?]] = []
        let handle = registerMultiGradHook([x, z, y, unused]) { calls.append($0) }
        (z + y).sum().backward(retainGraph: true)
        #expect(calls.count == 1 && calls[0][3] == nil)
        expectClose(calls[0][0]!, x.grad!)
        expectClose(calls[0][1]!, [1, 1, 1])
        expectClose(calls[0][2]!, y.detach().cos() + 1)
        // A pass that reaches other tensors.
        (y * 2).sum().backward(retainGraph: true)
        #expect(calls.count == 2 && calls[1][1] == nil && calls[1][3] == nil)
        expectClose(calls[1][2]!, [2, 2, 2])
        _ = grad(of: z.sum(), withRespectTo: y, retainGraph: true)
        #expect(calls.count == 3 && calls[2][0] == nil)
        handle.remove()
        (z + y).sum().backward()
        #expect(calls.count == 3)
    }

    @Test func whenTheFirstGradientIsKnown() {
        let y = x * w, z = y.sin()
        var calls: [Tensor] = []
        let handle = registerAnyGradHook([x, y, z]) { calls.append($0) }
        z.sum().backward(retainGraph: true)
        #expect(calls.count == 1)
        expectClose(calls[0], [1, 1, 1])
        (y * 3).sum().backward(retainGraph: true)
        #expect(calls.count == 2)
        expectClose(calls[1], [3, 3, 3])
        handle.remove()
        z.sum().backward()
        #expect(calls.count == 2)
    }

    @Test func hooksDoNotHoldTheGraph() {
        weak var node: Node?
        do {
            let y = x * w
            registerMultiGradHook([y, x]) { _ in }
            registerAnyGradHook([y, x]) { _ in }
            node = y.node
        }
        #expect(node == nil)
    }

    // MARK: The gradient check

    /// x³ with a derivative that is wrong for one element by a part, or whose own derivative is.
    private struct Cube: DifferentiableFunction {
        var part = 0.0
        var cutsHistory = false
        func forward(_ x: [Tensor], _ context: FunctionContext) -> [Tensor] {
            context.save(x[0])
            return [x[0] * x[0] * x[0]]
        }
        func backward(_ g: [Tensor], _ context: FunctionContext) -> [Tensor?] {
            let x = context.saved[0]
            let factor = Tensor([3, 3, 3 + 3 * part], dtype: .float64)
            return [g[0] * factor * x * (cutsHistory ? x.detach() : x)]
        }
    }

    @Test func gradcheckSeesErrors() {
        let x = Tensor([0.5, -1.25, 2], dtype: .float64, requiresGrad: true),
            y = Tensor([1.5, 2, 0.5], dtype: .float64, requiresGrad: true)
        for fast in [false, true] {
            #expect(gradcheck({ Cube()($0)[0] }, x, fastMode: fast))
            #expect(gradcheck({ [$0[0].matmul($0[1]), $0[0].exp() * $0[1]] }, [x, y], fastMode: fast))
            #expect(gradgradcheck({ [$0[0].matmul($0[1]), $0[0].exp() * $0[1]] }, [x, y], fastMode: fast))
            #expect(!gradcheck({ Cube(part: 0.01)($0)[0] }, x, raiseException: false, fastMode: fast))
            #expect(gradcheck({ Cube(part: 0.01)($0)[0] }, x, rtol: 0.1, fastMode: fast))
            #expect(gradcheck({ Cube(cutsHistory: true)($0)[0] }, x, fastMode: fast))
            #expect(!gradgradcheck({ Cube(cutsHistory: true)($0)[0] }, x, raiseException: false, fastMode: fast))
            #expect(gradgradcheck({ Cube()($0)[0] }, x, gradOutputs: [Tensor([1, -2, 0.5], dtype: .float64)], fastMode: fast))
        }
        let text = message { gradcheck({ Cube(part: 0.01)($0)[0] }, x) }
        #expect(text.contains("gradcheck") && text.contains("input 0") && text.contains("element 2 is") && text.contains("1 of 3"))
        #expect(message { gradgradcheck({ Cube(cutsHistory: true)($0)[0] }, x) }.contains("gradgradcheck"))
        // An input without a gradient is not varied, a result without one is constant.
        #expect(gradcheck({ [$0[0] * $0[1], $0[1].floor()] }, [x, y.detach()]))
        #expect(!gradcheck({ $0.detach() * 2 }, x, raiseException: false), "the function has a slope, the graph none")
        #expect(gradcheck({ $0.detach() * 0 }, x))
        #expect(gradcheck({ Tensor.where($0 .> 0, $0, $0 * 3) }, x))
        // In float32 with a step that it can take.
        let single = Tensor([0.5, -1.25], requiresGrad: true)
        #expect(message { gradcheck({ $0.exp() * 100 }, single, eps: 1e-7) }.contains("float32"))
        #expect(gradcheck({ $0.sin() }, single, eps: 1e-2, atol: 1e-3))
    }
}
