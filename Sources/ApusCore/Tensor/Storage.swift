/// A block of memory on a device, shared by all views of it.
///
/// Small blocks on the processor are stored in the object itself, so that one allocation serves both.
package final class Storage: ManagedBuffer<Storage.Fields, UInt64> {
    package struct Fields {
        let device: Device
        let byteCount: Int
        /// Unsafe, since kernels need a pointer; only `Tensor`'s checked views access it.
        var base: UnsafeMutableRawPointer
        let owner: Owner
        var version = 0
        var lastWriter = ""
    }

    /// What frees the block.
    enum Owner {
        /// The object that contains it.
        case itself
        case backend
        /// An object that keeps alive memory that is not freed here, such as a mapped file.
        case other(AnyObject)
    }

    /// Blocks up to this size are stored in the object.
    private static let inlineBytes = 512

    private var fields: UnsafeMutablePointer<Fields> {
        @inline(__always) get { withUnsafeMutablePointerToHeader { $0 } }
    }

    package var device: Device { fields.pointee.device }
    package var byteCount: Int { fields.pointee.byteCount }
    /// The address of the block, or its handle on a device.
    package var base: UnsafeMutableRawPointer { fields.pointee.base }
    /// The number of in-place changes. A saved tensor compares it with the number when it was saved.
    package var version: Int {
        get { fields.pointee.version }
        set { fields.pointee.version = newValue }
    }
    /// The op that last changed the block, for messages.
    package var lastWriter: String {
        get { fields.pointee.lastWriter }
        set { fields.pointee.lastWriter = newValue }
    }

    private static func make(_ fields: Fields, inlineBytes: Int = 0) -> Storage {
        unsafeDowncast(create(minimumCapacity: (inlineBytes + 7) / 8) { _ in fields }, to: Storage.self)
    }

    /// Allocates `byteCount` bytes on `device`, contents undefined. They count toward the memory budget, if there is one, unless
    /// `isCounted` is false.
    package static func allocate(byteCount: Int, device: Device, isCounted: Bool = true) throws(OpError) -> Storage {
        if isCounted { try Context.spend(byteCount) }
        if device == .cpu && byteCount <= inlineBytes {
            // A placeholder address until the object exists.
            let storage = make(
                Fields(device: device, byteCount: byteCount, base: UnsafeMutableRawPointer(bitPattern: 8)!, owner: .itself),
                inlineBytes: byteCount)
            storage.fields.pointee.base = storage.withUnsafeMutablePointerToElements { UnsafeMutableRawPointer($0) }
            return storage
        }
        if !device.sharesHostMemory, let reason = device.unavailableReason { throw OpError("\(device) is not available: \(reason)") }
        return make(Fields(device: device, byteCount: byteCount, base: try device.backend.allocate(byteCount: byteCount), owner: .backend))
    }

    /// Host memory that `owner` keeps alive for as long as this storage lives.
    package static func borrowing(_ base: UnsafeMutableRawPointer, byteCount: Int, owner: AnyObject) -> Storage {
        make(Fields(device: .cpu, byteCount: byteCount, base: base, owner: .other(owner)))
    }

    deinit {
        if case .backend = fields.pointee.owner { device.backend.deallocate(base, byteCount: byteCount) }
    }
}
