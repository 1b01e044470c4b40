import ApusSystem

/// An event in a device's queue: it is reached when all work called before it is done. PyTorch: `torch.cuda.Event`.
public final class DeviceEvent {
    private let backend: GPUBackend?
    private let handle: OpaquePointer?
    /// For the processor, whose work is done when a call returns: the time of `init`.
    private let time: Double

    /// Records an event after all work called on `device` so far. Traps if the device is unavailable.
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

    /// Whether the event has been reached. PyTorch: `query`.
    public var isReached: Bool { handle.map { backend!.isComplete($0) } ?? true }

    /// Waits until the event is reached.
    public func synchronize() {
        guard let handle, let backend else { return }
        do throws(OpError) { try backend.wait(for: handle) } catch { fail(error, op: "DeviceEvent.synchronize") }
    }

    /// Seconds on the device's clock from this event to `end`; waits for both. PyTorch: `elapsed_time`, in milliseconds there.
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
