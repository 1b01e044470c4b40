/// Host memory for uploads: data is copied here first, so that the caller can go on and change its memory at once.
struct Staging {
    private struct Block {
        var address: UnsafeMutableRawPointer
        var capacity: Int
        /// Completes when the last copy from this block is done.
        var event: OpaquePointer?
    }

    private var blocks: [Block] = []
    private var next = 0
    private static let count = 4
    private static let largest = 16 << 20

    /// Uploads the bytes; returns when they have been copied from the source, not when they have arrived.
    mutating func upload(
        _ source: UnsafeRawPointer, byteCount: Int, to block: UnsafeMutableRawPointer, at offset: Int, _ driver: any GPUDriver
    ) throws(OpError) {
        var done = 0
        while done < byteCount {
            let part = min(byteCount - done, Staging.largest)
            guard let at = try place(part, driver) else {
                try driver.upload(source + done, byteCount: byteCount - done, to: block, at: offset + done, waits: true)
                return
            }
            blocks[at].address.copyMemory(from: source + done, byteCount: part)
            try driver.upload(blocks[at].address, byteCount: part, to: block, at: offset + done, waits: false)
            blocks[at].event = try driver.recordEvent()
            done += part
        }
        driver.flush()
    }

    /// The index of a block of at least `byteCount` bytes that is no longer in use; nil if there is no memory for one.
    private mutating func place(_ byteCount: Int, _ driver: any GPUDriver) throws(OpError) -> Int? {
        if let at = blocks.firstIndex(where: { $0.capacity >= byteCount && ($0.event.map(driver.isComplete) ?? true) }) {
            clear(at, driver)
            return at
        }
        if blocks.count < Staging.count {
            let capacity = byteCount <= 1 << 20 ? 1 << 20 : Staging.largest
            guard let address = driver.allocatePinned(byteCount: capacity) else { return nil }
            blocks.append(Block(address: address, capacity: capacity))
            return blocks.count - 1
        }
        // Waits for one of the blocks that are large enough, in turn.
        let candidates = blocks.indices.filter { blocks[$0].capacity >= byteCount }
        guard !candidates.isEmpty else { return nil }
        next += 1
        let at = candidates[next % candidates.count]
        if let event = blocks[at].event { try driver.wait(for: event) }
        clear(at, driver)
        return at
    }

    private mutating func clear(_ at: Int, _ driver: any GPUDriver) {
        if let event = blocks[at].event { driver.release(event: event) }
        blocks[at].event = nil
    }
}
