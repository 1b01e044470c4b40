// A first program: three ways to name layers, a custom module, training on real images, saving.
import Apus

let one = Sequential()
one.addModule("layer1", Linear(784, 256))
one.addModule("relu1", ReLU())
one.addModule("layer2", Linear(256, 10))

let two: Sequential = [
    "linear1": Linear(784, 256),
    "relu1": ReLU(),
    "linear2": Linear(256, 10),
]

let three = Sequential(Linear(784, 256), ReLU(), Linear(256, 10))

print(one, two, three, separator: "\n")

final class Net: Module {
    let conv1 = Conv2d(1, 8, 3, padding: 1)
    let fc = Linear(8 * 14 * 14, 10)
    override func forward(_ x: Tensor) -> Tensor {
        fc(F.maxPool2d(F.relu(conv1(x)), 2).flatten(1))
    }
}

let device = Device.best
let model = Net().to(device)
let optimizer = SGD(model.parameters(), lr: 0.1, momentum: 0.9)
let criterion = CrossEntropyLoss()
let train = try DataLoader(FashionMNIST(.train), batchSize: 64, shuffle: true)
let test = try DataLoader(FashionMNIST(.test), batchSize: 1000)

for epoch in 1...5 {
    model.train()
    for (images, labels) in train {
        let loss = criterion(model(images.to(device)), labels.to(device))
        optimizer.zeroGrad()
        loss.backward()
        optimizer.step()
    }
    model.eval()
    var right = 0
    noGrad {
        for (images, labels) in test {
            right += model(images.to(device)).argmax(dim: 1).eq(labels.to(device)).sum().item(Int.self)
        }
    }
    print(epoch, Double(right) / 10_000)
}
try model.stateDict().save(to: "net.safetensors")
