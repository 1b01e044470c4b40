import ApusCore
import ApusFormats

/// A metric that a trainer computes for every batch: its name, and how it is made from the output of the step.
public struct Measure<Output> {
    /// The name in progress bars, records and checkpoints.
    public let name: String
    let make: (Output) -> any Metric
    let decode: (JSON) throws -> any Metric

    /// `make` returns the metric of one batch.
    public init<M: Metric>(_ name: String, _ make: @escaping (Output) -> M) {
        self.name = name
        self.make = make
        decode = { try $0.decoded(as: M.self) }
    }
}

/// The loss and the metrics of the batches seen so far.
///
/// Values are read from the device only when they are requested; the results are the same whenever that is.
public final class Measurements {
    /// The number of samples so far; does not wait for the device.
    public private(set) var samples = 0
    private var mean = Mean(total: 0, count: 0)
    private var entries: [(name: String, metric: (any Metric)?)]

    /// Without batches, for metrics with those names.
    package init(_ names: [String] = []) { entries = names.map { ($0, nil) } }

    /// The mean loss over all samples; NaN before the first batch. Waits for the device.
    public var loss: Double { mean.value }
    /// The names of the metrics, in the order in which they were declared.
    public var names: [String] { entries.map(\.name) }
    /// The value of the metric of that name, NaN before the first batch; nil where there is none. `loss` is the loss. Waits for the device.
    public subscript(name: String) -> Double? {
        name == "loss" ? loss : entries.first { $0.name == name }.map { $0.metric?.value ?? .nan }
    }
    /// The metric itself, for a type that has more than one value, such as ``ConfusionMatrix``. nil before the first batch.
    public func metric<M: Metric>(_ name: String, as type: M.Type = M.self) -> M? { entries.first { $0.name == name }?.metric as? M }

    /// All values. Waits for the device.
    public var record: Measured { Measured(loss: loss, metrics: entries.map { .init(name: $0.name, value: $0.metric?.value ?? .nan) }) }

    /// The metrics that a progress bar shows. Waits for the device.
    package var onTheWay: [Measured.Entry] {
        entries.compactMap { entry in entry.metric.flatMap { type(of: $0).isShownOnTheWay ? .init(name: entry.name, value: $0.value) : nil }
        }
    }

    /// Adds a batch: its mean loss (a scalar) and its metrics.
    package func add<Output>(loss: Tensor, _ output: Output, samples count: Int, _ measures: [Measure<Output>]) {
        samples += count
        mean.merge(Mean(loss, count: count))
        for (i, measure) in measures.enumerated() {
            let metric = measure.make(output)
            if entries[i].metric == nil { entries[i].metric = metric } else { Measurements.merge(&entries[i].metric!, metric) }
        }
    }

    private static func merge<M: Metric>(_ earlier: inout M, _ later: any Metric) { earlier.merge(later as! M) } // One closure makes both.

    /// Σ loss · samples, for means over a part of an epoch. Waits for the device.
    package var lossTotal: Double { samples == 0 ? 0 : mean.total }

    // MARK: Checkpoints

    /// The state in a checkpoint.
    struct State: Codable {
        var samples: Int
        var mean: Mean
        var metrics: [Entry]
        struct Entry: Codable {
            var name: String
            var metric: JSON?
        }
    }

    /// Waits for the device.
    func state() throws -> State {
        State(
            samples: samples, mean: mean,
            metrics: try entries.map { .init(name: $0.name, metric: try $0.metric.map { try JSON(encoding: $0) }) })
    }

    /// Continues from a state of the same metrics. Throws a `MeasureError` that says what differs.
    convenience init<Output>(_ state: State, _ measures: [Measure<Output>]) throws {
        let names = measures.map(\.name)
        guard state.metrics.map(\.name) == names else {
            throw MeasureError("the checkpoint has the metrics \(list(state.metrics.map(\.name))), this trainer \(list(names))")
        }
        self.init(names)
        (samples, mean) = (state.samples, state.mean)
        for (i, entry) in state.metrics.enumerated() {
            guard let metric = entry.metric else { continue }
            do {
                entries[i].metric = try measures[i].decode(metric)
            } catch {
                throw MeasureError("the metric '\(entry.name)' cannot be read: \(JSON.problem(error))")
            }
        }
    }
}

private func list(_ names: [String]) -> String { names.isEmpty ? "none" : names.map { "'\($0)'" }.joined(separator: ", ") }

struct MeasureError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// The loss and the metrics of an epoch.
public struct Measured: Hashable, Sendable, Codable {
    /// A metric's name and value.
    public struct Entry: Hashable, Sendable, Codable {
        /// The name of the metric.
        public var name: String
        /// The value of the metric.
        public var value: Double
        /// A name and a value.
        public init(name: String, value: Double) { (self.name, self.value) = (name, value) }
    }
    /// The mean loss over all samples.
    public var loss: Double
    /// The metrics, in the order in which they were declared.
    public var metrics: [Entry]

    /// A loss, and metrics.
    public init(loss: Double, metrics: [Entry] = []) { (self.loss, self.metrics) = (loss, metrics) }

    /// The value of that name, nil where there is none; `loss` is the loss.
    public subscript(name: String) -> Double? { name == "loss" ? loss : metrics.first { $0.name == name }?.value }
}
