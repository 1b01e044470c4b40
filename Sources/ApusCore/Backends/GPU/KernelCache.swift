import Glibc

/// Compiled programs on disk, so that a program's second start compiles nothing. An entry is named by a hash of source, device and driver and
/// holds all three, so that a collision is seen; it is written under another name and then renamed, and one that is damaged is made anew.
///
/// In `$APUS_CACHE`, else `$XDG_CACHE_HOME/apus`, else `~/.cache/apus`; `APUS_CACHE=off` keeps nothing. Where the folder cannot be written,
/// everything works, and compiles each time.
struct KernelCache: Sendable {
    private let folder: String?
    private let identity: String

    init(device: String, driver: String) {
        identity = "apus kernels 1\n\(device)\n\(driver)\n"
        let chosen = environment("APUS_CACHE")
        folder = chosen == "off" ? nil : chosen ?? environment("XDG_CACHE_HOME").map { $0 + "/apus" } ?? environment("HOME").map { $0 + "/.cache/apus" }
    }

    /// The program of `source`, from the cache or compiled.
    func program(_ source: String, _ driver: any GPUDriver) throws(OpError) -> OpaquePointer {
        let key = identity + source
        let path = folder.map { "\($0)/\(String(KernelCache.hash(key.utf8), radix: 16)).kernel" }
        if let path, let binary = read(path, key), let program = try? driver.load(binary) { return program }
        let (program, binary) = try driver.compile(source, isKept: path != nil)
        if let path { write(path, key, binary) }
        return program
    }

    /// FNV-1a, 64 bits.
    static func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
        bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    // An entry: the lengths of key and binary, the binary's hash (each 8 bytes), key, binary.

    private func read(_ path: String, _ key: String) -> [UInt8]? {
        guard let file = fopen(path, "rb") else { return nil }
        defer { fclose(file) }
        var facts = stat()
        guard fstat(fileno(file), &facts) == 0, facts.st_size >= 24, facts.st_size < 1 << 28 else { return nil }
        let size = Int(facts.st_size)
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in count = fread(buffer.baseAddress, 1, size, file) }
        guard bytes.count == size else { return nil }
        let numbers = bytes.withUnsafeBytes { raw in (0..<3).map { raw.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self) } }
        let keyBytes = Array(key.utf8)
        guard numbers[0] == keyBytes.count, numbers[1] == size - 24 - keyBytes.count, bytes[24..<24 + keyBytes.count].elementsEqual(keyBytes) else { return nil }
        let binary = Array(bytes[(24 + keyBytes.count)...])
        return KernelCache.hash(binary) == numbers[2] ? binary : nil
    }

    private func write(_ path: String, _ key: String, _ binary: [UInt8]) {
        guard let folder, KernelCache.makeFolder(folder) else { return }
        var entry: [UInt8] = []
        for number in [UInt64(key.utf8.count), UInt64(binary.count), KernelCache.hash(binary)] { withUnsafeBytes(of: number) { entry += $0 } }
        entry += Array(key.utf8) + binary
        var template = Array("\(folder)/new.XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { return }
        var rest = entry[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard written > 0 else { break }
            rest = rest.dropFirst(written)
        }
        let isWhole = rest.isEmpty && close(descriptor) == 0
        if !isWhole || rename(&template, path) != 0 { unlink(&template) }
    }

    /// `folder` and the folders it lies in; whether it is there.
    private static func makeFolder(_ folder: String) -> Bool {
        var path = ""
        for part in folder.split(separator: "/", omittingEmptySubsequences: true) {
            path += (path.isEmpty && !folder.hasPrefix("/") ? "" : "/") + part
            mkdir(path, 0o755)
        }
        return access(folder, W_OK) == 0
    }
}
