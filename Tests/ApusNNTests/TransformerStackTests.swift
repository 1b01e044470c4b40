import ApusCore
import ApusNN
import Foundation
import TestSupport
import Testing

private typealias R = Recorded

/// Encoders and decoders of two layers against PyTorch's: printed form, keys, outputs under every mask, gradients of inputs and parameters.
@Suite struct TransformerStackTests {
    enum Kind: String, CaseIterable {
        case plain, first, batch
    }

    private var causal: Tensor { Tensor.full([3, 3], -Double.infinity, dtype: .float64).triu(1) }
    private var padding: Tensor { Tensor([false, false, true, false, false, false], shape: [2, 3]) }
    private var memoryPadding: Tensor { Tensor([false, false, false, false, true, false, false, false], shape: [2, 4]) }

    private func numbered<Net: Module>(_ net: Net) -> Net {
        noGrad { for (i, p) in net.parameters().enumerated() { p.copy_(R.wave(p.shape, k: 0.5 + 0.1 * Double(i), scale: 0.6)) } }
        return net
    }

    private func run(_ name: String, _ net: Module, _ inputs: [Tensor], _ f: ([Tensor]) -> Tensor) {
        let leaves = inputs.map { $0.clone().requiresGrad_() }
        let output = f(leaves)
        let gradients = grad(of: [output], withRespectTo: leaves + net.parameters(), gradients: [R.wave(output.shape, k: 2.3)]).map { $0! }
        R.expect(name, [output] + gradients, rtol: 1e-8, atol: 1e-10)
    }

    private func norm(_ kind: Kind) -> Module? { kind == .first ? LayerNorm(4, dtype: .float64) : nil }
    private func flipped(_ x: Tensor, _ kind: Kind) -> Tensor { kind == .batch ? x.transpose(0, 1).contiguous() : x }

    @Test(arguments: Kind.allCases) func encoders(_ kind: Kind) {
        let layer = TransformerEncoderLayer(
            4, 2, dimFeedforward: 6, dropout: 0, activation: kind == .first ? .gelu : .relu, batchFirst: kind == .batch,
            normFirst: kind == .first, bias: kind != .batch,
            dtype: .float64)
        let net = numbered(TransformerEncoder(layer, 2, norm: norm(kind)))
        let name = "encoder/\(kind.rawValue)"
        R.expectText(name, net)
        let src = flipped(R.wave([3, 2, 4]), kind)
        run(name, net, [src]) { net($0[0]) }
        run("\(name)/causal", net, [src]) { net($0[0], mask: causal, isCausal: true) }
        run("\(name)/padded", net, [src]) { net($0[0], srcKeyPaddingMask: padding) }
    }

    @Test(arguments: Kind.allCases) func decoders(_ kind: Kind) {
        let layer = TransformerDecoderLayer(
            4, 2, dimFeedforward: 6, dropout: 0, activation: kind == .first ? .gelu : .relu, batchFirst: kind == .batch,
            normFirst: kind == .first, bias: kind != .batch,
            dtype: .float64)
        let net = numbered(TransformerDecoder(layer, 2, norm: norm(kind)))
        let name = "decoder/\(kind.rawValue)"
        R.expectText(name, net)
        let inputs = [flipped(R.wave([3, 2, 4]), kind), flipped(R.wave([4, 2, 4], k: 1.3), kind)]
        run(name, net, inputs) { net($0[0], $0[1]) }
        run("\(name)/masked", net, inputs) {
            net(
                $0[0], $0[1], tgtMask: causal, memoryMask: R.wave([3, 4], k: 1.7).gt(0.8), tgtKeyPaddingMask: padding.to(.float64) * -1e9,
                memoryKeyPaddingMask: memoryPadding, tgtIsCausal: true)
        }
    }

    /// Padded positions are computed like others, and no other position depends on them.
    @Test func paddedPositions() {
        let net = numbered(
            TransformerEncoder(TransformerEncoderLayer(4, 2, dimFeedforward: 6, dropout: 0, batchFirst: true, dtype: .float64), 2)
        ).eval()
        let x = R.wave([2, 3, 4])
        let other = x.clone()
        noGrad { _ = other[0, 2].fill_(5) }
        let (y, z) = noGrad { (net(x, srcKeyPaddingMask: padding), net(other, srcKeyPaddingMask: padding)) }
        expectEqual(y[0].narrow(0, 0, 2), z[0].narrow(0, 0, 2))
        #expect(!y[0, 2].equal(z[0, 2]) && y[0, 2].abs().max().item() > 0)
        expectEqual(y[1], z[1])
    }
}
