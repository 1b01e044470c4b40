/// The memory of a device: blocks that tensors gave back are kept by size and handed out again. Since work is done in order, a block may be
/// used again while what reads it last is still under way.
struct MemoryPool {
    private let driver: any GPUDriver
    private var free: [Int: [UnsafeMutableRawPointer]] = [:]
    private(set) var stats = MemoryStats()
    /// The module that a large block in use was made in.
    private var owners: [UnsafeMutableRawPointer: (module: ModulePlace, byteCount: Int)] = [:]

    init(_ driver: any GPUDriver) { self.driver = driver }

    /// Blocks from this size on are remembered with the module that asked for them.
    static let attributed = 1 << 20

    /// Sizes of blocks: eight to each power of two, from 512 bytes on.
    static func blockSize(_ byteCount: Int) -> Int {
        let wanted = max(byteCount, 512)
        let step = 1 << max(9, Int.bitWidth - wanted.leadingZeroBitCount - 4)
        return (wanted + step - 1) / step * step
    }

    /// nil where the device has none left, whatever is kept here.
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

    /// Returns what is kept to the driver.
    mutating func release() {
        for (size, blocks) in free {
            for block in blocks { driver.free(block) }
            stats.reserved -= size * blocks.count
        }
        free = [:]
    }

    mutating func resetPeak() { stats.peak = stats.allocated }

    /// Who holds most: `Net.features.3 (Conv2d) 1.2 GiB`.
    var largestOwners: String {
        var sums: [String: Int] = [:]
        for owner in owners.values { sums[owner.module.path ?? "modules that are gone", default: 0] += owner.byteCount }
        let top = sums.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.prefix(5)
        return top.map { "\($0.key) \(MemoryStats.describe($0.value))" }.joined(separator: ", ")
    }
}

/// How much memory of a device is in use. PyTorch: `torch.cuda.memory_stats`.
public struct MemoryStats: Sendable, Hashable, CustomStringConvertible {
    /// Bytes in tensors.
    public internal(set) var allocated = 0
    /// Bytes taken from the device: those in tensors, and those kept for new ones.
    public internal(set) var reserved = 0
    /// The most bytes that were in tensors at once.
    public internal(set) var peak = 0
    /// How many blocks were asked for.
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
