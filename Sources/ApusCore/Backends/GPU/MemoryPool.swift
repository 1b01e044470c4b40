/// The memory of a device: released blocks are kept by size and reused. Since work is done in order, a block may be reused while its last
/// reader is still queued.
struct MemoryPool {
    private let driver: any GPUDriver
    private var free: [Int: [UnsafeMutableRawPointer]] = [:]
    private(set) var stats = MemoryStats()
    /// The module that allocated each large block in use.
    private var owners: [UnsafeMutableRawPointer: (module: ModulePlace, byteCount: Int)] = [:]

    init(_ driver: any GPUDriver) { self.driver = driver }

    /// Blocks from this size on are recorded with the module that allocated them.
    static let attributed = 1 << 20

    /// Block sizes: eight per power of two, from 512 bytes on.
    static func blockSize(_ byteCount: Int) -> Int {
        let wanted = max(byteCount, 512)
        let step = 1 << max(9, Int.bitWidth - wanted.leadingZeroBitCount - 4)
        return (wanted + step - 1) / step * step
    }

    /// Allocates a block; nil if the device has no memory left, even after kept blocks were freed.
    mutating func take(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        let size = MemoryPool.blockSize(byteCount)
        var block = free[size]?.popLast()
        if block == nil {
            block = driver.allocate(byteCount: size)
            if block == nil {
                release()
                block = driver.allocate(byteCount: size)
            }
            if block == nil { return nil }
            stats.reserved += size
        }
        stats.allocated += size
        stats.peak = max(stats.peak, stats.allocated)
        stats.allocations += 1
        if size >= MemoryPool.attributed, let place = Context.current.modulePlace { owners[block!] = (place, size) }
        return block
    }

    mutating func give(_ block: UnsafeMutableRawPointer, _ byteCount: Int) {
        let size = MemoryPool.blockSize(byteCount)
        stats.allocated -= size
        free[size, default: []].append(block)
        if size >= MemoryPool.attributed { owners[block] = nil }
    }

    /// Frees all kept blocks.
    mutating func release() {
        for (size, blocks) in free {
            for block in blocks { driver.free(block) }
            stats.reserved -= size * blocks.count
        }
        free = [:]
    }

    mutating func resetPeak() { stats.peak = stats.allocated }

    /// The modules that hold most memory: `Net.features.3 (Conv2d) 1.2 GiB`.
    var largestOwners: String {
        var sums: [String: Int] = [:]
        for owner in owners.values { sums[owner.module.path ?? "modules that are gone", default: 0] += owner.byteCount }
        let top = sums.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.prefix(5)
        return top.map { "\($0.key) \(MemoryStats.describe($0.value))" }.joined(separator: ", ")
    }
}

/// Memory statistics of a device, in bytes. PyTorch: `torch.cuda.memory_stats`.
public struct MemoryStats: Sendable, Hashable, CustomStringConvertible {
    /// Bytes in tensors.
    public internal(set) var allocated = 0
    /// Bytes allocated on the device: in tensors, and kept for new tensors.
    public internal(set) var reserved = 0
    /// The largest number of bytes in tensors at one time.
    public internal(set) var peak = 0
    /// How many blocks have been allocated for tensors.
    public internal(set) var allocations = 0

    public var description: String {
        "\(MemoryStats.describe(allocated)) in tensors (at most \(MemoryStats.describe(peak))), \(MemoryStats.describe(reserved)) taken from the device"
    }

    static func describe(_ bytes: Int) -> String {
        if bytes < 1 << 20 { return "\(bytes) bytes" }
        let (unit, name) = bytes < 1 << 30 ? (1 << 20, "MiB") : (1 << 30, "GiB")
        let tenths = bytes / (unit / 10)
        return "\(tenths / 10).\(tenths % 10) \(name)"
    }
}
