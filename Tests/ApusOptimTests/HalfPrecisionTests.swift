import ApusCore
import ApusOptim
import TestSupport
import Testing

/// Parameters in 16-bit types: a step equals the float32 step from the same numbers, rounded once.
@Suite struct HalfPrecisionTests {
    private static let makers: [(String, @Sendable ([Tensor]) -> Optimizer)] = [
        ("SGD", { SGD($0, lr: 0.05, momentum: 0.9, weightDecay: 0.01) }), ("Adam", { Adam($0, amsgrad: true) }), ("AdamW", { AdamW($0) }),
        ("RMSprop", { RMSprop($0, momentum: 0.5, centered: true) }), ("Adadelta", { Adadelta($0) }), ("Adafactor", { Adafactor($0) }),
        ("Adagrad", { Adagrad($0) }),
        ("Adamax", { Adamax($0) }), ("ASGD", { ASGD($0, t0: 3) }), ("NAdam", { NAdam($0) }), ("RAdam", { RAdam($0) }),
        ("Rprop", { Rprop($0) }), ("Muon", { Muon($0) }),
        ("LBFGS", { LBFGS($0, lr: 0.1, maxIter: 1) }), ("Lion", { Lion($0, weightDecay: 0.1) }),
    ]

    @Test(arguments: [DType.float16, .bfloat16]) func stepsAreThoseOfFloat32(_ dtype: DType) {
        // Zero, small and large gradients: the squares of the small ones are 0 in float16, those of the large ones infinite.
        let gradients: [[Double]] = [[0, 1e-3, -1e-4, 300], [1e-5, 0, -2e-3, 400], [0, 0, 1e-3, -500]]
        for (name, make) in Self.makers {
            let half = Tensor([[1.0, -0.5], [0.25, 2]], dtype: dtype).requiresGrad_()
            let optimizer = make([half])
            var single = half.detach().to(.float32).requiresGrad_()
            let twin = make([single])
            for (step, numbers) in gradients.enumerated() {
                let gradient = Tensor(numbers, shape: [2, 2], dtype: dtype)
                half.grad = gradient.clone()
                single.grad = gradient.to(.float32)
                optimizer.step { Tensor(1.0) }
                twin.step { Tensor(1.0) }
                let wanted = single.detach().to(dtype)
                expectClose(half.detach(), wanted, rtol: 0, atol: 0, "\(name), \(dtype), step \(step)")
                // The next step starts from the rounded number.
                noGrad { _ = single.copy_(wanted.to(.float32)) }
            }
            single = half
        }
    }

    @Test func sparseSteps() {
        for (name, make) in [
            ("SGD", { SGD($0, lr: 0.1) }), ("Adagrad", { Adagrad($0) }), ("SparseAdam", { SparseAdam($0) }),
        ] as [(String, ([Tensor]) -> Optimizer)] {
            let half = Tensor.ones([3, 2], dtype: .float16).requiresGrad_()
            let single = Tensor.ones([3, 2]).requiresGrad_()
            for (x, optimizer) in [(half, make([half])), (single, make([single]))] {
                x.grad = Tensor.sparseRows(Tensor([2, 0]), Tensor([[0, 1e-3], [1e-4, 2]], dtype: x.dtype), shape: [3, 2])
                optimizer.step()
            }
            expectClose(half.detach(), single.detach().to(.float16), rtol: 1e-3, atol: 0, name)
            #expect(half.isfinite().all().item(Bool.self), "\(name)")
        }
    }

    /// The state is restored bit for bit, and a state that was saved in a 16-bit type is accepted.
    @Test func stateIsFloat32() throws {
        let x = Tensor.ones([2], dtype: .float16).requiresGrad_()
        let optimizer = Adam([x])
        x.grad = Tensor([1e-3, 1.0], dtype: .float16)
        optimizer.step()
        var state = optimizer.stateDict()
        #expect(state.tensors["state.0.exp_avg_sq"]!.dtype == .float32)
        let other = Adam([Tensor.ones([2], dtype: .float16).requiresGrad_()])
        try other.loadStateDict(state)
        #expect(other.stateDict().tensors["state.0.exp_avg_sq"]!.equal(state.tensors["state.0.exp_avg_sq"]!))
        state.tensors["state.0.exp_avg"] = state.tensors["state.0.exp_avg"]!.to(.float16)
        try other.loadStateDict(state)
        #expect(other.stateDict().tensors["state.0.exp_avg"]!.dtype == .float32)
    }

    /// The total norm of many gradients may exceed the range of their 16-bit type.
    @Test func clippingBeyondTheRange() {
        let x = Tensor.zeros([4], dtype: .float16).requiresGrad_()
        x.grad = Tensor.full([4], 60000.0, dtype: .float16)
        let norm = clipGradNorm_([x], maxNorm: 1)
        #expect(abs(norm.item() - 120_000) < 1)
        expectClose(x.grad!, [0.5, 0.5, 0.5, 0.5], rtol: 4e-3)
    }
}
