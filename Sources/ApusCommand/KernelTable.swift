import ApusCore
import ApusFormats
import ApusRuns
import ApusTraining
import Glibc

/// The times of a device's kernels, averaged over steps.
enum KernelTable {
    static func text(_ times: [KernelTime], _ steps: Int) -> String {
        let (n, total) = (Double(steps), times.reduce(0) { $0 + $1.seconds })
        let shares = times.map { total > 0 ? $0.seconds / total : 0 }
        let columns: [[String]] = [
            ["kernel"] + times.map(\.name),
            ["calls"] + times.map { Text.short(Double($0.calls) / n) },
            ["time"] + times.map { Table.time($0.seconds / n) },
            ["share"] + shares.map { Text.fixed($0 * 100, 1) + " %" },
        ]
        let lines = Table.text(columns, shares: shares, Terminal.of(STDOUT_FILENO).hasUnicode)
        return (lines + ["", "kernels took \(Table.time(total / n)) a step; average of \(steps)"]).joined(separator: "\n")
    }

    /// One line of JSON per kernel.
    static func json(_ times: [KernelTime], _ steps: Int) -> String {
        times.map { time in
            JSON.object([
                .init("event", "kernel"), .init("name", .string(time.name)), .init("calls", .double(Double(time.calls) / Double(steps))),
                .init("device_s", .double(time.seconds / Double(steps))),
            ]).text
        }.joined(separator: "\n")
    }
}
