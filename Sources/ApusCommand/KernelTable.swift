import ApusCore
import ApusFormats
import ApusTraining

/// The times of a device's kernels, averages of a step.
enum KernelTable {
    static func text(_ times: [KernelTime], _ steps: Int) -> String {
        let (n, total) = (Double(steps), times.reduce(0) { $0 + $1.seconds })
        let columns: [[String]] = [
            ["calls"] + times.map { Text.short(Double($0.calls) / n) },
            ["µs"] + times.map { Text.fixed($0.seconds / n * 1e6, 1) },
            ["share"] + times.map { Text.fixed(total > 0 ? $0.seconds / total * 100 : 0, 1) + " %" },
        ]
        let widths = columns.map { $0.map(\.count).max() ?? 0 }
        let lines = (["kernel"] + times.map(\.name)).enumerated().map { row, name in
            zip(columns, widths).map { Text.right($0[row], $1) }.joined(separator: "  ") + "  " + name
        }
        return (lines + ["kernels took \(Text.fixed(total / n * 1e6, 1)) µs a step; average of \(steps)"]).joined(separator: "\n")
    }

    /// One line for each kernel.
    static func json(_ times: [KernelTime], _ steps: Int) -> String {
        times.map { time in
            JSON.object([
                .init("event", "kernel"), .init("name", .string(time.name)), .init("calls", .double(Double(time.calls) / Double(steps))),
                .init("device_s", .double(time.seconds / Double(steps))),
            ]).text
        }.joined(separator: "\n")
    }
}
