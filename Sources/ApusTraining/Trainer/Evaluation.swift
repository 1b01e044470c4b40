import ApusCore
import ApusData
import ApusNN

/// The measurements of `compute` over the batches of `loader`, with `model` in evaluation mode (afterwards each layer gets its own mode
/// back) and without a graph. `goOn` is called after each batch; returns nil once it returns false.
package func measured<Batch, Output>(
    _ model: Module, on loader: DataLoader<Batch>, _ measures: [Measure<Output>], compute: (Batch) throws -> (loss: Tensor, output: Output),
    goOn: () -> Bool = { true }
) throws -> Measurements? {
    let modes = ([model] + model.modules()).map { (module: $0, training: $0.training) }
    model.eval()
    defer { for (module, training) in modes { module.training = training } }
    return try checked {
        let measurements = Measurements(measures.map(\.name))
        let iterator = loader.makeIterator()
        while let batch = try iterator.nextBatch() {
            try checkedStep {
                try inferenceMode {
                    let computed = try compute(batch)
                    measurements.add(loss: computed.loss, computed.output, samples: iterator.sampleCount, measures)
                }
            }
            try throwFailure()
            guard goOn() else { return nil }
        }
        return measurements
    }
}
