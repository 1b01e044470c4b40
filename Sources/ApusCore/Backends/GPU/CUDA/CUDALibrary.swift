import CDrivers

/// CUDA's driver and its run-time compiler, where the machine has them: opened when they are first asked for.
///
/// Unchecked Sendable: the tables of functions do not change, and CUDA takes calls from any thread.
final class CUDALibrary: @unchecked Sendable {
    let driver: apus_cuda
    let compiler: apus_nvrtc
    /// The newest CUDA that the driver serves: major and minor version.
    let version: (major: Int, minor: Int)
    let compilerVersion: (major: Int, minor: Int)
    /// What the compiler makes programs for: 80 for `sm_80`.
    let architectures: [Int]
    let deviceCount: Int

    /// The library and its devices, or why there are none.
    static let shared: Result<CUDALibrary, OpError> = {
        do throws(OpError) { return .success(try CUDALibrary()) } catch { return .failure(error) }
    }()

    /// The CUDA that we need: its functions are as we call them from here on.
    private static let oldest = 12

    private init() throws(OpError) {
        var driver = apus_cuda()
        var why = [CChar](repeating: 0, count: 512)
        guard apus_cuda_load(&driver, 1, &why, why.count) else {
            throw OpError("CUDA is not installed (\(String(fromC: why))): an NVIDIA device needs NVIDIA's driver (Debian: nvidia-driver)")
        }
        var number: CInt = 0
        guard driver.cuDriverGetVersion(&number) == 0 else { throw OpError("NVIDIA's driver does not say its version") }
        version = (Int(number) / 1000, Int(number) % 1000 / 10)
        guard version.major >= CUDALibrary.oldest else {
            throw OpError("NVIDIA's driver serves CUDA \(version.major).\(version.minor), and \(CUDALibrary.oldest).0 is needed: install driver 525 or later")
        }
        let status = driver.cuInit(0)
        guard status == 0 else { throw OpError("NVIDIA's driver finds no device: \(CUDALibrary.describe(status, driver))") }
        var count: CInt = 0
        guard driver.cuDeviceGetCount(&count) == 0, count > 0 else { throw OpError("NVIDIA's driver finds no device") }
        var compiler = apus_nvrtc()
        guard apus_nvrtc_load(&compiler, CInt(version.major), &why, why.count) else {
            throw OpError("kernels need NVRTC, which is not installed (\(String(fromC: why))): \(CUDALibrary.advice("cuda-nvrtc"))")
        }
        var (major, minor, known): (CInt, CInt, CInt) = (0, 0, 0)
        _ = compiler.nvrtcVersion(&major, &minor)
        _ = compiler.nvrtcGetNumSupportedArchs(&known)
        var architectures = [CInt](repeating: 0, count: Int(known))
        if known > 0 { _ = compiler.nvrtcGetSupportedArchs(&architectures) }
        (self.driver, self.compiler, deviceCount) = (driver, compiler, Int(count))
        compilerVersion = (Int(major), Int(minor))
        self.architectures = architectures.map(Int.init).sorted()
    }

    /// How to install NVIDIA's library of that name.
    static func advice(_ library: String) -> String {
        "install it with CUDA 12 or later, or `pip install nvidia-\(library)-cu12` and let APUS_CUDA name its folder (…/site-packages/nvidia)"
    }

    /// `12.9.0` of 120900, as cuBLASLt and cuDNN number their versions.
    static func version(_ number: Int) -> String { "\(number / 10_000).\(number / 100 % 100).\(number % 100)" }

    static func describe(_ status: CUresult, _ driver: apus_cuda) -> String {
        var text: UnsafePointer<CChar>?
        guard driver.cuGetErrorString(status, &text) == 0, let text else { return "status \(status)" }
        return "\(String(cString: text)) (status \(status))"
    }
}
