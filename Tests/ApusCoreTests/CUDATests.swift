import ApusCore
import ApusNN
import ApusOptim
import ApusSystem
import Glibc
import TestSupport
import Testing

/// Errors and fallbacks of CUDA, tested with the double of NVIDIA's libraries, which `scripts/check/cuda` builds and names. Each test runs
/// in its own process, whose environment configures the double.
@Suite(.enabled(if: environment("APUS_DOUBLE_NVRTC") != nil, "scripts/check/cuda runs it")) struct CUDATests {
    private static func reason(_ setting: String, _ value: String) throws -> String {
        setenv(setting, value, 1)
        return try #require(Device.cuda(0).unavailableReason)
    }

    @Test func whatTheDeviceIs() async {
        await #expect(processExitsWith: .success) {
            let device = Device.cuda(0)
            #expect(device.isAvailable && device.isCUDA && device.memory == 4 << 30)
            #expect(device.driver == "CUDA 12.9, NVRTC 12.9, compute capability 9.0")
            #expect(device.libraries == ["cuBLASLt 12.9.0", "cuDNN 9.28.0"])
            #expect(Device.best == device)
        }
    }

    @Test func anOldDriver() async {
        await #expect(processExitsWith: .success) {
            let reason = try Self.reason("APUS_DOUBLE_VERSION", "11080")
            #expect(reason == "NVIDIA's driver serves CUDA 11.8, and 12.0 is needed: install driver 525 or later")
        }
    }

    /// Libraries for CUDA 12 work with a driver for CUDA 13.
    @Test func aNewerDriver() async {
        await #expect(processExitsWith: .success) {
            setenv("APUS_DOUBLE_VERSION", "13000", 1)
            #expect(Device.cuda(0).driver?.hasPrefix("CUDA 13.0, NVRTC 12.9") == true)
            #expect(Tensor.ones([5], device: .cuda(0)).sum().item() == 5)
        }
    }

    /// If an algorithm that a library offers fails, our own kernels compute the result: the double fails on products with 11 columns.
    @Test func aProductThatDoesNotRun() async {
        await #expect(processExitsWith: .success) {
            let (a, b, bias) = (Tensor.randn([5, 40]), Tensor.randn([40, 11]), Tensor.randn([12])[1...])
            for _ in 0..<2 {
                let found = bias.to(.cuda(0)).addmm(a.to(.cuda(0)), b.to(.cuda(0)))
                expectClose(found, bias.addmm(a, b).array(Double.self), rtol: 1e-5, atol: 1e-5)
            }
        }
    }

    /// cuDNN's faster nondeterministic algorithm is used only if it is allowed.
    @Test func sumsWithoutAnOrderAreAnOption() async {
        await #expect(processExitsWith: .success) {
            setenv("APUS_DOUBLE_UNORDERED", "1", 1)
            let folder = TemporaryFolder()
            let path = folder.file("record")
            setenv("APUS_DOUBLE_RECORD", path, 1)
            let (x, w) = (Tensor.randn([2, 3, 9, 9]), Tensor.randn([4, 3, 3, 3]))
            let expected = F.conv2d(x, w).array(Double.self)
            for isAllowed in [false, true] {
                Device.allowsUnorderedSums = isAllowed
                expectClose(F.conv2d(x.to(.cuda(0)), w.to(.cuda(0))), expected, rtol: 1e-5, atol: 1e-5)
                let record = Self.record(path)
                #expect(record.contains("unordered convolution") == isAllowed)
            }
        }
    }

    /// The lines of the double's record.
    private static func record(_ path: String) -> [Substring] {
        String(decoding: bytes(ofFile: path), as: UTF8.self).split(separator: "\n")
    }

    @Test func noDevice() async {
        await #expect(processExitsWith: .success) {
            let reason = try Self.reason("APUS_DOUBLE_DEVICES", "0")
            #expect(reason == "NVIDIA's driver finds no device: no CUDA-capable device is detected (status 100)")
            #expect(Device.best != .cuda(0))
        }
    }

    /// A folder with some of the double's libraries.
    private static func folder(with libraries: [String]) throws -> TemporaryFolder {
        let (double, folder) = (try #require(environment("APUS_CUDA")), TemporaryFolder())
        for library in libraries { symlink("\(double)/\(library)", folder.file(library)) }
        return folder
    }

    @Test func noCompiler() async {
        await #expect(processExitsWith: .success) {
            let folder = try Self.folder(with: ["libcuda.so.1"])
            let reason = try Self.reason("APUS_CUDA", folder.path)
            #expect(
                reason.contains("kernels need NVRTC, which is not installed") && reason.contains("pip install nvidia-cuda-nvrtc-cu12"),
                "\(reason)")
        }
    }

    /// Without the libraries, our own kernels compute products and convolutions.
    @Test func noLibraries() async {
        await #expect(processExitsWith: .success) {
            let folder = try Self.folder(with: ["libcuda.so.1", "libnvrtc.so.12"])
            setenv("APUS_CUDA", folder.path, 1)
            let device = Device.cuda(0)
            #expect(
                device.libraries.count == 2 && device.libraries[0].contains("no cuBLASLt")
                    && device.libraries[1].contains("pip install nvidia-cudnn-cu12"))
            let (a, b) = (Tensor.randn([5, 40]), Tensor.randn([40, 7]))
            expectClose(a.to(device).matmul(b.to(device)), a.matmul(b).array(Double.self), rtol: 1e-5, atol: 1e-5)
            let (x, w) = (Tensor.randn([2, 3, 9, 9]), Tensor.randn([4, 3, 3, 3]))
            expectClose(F.conv2d(x.to(device), w.to(device)), F.conv2d(x, w).array(Double.self), rtol: 1e-5, atol: 1e-5)
        }
    }

    /// For a device newer than the compiler, the driver translates PTX.
    @Test func aDeviceNewerThanTheCompiler() async {
        await #expect(processExitsWith: .success) {
            setenv("APUS_DOUBLE_CAPABILITY", "139", 1)
            setenv("APUS_CACHE", "off", 1)
            let x = Tensor.arange(1000, dtype: .float32, device: .cuda(0))
            #expect(x.reshape([10, 100]).sum(dim: 1).max().item() == 94950)
        }
    }

    /// After a certain launch the device is lost: every read is an error that names call and device, and the CPU still works.
    @Test func aDeviceThatIsLost() async {
        await #expect(processExitsWith: .success) {
            setenv("APUS_DOUBLE_LOST_AFTER", "3", 1)
            let x = Tensor.ones([64], device: .cuda(0))
            for _ in 0..<3 {
                do {
                    _ = try checked { (x + 1).relu().sum().item() }
                } catch {
                    #expect("\(error)".contains("unspecified launch failure (status 719)") && "\(error)".contains("cuda:0"), "\(error)")
                    continue
                }
            }
            #expect(throws: OpError.self) { try checked { _ = x.item(Double.self) } }
            #expect(throws: OpError.self) { try checked { Device.cuda(0).synchronize() } }
            #expect(throws: OpError.self) { try checked { _ = Tensor.ones([1 << 22], device: .cuda(0)) } }
            #expect(Tensor.ones([3]).sum().item() == 3)
        }
    }

    /// Cached memory is released before a larger allocation fails.
    @Test func memoryThatIsKeptIsGivenBack() async {
        await #expect(processExitsWith: .success) {
            setenv("APUS_DOUBLE_MEMORY", "\(64 << 20)", 1)
            do { _ = Tensor.zeros([10 << 20], device: .cuda(0)) }
            let x = Tensor.zeros([12 << 20], device: .cuda(0))
            #expect(x.sum().item() == 0)
            do {
                try checked { _ = Tensor.zeros([12 << 20], device: .cuda(0)) }
                Issue.record("96 MiB of 64 were given")
            } catch {
                #expect("\(error)".contains("no memory for 48.0 MiB on cuda:0") && "\(error)".contains("of 64.0 MiB"), "\(error)")
            }
            #expect(x.sum().item() == 0)
        }
    }

    /// The error names the modules that hold the memory.
    @Test func whoHoldsMemoryIsNamed() async {
        await #expect(processExitsWith: .success) {
            setenv("APUS_DOUBLE_MEMORY", "\(64 << 20)", 1)
            let net: Sequential = ["narrow": Linear(8, 8), "wide": Linear(8, 4096)]
            net.to(.cuda(0))
            let y = net(Tensor.ones([2048, 8], device: .cuda(0)))
            do {
                try checked { _ = Tensor.zeros([12 << 20], device: .cuda(0)) }
                Issue.record("48 MiB were given")
            } catch { #expect("\(error)".contains("Sequential.wide (Linear) 32.0 MiB"), "\(error)") }
            #expect(y.shape == [2048, 4096])
        }
    }

    /// A training step calls the driver only for launches and products.
    @Test func aTrainingStepIsLaunchesAlone() async {
        await #expect(processExitsWith: .success) {
            let folder = TemporaryFolder()
            let path = folder.file("record")
            setenv("APUS_DOUBLE_RECORD", path, 1)
            let device = Device.cuda(0)
            let model = Sequential(Linear(784, 256), ReLU(), Linear(256, 10)).to(device)
            let optimizer = SGD(model.parameters(), lr: 0.1, momentum: 0.9)
            let (images, labels) = (Tensor.randn([64, 784], device: device), Tensor.randint(10, [64], device: device))
            func step() {
                let loss = F.crossEntropy(model(images), labels)
                optimizer.zeroGrad()
                loss.backward()
                optimizer.step()
            }
            for _ in 0..<8 { step() }
            device.synchronize()
            let before = Self.record(path).count
            for _ in 0..<10 { step() }
            // A step's last launch may be delayed; each call writes one line to the record.
            let calls = Self.record(path).dropFirst(before)
            #expect(calls.count > 50 && calls.count <= 300, "\(calls.count) calls in 10 steps")
            #expect(calls.allSatisfy { $0.hasPrefix("launch ") || $0 == "product" }, "\(Set(calls))")
            #expect(calls.count { $0 == "product" } == 50, "5 products a step: two forward, three backward")
        }
    }
}
