import ApusCore
import ApusNN

extension RecordedCalls {
    static func losses() -> [String: RecordedCall] {
        var calls: [String: RecordedCall] = [:]
        for reduction in Reduction.allCases { add(reduction, to: &calls) }
        calls["smooth_l1_loss/beta"] = { [F.smoothL1Loss($0[0], $0[1], beta: 0.3)] }
        calls["huber_loss/delta"] = { [F.huberLoss($0[0], $0[1], delta: 0.3)] }
        calls["kl_div/batchmean"] = { [F.klDiv($0[0], $0[1], reduction: .batchmean, logTarget: true)] }
        calls["poisson_nll_loss/plain"] = { [F.poissonNLLLoss($0[0], $0[1], logInput: false)] }
        calls["gaussian_nll_loss/number"] = { [F.gaussianNLLLoss($0[0], $0[1], 0.7)] }
        calls["cross_entropy/shares"] = { [F.crossEntropy($0[0], $0[1])] }
        calls["ctc_loss/infinite"] = {
            [F.ctcLoss($0[0].logSoftmax(dim: -1), Tensor([[1, 1, 1]]), inputLengths: [4], targetLengths: [3], zeroInfinity: true)]
        }
        return calls
    }

    private static var labels: Tensor { Tensor([0, 3, 1]) }
    private static var bits: Tensor { wave([3, 4], k: 1.7).gt(0).to(.float64) }
    private static var signs: Tensor { Tensor([1.0, -1, 1], dtype: .float64) }

    private static func add(_ r: Reduction, to calls: inout [String: RecordedCall]) {
        let end = r.rawValue
        calls["mse_loss/\(end)"] = { [F.mseLoss($0[0], $0[1], reduction: r)] }
        calls["l1_loss/\(end)"] = { [F.l1Loss($0[0], $0[1], reduction: r)] }
        calls["smooth_l1_loss/\(end)"] = { [F.smoothL1Loss($0[0], $0[1], reduction: r)] }
        calls["huber_loss/\(end)"] = { [F.huberLoss($0[0], $0[1], reduction: r)] }
        calls["mse_loss/weight \(end)"] = { [F.mseLoss($0[0], $0[1], reduction: r, weight: $0[2])] }
        calls["l1_loss/weight \(end)"] = { [F.l1Loss($0[0], $0[1], reduction: r, weight: $0[2])] }
        calls["huber_loss/weight \(end)"] = { [F.huberLoss($0[0], $0[1], reduction: r, weight: $0[2])] }
        calls["binary_cross_entropy/\(end)"] = { [F.binaryCrossEntropy($0[0], $0[1], weight: $0[2], reduction: r)] }
        calls["binary_cross_entropy_with_logits/\(end)"] = {
            [F.binaryCrossEntropyWithLogits($0[0], $0[1], weight: $0[2], reduction: r, posWeight: $0[3])]
        }
        calls["cross_entropy/\(end)"] = {
            [F.crossEntropy($0[0], labels, weight: $0[1], ignoreIndex: 1, reduction: r, labelSmoothing: 0.2)]
        }
        calls["nll_loss/\(end)"] = { [F.nllLoss($0[0], labels, weight: $0[1], ignoreIndex: 1, reduction: r)] }
        calls["linear_cross_entropy/\(end)"] = { [F.linearCrossEntropy($0[0], $0[1], labels, linearBias: $0[2], reduction: r)] }
        calls["kl_div/\(end)"] = { [F.klDiv($0[0], $0[1], reduction: F.KLDivReduction(rawValue: end)!)] }
        calls["poisson_nll_loss/\(end)"] = { [F.poissonNLLLoss($0[0], $0[1] * 3, full: true, reduction: r)] }
        calls["gaussian_nll_loss/\(end)"] = { [F.gaussianNLLLoss($0[0], $0[1], $0[2], full: true, reduction: r)] }
        calls["hinge_embedding_loss/\(end)"] = { [F.hingeEmbeddingLoss($0[0], bits * 2 - 1, margin: 0.5, reduction: r)] }
        calls["soft_margin_loss/\(end)"] = { [F.softMarginLoss($0[0], bits * 2 - 1, reduction: r)] }
        calls["multilabel_soft_margin_loss/\(end)"] = { [F.multilabelSoftMarginLoss($0[0], bits, weight: $0[1], reduction: r)] }
        calls["multilabel_margin_loss/\(end)"] = {
            [F.multilabelMarginLoss($0[0], Tensor([[3, 0, -1, 1], [1, -1, 0, 0], [2, 1, 0, 3]]), reduction: r)]
        }
        calls["multi_margin_loss/\(end)"] = { [F.multiMarginLoss($0[0], labels, p: 2, margin: 0.7, weight: $0[1], reduction: r)] }
        calls["margin_ranking_loss/\(end)"] = { [F.marginRankingLoss($0[0], $0[1], signs, margin: 0.3, reduction: r)] }
        calls["cosine_embedding_loss/\(end)"] = { [F.cosineEmbeddingLoss($0[0], $0[1], signs, margin: -0.5, reduction: r)] }
        calls["triplet_margin_loss/\(end)"] = { [F.tripletMarginLoss($0[0], $0[1], $0[2], margin: 0.7, p: 3, swap: true, reduction: r)] }
        calls["triplet_margin_with_distance_loss/\(end)"] = {
            [
                F.tripletMarginWithDistanceLoss(
                    $0[0], $0[1], $0[2], distanceFunction: { ($0 - $1).abs().sum(dim: -1) }, margin: 0.7, reduction: r)
            ]
        }
        calls["ctc_loss/0 \(end)"] = {
            [
                F.ctcLoss(
                    $0[0].logSoftmax(dim: -1), Tensor([[1, 2, 2], [3, 1, 0]]), inputLengths: [6, 5], targetLengths: [3, 2], reduction: r)
            ]
        }
        calls["ctc_loss/2 \(end)"] = {
            [
                F.ctcLoss(
                    $0[0].logSoftmax(dim: -1), Tensor([1, 1, 3, 0]), inputLengths: [6, 5], targetLengths: [2, 2], blank: 2, reduction: r)
            ]
        }
    }
}
