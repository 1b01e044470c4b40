import ApusSystem
import CDrivers

/// An OpenCL device (1.2 or later), with one in-order queue.
///
/// Unchecked Sendable: OpenCL handles may be used from any thread, and `GPUBackend` makes one call at a time.
final class OpenCLDriver: GPUDriver, @unchecked Sendable {
    let facts: GPUFacts
    private let cl: apus_opencl
    private let device: cl_device_id
    private let context: cl_context
    let queue: cl_command_queue
    private let options: String

    init(_ library: OpenCLLibrary, _ index: Int) throws(OpError) {
        cl = library.functions
        device = library.devices[index].id
        let extensions = library.text(device, Int(APUS_CL_DEVICE_EXTENSIONS))
        let group: Int = library.number(device, Int(APUS_CL_DEVICE_MAX_WORK_GROUP_SIZE))
        guard group >= KernelDialect.group else {
            throw OpError("its groups have \(group) items at most, and \(KernelDialect.group) are needed")
        }
        var memory: UInt64 = library.number(device, Int(APUS_CL_DEVICE_GLOBAL_MEM_SIZE))
        if memory == 0 { memory = 1 << 30 }
        let floats: UInt64 = library.number(device, Int(APUS_CL_DEVICE_SINGLE_FP_CONFIG))
        options = floats & UInt64(APUS_CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT) != 0 ? "-cl-fp32-correctly-rounded-divide-sqrt" : ""
        facts = GPUFacts(
            name: library.text(device, Int(APUS_CL_DEVICE_NAME)),
            driver: "\(library.text(device, Int(APUS_CL_DEVICE_VERSION))), driver \(library.text(device, Int(APUS_CL_DRIVER_VERSION)))",
            memory: Int(memory), largestBlock: Int(library.number(device, Int(APUS_CL_DEVICE_MAX_MEM_ALLOC_SIZE), UInt64.self)),
            computeUnits: max(1, Int(library.number(device, Int(APUS_CL_DEVICE_MAX_COMPUTE_UNITS), cl_uint.self))),
            isGPU: library.number(device, Int(APUS_CL_DEVICE_TYPE), UInt64.self) & UInt64(APUS_CL_DEVICE_TYPE_GPU) != 0,
            hasFloat64: extensions.contains("cl_khr_fp64"), language: .openCL)
        var status: cl_int = 0
        var id: cl_device_id? = device
        guard let context = cl.clCreateContext(nil, 1, &id, nil, nil, &status),
            let queue = cl.clCreateCommandQueue(context, device, UInt64(APUS_CL_QUEUE_PROFILING_ENABLE), &status)
        else { throw OpError("OpenCL makes no queue on \(facts.name) (status \(status))") }
        self.context = context
        self.queue = queue
    }

    private func check(_ status: cl_int, _ call: StaticString) throws(OpError) {
        guard status == 0 else { throw OpError("\(call) failed with status \(status)") }
    }

    // MARK: Memory

    func allocate(byteCount: Int) -> UnsafeMutableRawPointer? {
        var status: cl_int = 0
        return cl.clCreateBuffer(context, UInt64(APUS_CL_MEM_READ_WRITE), byteCount, nil, &status).map { UnsafeMutableRawPointer($0) }
    }

    func free(_ block: UnsafeMutableRawPointer) { _ = cl.clReleaseMemObject(OpaquePointer(block)) }

    func allocatePinned(byteCount: Int) -> UnsafeMutableRawPointer? {
        var status: cl_int = 0
        guard let buffer = cl.clCreateBuffer(context, UInt64(APUS_CL_MEM_READ_WRITE | APUS_CL_MEM_ALLOC_HOST_PTR), byteCount, nil, &status)
        else { return nil }
        return cl.clEnqueueMapBuffer(queue, buffer, 1, UInt64(APUS_CL_MAP_WRITE), 0, byteCount, 0, nil, nil, &status)
    }

    func upload(_ source: UnsafeRawPointer, byteCount: Int, to block: UnsafeMutableRawPointer, at offset: Int, waits: Bool) throws(OpError)
    {
        try check(
            cl.clEnqueueWriteBuffer(queue, OpaquePointer(block), waits ? 1 : 0, offset, byteCount, source, 0, nil, nil),
            "clEnqueueWriteBuffer")
    }

    func download(_ block: UnsafeMutableRawPointer, at offset: Int, byteCount: Int, to target: UnsafeMutableRawPointer) throws(OpError) {
        try check(cl.clEnqueueReadBuffer(queue, OpaquePointer(block), 1, offset, byteCount, target, 0, nil, nil), "clEnqueueReadBuffer")
    }

    func flush() { _ = cl.clFlush(queue) }
    func synchronize() throws(OpError) { try check(cl.clFinish(queue), "clFinish") }

    // MARK: Programs

