// An actor owns a model in training: other tasks send it batches and ask for its loss, and the compiler ensures that nothing else accesses
// the model. Meanwhile the loader prepares the next batches on its own thread.
import Apus

actor Trainer {
    private let model = Sequential(Flatten(), Linear(784, 32), ReLU(), Linear(32, 10))
    private let criterion = CrossEntropyLoss()
    private let optimizer: Adam

    init() {
        optimizer = Adam(model.parameters(), lr: 1e-3)
    }

    /// Takes one step. Images and labels are sent: the sender can no longer use them.
    func step(_ images: sending Tensor, _ labels: sending Tensor) -> Double {
        let loss = criterion(model(images), labels)
        optimizer.zeroGrad()
        loss.backward()
        optimizer.step()
        return loss.item()
    }
}

let trainer = Trainer()
let loader = try DataLoader(Subset(FashionMNIST(.train), 0..<6400), batchSize: 64, shuffle: true, generator: Generator(seed: 1))
var losses: [Double] = []
for (images, labels) in loader {
    // The loader keeps no reference to a returned batch, but the compiler cannot know that; a copy can be sent.
    losses.append(await trainer.step(images.clone(), labels.clone()))
}
print("loss of the first step \(losses[0]), of the last \(losses[losses.count - 1])")
