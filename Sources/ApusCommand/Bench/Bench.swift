import Apus
import ArgumentParser
import Foundation

/// `apus bench`: the workloads of `docs/performance.md`.
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures workloads; scripts/bench-vs-pytorch runs them beside PyTorch.",
        discussion: "APUS_BENCH_S seconds are spent on each workload (1 by default). 'start' runs one training step and ends: measure it from outside.")

    @Argument(help: "The workloads; all where none is named.") var names: [String] = []
    @Flag(help: "One JSON object a line.") var json = false

    func validate() throws {
        for name in names where name != "start" && !Workloads.all.contains(where: { $0.name == name }) {
            throw ValidationError("there is no workload '\(name)'; known are start, \(Workloads.all.map(\.name).joined(separator: ", "))")
        }
    }

    func run() throws {
        if names == ["start"] {
            Workloads.step(Workloads.mlp(), .randn([64, 784]), .randint(10, [64]))()
            return
        }
        let budget = ProcessInfo.processInfo.environment["APUS_BENCH_S"].flatMap(Double.init) ?? 1
        for (name, make) in Workloads.all where names.isEmpty || names.contains(name) {
            let (median, runs) = try measure(make(), seconds: budget)
            print(json ? #"{"name": "\#(name)", "median_s": \#(median), "runs": \#(runs)}"# : "\(name)\t\(median) s\t\(runs) runs")
        }
    }

    /// The median time of a run: after three runs to warm up, as many as fit into `seconds`, at least five.
    private func measure(_ run: () throws -> Void, seconds: Double) throws -> (median: Double, runs: Int) {
        for _ in 0..<3 { try run() }
        var times: [Double] = []
        let start = ContinuousClock.now
        while times.count < 5 || ContinuousClock.now - start < .seconds(seconds) {
            let before = ContinuousClock.now
            try run()
            let taken = (ContinuousClock.now - before).components
            times.append(Double(taken.seconds) + Double(taken.attoseconds) * 1e-18)
        }
        times.sort()
        return (times[times.count / 2], times.count)
    }
}
