import ApusCore
import ApusDistributed
import ApusFormats

/// A metric that a trainer computes for every batch: its name, and how it is made from the output of the step.
public struct Measure<Output> {
    /// The name in progress bars, records and checkpoints.
    public let name: String
    let make: (Output) -> any Metric
    let decode: (JSON, StateTensors) throws -> any Metric

    /// `make` returns the metric of one batch.
    public init<M: Metric>(_ name: String, _ make: @escaping (Output) -> M) {
        self.name = name
        self.make = make
        decode = { try $0.decoded(as: M.self, userInfo: $1.userInfo) }
    }
}

/// The loss and the metrics of the batches seen so far.
///
/// Values are read from the device only when they are requested; the results are the same whenever that is.
public final class Measurements {
    /// The names of the metrics, in the order in which they were declared.
    public let names: [String]
    /// What was measured of each shard of the batches: merged in their order, the result is the same whichever processes have the shards.
    private var parts: [Int: Part] = [:]

    private struct Part {
        var samples = 0
        var mean = Mean(total: 0, count: 0)
        var metrics: [(any Metric)?]
    }

    /// The part of what was measured of all shards together.
    private static let allShards = -1

    /// Without batches, for metrics with those names.
    package init(_ names: [String] = []) { self.names = names }

    private var inOrder: [Part] { parts.sorted { $0.key < $1.key }.map(\.value) }

    /// The number of samples so far; does not wait for the device.
    public var samples: Int { parts.values.reduce(0) { $0 + $1.samples } }

    private var mean: Mean {
        // Of one part the mean itself, which remembers what it has read from the device.
        if parts.count == 1 { return inOrder[0].mean }
        return inOrder.reduce(into: Mean(total: 0, count: 0)) { if $1.samples > 0 { $0.merge($1.mean) } }
    }

    private func metric(at place: Int) -> (any Metric)? {
        var merged: (any Metric)?
        for case let metric? in inOrder.map({ $0.metrics[place] }) { Measurements.merge(&merged, metric) }
        return merged
    }

    /// The mean loss over all samples; NaN before the first batch. Waits for the device.
    public var loss: Double { mean.value }
    /// The value of the metric of that name, NaN before the first batch; nil where there is none. `loss` is the loss. Waits for the device.
    public subscript(name: String) -> Double? {
        name == "loss" ? loss : names.firstIndex(of: name).map { metric(at: $0)?.value ?? .nan }
    }
    /// The metric itself, for a type that has more than one value, such as ``ConfusionMatrix``. nil before the first batch.
    public func metric<M: Metric>(_ name: String, as type: M.Type = M.self) -> M? {
        names.firstIndex(of: name).flatMap { metric(at: $0) } as? M
    }

    /// All values. Waits for the device.
    public var record: Measured {
        Measured(loss: loss, metrics: names.enumerated().map { .init(name: $1, value: metric(at: $0)?.value ?? .nan) })
    }

    /// The metrics that a progress bar shows. Waits for the device.
    package var onTheWay: [Measured.Entry] {
        names.enumerated().compactMap { place, name in
            metric(at: place).flatMap { type(of: $0).isShownOnTheWay ? .init(name: name, value: $0.value) : nil }
        }
    }

    /// Adds a batch, or a shard of one: its mean loss (a scalar) and its metrics.
    package func add<Output>(loss: Tensor, _ output: Output, samples count: Int, _ measures: [Measure<Output>], shard: Int = 0) {
        add(loss: Mean(loss, count: count), samples: count, shard: shard)
        add(output, measures, shard: shard)
    }

    /// Adds the mean loss of a batch over the shards of all processes.
    func add(loss: Double, samples count: Int) {
        add(loss: Mean(total: loss * Double(count), count: count), samples: count, shard: Measurements.allShards)
    }

    /// Adds the metrics of a shard alone.
    func add<Output>(_ output: Output, _ measures: [Measure<Output>], shard: Int) {
        for (i, measure) in measures.enumerated() { Measurements.merge(&parts[shard, default: none].metrics[i], measure.make(output)) }
    }

