import Apus
import ApusSystem
import ApusRuns
import ApusTraining
import ArgumentParser

/// `apus bench`: the workloads of `docs/performance.md`.
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures workloads; scripts/bench/vs-pytorch runs them beside PyTorch.",
        discussion: """
            APUS_BENCH_S seconds are spent on each workload (1 by default). 'start' runs one training step and ends: measure it from outside. \
            'growth' lists work of many sizes, whose time and memory are measured by its names; scripts/bench/growth does so and draws plots. \
            With --device the networks among the workloads take a step on that device, in batches that fill it; --kernels says which of its kernels \
            took how long.
            """)

    @Argument(help: "The workloads; all where none is named.") var names: [String] = []
    @Flag(help: "One JSON object a line.") var json = false
    @Option(help: "Measure training steps on this device (cuda:0, opencl:0).") var device: String?
    @Option(help: "float32 (the default), tf32 or bfloat16; with --device.") var precision: DeviceWorkloads.Precision?
    @Option(help: "Measure how long a picture of this folder (of classes) takes to become 224 × 224, in full and scaled.") var pictures:
        String?
    @Option(help: "With --pictures: in batches of 32, mirrored at random, by so many threads.") var workers: Int?
    @Option(help: "Under mpirun: measure what is of sums over processes: sums, or steps of resnet18 with them.") var distributed:
        Distributed?
    @Option(help: "With --distributed steps: the images of a process.") var batch = 8
    @Flag(help: "Print the times of the device's kernels by name instead; with --device.") var kernels = false

    enum Distributed: String, CaseIterable, ExpressibleByArgument {
        case sums, steps
    }

    func validate() throws {
        if device != nil {
            for name in names where !DeviceWorkloads.all.contains(where: { $0.name == name }) {
                throw ValidationError(
                    "there is no workload '\(name)' for a device; known are \(DeviceWorkloads.all.map(\.name).joined(separator: ", "))")
            }
            return
        }
        if precision != nil || kernels {
            throw ValidationError("--\(kernels ? "kernels" : "precision") is for workloads on a device: name one by --device")
        }
        for name in names
        where !["start", "growth"].contains(name) && Growth.named(name) == nil && !Workloads.all.contains(where: { $0.name == name }) {
            throw ValidationError(
                "there is no workload '\(name)'; known are start, growth, \(Workloads.all.map(\.name).joined(separator: ", "))")
        }
    }

    func run() throws {
        let budget = environment("APUS_BENCH_S").flatMap(Double.init) ?? 1
        if let device {
            let device = try RunOptions.device(device)
            for (name, input, model) in DeviceWorkloads.all where names.isEmpty || names.contains(name) {
                if kernels {
                    let (times, steps) = try DeviceWorkloads.kernelTimes(model(), input, device, precision ?? .float32)
                    ApusCommand.say(json ? KernelTable.json(times, steps) : "\(name), a step\n\(KernelTable.text(times, steps))\n")
                    continue
                }
                let (median, runs) = try DeviceWorkloads.measure(model(), input, device, precision ?? .float32, seconds: budget)
                say(name, median, runs)
            }
            return
        }
        if let distributed { return try measure(distributed) }
        if let pictures {
            for decoding in Picture.Decoding.allCases {
                let (median, runs) = try Workloads.measurePictures(in: pictures, decoding, workers: workers, seconds: budget)
                say("pictures/\(decoding.rawValue)", median, runs)
            }
            return
        }
        if names == ["start"] {
            return Workloads.start()
        }
        if names == ["growth"] {
            return Growth.all.forEach { series in series.sizes.forEach { ApusCommand.say("growth/\(series.name)/\($0)") } }
        }
        for (series, size) in names.compactMap(Growth.named) {
            let point = try Growth.measure(series, size, seconds: budget)
            ApusCommand.say(
                #"{"name": "growth/\#(series.name)/\#(size)", "axis": "\#(series.axis)", "size": \#(size), "median_s": \#(point.seconds), "bytes": \#(point.bytes)}"#
            )
        }
        for (name, make) in Workloads.all where names.isEmpty || names.contains(name) {
            let (median, runs) = try Workloads.measure(make(), seconds: budget)
            say(name, median, runs)
        }
    }

    private func measure(_ distributed: Distributed) throws {
        let group = try ProcessGroup.world()
        func say(_ name: String, _ seconds: Double) {
            if group.isFirst { self.say("\(name)/\(group.size)", seconds, 20) }
        }
        switch distributed {
        case .sums:
            for sum in try Collectives.sums(group, rounds: 20) {
                say("sum/\(sum.bytes)/fixed", sum.fixed)
                say("sum/\(sum.bytes)/mpi", sum.unordered)
            }
        case .steps:
            for step in try Collectives.steps(group, batch: batch, rounds: 20) { say("step/\(step.sum.rawValue)", step.seconds) }
        }
    }

    private func say(_ name: String, _ median: Double, _ runs: Int) {
        ApusCommand.say(json ? #"{"name": "\#(name)", "median_s": \#(median), "runs": \#(runs)}"# : "\(name)\t\(median) s\t\(runs) runs")
    }
}

extension DeviceWorkloads.Precision: ExpressibleByArgument {}
