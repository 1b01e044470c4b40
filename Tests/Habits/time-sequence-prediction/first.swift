import Apus
import Foundation

// generate_sine_wave.py
let T = 20
let L = 200
let N = 23
let steps = 6

manualSeed(2)
let x = Tensor.arange(L) + Tensor.randint(-4 * T, 4 * T, [N, 1])
let data = (x.double() / Double(T)).sin()
print("data:", data.shape, data.dtype)

final class Sequence: Module {
    let lstm1 = LSTMCell(1, 51)
    let lstm2 = LSTMCell(51, 51)
    let linear = Linear(51, 1)

    func callAsFunction(_ input: Tensor, future: Int = 0) -> Tensor {
        call(input) { input in
            var outputs: [Tensor] = []
            var hT = Tensor.zeros([input.size(0), 51], dtype: .float64)
            var cT = Tensor.zeros([input.size(0), 51], dtype: .float64)
            var hT2 = Tensor.zeros([input.size(0), 51], dtype: .float64)
            var cT2 = Tensor.zeros([input.size(0), 51], dtype: .float64)
            var output = input

            for inputT in input.split(1, dim: 1) {
                (hT, cT) = lstm1(inputT, (hT, cT))
                (hT2, cT2) = lstm2(hT, (hT2, cT2))
                output = linear(hT2)
                outputs += [output]
            }
            for _ in 0..<future { // if we should predict the future
                (hT, cT) = lstm1(output, (hT, cT))
                (hT2, cT2) = lstm2(hT, (hT2, cT2))
                output = linear(hT2)
                outputs += [output]
            }
            return Tensor.cat(outputs, dim: 1)
        }
    }
}

// set random seed to 0
manualSeed(0)

// make training set and test set
let input = data[3..., ..<(-1)]
let target = data[3..., 1...]
let testInput = data[..<3, ..<(-1)]
let testTarget = data[..<3, 1...]
print("training on", input.shape, "testing on", testInput.shape)

// build the model
let seq = Sequence()
seq.double()
let criterion = MSELoss()
// use LBFGS as optimizer since we can load the whole data to train
let optimizer = LBFGS(seq.parameters(), lr: 0.8)

// begin to train
for i in 0..<steps {
    print("STEP: ", i)
    optimizer.step {
        optimizer.zeroGrad()
        let out = seq(input)
        let loss = criterion(out, target)
        print("loss:", loss.item())
        loss.backward()
        return loss
    }
    // begin to predict, no need to track gradient here
    noGrad {
        let future = 200
        let pred = seq(testInput, future: future)
        let loss = criterion(pred[.all, ..<(-future)], testTarget)
        print("test loss:", loss.item())
        let y = pred.detach()

        // what the original draws: the given and the predicted part
        for row in 0..<3 {
            let given = y[row, ..<input.size(1)]
            let guessed = y[row, input.size(1)...]
            print(
                String(
                    format: "  wave %d: given part in [%.3f, %.3f], future in [%.3f, %.3f], last %.4f",
                    row, given.min().item(), given.max().item(),
                    guessed.min().item(), guessed.max().item(), y[row, -1].item()))
        }
        // how far the future is from the sine it should be
        let start = x[..<3, -1].unsqueeze(1)
        let truth = ((start + Tensor.arange(future)).double() / Double(T)).sin()
        let error = (y[.all, (-future)...] - truth).abs()
        print("future error: mean \(error.mean().item()), per wave \(error.mean(dim: 1).array(Double.self))")
    }
}
