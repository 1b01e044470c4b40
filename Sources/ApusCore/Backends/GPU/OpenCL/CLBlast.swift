import CDrivers

/// CLBlast's products, where it is installed.
///
/// Unchecked Sendable: the table of functions does not change, and `GPUBackend` calls one at a time.
final class CLBlast: GPUProductLibrary, @unchecked Sendable {
    private let driver: OpenCLDriver
    private let opened: Result<apus_clblast, OpError>

    init(_ driver: OpenCLDriver) {
        self.driver = driver
        var functions = apus_clblast()
        var why = [CChar](repeating: 0, count: 512)
        opened = apus_clblast_load(&functions, &why, why.count) ? .success(functions)
            : .failure(OpError("it is not installed (\(String(fromC: why))): install it (Debian: libclblast1)"))
    }

    /// It tells no version.
    var state: String {
        switch opened {
        case .success: "CLBlast"
        case .failure(let error): "no CLBlast, large products are slower: \(error.message)"
        }
    }

    func addsBias(_: DType) -> Bool { false }

    func matmul(_ p: GPUProduct, _: GPUWorkspace) throws(OpError) -> Bool {
        // Small products are not worth its set-up, and 16-bit floats would be summed in 16 bits.
        guard p.dtype == .float32 || p.dtype == .float64, p.m * p.n * p.k >= 1 << 18, p.k > 0, case .success(let functions) = opened else { return false }
        func turned(_ operand: GPUProduct.Operand) -> Int32 { Int32(operand.isTransposed ? APUS_CLBLAST_YES : APUS_CLBLAST_NO) }
        var queue: cl_command_queue? = driver.queue
        let (a, b, c) = (p.a, p.b, p.c)
        let status = p.dtype == .float32
            ? functions.CLBlastSgemmStridedBatched(
                Int32(APUS_CLBLAST_ROW_MAJOR), turned(a), turned(b), p.m, p.n, p.k, 1, OpaquePointer(a.block), a.offset, a.leading, a.batchStride,
                OpaquePointer(b.block), b.offset, b.leading, b.batchStride, 0, OpaquePointer(c.block), c.offset, c.leading, c.batchStride, p.batch, &queue, nil)
            : functions.CLBlastDgemmStridedBatched(
                Int32(APUS_CLBLAST_ROW_MAJOR), turned(a), turned(b), p.m, p.n, p.k, 1, OpaquePointer(a.block), a.offset, a.leading, a.batchStride,
                OpaquePointer(b.block), b.offset, b.leading, b.batchStride, 0, OpaquePointer(c.block), c.offset, c.leading, c.batchStride, p.batch, &queue, nil)
        // CLBlast refuses some sizes (17 × 144 × 108 in 1.5.3); those are ours.
        let refusals: ClosedRange<Int32> = -1024 ... -1000
        if refusals.contains(status) { return false }
        guard status == 0 else { throw OpError("CLBlast failed with status \(status) for \(p.batch) products of [\(p.m), \(p.k)] and [\(p.k), \(p.n)]") }
        return true
    }
}
