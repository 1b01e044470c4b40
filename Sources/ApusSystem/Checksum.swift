import CSystem

/// XXH64 of data that arrives in pieces. It detects damage, not forgery.
package struct Checksum {
    private var state = apus_xxh64()

    package init() { apus_xxh64_start(&state) }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) { apus_xxh64_update(&state, bytes.baseAddress, bytes.count) }

    package var value: UInt64 {
        withUnsafePointer(to: state) { apus_xxh64_finish($0) }
    }

    package static func of(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var checksum = Checksum()
        checksum.update(bytes)
        return checksum.value
    }
}

/// CRC-32C (Castagnoli), the checksum of records in file formats of other programs. RFC 3720, appendix B.4.
package enum CRC32C {
    package static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 { apus_crc32c(0, bytes.baseAddress, bytes.count) }
}
