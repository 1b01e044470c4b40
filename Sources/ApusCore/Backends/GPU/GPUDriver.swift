/// The operations of a programming interface for devices (OpenCL, CUDA). `GPUBackend` implements the families of kernels with them.
///
/// Work is done in the order of the calls, on one queue; methods do not wait unless documented. Calls are made under the backend's lock,
/// one at a time. A block is a handle, not a host address.
package protocol GPUDriver: AnyObject, Sendable {
    var facts: GPUFacts { get }

    /// Allocates device memory; nil if there is none left.
    func allocate(byteCount: Int) -> UnsafeMutableRawPointer?
    func free(_ block: UnsafeMutableRawPointer)
    /// Allocates host memory that the device can copy directly (pinned); nil if there is none left.
    func allocatePinned(byteCount: Int) -> UnsafeMutableRawPointer?

    /// Compiles a program in `facts.language`. If `isKept`, also returns a binary for `load`.
    func compile(_ source: String, isKept: Bool) throws(OpError) -> (program: OpaquePointer, binary: [UInt8])
    /// Loads a program from the binary of `compile`.
    func load(_ binary: [UInt8]) throws(OpError) -> OpaquePointer
    func kernel(_ name: String, of program: OpaquePointer) throws(OpError) -> OpaquePointer
    /// Runs `groups` groups of `KernelDialect.group` items.
    func launch(_ kernel: OpaquePointer, groups: Int, _ arguments: KernelArguments) throws(OpError)

    /// Copies from host memory, which must stay valid until the copy is done unless `waits`.
    func upload(_ source: UnsafeRawPointer, byteCount: Int, to block: UnsafeMutableRawPointer, at offset: Int, waits: Bool) throws(OpError)
    /// Copies to host memory; returns when all earlier work and the copy are done.
    func download(_ block: UnsafeMutableRawPointer, at offset: Int, byteCount: Int, to target: UnsafeMutableRawPointer) throws(OpError)
    /// Lets the device start the queued work.
    func flush()
    /// Waits until all work is done.
    func synchronize() throws(OpError)

    /// Records an event after all work called so far.
    func recordEvent() throws(OpError) -> OpaquePointer
    func isComplete(_ event: OpaquePointer) -> Bool
    func wait(for event: OpaquePointer) throws(OpError)
    /// Seconds on the device's clock between two events; both must be complete.
    func seconds(from start: OpaquePointer, to end: OpaquePointer) -> Double
    func release(event: OpaquePointer)
}

/// The properties of a device.
package struct GPUFacts: Sendable {
    package var name: String
    /// The driver and its version.
    package var driver: String
    /// Bytes of device memory, and of the largest block.
    package var memory: Int
    package var largestBlock: Int
    package var computeUnits: Int
    package var isGPU: Bool
    package var hasFloat64: Bool
    var language: KernelLanguage
}

/// The arguments of a launch in the form that drivers take: each has an address and a size. The object is reused for all launches.
package final class KernelArguments {
    private let bytes = UnsafeMutableRawPointer.allocate(byteCount: KernelArguments.capacity, alignment: 16)
    private var used = 0
    package private(set) var places: [(offset: Int, size: Int)] = []
    static let capacity = 4096

    init() { places.reserveCapacity(64) }
    deinit { bytes.deallocate() }

    package func address(_ i: Int) -> UnsafeMutableRawPointer { bytes + places[i].offset }

    func reset() {
        used = 0
        places.removeAll(keepingCapacity: true)
    }

    func append(_ value: some BitwiseCopyable) {
        withUnsafeBytes(of: value) { append($0) }
    }

    func append(_ raw: UnsafeRawBufferPointer) {
        precondition(used + raw.count <= KernelArguments.capacity, "arguments of a kernel take more than \(KernelArguments.capacity) bytes")
        (bytes + used).copyMemory(from: raw.baseAddress!, byteCount: raw.count)
        places.append((used, raw.count))
        used += (raw.count + 15) & ~15
    }

    /// A tensor's block and the offset of its first element.
    func append(_ x: Tensor) {
        append(x.storage.base)
        append(Int64(x.offset))
    }

    func append(_ value: Double, as type: DType) {
        switch type.computeType {
        case .float32: append(Float(value))
        case .float64: append(value)
        default: append(Scalar.double(value).int64Value)
        }
    }

    /// An array of numbers, float32 or float64, as a struct.
    func append(_ values: [Double], as type: DType) {
        if type == .float64 {
            values.withUnsafeBytes { append($0) }
        } else {
            values.map { Float($0) }.withUnsafeBytes { append($0) }
        }
    }

    func append(count: Int) { append(Int64(count)) }
}
