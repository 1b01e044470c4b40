import ApusCore
import OrderedCollections
import TestSupport
import Testing
@testable import ApusNN

/// What `copy()` needs, and modules that do not need it.
@Suite struct CopyGroundTests {
    @Test func theRuntimeIsAsItIsKnown() {
        #expect(RuntimeCheck.problem == nil)
    }

    /// The layers of a transformer stack start as copies of one, and the generator advances as if only one had been made.
    @Test func layersOfAStackBeginAlike() {
        let generator = Generator(seed: 3)
        let (model, after) = withGenerator(generator) {
            (Transformer(4, 2, numEncoderLayers: 3, numDecoderLayers: 2, dimFeedforward: 8), generator.state)
        }
        for stack in ["encoder", "decoder"] {
            let vectors = model.namedParameters().filter {
                $0.name.hasPrefix(stack) && $0.parameter.ndim == 1 && $0.name.contains("layers.")
            }
            for (name, parameter) in vectors where !name.contains("layers.0.") {
                let parts = name.split(separator: ".")
                let first = (parts.prefix(2) + ["0"] + parts.dropFirst(3)).joined(separator: ".")
                #expect(vectors.first { $0.name == first }!.parameter.equal(parameter), "\(name)")
            }
        }
        let other = Generator(seed: 3)
        withGenerator(other) {
            let (encoder, decoder) = (TransformerEncoderLayer(4, 2, dimFeedforward: 8), TransformerDecoderLayer(4, 2, dimFeedforward: 8))
            let stacks = Sequential(["encoder": TransformerEncoder(encoder, 3), "decoder": TransformerEncoder(decoder, 2)])
            for parameter in stacks.parameters() where parameter.ndim > 1 { Init.xavierUniform_(parameter) }
        }
        #expect(other.state == after)
    }

    @Test func stacksByClosures() {
        let x = Tensor.ones([2, 1, 4])
        let encoder = TransformerEncoder(numLayers: 3) { number in Linear(4, 4, bias: number == 1) }
        #expect(encoder.layers.count == 3 && encoder.parameters().count == 4 && encoder(x).shape == [2, 1, 4])
        let decoder = TransformerDecoder(numLayers: 2, norm: LayerNorm([4])) { _ in TransformerDecoderLayer(4, 2, dimFeedforward: 8) }
        #expect(decoder.layers.count == 2 && decoder(x, x).shape == [2, 1, 4])
        #expect(message { TransformerEncoder(numLayers: 0) { _ in Linear(4, 4) } }.contains("numLayers"))
    }

    @Test func averagesIntoAnObjectOfOnesOwn() {
        let (model, other) = (Linear(3, 2), Linear(3, 2))
        let averaged = AveragedModel(model, into: other, average: .exponential(decay: 0.5))
        #expect(averaged.module === other && other.weight.equal(model.weight))
        #expect(message { AveragedModel(model, into: Linear(3, 4)) }.contains("weight"))
    }
}
