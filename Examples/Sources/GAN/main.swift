// A generative adversarial network (Goodfellow et al., 2014): one network makes points from noise, the other tells them from real ones,
// which lie in eight small clouds on a circle. The trainer gets a custom step, with an optimizer for each network.
import Apus

// MARK: Points

/// Points around eight centres on a circle of radius 2.
func ring(_ count: Int, seed: UInt64) -> TensorDataset<Tensor> {
    withGenerator(Generator(seed: seed)) {
        let angle = Tensor.randint(8, [count, 1]) * (Double.pi / 4)
        return TensorDataset(Tensor.cat([angle.cos(), angle.sin()], dim: 1) * 2 + Tensor.randn([count, 2]) * 0.05)
    }
}

// MARK: Model

final class Adversaries: Module {
    let generator = Sequential(Linear(8, 128), ReLU(), Linear(128, 128), ReLU(), Linear(128, 2))
    let discriminator = Sequential(Linear(2, 128), LeakyReLU(0.2), Linear(128, 128), LeakyReLU(0.2), Linear(128, 1))

    /// Points made from noise.
    func points(_ count: Int) -> Tensor { generator(Tensor.randn([count, 8])) }
}

/// How many of the eight clouds contain more than one percent of the points.
func clouds(_ points: Tensor) -> Int {
    let angle = Tensor.arange(8).unsqueeze(1) * (Double.pi / 4)
    let centers = Tensor.cat([angle.cos(), angle.sin()], dim: 1) * 2
    let isNear = (points.unsqueeze(1) - centers).square().sum(dim: 2).lt(0.4 * 0.4)
    return isNear.to(.float32).mean(dim: 0).gt(0.01).sum().item(Int.self)
}

// MARK: Training

manualSeed(0)
let model = Adversaries()
let judge = Adam(model.discriminator.parameters(), lr: 1e-3, betas: (0.5, 0.9))
let maker = Adam(model.generator.parameters(), lr: 1e-3, betas: (0.5, 0.9))

let trainer = Trainer(model: model, optimizers: [judge, maker]) { (real: Tensor, step) in
    let fake = model.points(step.samples)
    let scores = (real: model.discriminator(real), fake: model.discriminator(fake.detach()))
    let judged = F.softplus(-scores.real).mean() + F.softplus(scores.fake).mean()
    step.minimize(judged, by: judge)
    let made = F.softplus(-model.discriminator(fake)).mean()
    step.minimize(made, by: maker)
    return (loss: judged, output: (made, step.samples))
}
trainer.measure("maker") { Mean($0, count: $1) }
trainer.observers = [ProgressBar(unit: "points")]
try trainer.fit(DataLoader(ring(25_600, seed: 1), batchSize: 256, shuffle: true), epochs: 20)
print("clouds \(noGrad { clouds(model.points(2_000)) }) of 8")
