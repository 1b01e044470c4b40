import ApusCore
import ApusDistributions
import ApusNN
import TestSupport
import Testing

/// Functions of differences are as exact far from zero as near it: float32 results equal float64's from the same float32 inputs, within
/// a few units of the results' scale, on every device.
@Suite struct OffsetBackendTests {
    static let offsets = [0.0, 1, 1e3, 1e5, 1e7]

    /// Numbers a few units around an offset, rounded to float32; both sides use the rounded ones.
    private func numbers(_ shape: Shape, around offset: Double, seed: Double = 0) -> Tensor {
        ((Tensor.arange(shape.numel).to(.float64) * 0.7391 + seed).sin() * 4 + offset).to(.float32).reshape(shape)
    }

    private func expectSame(_ found: Tensor, _ wanted: Tensor, units: Double = 8, _ what: String) {
        let (a, b) = (values(found), values(wanted))
        let scale = Swift.max(b.map(\.magnitude).max() ?? 0, 1e-3)
        guard let worst = zip(a, b).map({ ($0 - $1).magnitude }).max() else { return }
        if !(worst <= units * DType.float32.epsilon * scale) {
            Issue.record(
                "\(what) on \(found.device): off by \(worst / scale / DType.float32.epsilon) units of \(scale); \(a.prefix(4)), expected \(b.prefix(4))"
            )
        }
    }

    private struct Norm {
        let name: String
        let shape: Shape
        let parameters: Shape
        let call: (Tensor, Tensor, Tensor) -> Tensor
    }

    private static var norms: [Norm] {
        [
            Norm(name: "layerNorm", shape: [6, 77], parameters: [77]) { F.layerNorm($0, [77], weight: $1, bias: $2) },
            Norm(name: "layerNorm of 5", shape: [40, 5], parameters: [5]) { F.layerNorm($0, [5], weight: $1, bias: $2) },
            Norm(name: "batchNorm", shape: [3, 4, 50], parameters: [4]) { F.batchNorm($0, nil, nil, weight: $1, bias: $2, training: true) },
            Norm(name: "batchNorm of rows", shape: [65, 6], parameters: [6]) {
                F.batchNorm($0, nil, nil, weight: $1, bias: $2, training: true)
            },
            Norm(name: "groupNorm", shape: [3, 4, 30], parameters: [4]) { F.groupNorm($0, 2, weight: $1, bias: $2) },
            Norm(name: "instanceNorm", shape: [3, 4, 30], parameters: [4]) { F.instanceNorm($0, weight: $1, bias: $2) },
            Norm(name: "rmsNorm", shape: [6, 77], parameters: [77]) { F.rmsNorm($0, [77], weight: $1) + $2 },
        ]
    }

    @Test(arguments: Device.testedAndReference) func normalisations(_ device: Device) {
        for norm in Self.norms {
            for offset in Self.offsets {
                func run(_ dtype: DType, _ device: Device, recorded: Bool) -> [Tensor] {
                    let x = numbers(norm.shape, around: offset).to(dtype).to(device).requiresGrad_()
                    let weight = numbers(norm.parameters, around: 1, seed: 1).to(dtype).to(device).requiresGrad_()
                    let bias = numbers(norm.parameters, around: 0, seed: 2).to(dtype).to(device).requiresGrad_()
                    let y = norm.call(x, weight, bias)
                    let g = numbers(norm.shape, around: 0, seed: 3).to(dtype).to(device)
                    return [y.detach()]
                        + grad(of: (y * g).sum(), withRespectTo: [x, weight, bias], createGraph: recorded).map { $0.detach() }
                }
                for recorded in [false, true] {
                    let found = run(.float32, device, recorded: recorded), wanted = run(.float64, .cpu, recorded: recorded)
                    for (i, name) in ["output", "gradient of x", "gradient of the weight", "gradient of the bias"].enumerated() {
                        // rmsNorm subtracts no mean: its gradient is a difference of numbers as large as the offset.
                        let units = norm.name == "rmsNorm" && i == 1 ? 1e3 : 32.0
                        expectSame(found[i], wanted[i], units: units, "\(name) of \(norm.name) at \(offset), recorded \(recorded)")
                    }
                }
            }
        }
    }

