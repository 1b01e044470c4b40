import ApusCore
import CKernels
import Foundation
import Testing

/// The allocator of the CPU backend.
struct MemoryTests {
    @Test func blocksAreAlignedAndTheirOwn() throws {
        let sizes = [0, 1, 15, 64, 1023, 1024, 1025, 4096, 5000, 65_536, 1 << 20, (1 << 20) + 1, 9 << 20]
        let blocks = try sizes.map { try CPUBackend.shared.allocate(byteCount: $0) }
        for (i, block) in blocks.enumerated() {
            #expect(UInt(bitPattern: block) % (sizes[i] >= 1024 ? 64 : 16) == 0, "\(sizes[i]) bytes")
            memset(block, Int32(i + 1), sizes[i])
        }
        for (i, block) in blocks.enumerated() {
            let bytes = UnsafeRawBufferPointer(start: block, count: sizes[i])
            #expect(bytes.first ?? UInt8(i + 1) == UInt8(i + 1) && bytes.last ?? UInt8(i + 1) == UInt8(i + 1), "\(sizes[i]) bytes")
            CPUBackend.shared.deallocate(block, byteCount: sizes[i])
        }
    }

    @Test func anImpossibleRequestNamesItsBytes() {
        for count in [1 << 60, Int.max] {
            let error = #expect(throws: OpError.self) { try CPUBackend.shared.allocate(byteCount: count) }
            #expect(error?.description.contains("\(count) bytes") == true)
        }
    }

    /// The cached memory stays below a quarter of the machine's memory, and can be released completely.
    @Test func keptMemoryIsBounded() throws {
        let block = try CPUBackend.shared.allocate(byteCount: 3_000_000)
        CPUBackend.shared.deallocate(block, byteCount: 3_000_000)
        #expect(UInt64(apus_kept_bytes()) <= ProcessInfo.processInfo.physicalMemory / 4)
    }

    @Test func threadsMayAllocateAtOnce() {
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            for round in 0..<300 {
                let size = 1024 << (round % 6)
                guard let a = try? CPUBackend.shared.allocate(byteCount: size), let b = try? CPUBackend.shared.allocate(byteCount: size)
                else {
                    Issue.record("no memory for \(size) bytes")
                    return
                }
                memset(a, Int32(thread), size)
                memset(b, Int32(thread + 100), size)
                let isOwn =
                    a.load(fromByteOffset: size - 1, as: UInt8.self) == UInt8(thread) && b.load(as: UInt8.self) == UInt8(thread + 100)
                #expect(isOwn, "two owners of one block of \(size) bytes")
                CPUBackend.shared.deallocate(a, byteCount: size)
                CPUBackend.shared.deallocate(b, byteCount: size)
            }
        }
    }
}
