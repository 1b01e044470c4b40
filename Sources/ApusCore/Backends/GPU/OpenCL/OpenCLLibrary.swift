import ApusSystem
import CDrivers

/// OpenCL, if the machine has it; opened on first use.
///
/// Unchecked Sendable: platform and device handles do not change, and OpenCL accepts calls from any thread.
final class OpenCLLibrary: @unchecked Sendable {
    let functions: apus_opencl
    let devices: [(platform: cl_platform_id, id: cl_device_id)]

    /// The library and its devices, or the error why there are none.
    static let shared: Result<OpenCLLibrary, OpError> = {
        do throws(OpError) { return .success(try OpenCLLibrary()) } catch { return .failure(error) }
    }()

    private init() throws(OpError) {
        let (found, why) = opened(apus_opencl()) { apus_opencl_load($0, $1, $2) }
        guard let functions = found else {
            throw OpError(
                "OpenCL is not installed (\(why)): install the loader (Debian: ocl-icd-libopencl1) and the device's driver (pocl-opencl-icd for processors)"
            )
        }
        self.functions = functions
        var count: cl_uint = 0
        guard functions.clGetPlatformIDs(0, nil, &count) == 0, count > 0 else {
            throw OpError("OpenCL is installed, but no driver for a device: install the vendor's, or pocl-opencl-icd for processors")
        }
        var platforms = [cl_platform_id?](repeating: nil, count: Int(count))
        _ = functions.clGetPlatformIDs(count, &platforms, nil)
        var devices: [(cl_platform_id, cl_device_id)] = []
        for case let platform? in platforms {
            var count: cl_uint = 0
            let anyType: UInt64 = 0xFFFF_FFFF
            guard functions.clGetDeviceIDs(platform, anyType, 0, nil, &count) == 0 else { continue }
            var ids = [cl_device_id?](repeating: nil, count: Int(count))
            _ = functions.clGetDeviceIDs(platform, anyType, count, &ids, nil)
            devices += ids.compactMap { id in id.map { (platform, $0) } }
        }
        guard !devices.isEmpty else { throw OpError("OpenCL's drivers find no device") }
        self.devices = devices
    }

    func number<T: FixedWidthInteger>(_ device: cl_device_id, _ what: Int, _: T.Type = T.self) -> T {
        var value = T.zero
        _ = functions.clGetDeviceInfo(device, cl_uint(what), MemoryLayout<T>.size, &value, nil)
        return value
    }

    func text(_ device: cl_device_id, _ what: Int) -> String {
        var size = 0
        guard functions.clGetDeviceInfo(device, cl_uint(what), 0, nil, &size) == 0, size > 0 else { return "" }
        var bytes = [CChar](repeating: 0, count: size + 1)
        _ = functions.clGetDeviceInfo(device, cl_uint(what), size, &bytes, nil)
        return String(fromC: bytes)
    }
}
