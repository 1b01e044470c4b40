import ApusSystem
import CDrivers
import Glibc

/// An NVIDIA device, in its primary context, with one stream.
///
/// Unchecked Sendable: CUDA handles may be used from any thread that has made the context current, and `GPUBackend` makes one call at a
/// time.
final class CUDADriver: GPUDriver, @unchecked Sendable {
    let facts: GPUFacts
    let library: CUDALibrary
    let stream: CUstream
    private let cuda: apus_cuda
    private let device: CUdevice
    private let context: CUcontext
    /// Whether the compiler supports the device's architecture; for a newer device the driver translates PTX.
    private let isKnown: Bool
    private let architecture: Int
    /// The addresses of a launch's arguments.
    private let addresses = UnsafeMutablePointer<UnsafeMutableRawPointer?>.allocate(capacity: KernelArguments.capacity / 16)

    init(_ library: CUDALibrary, _ index: Int) throws(OpError) {
        self.library = library
        cuda = library.driver
        var device: CUdevice = 0
        try library.check(cuda.cuDeviceGet(&device, CInt(index)), "cuDeviceGet")
        self.device = device
        var name = [CChar](repeating: 0, count: 256)
        try library.check(cuda.cuDeviceGetName(&name, CInt(name.count - 1), device), "cuDeviceGetName")
        var memory = 0
        try library.check(cuda.cuDeviceTotalMem(&memory, device), "cuDeviceTotalMem")
        func attribute(_ what: Int) -> Int {
            var value: CInt = 0
            _ = library.driver.cuDeviceGetAttribute(&value, CUdevice_attribute(what), device)
            return Int(value)
        }
        let capability = attribute(Int(APUS_CU_ATTRIBUTE_MAJOR)) * 10 + attribute(Int(APUS_CU_ATTRIBUTE_MINOR))
        isKnown = library.architectures.contains(capability)
        guard let architecture = isKnown ? capability : library.architectures.last(where: { $0 < capability }) else {
            throw OpError(
                "NVRTC \(library.compilerVersion.major).\(library.compilerVersion.minor) makes no programs for a device of compute capability \(capability / 10).\(capability % 10)"
            )
        }
        self.architecture = architecture
        var made: CUcontext?
        try library.check(cuda.cuDevicePrimaryCtxRetain(&made, device), "cuDevicePrimaryCtxRetain")
        guard let context = made else { throw OpError("cuDevicePrimaryCtxRetain gave no context") }
        self.context = context
        try library.check(cuda.cuCtxSetCurrent(context), "cuCtxSetCurrent")
        var stream: CUstream?
        try library.check(cuda.cuStreamCreate(&stream, UInt32(APUS_CU_STREAM_NON_BLOCKING)), "cuStreamCreate")
        guard let stream else { throw OpError("cuStreamCreate gave no stream") }
        self.stream = stream
        facts = GPUFacts(
            name: String(fromC: name),
            driver:
                "CUDA \(library.version.major).\(library.version.minor), NVRTC \(library.compilerVersion.major).\(library.compilerVersion.minor), compute capability \(capability / 10).\(capability % 10)",
            memory: memory, largestBlock: memory, computeUnits: max(1, attribute(Int(APUS_CU_ATTRIBUTE_MULTIPROCESSORS))),
            isGPU: true, hasFloat64: true, language: .cuda)
    }

    deinit { addresses.deallocate() }

    /// Makes the device's context current on the calling thread; needed on each call, since tasks move between threads.
    func enter() { _ = cuda.cuCtxSetCurrent(context) }

    func uuid() throws(OpError) -> [UInt8] {
        var uuid = CUuuid()
        try library.check(cuda.cuDeviceGetUuid(&uuid, device), "cuDeviceGetUuid")
        return withUnsafeBytes(of: uuid) { Array($0) }
    }

    // MARK: Memory

    /// A block's pointer is its device address.
    static func address(_ block: UnsafeMutableRawPointer, _ offset: Int = 0) -> CUdeviceptr {
        CUdeviceptr(UInt(bitPattern: block) + UInt(offset))
    }

    func allocate(byteCount: Int) -> UnsafeMutableRawPointer? {
        enter()
        var address: CUdeviceptr = 0
        return cuda.cuMemAlloc(&address, byteCount) == 0 ? UnsafeMutableRawPointer(bitPattern: UInt(address)) : nil
    }

    func free(_ block: UnsafeMutableRawPointer) {
        enter()
        _ = cuda.cuMemFree(CUDADriver.address(block))
    }

    func allocatePinned(byteCount: Int) -> UnsafeMutableRawPointer? {
        enter()
        var address: UnsafeMutableRawPointer?
        return cuda.cuMemHostAlloc(&address, byteCount, 0) == 0 ? address : nil
    }

    func upload(_ source: UnsafeRawPointer, byteCount: Int, to block: UnsafeMutableRawPointer, at offset: Int, waits: Bool) throws(OpError)
    {
        enter()
        try library.check(cuda.cuMemcpyHtoDAsync(CUDADriver.address(block, offset), source, byteCount, stream), "cuMemcpyHtoDAsync")
        if waits { try synchronize() }
    }

