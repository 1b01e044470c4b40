// Regression on a table in a CSV file: ten numbers per row, five of which determine the target (Friedman, 1991), the site where they were
// measured, which shifts it, and noise. Some numbers are missing, and some rows lack the target. The standard deviation of the noise is 1,
// and a network comes near it; the best linear function leaves about 2.6.
import Apus
import Foundation

// MARK: Table

/// Rows of ten numbers from 0 to 1, a site, and 10·sin(π·x₀·x₁) + 20·(x₂ − ½)² + 10·x₃ + 5·x₄ + shift of the site + noise.
func write(_ rows: Int, to file: String) throws {
    let sites = [("north", 0.0), ("south, by the sea", 3.0), ("west", -3.0)]
    var lines = [(0..<10).map { "x\($0)" }.joined(separator: ",") + ",site,target"]
    let (numbers, noise) = (Tensor.rand([rows, 10]).array(Double.self), Tensor.randn([rows]).array(Double.self))
    for row in 0..<rows {
        let x = Array(numbers[(row * 10)..<(row * 10 + 10)])
        let (site, shift) = sites[row % 3]
        let curve = 10 * sin(.pi * x[0] * x[1]) + 20 * (x[2] - 0.5) * (x[2] - 0.5)
        let target = curve + 10 * x[3] + 5 * x[4] + shift + noise[row]
        let fields = x.enumerated().map { $0 == 9 && row % 50 == 0 ? "NA" : "\($1)" }
        lines.append((fields + ["\"\(site)\"", row % 100 == 7 ? "" : "\(target)"]).joined(separator: ","))
    }
    try lines.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
}

manualSeed(0)
try write(10_000, to: "friedman.csv")
let table = try CSV(contentsOf: "friedman.csv")
// Rows without a target are dropped; other missing numbers become the mean of the training part.
let parts = try randomSplit(ListDataset(table.rows(complete: "target")), [0.8, 0.2]).map { part in
    part.indices.map { part.base.samples[$0] }
}
let encoder = try TableEncoder(
    (0..<10).map { .number("x\($0)", missing: .mean) } + [.category("site")], table, rows: parts[0])
let data = try parts.map { try TensorDataset(encoder.tensor(table, rows: $0), table["target"].tensor(rows: $0)) }

// MARK: Training

let train = DataLoader(data[0], batchSize: 64, shuffle: true)
let test = DataLoader(data[1], batchSize: 500)
let width = encoder.names.count
let model = Sequential(Linear(width, 64), SiLU(), Linear(64, 64), SiLU(), Linear(64, 1))
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
