/// A block of memory on a device, shared by all views of it.
package final class Storage {
    package let device: Device
    package let byteCount: Int
    /// The address of the block, or a device's handle of it. Unsafe because kernels need it; only `Tensor`'s checked views reach into it.
    package let base: UnsafeMutableRawPointer
    /// What keeps memory alive that is not ours to free (a file's mapping).
    private let owner: AnyObject?
    /// Counts changes in place; a saved tensor compares it with the count when it was saved.
    package var version = 0
    /// The op that changed it last, for messages.
    package var lastWriter: String = ""

    /// `byteCount` bytes on `device`, contents undefined; taken from the memory budget where there is one and `isCounted`.
    package init(byteCount: Int, device: Device, isCounted: Bool = true) throws(OpError) {
        self.device = device
        self.byteCount = byteCount
        if isCounted { try Context.current.spend(byteCount) }
        if !device.sharesHostMemory, let reason = device.unavailableReason { throw OpError("\(device) is not available: \(reason)") }
        base = try device.backend.allocate(byteCount: byteCount)
        owner = nil
    }

    /// Memory on the host that `owner` keeps alive, for as long as this storage lives. Nobody may write to it.
    package init(borrowing base: UnsafeMutableRawPointer, byteCount: Int, owner: AnyObject) {
        device = .cpu
        self.byteCount = byteCount
        self.base = base
        self.owner = owner
    }

    deinit {
        if owner == nil { device.backend.deallocate(base, byteCount: byteCount) }
    }
}
