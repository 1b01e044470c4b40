import ApusCore
import ApusSystem
import Glibc
import TestSupport
import Testing

/// Errors if OpenCL, its drivers or the folder of compiled kernels are missing or damaged. Each test has its own process, since libraries
/// are opened once.
@Suite struct DeviceFailureTests {
    /// The loader exists but finds no driver: Debian's looks in the folder that `OCL_ICD_VENDORS` names.
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

    /// Whether a result that needs a few kernels is right.
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

    /// Truncated, changed or empty cache entries are recompiled.
    @Test(arguments: DeviceTests.devices) func aDamagedCacheIsMadeAnew(_ device: Device) async {
        let folder = TemporaryFolder()
        func compute() async {
            await #expect(processExitsWith: .success) { [name = device.description as String, path = folder.path as String] in
                setenv("APUS_CACHE", path, 1)
                let device = try #require(Device(name))
                #expect(Self.computes(on: device))
            }
        }
        await compute()
        let entries = folder.names
        let whole = entries.map { bytes(ofFile: folder.file($0)) }
        #expect(entries.count >= 2 && whole.allSatisfy { !$0.isEmpty })
        let damaged = whole.enumerated().map { i, entry in
            var entry = entry
            switch i % 4 {
            case 0: entry.removeLast(entry.count / 2)
            case 1: entry[entry.count - 9] ^= 1
            case 2: entry = []
            default: for at in 0..<8 { entry[at] = 0xFF } // A length of 2^64 - 1.
            }
            return entry
        }
        for (name, entry) in zip(entries, damaged) { folder.write(entry, name) }
        await compute()
        #expect(folder.names == entries)
        // The entries are valid again, though a compiler may produce a slightly different program.
        for (i, name) in entries.enumerated() {
            let mended = bytes(ofFile: folder.file(name))
            #expect(mended != damaged[i] && mended.prefix(8) == whole[i].prefix(8) && mended.count > whole[i].count * 3 / 4, "entry \(i)")
        }
    }

    /// Allocates all of a device's memory in sixteenths, and one more: the error says the requested, used and total sizes; the contents
    /// stay right, and freed memory can be allocated again. Runs only on request of `scripts/check/gpu-drill`: PoCL's memory is the host's.
    @Test(.enabled(if: environment("APUS_TEST_WHOLE_MEMORY") != nil, "fills the device"), arguments: DeviceTests.devices)
    func allOfTheMemory(_ device: Device) async {
        await #expect(processExitsWith: .success) { [name = device.description as String] in
            let device = try #require(Device(name))
            let memory = try #require(device.memory)
            let count = memory / 64
            var parts: [Tensor] = []
            do {
                for i in 0...16 { parts.append(try checked { Tensor.full([count], Double(i), device: device) }) }
                Issue.record("\(memory) bytes gave seventeen sixteenths")
            } catch {
                print("\(parts.count) of 16 parts were given. \(error)")
                for part in ["no memory for ", " on \(name): ", " taken from the device of "] {
                    #expect("\(error)".contains(part), "\(error)")
                }
            }
            #expect(parts.count >= 12)
            for (i, part) in parts.enumerated() { #expect(part[0].item() == Double(i) && part[count - 1].item() == Double(i)) }
            parts.removeLast(8)
            let half = Tensor.ones([6 * count], device: device)
            #expect(half[6 * count - 1].item() == 1 && Self.computes(on: device))
        }
    }
}
