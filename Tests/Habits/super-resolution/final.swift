import Apus
import Foundation

final class Net: Module {
    let relu = ReLU()
    let conv1: Conv2d
    let conv2: Conv2d
    let conv3: Conv2d
    let conv4: Conv2d
    let pixelShuffle: PixelShuffle

    init(upscaleFactor: Int) {
        conv1 = Conv2d(1, 64, [5, 5], stride: [1, 1], padding: [2, 2])
        conv2 = Conv2d(64, 64, [3, 3], stride: [1, 1], padding: [1, 1])
        conv3 = Conv2d(64, 32, [3, 3], stride: [1, 1], padding: [1, 1])
        conv4 = Conv2d(32, upscaleFactor * upscaleFactor, [3, 3], stride: [1, 1], padding: [1, 1])
        pixelShuffle = PixelShuffle(upscaleFactor)
        super.init()
        initializeWeights()
    }

    override func forward(_ x: Tensor) -> Tensor {
        var x = relu(conv1(x))
        x = relu(conv2(x))
        x = relu(conv3(x))
        x = pixelShuffle(conv4(x))
        return x
    }

    private func initializeWeights() {
        Init.orthogonal_(conv1.weight, gain: Init.calculateGain(.relu))
        Init.orthogonal_(conv2.weight, gain: Init.calculateGain(.relu))
        Init.orthogonal_(conv3.weight, gain: Init.calculateGain(.relu))
        Init.orthogonal_(conv4.weight)
    }
}

let upscaleFactor = 2
let batchSize = 64
let testBatchSize = 100
let nEpochs = 3
let lr = 0.001
let iterations = 100

manualSeed(123)
let device = Device.best

print("===> Loading datasets")
let trainingDataLoader = try DataLoader(FashionMNIST(.train), batchSize: batchSize, shuffle: true, dropLast: true)
let testingDataLoader = try DataLoader(FashionMNIST(.test), batchSize: testBatchSize, shuffle: false)

// what the original's input_transform does
func lowResolution(_ images: Tensor, _ factor: Int) -> Tensor {
    F.interpolate(images, scaleFactor: 1.0 / Double(factor), mode: .bicubic, antialias: true).clamp(0, 1)
}

print("===> Building model")
let model = Net(upscaleFactor: upscaleFactor).to(device)
let criterion = MSELoss()

let optimizer = Adam(model.parameters(), lr: lr)
print(model)
print("parameters:", model.parameters().map { $0.numel }.reduce(0, +))

@MainActor
func train(_ epoch: Int) {
    model.train()
    var epochLoss = 0.0
    for (i, (images, _)) in trainingDataLoader.enumerated() {
        let iteration = i + 1
        if iteration > iterations { break }
        let (input, target) = (lowResolution(images, upscaleFactor).to(device), images.to(device))

        optimizer.zeroGrad()
        let loss = criterion(model(input), target)
        epochLoss += loss.item()
        loss.backward()
        optimizer.step()

        if iteration % 10 == 0 {
            print(String(format: "===> Epoch[%d](%d/%d): Loss: %.4f", epoch, iteration, iterations, loss.item()))
        }
    }
    print(String(format: "===> Epoch %d Complete: Avg. Loss: %.4f", epoch, epochLoss / Double(iterations)))
}

@MainActor
func test() {
    model.eval()
    var avgPsnr = 0.0
    var avgBase = 0.0
    noGrad {
        for (images, _) in testingDataLoader {
            let (input, target) = (lowResolution(images, upscaleFactor).to(device), images.to(device))

            let prediction = model(input)
            let mse = criterion(prediction, target)
            let psnr = 10 * log10(1 / mse.item())
            avgPsnr += psnr

            let base = F.interpolate(input, size: target.shape[2...], mode: .bicubic)
            avgBase += 10 * log10(1 / ((base - target) ** 2).mean().item())
        }
    }
    let n = Double(testingDataLoader.count)
    print(String(format: "===> Avg. PSNR: %.4f dB (bicubic: %.4f dB)", avgPsnr / n, avgBase / n))
}

func checkpoint(_ model: Net, _ epoch: Int) throws {
    let modelOutPath = "model_epoch_\(epoch).safetensors"
    try model.stateDict().save(to: modelOutPath)
    print("Checkpoint saved to \(modelOutPath)")
}

for epoch in 1...nEpochs {
    train(epoch)
    test()
    try checkpoint(model, epoch)
}

// super_resolve.py: one image
let restored = Net(upscaleFactor: upscaleFactor)
try restored.loadStateDict(StateDict.load(from: "model_epoch_\(nEpochs).safetensors"))
restored.eval()
let (image, _) = try FashionMNIST(.test)[0]
let out = noGrad { restored(image.view(1, 1, 28, 28)) }
let outImage = (out[0, 0] * 255.0).clamp(0, 255).to(.uint8)
print("output image:", outImage.shape, outImage[28, 20..<30])
