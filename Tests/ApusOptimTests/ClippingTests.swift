import ApusCore
import ApusFormats
import ApusOptim
import TestSupport
import Testing

@Suite struct ClippingTests {
    /// Norms of several orders, and the clipped gradients, equal PyTorch's.
    @Test func recorded() {
        for run in Recorded.load("clipping", as: [JSON].self) {
            let a = Tensor.zeros([2, 3], dtype: .float64, requiresGrad: true), b = Tensor.zeros([4], dtype: .float64, requiresGrad: true)
            a.grad = Recorded.numbers([2, 3], 3)
            b.grad = Recorded.numbers([4], 30)
            let total = clipGradNorm_([a, b], maxNorm: run.value("max_norm"), normType: Double(run.value("norm_type", as: String.self))!)
            expectClose(total, [run.value("total")], rtol: 1e-14)
            let grads = Tensor.cat([a.grad!.reshape([-1]), b.grad!])
            expectClose(grads, run.value("grads"), rtol: 1e-13)
        }
    }

    @Test func values() {
        let a = Tensor.zeros([3], requiresGrad: true), b = Tensor.zeros([3], requiresGrad: true)
        a.grad = Tensor([-3.0, 0.5, 2])
        clipGradValue_([a, b], clipValue: 1)
        #expect(TestSupport.values(a.grad!) == [-1, 0.5, 1])
        #expect(b.grad == nil)
    }

    @Test func withoutGradients() {
        #expect(clipGradNorm_([Tensor.zeros([3])], maxNorm: 1).item() == 0)
    }

    @Test func nonfinite() {
        let a = Tensor.zeros([2], requiresGrad: true)
        a.grad = Tensor([1, Double.nan])
        #expect(clipGradNorm_([a], maxNorm: 1).item().isNaN)
        #expect(throws: OpError.self) { try checked { clipGradNorm_([a], maxNorm: 1, errorIfNonfinite: true) } }
    }
}
