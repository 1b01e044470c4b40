// Which language is a word from? An LSTM reads the letters of words from Debian's dictionaries (wamerican, wfrench, wngerman, witalian), as
// packed sequences, since words differ in length. Two epochs give an accuracy of about 0.91 on test words; guessing gives 0.25.
import Apus
import Foundation

// MARK: Words

let languages = ["american-english", "french", "ngerman", "italian"]
let alphabet = Array("abcdefghijklmnopqrstuvwxyzàâäéèêëìîïòôöùûüçñßœ'-")
let codes = Dictionary(uniqueKeysWithValues: alphabet.enumerated().map { ($1, $0 + 1) }) // 0 is padding

manualSeed(0)
var words: [(letters: [Int], language: Int)] = []
for (language, name) in languages.enumerated() {
    let lines = try String(contentsOfFile: "/usr/share/dict/" + name, encoding: .utf8).split(separator: "\n")
    let known = lines.map { $0.lowercased().map { codes[$0] ?? 0 } }.filter { $0.count > 2 && !$0.contains(0) }
    // The same number of words for each language, from the whole dictionary.
    let order = Tensor.randperm(known.count).array(Int.self)
    words += order.prefix(12_000).map { (known[$0], language) }
}
let order = Tensor.randperm(words.count).array(Int.self)
let test = order.prefix(4_000).map { words[$0] }
let train = order.dropFirst(4_000).map { words[$0] }

/// The words as packed sequences of letter codes, and their languages.
func batch(_ words: ArraySlice<(letters: [Int], language: Int)>) -> (PackedSequence, Tensor) {
    (packSequence(words.map { Tensor($0.letters) }, enforceSorted: false), Tensor(words.map(\.language)))
}

// MARK: Model

final class Reader: Module {
    let letters = Embedding(alphabet.count + 1, 32, paddingIdx: 0)
    let lstm = LSTM(32, 64, bidirectional: true)
    let head = Linear(128, languages.count)

    /// Scores of the languages, from the final hidden states of both directions.
    func callAsFunction(_ words: PackedSequence) -> Tensor {
        call(words) { words in
            let (_, (h, _)) = lstm(words.with(letters(words.data)))
            return head(Tensor.cat([h[0], h[1]], dim: 1))
        }
    }
}

// MARK: Training

let model = Reader()
let optimizer = Adam(model.parameters(), lr: 5e-3)
let criterion = CrossEntropyLoss()
for epoch in 1...2 {
    let order = Tensor.randperm(train.count).array(Int.self).map { train[$0] }
    for start in stride(from: 0, to: order.count - 127, by: 128) {
        let (words, languages) = batch(order[start..<start + 128])
        let loss = criterion(model(words), languages)
        optimizer.zeroGrad()
        loss.backward()
        optimizer.step()
    }
    var right = 0
    noGrad {
        for start in stride(from: 0, to: test.count, by: 500) {
            let (words, languages) = batch(test[start..<start + 500])
            right += model(words).argmax(dim: 1).eq(languages).sum().item(Int.self)
        }
    }
    print("epoch \(epoch): accuracy", Double(right) / Double(test.count))
}
for word in ["through", "gemütlich", "bonheur", "allegria"] {
    let (packed, _) = batch([(word.map { codes[$0]! }, 0)])
    print(word, languages[noGrad { model(packed) }.argmax(dim: 1).item(Int.self)])
}