    func compile(_ source: String, isKept: Bool) throws(OpError) -> (program: OpaquePointer, binary: [UInt8]) {
        var status: cl_int = 0
        let made = source.withCString { text -> cl_program? in
            var text: UnsafePointer<CChar>? = text
            return cl.clCreateProgramWithSource(context, 1, &text, nil, &status)
        }
        guard let program = made else { throw OpError("clCreateProgramWithSource failed with status \(status)") }
        do throws(OpError) {
            var id: cl_device_id? = device
            guard cl.clBuildProgram(program, 1, &id, options, nil, nil) == 0 else {
                throw OpError("a kernel does not compile on \(facts.name):\n\(buildLog(program))\n\(source)")
            }
            // Getting the binary may compile the program again, as in PoCL.
            return (program, isKept ? try binary(of: program) : [])
        } catch {
            _ = cl.clReleaseProgram(program)
            throw error
        }
    }

    private func binary(of program: cl_program) throws(OpError) -> [UInt8] {
        var size = 0
        try check(
            cl.clGetProgramInfo(program, cl_uint(APUS_CL_PROGRAM_BINARY_SIZES), MemoryLayout<Int>.size, &size, nil), "clGetProgramInfo")
        var binary = [UInt8](repeating: 0, count: size)
        let status = binary.withUnsafeMutableBufferPointer { buffer -> cl_int in
            var address = buffer.baseAddress
            return cl.clGetProgramInfo(program, cl_uint(APUS_CL_PROGRAM_BINARIES), MemoryLayout<UnsafeRawPointer>.size, &address, nil)
        }
        try check(status, "clGetProgramInfo")
        return binary
    }

    private func buildLog(_ program: cl_program) -> String {
        var size = 0
        guard cl.clGetProgramBuildInfo(program, device, cl_uint(APUS_CL_PROGRAM_BUILD_LOG), 0, nil, &size) == 0, size > 0 else { return "" }
        var bytes = [CChar](repeating: 0, count: size + 1)
        _ = cl.clGetProgramBuildInfo(program, device, cl_uint(APUS_CL_PROGRAM_BUILD_LOG), size, &bytes, nil)
        return String(fromC: bytes)
    }

    func load(_ binary: [UInt8]) throws(OpError) -> OpaquePointer {
        var (status, loaded): (cl_int, cl_int) = (0, 0)
        var id: cl_device_id? = device
        var size = binary.count
        let program = binary.withUnsafeBufferPointer { buffer -> cl_program? in
            var address = buffer.baseAddress
            return cl.clCreateProgramWithBinary(context, 1, &id, &size, &address, &loaded, &status)
        }
        guard let program else { throw OpError("clCreateProgramWithBinary failed with status \(status)") }
        do throws(OpError) {
            try check(status, "clCreateProgramWithBinary")
            try check(loaded, "clCreateProgramWithBinary")
            try check(cl.clBuildProgram(program, 1, &id, options, nil, nil), "clBuildProgram")
        } catch {
            _ = cl.clReleaseProgram(program)
            throw error
        }
        return program
    }

    func kernel(_ name: String, of program: OpaquePointer) throws(OpError) -> OpaquePointer {
        var status: cl_int = 0
        guard let kernel = cl.clCreateKernel(program, name, &status) else {
            throw OpError("clCreateKernel(\(name)) failed with status \(status)")
        }
        return kernel
    }

    func launch(_ kernel: OpaquePointer, groups: Int, _ arguments: KernelArguments) throws(OpError) {
        for (i, place) in arguments.places.enumerated() {
            let status = cl.clSetKernelArg(kernel, cl_uint(i), place.size, arguments.address(i))
            guard status == 0 else { throw OpError("clSetKernelArg(\(i)) failed with status \(status)") }
        }
        let status = withUnsafeTemporaryAllocation(of: Int.self, capacity: 2) { sizes in
            (sizes[0], sizes[1]) = (groups * KernelDialect.group, KernelDialect.group)
            return cl.clEnqueueNDRangeKernel(queue, kernel, 1, nil, sizes.baseAddress!, sizes.baseAddress! + 1, 0, nil, nil)
        }
        guard status == 0 else { throw OpError("clEnqueueNDRangeKernel failed with status \(status)") }
    }

    // MARK: Events

    func recordEvent() throws(OpError) -> OpaquePointer {
        var event: cl_event?
        try check(cl.clEnqueueMarkerWithWaitList(queue, 0, nil, &event), "clEnqueueMarkerWithWaitList")
        guard let event else { throw OpError("clEnqueueMarkerWithWaitList gave no event") }
        return event
    }

    func isComplete(_ event: OpaquePointer) -> Bool {
        var state: cl_int = 1
        _ = cl.clGetEventInfo(event, cl_uint(APUS_CL_EVENT_COMMAND_EXECUTION_STATUS), MemoryLayout<cl_int>.size, &state, nil)
        return state == cl_int(APUS_CL_COMPLETE)
    }

    func wait(for event: OpaquePointer) throws(OpError) {
        var event: cl_event? = event
        try check(cl.clWaitForEvents(1, &event), "clWaitForEvents")
    }

    func seconds(from start: OpaquePointer, to end: OpaquePointer) -> Double {
        func time(_ event: OpaquePointer) -> UInt64 {
            var nanoseconds: UInt64 = 0
            _ = cl.clGetEventProfilingInfo(event, cl_uint(APUS_CL_PROFILING_COMMAND_END), 8, &nanoseconds, nil)
            return nanoseconds
        }
        return (Double(time(end)) - Double(time(start))) * 1e-9
    }

    func release(event: OpaquePointer) { _ = cl.clReleaseEvent(event) }
}
