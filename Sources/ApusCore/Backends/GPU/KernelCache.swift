import ApusSystem

/// Compiled programs on disk, so that later runs compile nothing. An entry is named by a hash of source, device and driver, and contains
/// all three, so that collisions are detected. It is written atomically, and remade if it is damaged.
///
/// Stored in `$APUS_CACHE`, else `$XDG_CACHE_HOME/apus`, else `~/.cache/apus`; `APUS_CACHE=off` disables it. If the folder cannot be
/// written, programs are compiled each time.
struct KernelCache: Sendable {
    private let folder: String?
    private let identity: String

    init(device: String, driver: String) {
        identity = "apus kernels 2\n\(device)\n\(driver)\n"
        let chosen = environment("APUS_CACHE")
        folder =
            chosen == "off"
            ? nil : chosen ?? environment("XDG_CACHE_HOME").map { $0 + "/apus" } ?? environment("HOME").map { $0 + "/.cache/apus" }
    }

    /// The program of `source`, from the cache or compiled.
    func program(_ source: String, _ driver: any GPUDriver) throws(OpError) -> OpaquePointer {
        let key = identity + source
        let path = folder.map { "\($0)/\(String(KernelCache.hash(Array(key.utf8)), radix: 16)).kernel" }
        if let path, let binary = read(path, key), let program = try? driver.load(binary) { return program }
        let (program, binary) = try driver.compile(source, isKept: path != nil)
        if let path { write(path, key, binary) }
        return program
    }

    static func hash(_ bytes: [UInt8]) -> UInt64 { bytes.withUnsafeBytes(Checksum.of) }

    // An entry: the lengths of key and binary, the binary's hash (each 8 bytes), key, binary.

    private func read(_ path: String, _ key: String) -> [UInt8]? {
        guard let file = try? MappedFile(path) else { return nil }
        defer { withExtendedLifetime(file) {} }
        let bytes = UnsafeRawBufferPointer(file.bytes)
        guard bytes.count >= 24, bytes.count < 1 << 28 else { return nil }
        let numbers = (0..<3).map { bytes.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self) }
        let keyBytes = Array(key.utf8)
        guard numbers[0] == keyBytes.count, numbers[1] == bytes.count - 24 - keyBytes.count,
            bytes[24..<24 + keyBytes.count].elementsEqual(keyBytes)
        else { return nil }
        let binary = Array(bytes[(24 + keyBytes.count)...])
        return KernelCache.hash(binary) == numbers[2] ? binary : nil
    }

    private func write(_ path: String, _ key: String, _ binary: [UInt8]) {
        var entry: [UInt8] = []
        for number in [UInt64(key.utf8.count), UInt64(binary.count), KernelCache.hash(binary)] {
            withUnsafeBytes(of: number) { entry += $0 }
        }
        entry += Array(key.utf8) + binary
        // Errors are ignored, since the program can be compiled again; it need not survive a power failure, since damage is detected.
        try? Folder.make(AtomicFile.split(path).folder)
        try? AtomicFile.write(to: path, isDurable: false) { writer in try writer.write(entry) }
    }
}
