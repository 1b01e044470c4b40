/// The time of all kernels or library calls of one name.
package struct KernelTime: Sendable {
    package var name: String
    package var calls = 0
    /// Total seconds on the device's clock.
    package var seconds = 0.0
}

/// A launch between two events.
struct KernelMark {
    var name: String
    var start, end: OpaquePointer
}

extension GPUBackend {
    /// Runs `work` and measures each kernel and library call; returns the sums by name, the longest first.
    ///
    /// Work of other threads is included. If the device waits for the host, the start event completes before the kernel is launched, and
    /// the kernel's time includes the wait; so queue enough work first.
    package func kernelTimes(of work: () throws -> Void) throws -> [KernelTime] {
        try locked { () throws(OpError) in
            try flushChain()
            marks = []
        }
        // Also if `work` or the device fails.
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

    /// Calls `body` and, if times are being measured, records events around it. `body` returns whether it launched work. The lock is held.
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
