import CDrivers

/// Matrix products by CLBlast, if it is installed.
///
/// Unchecked Sendable: the function table does not change, and `GPUBackend` makes one call at a time.
final class CLBlast: GPUProductLibrary, @unchecked Sendable {
    private let driver: OpenCLDriver
    private let opened: Result<apus_clblast, OpError>

    init(_ driver: OpenCLDriver) {
        self.driver = driver
        let (found, why) = ApusCore.opened(apus_clblast()) { apus_clblast_load($0, $1, $2) }
        opened = found.map { .success($0) } ?? .failure(OpError("it is not installed (\(why)): install it (Debian: libclblast1)"))
    }

    /// CLBlast does not report its version.
    var state: String {
        switch opened {
        case .success: "CLBlast"
        case .failure(let error): "no CLBlast, large products are slower: \(error.message)"
        }
    }

    func addsBias(_: DType) -> Bool { false }

    func matmul(_ p: GPUProduct, _: GPUWorkspace) throws(OpError) -> Bool {
        // Small products are not worth the set-up; 16-bit floats would be accumulated in 16 bits.
        guard p.dtype == .float32 || p.dtype == .float64, p.batch * p.m * p.n * p.k >= 1 << 18, case .success(let functions) = opened else {
            return false
        }
        func turned(_ operand: GPUProduct.Operand) -> Int32 { Int32(operand.isTransposed ? APUS_CLBLAST_YES : APUS_CLBLAST_NO) }
        /// CLBlast checks that matrices of a batch do not overlap, even for a batch of one.
        func stride(_ operand: GPUProduct.Operand) -> Int { p.batch == 1 ? operand.leading * max(p.m, p.n, p.k) : operand.batchStride }
        var queue: cl_command_queue? = driver.queue
        let (a, b, c) = (p.a, p.b, p.c)
        let status =
            p.dtype == .float32
            ? functions.CLBlastSgemmStridedBatched(
                Int32(APUS_CLBLAST_ROW_MAJOR), turned(a), turned(b), p.m, p.n, p.k, 1, OpaquePointer(a.block), a.offset, a.leading,
                stride(a),
                OpaquePointer(b.block), b.offset, b.leading, stride(b), 0, OpaquePointer(c.block), c.offset, c.leading, stride(c), p.batch,
                &queue, nil)
            : functions.CLBlastDgemmStridedBatched(
                Int32(APUS_CLBLAST_ROW_MAJOR), turned(a), turned(b), p.m, p.n, p.k, 1, OpaquePointer(a.block), a.offset, a.leading,
                stride(a),
                OpaquePointer(b.block), b.offset, b.leading, stride(b), 0, OpaquePointer(c.block), c.offset, c.leading, stride(c), p.batch,
                &queue, nil)
        // CLBlast refuses a matrix that the whole batch shares; our own kernel computes it.
        let refusals: ClosedRange<Int32> = -1024 ... -1000
        if refusals.contains(status) { return false }
        guard status == 0 else {
            throw OpError("CLBlast failed with status \(status) for \(p.batch) products of [\(p.m), \(p.k)] and [\(p.k), \(p.n)]")
        }
        return true
    }
}