    /// Some elements are far from the others, in any position.
    @Test(arguments: Device.testedAndReference) func outliers(_ device: Device) {
        for norm in Self.norms {
            for spacing in [1, 3, 4, 8, 9, 100] {
                let place = Tensor.arange(norm.shape.numel).remainder(spacing).eq(0).to(.float64).reshape(norm.shape)
                let x = (numbers(norm.shape, around: 0).to(.float64) + place * 3e4).to(.float32)
                let parameters = [Tensor.ones(norm.parameters), Tensor.zeros(norm.parameters)]
                let found = norm.call(x.to(device), parameters[0].to(device), parameters[1].to(device))
                expectSame(
                    found, norm.call(x.to(.float64), parameters[0].to(.float64), parameters[1].to(.float64)), units: 32,
                    "\(norm.name), every \(spacing)th element far away")
            }
        }
    }

    @Test(arguments: Device.testedAndReference) func losses(_ device: Device) {
        let labels = Tensor([0, 3, 1, 4])
        let shares = numbers([4, 5], around: 0, seed: 5).to(.float64).softmax(dim: 1)
        let classWeights = Tensor([0.5, 1, 2, 1, 0.25], dtype: .float64)
        let losses: [(String, (Tensor) -> Tensor)] = [
            ("labels", { F.crossEntropy($0, labels.to($0.device)) }),
            (
                "labels with smoothing",
                { F.crossEntropy($0, labels.to($0.device), weight: classWeights.to($0.dtype).to($0.device), labelSmoothing: 0.3) }
            ),
            ("probabilities", { F.crossEntropy($0, shares.to($0.dtype).to($0.device)) }),
            (
                "probabilities with smoothing",
                {
                    F.crossEntropy(
                        $0, shares.to($0.dtype).to($0.device), weight: classWeights.to($0.dtype).to($0.device), labelSmoothing: 0.3)
                }
            ),
            ("nllLoss", { F.nllLoss($0.logSoftmax(dim: 1), labels.to($0.device)) }),
            ("klDiv", { F.klDiv($0.logSoftmax(dim: 1), shares.to($0.dtype).to($0.device), reduction: .batchmean) }),
            ("multiMarginLoss", { F.multiMarginLoss($0, labels.to($0.device), margin: 0.3) }),
            ("multilabelMarginLoss", { F.multilabelMarginLoss($0, Tensor([[0, 2, -1, 0, 0]]).expand(4, 5).to($0.device)) }),
            ("marginRankingLoss", { F.marginRankingLoss($0, $0.flip(1), Tensor.ones(like: $0), margin: 0.3) }),
            ("tripletMarginLoss", { F.tripletMarginLoss($0, $0.flip(1), $0.flip(0), margin: 0.3, eps: 0) }),
            ("a categorical distribution", { Categorical(logits: $0).logProb(labels.to($0.device)).sum() }),
        ]
        for (name, loss) in losses {
            for offset in Self.offsets {
                for recorded in [false, true] {
                    func run(_ dtype: DType, _ device: Device) -> [Tensor] {
                        let x = numbers([4, 5], around: offset).to(dtype).to(device).requiresGrad_()
                        let value = loss(x)
                        return [value.detach(), grad(of: value, withRespectTo: [x], createGraph: recorded)[0].detach()]
                    }
                    let found = run(.float32, device), wanted = run(.float64, .cpu)
                    expectSame(found[0], wanted[0], "\(name) at \(offset)")
                    expectSame(found[1], wanted[1], "gradient of \(name) at \(offset), recorded \(recorded)")
                }
            }
        }
    }

    /// The frequencies of the draws do not depend on an offset common to all logits.
    @Test func gumbel() {
        let logits = Tensor([0.0, 1, 2])
        for offset in [0.0, 1e7] {
            let draws = F.gumbelSoftmax((logits + offset).expand(20_000, 3), hard: true, generator: Generator(seed: 3)).mean(dim: [0])
            expectClose(draws, logits.softmax(dim: 0), atol: 0.02, "at \(offset)")
        }
    }
}
