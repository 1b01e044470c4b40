import Apus
import Foundation

enum Args {
    static let epochs = 200
    static let lr = 0.03
    static let threshold = 2.0
    static let trainSize = 5000
    static let testSize = 1000
    static let logInterval = 50
}

func getYNeg(_ y: Tensor) -> Tensor {
    let yNeg = y.clone()
    for (idx, ySamp) in y.unbind().enumerated() {
        var allowedIndices = Array(0..<10)
        allowedIndices.remove(at: ySamp.item(Int.self))
        yNeg[idx] = Tensor(allowedIndices)[Tensor.randint(allowedIndices.count, [1])].item(Int.self)
    }
    return yNeg.to(y.device)
}

func overlayYOnX(_ x: Tensor, _ y: Tensor, classes: Int = 10) -> Tensor {
    let x_ = x.clone()
    x_[.all, ..<classes] *= 0.0
    x_[Tensor.arange(x.shape[0]), y] = x.max()
    return x_
}

final class Layer: Module {
    let linear: Linear
    let relu = ReLU()
    var opt: Adam!
    let threshold = Args.threshold
    let numEpochs = Args.epochs

    init(_ inFeatures: Int, _ outFeatures: Int) {
        linear = Linear(inFeatures, outFeatures)
        super.init()
        opt = Adam(parameters(), lr: Args.lr)
    }

    override func forward(_ x: Tensor) -> Tensor {
        let xDirection = x / (x.norm(2, dim: 1, keepDim: true) + 1e-4)
        return relu(linear(xDirection))
    }

    func train(_ xPos: Tensor, _ xNeg: Tensor) -> (Tensor, Tensor) {
        for i in 0..<numEpochs {
            let gPos = self(xPos).pow(2).mean(dim: 1)
            let gNeg = self(xNeg).pow(2).mean(dim: 1)
            let loss = (1 + Tensor.cat([-gPos + threshold, gNeg - threshold]).exp()).log().mean()
            opt.zeroGrad()
            // this backward just compute the derivative and hence is not considered backpropagation
            loss.backward()
            opt.step()
            if i % Args.logInterval == 0 {
                print("Loss: ", loss.item())
            }
        }
        return (self(xPos).detach(), self(xNeg).detach())
    }
}

final class Net: Module {
    var layers: [Layer] = []

    init(_ dims: [Int], device: Device) {
        super.init()
        for d in 0..<(dims.count - 1) {
            layers += [Layer(dims[d], dims[d + 1]).to(device)]
        }
    }

    func predict(_ x: Tensor) -> Tensor {
        var goodnessPerLabel: [Tensor] = []
        for label in 0..<10 {
            var h = overlayYOnX(x, Tensor.full([x.size(0)], label, device: x.device))
            var goodness: [Tensor] = []
            for layer in layers {
                h = layer(h)
                goodness += [h.pow(2).mean(dim: 1)]
            }
            goodnessPerLabel += [goodness.dropFirst().reduce(goodness[0], +).unsqueeze(1)]
        }
        return Tensor.cat(goodnessPerLabel, dim: 1).argmax(dim: 1)
    }

    func train(_ xPos: Tensor, _ xNeg: Tensor) {
        var (hPos, hNeg) = (xPos, xNeg)
        for (i, layer) in layers.enumerated() {
            print("training layer: ", i)
            (hPos, hNeg) = layer.train(hPos, hNeg)
        }
    }
}

manualSeed(1)
let device = Device.best

let trainLoader = try DataLoader(MNIST(.train), batchSize: Args.trainSize, shuffle: true)
let testLoader = try DataLoader(MNIST(.test), batchSize: Args.testSize, shuffle: false)

let net = Net([784, 500, 500], device: device)
print(net)

var trainIterator = trainLoader.makeIterator()
var (x, y) = trainIterator.next()!
x = ((x - 0.1307) / 0.3081).flatten(1).to(device)
y = y.to(device)

let yNeg = getYNeg(y)
print("labels kept by chance:", (yNeg == y).sum().item(Int.self))
let xPos = overlayYOnX(x, y)
let xNeg = overlayYOnX(x, yNeg)

net.train(xPos, xNeg)
let trainAccuracy = net.predict(x).eq(y).float().mean().item()
print("train error:", 1.0 - trainAccuracy)

var testIterator = testLoader.makeIterator()
let (testX, testY) = testIterator.next()!
let xTe = ((testX - 0.1307) / 0.3081).view(testX.size(0), -1).to(device)
let yTe = testY.to(device)

if xTe.shape[0] != Args.testSize { print("test batch is of \(xTe.shape)") }
let hits = net.predict(xTe).eq(yTe)
print(
    String(
        format: "test error: %.4f (%d/%d right)",
        1.0 - hits.float().mean().item(), hits.sum().item(Int.self), yTe.size(0)))
for digit in 0..<10 {
    let mask = yTe == digit
    if mask.sum().item() > 0 {
        print("  \(digit): \(Int(100 * hits[mask].float().mean().item()))%")
    }
}
