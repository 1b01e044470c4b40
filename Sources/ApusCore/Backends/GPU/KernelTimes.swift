/// What a device's kernels, and its libraries' calls, of one name took.
package struct KernelTime: Sendable {
    package var name: String
    package var calls = 0
    /// Seconds of the device's clock in all.
    package var seconds = 0.0
}

/// A piece of work between two marks.
struct KernelMark {
    var name: String
    var start, end: OpaquePointer
}

extension GPUBackend {
    /// Runs `work`, and takes the time of each kernel that it launches and of each call of a library; sums by name, the longest first.
    ///
    /// What other threads give the device meanwhile is in it. Where the device waits for the host, a mark is reached before the kernel behind it
    /// is called, and the wait is in the kernel's time: give the device enough to do before.
    package func kernelTimes(of work: () throws -> Void) throws -> [KernelTime] {
        try locked { () throws(OpError) in
            try flushChain()
            marks = []
        }
        // Also where `work` or the device fails.
        defer {
            locked {
                for mark in marks ?? [] {
                    driver.release(event: mark.start)
                    driver.release(event: mark.end)
                }
                marks = nil
            }
        }
        try work()
        try synchronize()
        return locked {
            var times: [String: KernelTime] = [:]
            for mark in marks ?? [] {
                times[mark.name, default: KernelTime(name: mark.name)].calls += 1
                times[mark.name]!.seconds += driver.seconds(from: mark.start, to: mark.end)
            }
            return times.values.sorted { ($1.seconds, $0.name) < ($0.seconds, $1.name) }
        }
    }

    /// Calls `body`, which says whether it gave the device something to do, between two marks where times are taken. The lock is held.
    @discardableResult
    func marked(_ name: @autoclosure () -> String, _ body: () throws(OpError) -> Bool) throws(OpError) -> Bool {
        guard marks != nil else { return try body() }
        let start = try driver.recordEvent()
        var isKept = false
        defer { if !isKept { driver.release(event: start) } }
        guard try body() else { return false }
        marks!.append(KernelMark(name: name(), start: start, end: try driver.recordEvent()))
        isKept = true
        return true
    }
}
