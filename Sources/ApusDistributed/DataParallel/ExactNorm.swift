import ApusCore
import ApusOptim
import CKernels

extension GradientReducer {
    /// Scales the gradients of an optimizer so that their norm as one long vector is at most `maxNorm`, and returns the norm before:
    /// √Σg², g ← g·min(maxNorm/(norm + 10⁻⁶), 1). PyTorch: `clip_grad_norm_`.
    ///
    /// Squares are added up exactly, as whole numbers of 128 bits, so that the norm does not depend on who has which part of the gradients.
    @discardableResult package func clipGradNorm(_ optimizer: Optimizer, maxNorm: Double) throws -> Double {
        let tensors = optimizer.stepped
        let norm = try norm(tensors.compactMap(\.grad), inParts: optimizer.sharedSteps != nil)
        try checked { clipGradsWithNorm_(tensors, maxNorm, Tensor(Float(norm))) }
        return norm
    }

    private func norm(_ gradients: [Tensor], inParts: Bool) throws -> Double {
        let all = try gradients.map { gradient in
            try checked { noGrad { gradient.detach().to(.cpu).to(gradient.dtype.computeType).contiguous() } }
        }
        func exchanged(_ words: [UInt64]) throws -> [[UInt64]] {
            inParts ? try group.startAllGather(words: words).wait() : [words]
        }
        // The largest magnitude says how the whole numbers are scaled. NaN is the largest of all by its bits.
        let own = all.reduce(0) { max($0, apus_largest_magnitude($1.pointer, Int64($1.numel), $1.dtype == .float64)) }
        let largest = Double(bitPattern: try exchanged([own.bitPattern]).map { $0[0] }.max() ?? 0)
        guard largest > 0, largest.isFinite else { return largest }
        // n squares below 2^(2e + 2) take less than 2¹²⁶ for up to 2⁴⁰ elements.
        let unit = 2 * Int(largest.exponent) + 2 + 40 - 126
        var sum = [UInt64](repeating: 0, count: 2)
        for gradient in all { apus_square_sum(gradient.pointer, Int64(gradient.numel), gradient.dtype == .float64, Int32(unit), &sum) }
        let total = try exchanged(sum).reduce(UInt128(0)) { $0 + (UInt128($1[1]) << 64 | UInt128($1[0])) }
        // Squares of numbers near the smallest would be none as Double.
        return unit.isMultiple(of: 2)
            ? Double(total).squareRoot() * Double(sign: .plus, exponent: unit / 2, significand: 1)
            : (Double(total) * 2).squareRoot() * Double(sign: .plus, exponent: (unit - 1) / 2, significand: 1)
    }
}
