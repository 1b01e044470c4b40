import Apus
import Glibc
import TestSupport
import Testing

/// What happens where OpenCL, its drivers or the folder of compiled kernels are not as they should be. Each in a process of its own: libraries
/// are opened once.
@Suite struct DeviceFailureTests {
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

    /// Entries that were cut off, changed or emptied are made anew.
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
        // Whole again, though a compiler may make a program a little differently.
        for (i, name) in entries.enumerated() {
            let mended = bytes(ofFile: folder.file(name))
            #expect(mended != damaged[i] && mended.prefix(8) == whole[i].prefix(8) && mended.count > whole[i].count * 3 / 4, "entry \(i)")
        }
    }

    /// All of a device's memory in sixteenths, and one more: the error says what was asked, what is in use and of how much; what was there is still
    /// right, and what is freed can be had again. Only where `scripts/gpu-drill` asks for it: PoCL's memory is the host's.
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
