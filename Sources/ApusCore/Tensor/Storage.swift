/// A block of memory on a device, shared by all views of it.
///
/// A few elements of a tensor on the processor lie behind the object itself, so that one allocation serves both.
package final class Storage: ManagedBuffer<Storage.Fields, UInt64> {
    package struct Fields {
        let device: Device
        let byteCount: Int
        /// Unsafe because kernels need it; only `Tensor`'s checked views reach into it.
        var base: UnsafeMutableRawPointer
        let owner: Owner
        var version = 0
        var lastWriter = ""
    }

    /// Who frees the block.
    enum Owner {
        /// The object that it is part of.
        case itself
        case backend
        /// What keeps memory alive that is not ours to free (a file's mapping).
        case other(AnyObject)
    }

    /// Blocks up to this size are part of the object: below it malloc serves both, from its own lists.
    private static let inlineBytes = 512

    private var fields: UnsafeMutablePointer<Fields> {
        @inline(__always) get { withUnsafeMutablePointerToHeader { $0 } }
    }

    package var device: Device { fields.pointee.device }
    package var byteCount: Int { fields.pointee.byteCount }
    /// The address of the block, or a device's handle of it.
    package var base: UnsafeMutableRawPointer { fields.pointee.base }
    /// Counts changes in place; a saved tensor compares it with the count when it was saved.
    package var version: Int {
        get { fields.pointee.version }
        set { fields.pointee.version = newValue }
    }
    /// The op that changed it last, for messages.
    package var lastWriter: String {
        get { fields.pointee.lastWriter }
        set { fields.pointee.lastWriter = newValue }
    }

    private static func make(_ fields: Fields, inlineBytes: Int = 0) -> Storage {
        unsafeDowncast(create(minimumCapacity: (inlineBytes + 7) / 8) { _ in fields }, to: Storage.self)
    }

    /// `byteCount` bytes on `device`, contents undefined; taken from the memory budget where there is one and `isCounted`.
    package static func allocate(byteCount: Int, device: Device, isCounted: Bool = true) throws(OpError) -> Storage {
        if isCounted { try Context.spend(byteCount) }
        if device == .cpu && byteCount <= inlineBytes {
            // Any address will do until the object is there.
            let storage = make(
                Fields(device: device, byteCount: byteCount, base: UnsafeMutableRawPointer(bitPattern: 8)!, owner: .itself),
                inlineBytes: byteCount)
            storage.fields.pointee.base = storage.withUnsafeMutablePointerToElements { UnsafeMutableRawPointer($0) }
            return storage
        }
        if !device.sharesHostMemory, let reason = device.unavailableReason { throw OpError("\(device) is not available: \(reason)") }
        return make(Fields(device: device, byteCount: byteCount, base: try device.backend.allocate(byteCount: byteCount), owner: .backend))
    }

    /// Memory on the host that `owner` keeps alive, for as long as this storage lives. Nobody may write to it.
    package static func borrowing(_ base: UnsafeMutableRawPointer, byteCount: Int, owner: AnyObject) -> Storage {
        make(Fields(device: .cpu, byteCount: byteCount, base: base, owner: .other(owner)))
    }

    deinit {
        if case .backend = fields.pointee.owner { device.backend.deallocate(base, byteCount: byteCount) }
    }
}
