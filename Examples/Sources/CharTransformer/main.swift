// A transformer that learns to write, character by character, from the quotations, riddles and sayings of Debian's package fortunes-min.
// After 900 steps it needs about 2.8 bits per character on unseen text; guessing by frequency alone needs 4.7.
import Apus
import Foundation

// MARK: Text

let folder = "/usr/share/games/fortunes/"
let text = try ["literature", "fortunes", "riddles"].map { try String(contentsOfFile: folder + $0, encoding: .utf8) }.joined()
let alphabet = Array(Set(text)).sorted()
let codes = Dictionary(uniqueKeysWithValues: alphabet.enumerated().map { ($1, $0) })
let all = Tensor(text.map { codes[$0]! })
let split = all.numel * 9 / 10

/// Pieces of `length` characters from random places of a text, and for each piece the characters that follow.
struct Pieces: Dataset {
    let text: Tensor
    let length: Int
    let count: Int

    /// Draws a new piece for every index, so an epoch can have any length.
    subscript(index: Int) -> (Tensor, Tensor) {
        let start = Tensor.randint(text.numel - length - 1, [1]).item(Int.self)
        return (text[start..<(start + length)], text[(start + 1)..<(start + length + 1)])
    }
}

// MARK: Model

final class CharTransformer: Module {
    let length: Int
    let tokens: Embedding
    let positions: Embedding
    let encoder: TransformerEncoder
    let norm: LayerNorm
    let head: Linear

    init(characters: Int, length: Int, width: Int, layers: Int) {
        self.length = length
        tokens = Embedding(characters, width)
        positions = Embedding(length, width)
        let layer = TransformerEncoderLayer(
            width, 4, dimFeedforward: 4 * width, dropout: 0.1, activation: .gelu, batchFirst: true, normFirst: true)
        encoder = TransformerEncoder(layer, layers)
        norm = LayerNorm([width])
        head = Linear(width, characters)
        super.init()
    }

    /// For each position the scores of the next character.
    override func forward(_ x: Tensor) -> Tensor {
        let steps = x.shape[1]
        let embedded = tokens(x) + positions(Tensor.arange(steps))
        let mask = Transformer.generateSquareSubsequentMask(steps)
        return head(norm(encoder(embedded, mask: mask, isCausal: true)))
    }

    /// `start` and `count` characters after it, sampled by their probabilities.
    func write(_ count: Int, after start: String) -> String {
        var written = start.compactMap { codes[$0] }
        noGrad {
            for _ in 0..<count {
                let scores = self(Tensor(Array(written.suffix(length))).unsqueeze(0))[0, -1]
                written.append((scores / 0.7).softmax(dim: 0).multinomial(1).item(Int.self))
            }
        }
        return String(written.map { alphabet[$0] })
    }
}

// MARK: Training

manualSeed(0)
let (length, epochs) = (64, 3)
let train = DataLoader(Pieces(text: all[0..<split], length: length, count: 300 * 32), batchSize: 32)
let test = DataLoader(Pieces(text: all[split..<all.numel], length: length, count: 128), batchSize: 128, generator: Generator(seed: 1))
let model = CharTransformer(characters: alphabet.count, length: length, width: 128, layers: 2)
let optimizer = AdamW(model.parameters(), lr: 3e-3, weightDecay: 0.1)
let schedule = OneCycleLR(optimizer, maxLR: 3e-3, epochs: epochs, stepsPerEpoch: train.count)

let trainer = Trainer(model: model, optimizer: optimizer, schedule: .everyStep(schedule)) { (x: Tensor, y: Tensor) in
    let loss = F.crossEntropy(model(x).flatten(startDim: 0, endDim: 1), y.reshape(-1))
    return (loss: loss, output: (loss, y.numel))
}
trainer.measure("perplexity") { Perplexity($0, tokens: $1) }
trainer.clipping = .norm(1)
trainer.observers = [ProgressBar()]
try trainer.fit(train, test: test, epochs: epochs)
for epoch in trainer.history { print("step \(epoch.step): \(String(format: "%.3f", epoch.test!.loss / log(2))) bits a character") }
model.eval()
print(model.write(300, after: "The "))
