import Apus
import Foundation

final class Net: Module {
    let conv1 = Conv2d(1, 32, 3, stride: 1)
    let conv2 = Conv2d(32, 64, 3, stride: 1)
    let dropout1 = Dropout(0.25)
    let dropout2 = Dropout(0.5)
    let fc1 = Linear(9216, 128)
    let fc2 = Linear(128, 10)

    override func forward(_ x: Tensor) -> Tensor {
        var x = conv1(x)
        x = F.relu(x)
        x = conv2(x)
        x = F.relu(x)
        x = F.maxPool2d(x, 2)
        x = dropout1(x)
        x = x.flatten(1)
        x = fc1(x)
        x = F.relu(x)
        x = dropout2(x)
        x = fc2(x)
        let output = F.logSoftmax(x, dim: 1)
        return output
    }
}

let batchSize = 64
let testBatchSize = 1000
let epochs = 2
let lr = 1.0
let gamma = 0.7
let seed = 1
let logInterval = 10
let dryRun = false
let saveModel = true

func train(
    _ model: Net, _ device: Device, _ trainLoader: DataLoader, _ optimizer: Optimizer,
    _ epoch: Int, logInterval: Int, dryRun: Bool
) {
    model.train()
    for (batchIdx, (data, target)) in trainLoader.enumerated() {
        var (data, target) = (data.to(device), target.to(device))
        data = (data - 0.1307) / 0.3081
        optimizer.zeroGrad()
        let output = model(data)
        let loss = F.nllLoss(output, target)
        loss.backward()
        optimizer.step()
        if batchIdx % logInterval == 0 {
            print(
                String(
                    format: "Train Epoch: %d [%d/%d (%.0f%%)]\tLoss: %.6f",
                    epoch, batchIdx * data.size(0), trainLoader.dataset.count,
                    100.0 * Double(batchIdx) / Double(trainLoader.count), loss.item()))
            if dryRun {
                break
            }
        }
    }
}

func test(_ model: Net, _ device: Device, _ testLoader: DataLoader) {
    model.eval()
    var testLoss = 0.0
    var correct = 0
    noGrad {
        for (data, target) in testLoader {
            let data = (data.to(device) - 0.1307) / 0.3081
            let target = target.to(device)
            let output = model(data)
            testLoss += F.nllLoss(output, target, reduction: .sum).item() // sum up batch loss
            let pred = output.argmax(dim: 1, keepDim: true) // index of the max log-probability
            correct += pred.eq(target.viewAs(pred)).sum().item(Int.self)
        }
    }
    let n = testLoader.dataset.count
    testLoss /= Double(n)
    print(
        String(
            format: "\nTest set: Average loss: %.4f, Accuracy: %d/%d (%.0f%%)\n",
            testLoss, correct, n, 100.0 * Double(correct) / Double(n)))
}

manualSeed(seed)
let device = Device.best

let trainLoader = try DataLoader(MNIST(.train), batchSize: batchSize, shuffle: true, numWorkers: 1)
let testLoader = try DataLoader(MNIST(.test), batchSize: testBatchSize)

let model = Net().to(device)
print(model)
let optimizer = Adadelta(model.parameters(), lr: lr)

let scheduler = StepLR(optimizer, 1, gamma: gamma)
for epoch in 1...epochs {
    train(model, device, trainLoader, optimizer, epoch, logInterval: logInterval, dryRun: dryRun)
    test(model, device, testLoader)
    scheduler.step()
    print("lr:", scheduler.getLastLR()[0])
}

if saveModel {
    try model.stateDict().save(to: "mnist_cnn.safetensors")
}
