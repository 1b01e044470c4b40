import ApusCore
import ApusData
import ApusDistributed
import ApusNN

/// The measurements of `compute` over the batches of `loader`, with `model` in evaluation mode (afterwards each layer gets its own mode
/// back) and without a graph. Several processes share the shards of each batch, and all get what all have measured. `goOn` is called after
/// each batch; returns nil once it returns false on any process.
package func measured<Batch, Output>(
    _ model: Module, on loader: DataLoader<Batch>, _ measures: [Measure<Output>], reducer: GradientReducer? = nil,
    compute: (Batch) throws -> (loss: Tensor, output: Output), goOn: () -> Bool = { true }
) throws -> Measurements? {
    let modes = ([model] + model.modules()).map { (module: $0, training: $0.training) }
    model.eval()
    defer { for (module, training) in modes { module.training = training } }
    return try checked {
        let measurements = Measurements(measures.map(\.name))
        let batches = Batches(loader, reducer)
        while let batch = try batches.next() {
            try checkedStep {
                for shard in batch.shards {
                    try inferenceMode {
                        let computed = try compute(shard.batch)
                        measurements.add(loss: computed.loss, computed.output, samples: shard.samples, measures, shard: shard.number)
                    }
                }
            }
            try throwFailure()
            guard try agreed(goOn(), reducer) else { return nil }
        }
        return try reducer.map { try measurements.gathered(in: $0.group, measures) } ?? measurements
    }
}

/// Whether all processes want to go on.
private func agreed(_ goesOn: Bool, _ reducer: GradientReducer?) throws -> Bool {
    guard let reducer else { return goesOn }
    return try !reducer.group.anyProcess([!goesOn])[0]
}
