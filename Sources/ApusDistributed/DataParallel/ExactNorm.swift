import ApusCore
import ApusOptim
import CKernels

extension GradientReducer {
    /// Scales the gradients of an optimizer so that their norm, taken as one long vector, is at most `maxNorm`; returns the norm before
    /// scaling: √Σg², g ← g·min(maxNorm/(norm + 10⁻⁶), 1). PyTorch: `clip_grad_norm_`.
    ///
    /// Squares are summed exactly, as 128-bit integers, so that the norm does not depend on which rank has which part of the gradients.
    @discardableResult package func clipGradNorm(_ optimizer: Optimizer, maxNorm: Double) throws -> Double {
        let tensors = optimizer.stepped
        let norm = try norm(tensors.compactMap(\.grad), inParts: optimizer.sharedSteps != nil)
        try checked { clipGradsWithNorm_(tensors, maxNorm, Tensor(norm, dtype: .float64)) }
        return norm
    }

    private func norm(_ gradients: [Tensor], inParts: Bool) throws -> Double {
        let all = try gradients.map { gradient in
            try checked { noGrad { gradient.detach().to(.cpu).to(gradient.dtype.computeType).contiguous() } }
        }
        func exchanged(_ words: [UInt64]) throws -> [[UInt64]] {
            inParts ? try group.startAllGather(words: words).wait() : [words]
        }
        // The largest magnitude determines the scale of the integers. NaN has the largest bit pattern, so it wins the maximum.
        let own = all.map { apus_largest_magnitude($0.pointer, Int64($0.numel), $0.dtype == .float64).bitPattern }.max() ?? 0
        let largest = Double(bitPattern: try exchanged([own]).map { $0[0] }.max() ?? 0)
        guard largest > 0, largest.isFinite else { return largest }
        // Values are scaled below 2, so that no square overflows or underflows (unless all values are below 2⁻¹⁰⁰⁰). The sum of 2⁴⁰
        // squares, each below 4, in units of 2⁻⁸⁴ is below 2¹²⁷.
        let scale = Double(sign: .plus, exponent: -max(Int(largest.exponent), -1000), significand: 1)
        var sum = [UInt64](repeating: 0, count: 2)
        for gradient in all { apus_square_sum(gradient.pointer, Int64(gradient.numel), gradient.dtype == .float64, scale, &sum) }
        let total = try exchanged(sum).reduce(UInt128(0)) { $0 + (UInt128($1[1]) << 64 | UInt128($1[0])) }
        return Double(total).squareRoot() * 0x1p-42 / scale
    }
}
