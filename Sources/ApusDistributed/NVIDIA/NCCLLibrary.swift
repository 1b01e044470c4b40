import ApusCore
import ApusSystem
import CDrivers

/// NCCL, which exchanges tensors between NVIDIA devices, if it is installed; opened on first use.
///
/// Unchecked Sendable: the function table does not change, and NCCL accepts calls from any thread.
final class NCCLLibrary: @unchecked Sendable {
    let functions: apus_nccl
    /// Name and version.
    let name: String

    /// The library, or why there is none; one such reason is APUS_NCCL=off.
    static let shared: Result<NCCLLibrary, OpError> = {
        do throws(OpError) { return .success(try NCCLLibrary()) } catch { return .failure(error) }
    }()

    private init() throws(OpError) {
        if environment("APUS_NCCL") == "off" { throw OpError("APUS_NCCL is off") }
        let (found, why) = opened(apus_nccl()) { apus_nccl_load($0, CInt(APUS_NCCL_VERSION), $1, $2) }
        guard let functions = found else {
            throw OpError(
                "NCCL is not installed (\(why)): install it for CUDA 12 or later, or `pip install nvidia-nccl-cu12` and let APUS_CUDA name its folder (…/site-packages/nvidia)"
            )
        }
        self.functions = functions
        var number: CInt = 0
        _ = functions.ncclGetVersion(&number)
        // 22703 is 2.27.3.
        name = "NCCL \(number / 10_000).\(number / 100 % 100).\(number % 100)"
    }

    /// Throws NCCL's message if a call has failed.
    func check(_ status: ncclResult_t, _ call: StaticString, _ communicator: ncclComm_t? = nil) throws(OpError) {
        if status == 0 || status == APUS_NCCL_IN_PROGRESS { return }
        let text = functions.ncclGetErrorString(status).map { String(cString: $0) } ?? "status \(status)"
        let last = functions.ncclGetLastError(communicator).map { String(cString: $0) } ?? ""
        throw OpError("\(call) failed: \(text)\(last.isEmpty || last == text ? "" : " (\(last))")")
    }
}
