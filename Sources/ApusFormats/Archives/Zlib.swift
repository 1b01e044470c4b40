import CZlib

/// Inflates data that arrives in pieces, into memory that the caller owns.
package final class Inflater {
    /// The result of a step.
    package enum Outcome {
        /// The step consumed or produced bytes, and there is more.
        case more
        /// The deflated data has ended.
        case ended
        /// The step neither consumed nor produced a byte: it lacks input or room.
        case stuck
        /// The data is invalid, and why.
        case failed(String)
    }

    // zlib remembers the address of its stream, so it is a property of an object.
    private var stream = z_stream()

    /// For plain deflate data, or for gzip with its header and checksum. nil if there is not enough memory.
    package init?(gzip: Bool) {
        // 16 selects the gzip wrapper, so that zlib checks header, CRC and length; a negative number selects none.
        let window = gzip ? 16 + MAX_WBITS : -MAX_WBITS
        guard inflateInit2_(&stream, window, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return nil }
    }

    deinit { inflateEnd(&stream) }

    /// An upper bound of what `count` deflated bytes unpack to: deflate expands at most by the factor 1,032.
    package static func bound(_ count: Int) -> Int { 1040 * count + (1 << 16) }

    /// Starts over, as for the next member of a gzip file.
    package func reset() -> Bool { inflateReset(&stream) == Z_OK }

    /// Inflates as much of `input` as fits into `out`.
    package func step(
        _ input: UnsafeMutableRawBufferPointer, into out: UnsafeMutableRawBufferPointer
    ) -> (taken: Int, made: Int, outcome: Outcome) {
        let available = min(input.count, 1 << 30)
        let room = min(out.count, 1 << 30)
        stream.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.avail_in = UInt32(available)
        stream.next_out = out.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.avail_out = UInt32(room)
        let status = inflate(&stream, Z_NO_FLUSH)
        let taken = available - Int(stream.avail_in)
        let made = room - Int(stream.avail_out)
        switch status {
        case Z_STREAM_END: return (taken, made, .ended)
        case Z_OK where taken > 0 || made > 0: return (taken, made, .more)
        case Z_OK, Z_BUF_ERROR: return (taken, made, .stuck)
        case Z_MEM_ERROR: return (taken, made, .failed("zlib has no memory"))
        default: return (taken, made, .failed(stream.msg.map { String(cString: $0) } ?? "zlib error \(status)"))
        }
    }
}

/// Deflates data that arrives in pieces, and passes on the result.
package final class Deflater {
    // zlib remembers the address of its stream, so it is a property of an object.
    private var stream = z_stream()
    private var piece = [UInt8](repeating: 0, count: 1 << 16)

    /// With zlib's default level and no wrapper. nil if there is not enough memory.
    package init?() {
        guard
            deflateInit2_(
                &stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
                Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { return nil }
    }

    deinit { deflateEnd(&stream) }

    /// Deflates `bytes`; `write` receives the output that is ready.
    package func step(_ bytes: UnsafeRawBufferPointer, _ write: (UnsafeRawBufferPointer) throws -> Void) throws {
        var rest = bytes
        while !rest.isEmpty {
            let count = min(rest.count, 1 << 30)
            try run(UnsafeRawBufferPointer(rebasing: rest[..<count]), Z_NO_FLUSH, write)
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Ends the deflate stream.
    package func finish(_ write: (UnsafeRawBufferPointer) throws -> Void) throws {
        try run(UnsafeRawBufferPointer(start: nil, count: 0), Z_FINISH, write)
    }

    private func run(_ bytes: UnsafeRawBufferPointer, _ flush: Int32, _ write: (UnsafeRawBufferPointer) throws -> Void) throws {
        // zlib does not change its input; its declaration lacks the `const`.
        stream.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.avail_in = UInt32(bytes.count)
        repeat {
            let made = piece.withUnsafeMutableBufferPointer { out in
                stream.next_out = out.baseAddress
                stream.avail_out = UInt32(out.count)
                // Fails only if calls are out of order.
                let status = deflate(&stream, flush)
                precondition(status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR, "deflate: \(status)")
                return out.count - Int(stream.avail_out)
            }
            try piece.withUnsafeBytes { try write(UnsafeRawBufferPointer(rebasing: $0[..<made])) }
        } while stream.avail_out == 0
    }
}

/// The CRC-32 of gzip and zip, of data that arrives in pieces.
package struct CRC32 {
    package private(set) var value: UInt32 = 0

    package init() {}

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        // For a null pointer, zlib returns the initial value.
        guard let base = bytes.baseAddress else { return }
        value = UInt32(truncatingIfNeeded: crc32_z(uLong(value), base.assumingMemoryBound(to: UInt8.self), bytes.count))
    }

    package static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var crc = CRC32()
        crc.update(bytes)
        return crc.value
    }
}
