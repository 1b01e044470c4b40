import ApusSystem

/// A mark in a device's work: what was called before it has been done when it is reached. PyTorch: `torch.cuda.Event`.
public final class DeviceEvent {
    private let backend: GPUBackend?
    private let handle: OpaquePointer?
    /// For the processor, whose work is done when a call returns.
    private let time: Double

    /// Marks the place behind all work called on `device` so far.
    public init(_ device: Device) {
        let backend = device.gpu
        self.backend = backend
        time = monotonicSeconds()
        do throws(OpError) {
            if let reason = device.unavailableReason { throw OpError("\(device) is not available: \(reason)") }
            handle = try backend?.recordEvent()
        } catch {
            handle = nil
            fail(error, op: "DeviceEvent")
        }
    }

    deinit { if let handle { backend?.release(event: handle) } }

    /// Whether the mark has been reached. PyTorch: `query`.
    public var isReached: Bool { handle.map { backend!.isComplete($0) } ?? true }

    /// Waits until it is reached.
    public func synchronize() {
        guard let handle, let backend else { return }
        do throws(OpError) { try backend.wait(for: handle) } catch { fail(error, op: "DeviceEvent.synchronize") }
    }

    /// Seconds of the device's clock from this mark to `end`; waits for both. PyTorch: `elapsed_time`, in milliseconds there.
    public func seconds(to end: DeviceEvent) -> Double {
        synchronize()
        end.synchronize()
        guard let handle, let other = end.handle, let backend, end.backend === backend else { return end.time - time }
        return backend.seconds(from: handle, to: other)
    }
}

extension GPUBackend {
    func recordEvent() throws(OpError) -> OpaquePointer {
        try locked { () throws(OpError) in
            try flushChain()
            let event = try driver.recordEvent()
            driver.flush()
            return event
        }
    }
    func isComplete(_ event: OpaquePointer) -> Bool { locked { driver.isComplete(event) } }
    func wait(for event: OpaquePointer) throws(OpError) { try locked { () throws(OpError) in try driver.wait(for: event) } }
    func seconds(from start: OpaquePointer, to end: OpaquePointer) -> Double { locked { driver.seconds(from: start, to: end) } }
    func release(event: OpaquePointer) { locked { driver.release(event: event) } }
}
