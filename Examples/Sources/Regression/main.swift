// Regression on a table: ten numbers per row, five of which determine the target (Friedman, 1991), with noise. The standard deviation of
// the noise is 1, and a network comes near it; the best linear function leaves about 2.6.
import Apus

// MARK: Table

/// Rows of ten numbers from 0 to 1, and 10·sin(π·x₀·x₁) + 20·(x₂ − ½)² + 10·x₃ + 5·x₄ + noise.
func table(_ rows: Int, seed: UInt64) -> TensorDataset<(Tensor, Tensor)> {
    withGenerator(Generator(seed: seed)) {
        let x = Tensor.rand([rows, 10])
        let column = { (i: Int) in x[.all, i...i] }
        let target = (column(0) * column(1) * Double.pi).sin() * 10 + (column(2) - 0.5).square() * 20 + column(3) * 10 + column(4) * 5
        return TensorDataset(x, target + Tensor.randn([rows, 1]))
    }
}

// MARK: Training

manualSeed(0)
let train = DataLoader(table(8_000, seed: 1), batchSize: 64, shuffle: true)
let test = DataLoader(table(2_000, seed: 2), batchSize: 500)
let model = Sequential(BatchNorm1d(10), Linear(10, 64), SiLU(), Linear(64, 64), SiLU(), Linear(64, 1))
let optimizer = AdamW(model.parameters(), lr: 3e-3, weightDecay: 1e-3)
let plateau = ReduceLROnPlateau(optimizer, factor: 0.3, patience: 2)

let trainer = Trainer(model: model, optimizer: optimizer, schedule: .plateau(plateau, watching: .lowest("rmse"))) { F.mseLoss($0, $1) }
trainer.measure("rmse") { MeanSquaredError($0, $1, root: true) }
trainer.measure("mae") { MeanAbsoluteError($0, $1) }
trainer.average(model, into: AveragedModel(model, average: .exponential(decay: 0.99), useBuffers: true))
trainer.earlyStopping = EarlyStopping(.lowest("rmse"), patience: 6)
trainer.keepBest = .lowest("rmse")
trainer.observers = [ProgressBar(unit: "rows")]
let outcome = try trainer.fit(train, test: test, epochs: 30)
try trainer.loadBest()
print("\(outcome) after \(trainer.history.count) epochs; the best rmse \(try trainer.evaluate(test)["rmse"]!)")
