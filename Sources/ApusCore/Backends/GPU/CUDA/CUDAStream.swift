import CDrivers

/// The queue of a CUDA device, for a library that works on tensors and that another target calls: NCCL.
package struct CUDAStream: Sendable {
    private let backend: GPUBackend
    private let driver: CUDADriver

    /// nil if the device is another's, or is not available.
    package init?(_ device: Device) {
        guard device.isCUDA, let backend = device.gpu, let driver = backend.driver as? CUDADriver else { return nil }
        (self.backend, self.driver) = (backend, driver)
    }

    /// 16 bytes that no other device has, whatever number the process calls it by.
    package func uuid() throws(OpError) -> [UInt8] { try driver.uuid() }

    /// Calls `body` with the stream, after all work that has been called so far. What `body` queues comes before all later work; profiles
    /// show it as `name`.
    package func queue(_ name: String, _ body: (CUstream) throws(OpError) -> Void) throws(OpError) {
        try backend.run(name) { () throws(OpError) in
            driver.enter()
            backend.countLaunch()
            _ = try backend.marked(name) { () throws(OpError) in
                try body(driver.stream)
                return true
            }
        }
    }
}
