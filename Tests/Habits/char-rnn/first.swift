import Apus
import Foundation

let categoryLines: [String: [String]] = [
    "English": ["Abbott", "Baker", "Clarke", "Dawson", "Edwards", "Fletcher", "Harrison", "Jackson", "Thompson", "Wright"],
    "Italian": ["Abatantuono", "Bellini", "Colombo", "Damiani", "Esposito", "Ferrari", "Gallo", "Marchetti", "Ricci", "Rossini"],
    "Japanese": ["Akiyama", "Fujimoto", "Hashimoto", "Ishikawa", "Kobayashi", "Matsumoto", "Nakamura", "Suzuki", "Tanaka", "Yamamoto"],
    "Polish": ["Adamczak", "Gorski", "Jaskolski", "Kaczmarek", "Kowalczyk", "Nowak", "Sienkiewicz", "Wojewodzki", "Wronski", "Zielinski"],
]
let allCategories = categoryLines.keys.sorted()
let nCategories = allCategories.count
let allLetters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ .,;'")
let nLetters = allLetters.count

@MainActor
func letterToIndex(_ letter: Character) -> Int {
    allLetters.firstIndex(of: letter)!
}

@MainActor
func lineToTensor(_ line: String) -> Tensor {
    let tensor = Tensor.zeros([line.count, 1, nLetters])
    for (li, letter) in line.enumerated() {
        tensor[li][0][letterToIndex(letter)] = 1
    }
    return tensor
}

final class RNN: Module {
    let hiddenSize: Int
    let i2h: Linear
    let h2h: Linear
    let h2o: Linear
    let softmax = LogSoftmax(dim: 1)

    init(_ inputSize: Int, _ hiddenSize: Int, _ outputSize: Int) {
        self.hiddenSize = hiddenSize
        i2h = Linear(inputSize, hiddenSize)
        h2h = Linear(hiddenSize, hiddenSize)
        h2o = Linear(hiddenSize, outputSize)
    }

    func callAsFunction(_ input: Tensor, _ hidden: Tensor) -> (Tensor, Tensor) {
        call(input, hidden) { input, hidden in
            let hidden = F.tanh(i2h(input) + h2h(hidden))
            var output = h2o(hidden)
            output = softmax(output)
            return (output, hidden)
        }
    }

    func initHidden() -> Tensor {
        Tensor.zeros([1, hiddenSize])
    }
}

manualSeed(0)
let nHidden = 64
let rnn = RNN(nLetters, nHidden, nCategories)
print(lineToTensor("Jones").size())
print(rnn(lineToTensor("Albert")[0], Tensor.zeros([1, nHidden])).0)

@MainActor
func categoryFromOutput(_ output: Tensor) -> (String, Int) {
    let (_, topI) = output.topk(1)
    let categoryI = topI[0].item(Int.self)
    return (allCategories[categoryI], categoryI)
}

@MainActor
func randomTrainingExample() -> (String, String, Tensor, Tensor) {
    let category = allCategories.randomElement()!
    let line = categoryLines[category]!.randomElement()!
    let categoryTensor = Tensor([allCategories.firstIndex(of: category)!])
    return (category, line, categoryTensor, lineToTensor(line))
}

let criterion = NLLLoss()
let learningRate = 0.01

@MainActor
func train(_ categoryTensor: Tensor, _ lineTensor: Tensor) -> (Tensor, Double) {
    var hidden = rnn.initHidden()
    var output = Tensor.zeros([1, nCategories])
    rnn.zeroGrad()
    for i in 0..<lineTensor.size(0) {
        (output, hidden) = rnn(lineTensor[i], hidden)
    }
    let loss = criterion(output, categoryTensor)
    loss.backward()

    clipGradNorm_(rnn.parameters(), 3)
    for p in rnn.parameters() {
        p.data.add_(p.grad!.data, alpha: -learningRate)
    }
    return (output, loss.item())
}

let nIters = 8000
let printEvery = 500
var currentLoss = 0.0
var allLosses: [Double] = []
let start = Date()

for iter in 1...nIters {
    let (category, line, categoryTensor, lineTensor) = randomTrainingExample()
    let (output, loss) = train(categoryTensor, lineTensor)
    currentLoss += loss
    if iter % printEvery == 0 {
        let (guess, _) = categoryFromOutput(output)
        let correct = guess == category ? "✓" : "✗ (\(category))"
        let seconds = Int(Date().timeIntervalSince(start))
        print(
            "\(iter) \(100 * iter / nIters)% (\(seconds / 60)m \(seconds % 60)s) \(String(format: "%.4f", loss)) \(line) / \(guess) \(correct)"
        )
        allLosses.append(currentLoss / Double(printEvery))
        currentLoss = 0
    }
}
print(allLosses.map { String(format: "%.3f", $0) }.joined(separator: " "))

@MainActor
func evaluate(_ lineTensor: Tensor) -> Tensor {
    var (output, hidden) = rnn(lineTensor[0], rnn.initHidden())
    for i in 1..<lineTensor.size(0) {
        (output, hidden) = rnn(lineTensor[i], hidden)
    }
    return output
}

let confusion = Tensor.zeros([nCategories, nCategories])
noGrad {
    for _ in 0..<500 {
        let (category, _, _, lineTensor) = randomTrainingExample()
        let (_, guessI) = categoryFromOutput(evaluate(lineTensor))
        confusion[allCategories.firstIndex(of: category)!][guessI] += 1
    }
    for i in 0..<nCategories {
        confusion[i] = confusion[i] / confusion[i].sum()
    }
    print(confusion)
    print(String(format: "accuracy %.1f%%", 100 * confusion.diag().mean().item()))

    for name in ["Dovesky", "Jackson", "Satoshi"] {
        print("\n> \(name)")
        let output = evaluate(lineToTensor(name))
        let (topV, topI) = output.topk(3, dim: 1, largest: true)
        for i in 0..<3 {
            print(String(format: "(%.2f)", topV[0][i].item()), allCategories[topI[0][i].item(Int.self)])
        }
    }
}