    private var none: Part { Part(metrics: names.map { _ in nil }) }

    private func add(loss: Mean, samples: Int, shard: Int) {
        if parts[shard] == nil { parts[shard] = none }
        if parts[shard]!.samples == 0 { parts[shard]!.mean = loss } else { parts[shard]!.mean.merge(loss) }
        parts[shard]!.samples += samples
    }

    private static func merge(_ earlier: inout (any Metric)?, _ later: any Metric) {
        if earlier == nil { earlier = later } else { merge(&earlier!, later) }
    }

    private static func merge<M: Metric>(_ earlier: inout M, _ later: any Metric) { earlier.merge(later as! M) } // One closure makes both.

    /// Σ loss · samples, for means over a part of an epoch. Waits for the device.
    package var lossTotal: Double { samples == 0 ? 0 : mean.total }

    // MARK: Checkpoints and processes

    /// The state in a checkpoint: of one shard, or of several with their numbers. What its metrics have many numbers of is in
    /// `StateTensors`.
    struct State: Codable {
        var samples: Int
        var mean: Mean
        var metrics: [Entry]
        var shard: Int?
        var others: [State]?
        struct Entry: Codable {
            var name: String
            var metric: JSON?
        }

        fileprivate var all: [State] { [self] + (others ?? []) }
    }

    /// The state, whose tensors are put into `tensors`. Waits for the device.
    func state(_ tensors: StateTensors) throws -> State {
        func entry(_ name: String, _ metric: (any Metric)?) throws -> State.Entry {
            tensors.owner = name
            return .init(name: name, metric: try metric.map { try JSON(encoding: $0, userInfo: tensors.userInfo) })
        }
        var states = try (parts.isEmpty ? [0: none] : parts).sorted { $0.key < $1.key }.map { number, part in
            State(
                samples: part.samples, mean: part.mean, metrics: try zip(names, part.metrics).map(entry),
                shard: number == 0 ? nil : number)
        }
        var first = states.removeFirst()
        first.others = states.isEmpty ? nil : states
        return first
    }

    /// Continues from a state of the same metrics; of the shards in `own` alone where it is one of several processes. Throws a `MeasureError`
    /// that says what differs.
    convenience init<Output>(
        _ state: State, _ measures: [Measure<Output>], tensors: StateTensors = StateTensors(), own: Range<Int>? = nil
    ) throws {
        let names = measures.map(\.name)
        self.init(names)
        for state in state.all {
            guard state.metrics.map(\.name) == names else {
                throw MeasureError("the checkpoint has the metrics \(list(state.metrics.map(\.name))), this trainer \(list(names))")
            }
            let number = state.shard ?? 0
            if let own, number != Measurements.allShards, !own.contains(number) { continue }
            var part = Part(samples: state.samples, mean: state.mean, metrics: names.map { _ in nil })
            for (i, entry) in state.metrics.enumerated() {
                guard let metric = entry.metric else { continue }
                do {
                    part.metrics[i] = try measures[i].decode(metric, tensors)
                } catch {
                    throw MeasureError("the metric '\(entry.name)' cannot be read: \(JSON.problem(error))")
                }
            }
            parts[number] = part
        }
    }

    /// What all processes of `group` have measured of their shards.
    func gathered<Output>(in group: ProcessGroup, _ measures: [Measure<Output>]) throws -> Measurements {
        let all = Measurements(names)
        let tensors = StateTensors()
        let own = try JSON(encoding: state(tensors)).text
        for bytes in try group.allGather(bytes: Safetensors(tensors.all, metadata: ["state": own]).bytes()) {
            let message = try Safetensors(bytes: bytes, named: "message")
            let state: State = try JSON(parsing: message.metadata["state"] ?? "").decoded()
            let found = try Measurements(state, measures, tensors: StateTensors(message.tensors))
            all.parts.merge(found.parts) { mine, _ in mine }
        }
        return all
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
