import Apus
import Foundation

final class VAE: Module {
    let fc1 = Linear(784, 400)
    let fc21 = Linear(400, 20)
    let fc22 = Linear(400, 20)
    let fc3 = Linear(20, 400)
    let fc4 = Linear(400, 784)

    func encode(_ x: Tensor) -> (Tensor, Tensor) {
        let h1 = F.relu(fc1(x))
        return (fc21(h1), fc22(h1))
    }

    func reparameterize(_ mu: Tensor, _ logvar: Tensor) -> Tensor {
        let std = (0.5 * logvar).exp()
        let eps = Tensor.randn(like: std)
        return mu + eps * std
    }

    func decode(_ z: Tensor) -> Tensor {
        let h3 = F.relu(fc3(z))
        return fc4(h3).sigmoid()
    }

    func callAsFunction(_ x: Tensor) -> (Tensor, Tensor, Tensor) {
        call(x) { x in
            let (mu, logvar) = encode(x.view(-1, 784))
            let z = reparameterize(mu, logvar)
            return (decode(z), mu, logvar)
        }
    }
}

// Reconstruction + KL divergence losses summed over all elements and batch
func lossFunction(_ reconX: Tensor, _ x: Tensor, _ mu: Tensor, _ logvar: Tensor) -> Tensor {
    let BCE = F.binaryCrossEntropy(reconX, x.view(-1, 784), reduction: .sum)

    // see Appendix B from VAE paper:
    // 0.5 * sum(1 + log(sigma^2) - mu^2 - sigma^2)
    let KLD = -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum()

    return BCE + KLD
}

let batchSize = 128
let epochs = 2
let logInterval = 50

manualSeed(1)
let device = Device.best

let trainLoader = try DataLoader(FashionMNIST(.train), batchSize: batchSize, shuffle: true)
let testLoader = try DataLoader(FashionMNIST(.test), batchSize: batchSize, shuffle: false)

let model = VAE().to(device)
let optimizer = Adam(model.parameters(), lr: 1e-3)

@MainActor
func train(_ epoch: Int) {
    model.train()
    var trainLoss = 0.0
    for (batchIdx, (data, _)) in trainLoader.enumerated() {
        let data = data.to(device)
        optimizer.zeroGrad()
        let (reconBatch, mu, logvar) = model(data)
        let loss = lossFunction(reconBatch, data, mu, logvar)
        loss.backward()
        trainLoss += loss.item()
        optimizer.step()
        if batchIdx % logInterval == 0 {
            print(
                String(
                    format: "Train Epoch: %d [%d/%d (%.0f%%)]\tLoss: %.6f",
                    epoch, batchIdx * data.shape[0], trainLoader.dataset.count,
                    100.0 * Double(batchIdx) / Double(trainLoader.count),
                    loss.item() / Double(data.shape[0])))
        }
    }
    print(
        String(
            format: "====> Epoch: %d Average loss: %.4f",
            epoch, trainLoss / Double(trainLoader.dataset.count)))
}

@MainActor
func test(_ epoch: Int) {
    model.eval()
    var testLoss = 0.0
    noGrad {
        for (i, (data, _)) in testLoader.enumerated() {
            let data = data.to(device)
            let (reconBatch, mu, logvar) = model(data)
            testLoss += lossFunction(reconBatch, data, mu, logvar).item()
            if i == 0 {
                let n = min(data.size(0), 8)
                let comparison = Tensor.cat([data[..<n], reconBatch.view(batchSize, 1, 28, 28)[..<n]])
                print("comparison:", comparison.shape)
            }
        }
    }
    testLoss /= Double(testLoader.dataset.count)
    print(String(format: "====> Test set loss: %.4f", testLoss))
}

for epoch in 1...epochs {
    train(epoch)
    test(epoch)
    noGrad {
        var sample = Tensor.randn([64, 20]).to(device)
        sample = model.decode(sample).cpu()
        let grid = sample.view(64, 1, 28, 28)
        print("sample:", grid.shape, "mean \(grid.mean().item())", "max \(grid.max().item())")
    }
}
