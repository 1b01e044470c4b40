import Apus
import Foundation

/// Two images go through the same backbone; a fully connected head says whether they are of one class.
final class SiameseNetwork: Module {
    let backbone = Sequential(
        Conv2d(1, 32, 3, stride: 1, padding: 1, bias: false),
        BatchNorm2d(32),
        ReLU(inplace: true),
        MaxPool2d(2),
        Conv2d(32, 64, 3, padding: 1, bias: false),
        BatchNorm2d(64),
        ReLU(inplace: true),
        MaxPool2d(2),
        Conv2d(64, 64, 3, padding: 1, bias: false),
        BatchNorm2d(64),
        ReLU(inplace: true),
        AdaptiveAvgPool2d(1)
    )
    let fc = Sequential(
        Linear(64 * 2, 256),
        ReLU(inplace: true),
        Linear(256, 1)
    )
    let sigmoid = Sigmoid()

    override init() {
        super.init()
        backbone.apply(initWeights)
        fc.apply(initWeights)
    }

    func initWeights(_ m: Module) {
        if let m = m as? Linear {
            Init.xavierUniform_(m.weight)
            m.bias.data.fill_(0.01)
        }
    }

    func forwardOnce(_ x: Tensor) -> Tensor {
        let output = backbone(x)
        return output.view(output.size(0), -1)
    }

    func callAsFunction(_ input1: Tensor, _ input2: Tensor) -> Tensor {
        call(input1, input2) { input1, input2 in
            // get two images' features
            let output1 = forwardOnce(input1)
            let output2 = forwardOnce(input2)
            // concatenate both images' features and pass them to the linear layers
            var output = Tensor.cat([output1, output2], dim: 1)
            output = fc(output)
            return sigmoid(output)
        }
    }
}

final class AppMatcher: Dataset {
    let data: Tensor
    let targets: Tensor
    var groupedExamples: [Int: [Int]] = [:]

    init(_ split: FashionMNIST.Split) throws {
        let dataset = try FashionMNIST(split)
        data = dataset.data.unsqueeze(1).clone()
        targets = dataset.targets
        // indices of the examples of each class
        for i in 0..<10 {
            groupedExamples[i] = (targets == i).nonzero().flatten().array(Int.self)
        }
    }

    var count: Int { data.shape[0] }

    subscript(index: Int) -> (Tensor, Tensor, Tensor) {
        let selectedClass = Int.random(in: 0..<10)
        let index1 = groupedExamples[selectedClass]!.randomElement()!
        let image1 = data[index1].clone().float() / 255

        // an even index gives a positive pair, an odd one a negative pair
        let target: Tensor
        var otherClass = selectedClass
        if index % 2 == 0 {
            target = Tensor(1, dtype: .float32)
        } else {
            while otherClass == selectedClass {
                otherClass = Int.random(in: 0..<10)
            }
            target = Tensor(0, dtype: .float32)
        }
        let index2 = groupedExamples[otherClass]!.randomElement()!
        let image2 = data[index2].clone().float() / 255
        return (image1, image2, target)
    }
}

func train(
    _ model: SiameseNetwork, _ device: Device, _ trainLoader: DataLoader<AppMatcher>,
    _ optimizer: Optimizer, _ epoch: Int
) {
    model.train()
    let criterion = BCELoss()
    for (batchIdx, (images1, images2, targets)) in trainLoader.enumerated() {
        let (images1, images2, targets) = (images1.to(device), images2.to(device), targets.to(device))
        optimizer.zeroGrad()
        let outputs = model(images1, images2).squeeze()
        let loss = criterion(outputs, targets)
        loss.backward()
        optimizer.step()
        if batchIdx % 20 == 0 {
            let percent = 100 * batchIdx / trainLoader.count
            print("Train Epoch: \(epoch) [\(batchIdx * images1.size(0))/\(trainLoader.dataset.count) (\(percent)%)]\tLoss: \(loss.item())")
        }
    }
}

func test(_ model: SiameseNetwork, _ device: Device, _ testLoader: DataLoader<AppMatcher>) {
    model.eval()
    var testLoss = 0.0
    var correct = 0
    let criterion = BCELoss(reduction: .sum)
    noGrad {
        for (images1, images2, targets) in testLoader {
            let targets = targets.to(device)
            let outputs = model(images1.to(device), images2.to(device)).squeeze()
            testLoss += criterion(outputs, targets).item()
            let pred = Tensor.where(outputs > 0.5, 1, 0)
            correct += pred.eq(targets.viewAs(pred)).sum().item(Int.self)
        }
    }
    let n = testLoader.dataset.count
    print(
        String(
            format: "\nTest set: Average loss: %.4f, Accuracy: %d/%d (%.0f%%)\n",
            testLoss / Double(n), correct, n, 100.0 * Double(correct) / Double(n)))
}

manualSeed(1)
let device = Device.best
let trainLoader = try DataLoader(AppMatcher(.train), batchSize: 64, shuffle: true)
let testLoader = try DataLoader(AppMatcher(.test), batchSize: 1000)
let model = SiameseNetwork().to(device)
let optimizer = Adadelta(model.parameters(), lr: 1.0)
let scheduler = StepLR(optimizer, 1, gamma: 0.7)
for epoch in 1...2 {
    train(model, device, trainLoader, optimizer, epoch)
    test(model, device, testLoader)
    scheduler.step()
}
try model.stateDict().save(to: "siamese_network.safetensors")
