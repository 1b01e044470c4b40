import ApusCore
import ApusNN
import Foundation
import TestSupport
import Testing

/// Avoidable loss of digits: float32 against float64 with the same inputs.
@Suite struct DigitsTests {
    /// Functions on which an offset common to all inputs has little or no effect: value and gradient equal float64's, to the last
    /// digits of the result.
    @Test(arguments: [0, 1e3, 1e5, 1e7]) func commonOffsets(_ offset: Double) {
        let functions: [(String, (Tensor) -> Tensor)] = [
            ("var", { $0.var(dim: 1) }), ("var biased", { $0.var(dim: 0, correction: 0) }), ("std", { $0.std(dim: 1) }),
            ("std all", { $0.std() }),
            ("softmax", { $0.softmax(dim: 1) }), ("logSoftmax", { $0.logSoftmax(dim: 1) }),
            ("logsumexp", { $0.logsumexp(dim: 1) - $0.detach().amax(dim: [1]) }),
            ("logaddexp", { $0[0].logaddexp($0[1]) - $0[0].detach() }), ("lerp", { $0[0].lerp($0[1], 0.3) - $0[0].detach() }),
            ("norm of differences", { ($0[0] - $0[1]).norm() }), ("pairwiseDistance", { F.pairwiseDistance($0[0..<2], $0[1..<3], eps: 0) }),
        ]
        let numbers = (0..<15).map { sin(Double($0) * 1.7) * 4 + offset }
        let single = Tensor(numbers, shape: [3, 5], dtype: .float32)
        for (name, f) in functions {
            func run(_ dtype: DType) -> (Tensor, Tensor) {
                let x = single.detach().to(dtype).requiresGrad_()
                let y = f(x)
                y.backward(gradient: Tensor((0..<y.numel).map { 1 + Double($0 % 3) }, shape: y.shape, dtype: dtype))
                return (y.detach().to(.float64), x.grad!.to(.float64))
            }
            let (found, wanted) = (run(.float32), run(.float64))
            // The rounding of the result at the offset, before the test subtracts the offset.
            let lost = ["logsumexp", "logaddexp", "lerp"].contains(name) ? offset * 6e-8 : 0
            expectClose(found.0, wanted.0, rtol: 2e-6, atol: 1e-6 + lost, "\(name) at \(offset)")
            expectClose(found.1, wanted.1, rtol: 2e-6, atol: 2e-6, "gradient of \(name) at \(offset)")
        }
    }

    /// The gradient of logaddexp is a pair of softmax weights, for arguments of any size.
    @Test func logaddexpOfLargeNumbers() {
        for dtype in [DType.float32, .float64] {
            for size in [1.0, 1e8, 1e15, 1e30, -1e8, -1e30] {
                let (a, b) = (Tensor(size, dtype: dtype, requiresGrad: true), Tensor(size, dtype: dtype, requiresGrad: true))
                a.logaddexp(b).backward()
                #expect(a.grad!.item() == 0.5 && b.grad!.item() == 0.5, "\(size) of \(dtype)")
            }
        }
    }

    /// lerp gives its ends exactly at weights 0 and 1, whatever their magnitudes, with a number and a tensor as the weight.
    @Test func lerpMeetsItsEnds() {
        let numbers = [0.0, 1, -1, 3e-5, 1e4, -6e4, 0.1, 7]
        for dtype in [DType.float16, .bfloat16, .float32, .float64] {
            for scale in dtype == .float16 ? [1.0] : [1, 1e8, 1e-30, 1e30] {
                for p in numbers {
                    for q in numbers {
                        let (a, b) = (Tensor([p * scale], dtype: dtype), Tensor([q / scale], dtype: dtype))
                        for w in [0.0, 1] {
                            let wanted = (w == 0 ? a : b).item()
                            let found = [a.lerp(b, w), a.lerp(b, Tensor([w], dtype: dtype)), a.clone().lerp_(b, w)].map { $0.item() }
                            #expect(found.allSatisfy { $0 == wanted }, "lerp of \(a.item()) and \(b.item()) by \(w), \(dtype): \(found)")
                        }
                    }
                }
            }
        }
    }
}
