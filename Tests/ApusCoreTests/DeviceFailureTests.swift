import Apus
import Glibc
import TestSupport
import Testing

/// What happens where OpenCL, its drivers or the folder of compiled kernels are not as they should be. Each in a process of its own: libraries
/// are opened once.
@Suite struct DeviceFailureTests {
    /// A folder of its own for `body`.
    private static func withFolder(_ body: (String) async throws -> Void) async throws {
        var template = Array("/tmp/apus-devices.XXXXXX".utf8CString)
        let folder = String(cString: try #require(mkdtemp(&template)))
        try await body(folder)
        for name in names(folder) { unlink("\(folder)/\(name)") }
        rmdir(folder)
    }

    private static func names(_ folder: String) -> [String] {
        guard let entries = opendir(folder) else { return [] }
        defer { closedir(entries) }
        var found: [String] = []
        while let entry = readdir(entries) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if name != "." && name != ".." { found.append(name) }
        }
        return found.sorted()
    }

    private static func bytes(_ path: String) -> [UInt8] {
        guard let file = fopen(path, "rb") else { return [] }
        defer { fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&buffer, 1, buffer.count, file)
        return Array(buffer.prefix(count))
    }

    private static func write(_ bytes: [UInt8], _ path: String) throws {
        let file = try #require(fopen(path, "wb"))
        fwrite(bytes, 1, bytes.count, file)
        fclose(file)
    }

    /// The loader is there and finds no driver: Debian's looks in the folder that `OCL_ICD_VENDORS` names.
    @Test(.enabled(if: Device.opencl(0).isAvailable)) func withoutADriverTheReasonIsSaid() async {
        await #expect(processExitsWith: .success) {
            setenv("OCL_ICD_VENDORS", "/tmp/there-is-no-such-folder", 1)
            let reason = try #require(Device.opencl(0).unavailableReason)
            #expect(reason.contains("no driver for a device") && reason.contains("pocl-opencl-icd"), "\(reason)")
            #expect(Device.all.contains(.opencl(0)) && Device.all.contains(.cpu))
            #expect(Tensor.ones([3]).sum().item() == 3)
            #expect(throws: OpError.self) { try checked { _ = Tensor.ones([3]).to(.opencl(0)) } }
        }
    }

    /// A number that needs a few kernels, and what it must be.
    private static func computes(on device: Device) -> Bool {
        let x = Tensor.arange(1000, dtype: .float32, device: device)
        return x.reshape([10, 100]).sum(dim: 1).max().item() == 94950
    }

    @Test(arguments: DeviceTests.devices) func aCacheThatCannotBeWrittenCostsOnlyTime(_ device: Device) async {
        await #expect(processExitsWith: .success) { [name = device.description as String] in
            setenv("APUS_CACHE", "/dev/null/kernels", 1)
            let device = try #require(Device(name))
            #expect(Self.computes(on: device))
        }
    }

    /// Entries that were cut off, changed or emptied are made anew, and are then what they were.
    @Test(arguments: DeviceTests.devices) func aDamagedCacheIsMadeAnew(_ device: Device) async throws {
        try await Self.withFolder { folder in
            func compute() async {
                await #expect(processExitsWith: .success) { [name = device.description as String, folder = folder as String] in
                    setenv("APUS_CACHE", folder, 1)
                    let device = try #require(Device(name))
                    #expect(Self.computes(on: device))
                }
            }
            await compute()
            let entries = Self.names(folder)
            let whole = entries.map { Self.bytes("\(folder)/\($0)") }
            #expect(entries.count >= 2 && whole.allSatisfy { !$0.isEmpty })
            for (i, name) in entries.enumerated() {
                var damaged = whole[i]
                switch i % 4 {
                case 0: damaged.removeLast(damaged.count / 2)
                case 1: damaged[damaged.count - 9] ^= 1
                case 2: damaged = []
                default: for at in 0..<8 { damaged[at] = 0xFF } // A length of 2^64 - 1.
                }
                try Self.write(damaged, "\(folder)/\(name)")
            }
            await compute()
            #expect(Self.names(folder) == entries)
            // Length and text of each are back; the program itself a compiler may make a little differently.
            for (i, name) in entries.enumerated() {
                let mended = Self.bytes("\(folder)/\(name)")
                #expect(mended.prefix(8) == whole[i].prefix(8) && mended.count > whole[i].count / 2)
            }
        }
    }
}
