import CDrivers

/// CUDA's driver and NVRTC, its run-time compiler, if the machine has them; opened on first use.
///
/// Unchecked Sendable: the function tables do not change, and CUDA accepts calls from any thread.
final class CUDALibrary: @unchecked Sendable {
    let driver: apus_cuda
    let compiler: apus_nvrtc
    /// The newest CUDA that the driver supports: major and minor version.
    let version: (major: Int, minor: Int)
    let compilerVersion: (major: Int, minor: Int)
    /// The architectures that the compiler supports: 80 for `sm_80`.
    let architectures: [Int]
    let deviceCount: Int

    /// The library and its devices, or the error why there are none.
    static let shared: Result<CUDALibrary, OpError> = {
        do throws(OpError) { return .success(try CUDALibrary()) } catch { return .failure(error) }
    }()

    /// The oldest CUDA version whose functions have the signatures that we use.
    private static let oldest = 12

    private init() throws(OpError) {
        let (found, why) = opened(apus_cuda()) { apus_cuda_load($0, 1, $1, $2) }
        guard let driver = found else {
            throw OpError("CUDA is not installed (\(why)): an NVIDIA device needs NVIDIA's driver (Debian: nvidia-driver)")
        }
        var number: CInt = 0
        guard driver.cuDriverGetVersion(&number) == 0 else { throw OpError("NVIDIA's driver does not say its version") }
        version = (Int(number) / 1000, Int(number) % 1000 / 10)
        guard version.major >= CUDALibrary.oldest else {
            throw OpError(
                "NVIDIA's driver serves CUDA \(version.major).\(version.minor), and \(CUDALibrary.oldest).0 is needed: install driver 525 or later"
            )
        }
        let status = driver.cuInit(0)
        guard status == 0 else { throw OpError("NVIDIA's driver finds no device: \(CUDALibrary.describe(status, driver))") }
        var count: CInt = 0
        guard driver.cuDeviceGetCount(&count) == 0, count > 0 else { throw OpError("NVIDIA's driver finds no device") }
        let newest = CInt(version.major)
        let (nvrtc, reason) = opened(apus_nvrtc()) { apus_nvrtc_load($0, newest, $1, $2) }
        guard let compiler = nvrtc else {
            throw OpError("kernels need NVRTC, which is not installed (\(reason)): \(CUDALibrary.advice("cuda-nvrtc"))")
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

    /// How to install the NVIDIA library of this name.
    static func advice(_ library: String) -> String {
        "install it with CUDA 12 or later, or `pip install nvidia-\(library)-cu12` and let APUS_CUDA name its folder (…/site-packages/nvidia)"
    }

    /// 120900 as `12.9.0`; cuBLASLt and cuDNN number their versions this way.
    static func version(_ number: Int) -> String { "\(number / 10_000).\(number / 100 % 100).\(number % 100)" }

    func check(_ status: CUresult, _ call: StaticString) throws(OpError) {
        guard status == 0 else { throw OpError("\(call) failed: \(CUDALibrary.describe(status, driver))") }
    }

    private static func describe(_ status: CUresult, _ driver: apus_cuda) -> String {
        var text: UnsafePointer<CChar>?
        guard driver.cuGetErrorString(status, &text) == 0, let text else { return "status \(status)" }
        return "\(String(cString: text)) (status \(status))"
    }
}