    func download(_ block: UnsafeMutableRawPointer, at offset: Int, byteCount: Int, to target: UnsafeMutableRawPointer) throws(OpError) {
        enter()
        try library.check(cuda.cuMemcpyDtoHAsync(target, CUDADriver.address(block, offset), byteCount, stream), "cuMemcpyDtoHAsync")
        try synchronize()
    }

    /// CUDA starts work without a flush.
    func flush() {}

    func synchronize() throws(OpError) {
        enter()
        try library.check(cuda.cuStreamSynchronize(stream), "cuStreamSynchronize")
    }

    // MARK: Programs

    func compile(_ source: String, isKept: Bool) throws(OpError) -> (program: OpaquePointer, binary: [UInt8]) {
        let nvrtc = library.compiler
        func check(_ status: nvrtcResult, _ call: StaticString) throws(OpError) {
            guard status == 0 else { throw OpError("\(call) failed with status \(status)") }
        }
        var made: nvrtcProgram?
        try check(nvrtc.nvrtcCreateProgram(&made, source, "apus.cu", 0, nil, nil), "nvrtcCreateProgram")
        defer { _ = nvrtc.nvrtcDestroyProgram(&made) }
        // No fused multiply-adds unless a kernel asks for them, so that results equal those of other backends.
        let options = ["--gpu-architecture=\(isKnown ? "sm" : "compute")_\(architecture)", "--fmad=false", "--std=c++17"].map {
            (option: String) in strdup(option)
        }
        defer { for option in options { Glibc.free(option) } }
        var pointers = options.map { UnsafePointer<CChar>($0) }
        guard nvrtc.nvrtcCompileProgram(made, CInt(pointers.count), &pointers) == 0 else {
            throw OpError("a kernel does not compile on \(facts.name):\n\(log(made))\n\(source)")
        }
        var size = 0
        try check(isKnown ? nvrtc.nvrtcGetCUBINSize(made, &size) : nvrtc.nvrtcGetPTXSize(made, &size), "nvrtcGetCUBINSize")
        var binary = [UInt8](repeating: 0, count: size)
        let status = binary.withUnsafeMutableBytes { buffer in
            let bytes = buffer.bindMemory(to: CChar.self).baseAddress
            return isKnown ? nvrtc.nvrtcGetCUBIN(made, bytes) : nvrtc.nvrtcGetPTX(made, bytes)
        }
        try check(status, "nvrtcGetCUBIN")
        return (try load(binary), binary)
    }

    private func log(_ program: nvrtcProgram?) -> String {
        var size = 0
        guard library.compiler.nvrtcGetProgramLogSize(program, &size) == 0, size > 0 else { return "" }
        var bytes = [CChar](repeating: 0, count: size + 1)
        _ = library.compiler.nvrtcGetProgramLog(program, &bytes)
        return String(fromC: bytes)
    }

    func load(_ binary: [UInt8]) throws(OpError) -> OpaquePointer {
        enter()
        var module: CUmodule?
        try library.check(binary.withUnsafeBytes { cuda.cuModuleLoadData(&module, $0.baseAddress) }, "cuModuleLoadData")
        guard let module else { throw OpError("cuModuleLoadData gave no program") }
        return module
    }

    func kernel(_ name: String, of program: OpaquePointer) throws(OpError) -> OpaquePointer {
        enter()
        var function: CUfunction?
        try library.check(cuda.cuModuleGetFunction(&function, program, name), "cuModuleGetFunction")
        guard let function else { throw OpError("cuModuleGetFunction(\(name)) gave no kernel") }
        return function
    }

    func launch(_ kernel: OpaquePointer, groups: Int, _ arguments: KernelArguments) throws(OpError) {
        enter()
        for i in arguments.places.indices { addresses[i] = arguments.address(i) }
        try library.check(
            cuda.cuLaunchKernel(kernel, UInt32(groups), 1, 1, UInt32(KernelDialect.group), 1, 1, 0, stream, addresses, nil),
            "cuLaunchKernel")
    }

    // MARK: Events

    func recordEvent() throws(OpError) -> OpaquePointer {
        enter()
        var event: CUevent?
        try library.check(cuda.cuEventCreate(&event, 0), "cuEventCreate")
        guard let event else { throw OpError("cuEventCreate gave no event") }
        try library.check(cuda.cuEventRecord(event, stream), "cuEventRecord")
        return event
    }

    /// True also after an error, which the next wait reports.
    func isComplete(_ event: OpaquePointer) -> Bool {
        enter()
        return cuda.cuEventQuery(event) != APUS_CU_NOT_READY
    }

    func wait(for event: OpaquePointer) throws(OpError) {
        enter()
        try library.check(cuda.cuEventSynchronize(event), "cuEventSynchronize")
    }

    func seconds(from start: OpaquePointer, to end: OpaquePointer) -> Double {
        enter()
        var milliseconds: Float = 0
        _ = cuda.cuEventElapsedTime(&milliseconds, start, end)
        return Double(milliseconds) * 1e-3
    }

    func release(event: OpaquePointer) {
        enter()
        _ = cuda.cuEventDestroy(event)
    }
}
