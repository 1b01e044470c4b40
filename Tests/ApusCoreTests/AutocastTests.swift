import ApusCore
import ApusNN
import ApusOptim
import TestSupport
import Testing

/// `autocast`: the policies of ops, the cast of weights, scopes, derivatives. `ApusNNTests/AutocastDTypeTests` tests PyTorch's lists.
@Suite struct AutocastTests {
    /// An op with a policy that returns its first input; it fails if its inputs have other dtypes than `wanted`.
    struct Probe: Op {
        let autocast: AutocastPolicy
        let wanted: [DType]
        var name: String { "probe" }
        func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
            guard inputs.map(\.dtype) == wanted else { throw OpError("got \(inputs.map(\.dtype)), wanted \(wanted)") }
            return try inputs[0].converted(to: inputs[0].dtype)
        }
        func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients { [grad, nil] }
    }

    /// Counts conversions.
    final class Conversions: Observer {
        var count = 0
        func didRun(_ name: String, inputs: [Tensor], outputs: [Tensor]) { count += name == "to" ? 1 : 0 }

        static func counted(_ body: () -> Void) -> Int {
            let counter = Conversions()
            Context.observed(by: counter, body)
            return counter.count
        }
    }

    let wide = Tensor([1.0, 2]), half = Tensor([1.0, 2]).to(.float16), double = Tensor([1.0, 2], dtype: .float64), whole = Tensor([1, 2])

    @Test func policiesOfOps() throws {
        func run(_ policy: AutocastPolicy, _ x: Tensor, _ y: Tensor, _ wanted: DType...) throws {
            try checked { _ = autocast(.bfloat16) { apply(Probe(autocast: policy, wanted: wanted), Inputs(x, y)) } }
            // Outside a scope the inputs are not converted.
            try checked { _ = apply(Probe(autocast: policy, wanted: [x.dtype, y.dtype]), Inputs(x, y)) }
        }
        try run(.asIs, wide, half, .float32, .float16)
        try run(.lower, wide, half, .bfloat16, .bfloat16)
        try run(.float32, wide, half, .float32, .float32)
        try run(.float32, half, half, .float32, .float32)
        try run(.widest, half, wide, .float32, .float32)
        try run(.widest, half, half, .float16, .float16)
        try run(.widest, half, half.to(.bfloat16), .float32, .float32)
        for policy in [AutocastPolicy.lower, .float32, .widest] { try run(policy, double, whole, .float64, .int64) }
        try run(.lower, double, wide, .float64, .bfloat16)
        try run(.widest, double, half, .float64, .float16)
    }

    @Test func gradientsComeBackInTheirOwnDType() {
        let x = wide.clone().requiresGrad_(), y = half.clone().requiresGrad_()
        let z = autocast(.bfloat16) { apply(Probe(autocast: .lower, wanted: [.bfloat16, .bfloat16]), Inputs(x, y)) }
        #expect(z.dtype == .bfloat16)
        z.backward(gradient: Tensor([1.0, 3]).to(.bfloat16))
        expectClose(x.grad!, Tensor([1.0, 3]))
        autocast(.bfloat16) { y.exp() }.sum().backward()
        #expect(y.grad?.dtype == .float16)
    }

    @Test func scopesNest() {
        func product() -> DType { Tensor.ones([2, 2]).matmul(Tensor.ones([2, 2])).dtype }
        #expect(autocastDType == nil && product() == .float32)
        autocast(.bfloat16) {
            #expect(autocastDType == .bfloat16 && product() == .bfloat16)
            autocast(.float16) { #expect(autocastDType == .float16 && product() == .float16) }
            #expect(product() == .bfloat16)
            autocast(.bfloat16, enabled: false) {
                #expect(autocastDType == nil && product() == .float32)
                autocast(.float16) { #expect(product() == .float16) }
                #expect(product() == .float32)
            }
            #expect(autocastDType == .bfloat16)
        }
        struct Stop: Error {}
        #expect(throws: Stop.self) { try autocast(.bfloat16) { throw Stop() } }
        #expect(autocastDType == nil && product() == .float32)
    }

    @Test func otherDTypesAreRefused() {
        for dtype in [DType.float32, .float64, .int64] {
            #expect(message { autocast(dtype) { wide } }.contains("autocast: casts to bfloat16 or float16, not to \(dtype)"))
        }
    }

    @Test func aWeightIsCastOnce() {
        let w = Tensor.ones([2, 2], requiresGrad: true), x = Tensor.ones([1, 2]).to(.bfloat16)
        #expect(Conversions.counted { _ = autocast(.bfloat16) { x.matmul(w).matmul(w) } } == 1)
        // A weight is converted once in the outermost scope, and once more for another dtype.
        #expect(
            Conversions.counted {
                autocast(.bfloat16) {
                    _ = x.matmul(w)
                    autocast(.bfloat16, enabled: false) { autocast(.bfloat16) { _ = x.matmul(w) } }
                    _ = autocast(.float16) { w.matmul(w) }
                }
            } == 2)
        #expect(Conversions.counted { for _ in 0..<2 { _ = autocast(.bfloat16) { x.matmul(w) } } } == 2)
        // Only casts of weights are cached: other tensors change from call to call.
        let plain = Tensor.ones([2, 2])
        #expect(Conversions.counted { autocast(.bfloat16) { for _ in 0..<3 { _ = x.matmul(plain) } } } == 3)
    }

    @Test func castsFollowTheirWeights() {
        let w = Tensor.ones([2, 2], requiresGrad: true), x = Tensor.ones([1, 2])
        autocast(.bfloat16) {
            #expect(x.matmul(w).sum().item() == 4)
            noGrad { _ = w.mul_(3) }
            #expect(x.matmul(w).sum().item() == 12)
            w.setData(Tensor.full([2, 2], 5.0))
            #expect(x.matmul(w).sum().item() == 20)
            let optimizer = SGD([w], lr: 1)
            x.matmul(w).sum().backward()
            optimizer.step()
            #expect(x.matmul(w).sum().item() == 16)
        }
    }

    @Test func castsMadeWithoutAGraphGiveNone() {
        let w = Tensor.ones([2, 2], requiresGrad: true), x = Tensor.ones([1, 2])
        autocast(.bfloat16) {
            #expect(!noGrad { x.matmul(w) }.requiresGrad)
            x.matmul(w).sum().backward()
            #expect(!noGrad { x.matmul(w) }.requiresGrad)
        }
        expectClose(w.grad!, Tensor.ones([2, 2]))
    }

    @Test func severalBackwardPassesShareACast() {
        let w = Tensor.ones([2, 2], requiresGrad: true), x = Tensor.ones([1, 2])
        autocast(.bfloat16) { for _ in 0..<3 { x.matmul(w).sum().backward() } }
        expectClose(w.grad!, Tensor.full([2, 2], 3.0))
    }

    @Test func backwardRunsInTheForwardsDTypes() {
        // Equal bits in and after the scope: the derivative's products must not be cast again.
        func gradients(inside: Bool) -> [Tensor] {
            withGenerator(Generator(seed: 5)) {
                let w = Tensor.randn([4, 4]).requiresGrad_(), v = Tensor.randn([4, 4]).requiresGrad_(), x = Tensor.randn([3, 4])
                let f = {
                    x.matmul(w).tanh().to(.float32).square().sum() + autocast(.bfloat16, enabled: false) { x.matmul(v).exp().mean() }
                }
                if inside { autocast(.bfloat16) { f().backward() } } else { autocast(.bfloat16) { f() }.backward() }
                return [w.grad!, v.grad!]
            }
        }
        for (a, b) in zip(gradients(inside: true), gradients(inside: false)) { expectEqual(a, b) }
        let v = gradients(inside: true)[1]
        #expect(!v.to(.bfloat16).to(.float32).equal(v), "a product outside of the scope was differentiated in bfloat16")
    }

    @Test func secondDerivatives() {
        let x = Tensor([0.5, -1], requiresGrad: true)
        let cube = autocast(.bfloat16) { x.matmul(x) * x.matmul(x) }
        let first = grad(of: cube, withRespectTo: [x], createGraph: true)[0]
        #expect(first.dtype == .float32)
        let second = grad(of: first.sum(), withRespectTo: [x])[0]
        // d/dx Σ 4(x·x)x = 4(x·x) + 8x Σx
        expectClose(second, Tensor([3.0, 9]), rtol: 0.02, atol: 0.02)
    }

    /// w·x with gradients as products, as a user would write it.
    struct Product: DifferentiableFunction {
        func forward(_ x: [Tensor], _ context: FunctionContext) -> [Tensor] {
            context.save(x[0], x[1])
            return [x[0].matmul(x[1])]
        }
        func backward(_ g: [Tensor], _ context: FunctionContext) -> [Tensor?] {
            [g[0].matmul(context.saved[1].t()), context.saved[0].t().matmul(g[0])]
        }
    }

    @Test func functionsOfOnesOwn() throws {
        let a = Tensor.ones([2, 3], requiresGrad: true), b = Tensor.ones([3, 2], requiresGrad: true)
        let y = try checked { autocast(.bfloat16) { Product()(a * 2, b)[0] } }
        #expect(y.dtype == .bfloat16)
        try checked { y.sum().backward() }
        expectClose(a.grad!, Tensor.full([2, 3], 4.0))
        expectClose(b.grad!, Tensor.full([3, 2], 4.0))
    }

    @Test func halfPrecisionKeepsItsRange() {
        // 300² and 300·300 overflow float16.
        let x = Tensor.full([300], 300).to(.float16)
        autocast(.float16) {
            #expect(abs(x.norm().item() / (300 * 300.0.squareRoot()) - 1) < 1e-3)
            #expect(x.sum().item() == 90000)
            #expect(x.square().sum().item() == 27e6)
            #expect(F.mseLoss(x, Tensor.zeros(like: x)).item() == 90000)
            #expect((x * 0 + 12).exp().isfinite().all().item(Bool.self))
        }
        #expect(x.square().sum().isinf().item(Bool.self))
    }

    @Test(arguments: [DType.bfloat16, .float16]) func batchNormTakesWiderParameters(_ dtype: DType) {
        withGenerator(Generator(seed: 3)) {
            let x = Tensor.randn([4, 3, 5]).to(dtype)
            func run(_ x: Tensor) -> (y: Tensor, gradients: [Tensor], running: Tensor) {
                let (x, w, b) = (
                    x.detach().clone().requiresGrad_(), Tensor([1.001, -0.5, 2], requiresGrad: true),
                    Tensor([0.1, 0.2, 0.3], requiresGrad: true)
                )
                let mean = Tensor.zeros([3]), variance = Tensor.ones([3])
                let y = F.batchNorm(x, mean, variance, weight: w, bias: b, training: true)
                y.to(.float32).square().sum().backward()
                return (y, [x.grad!, w.grad!, b.grad!], mean)
            }
            let (mixed, exact) = (run(x), run(x.to(.float32)))
            let unit = dtype == .float16 ? 1e-3 : 8e-3
            #expect(mixed.y.dtype == dtype && mixed.gradients.map(\.dtype) == [dtype, .float32, .float32])
            expectClose(mixed.y.to(.float32), exact.y, rtol: unit, atol: unit)
            for (a, b) in zip(mixed.gradients, exact.gradients) { expectClose(a.to(.float32), b, rtol: 4 * unit, atol: 40 * unit) }
            expectClose(mixed.running, exact.running)
            #expect(!mixed.gradients[1].to(dtype).to(.float32).equal(mixed.gradients[1]), "the weight's gradient was rounded to \(dtype)")
            #expect(
                message { F.batchNorm(x, nil, nil, weight: Tensor.ones([3]).to(.float64), training: true) }.contains(
                    "must be the same or float32"))
            #expect(
                message { F.batchNorm(x, nil, nil, weight: Tensor.ones([3]), bias: Tensor.ones([3]).to(dtype), training: true) }.contains(
                    "bias \(dtype)"))
            let w = Tensor.ones([3], requiresGrad: true)
            let y = F.batchNorm(x.clone().requiresGrad_(), nil, nil, weight: w, training: true)
            #expect(grad(of: y.square().sum(), withRespectTo: [w], createGraph: true)[0].dtype == .float32)
        }
    }

    @Test func binaryCrossEntropyIsRefused() {
        let x = Tensor([0.5, 0.25])
        #expect(message { autocast(.float16) { F.binaryCrossEntropy(x, x) } }.contains("use binaryCrossEntropyWithLogits"))
        #expect(
            F.binaryCrossEntropy(x, x).item()
                == autocast(.float16) { autocast(.float16, enabled: false) { F.binaryCrossEntropy(x, x).item() } })
    }
}
