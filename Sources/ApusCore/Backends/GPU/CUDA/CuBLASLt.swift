import CDrivers

/// Matrix products by cuBLASLt, if it is installed. It is opened at the first product, since the library is large.
///
/// Unchecked Sendable: `GPUBackend` calls it under its lock, and the driver is Sendable.
final class CuBLASLt: GPUProductLibrary, @unchecked Sendable {
    /// Everything that the choice of an algorithm depends on.
    private struct Key: Hashable {
        var dtype: DType
        var precision: Float32MatmulPrecision
        var isUnordered: Bool
        /// Sizes, leading dimensions, strides, transpositions and alignments.
        var numbers: [Int]
    }

    /// A product ready to run: its description, the layouts of its operands, and the algorithm.
    private struct Plan {
        var product: cublasLtMatmulDesc_t
        var a, b, c: cublasLtMatrixLayout_t
        var choice: cublasLtMatmulHeuristicResult_t
    }

    private let driver: CUDADriver
    private lazy var opened: Result<(functions: apus_cublaslt, handle: cublasLtHandle_t), OpError> = open()
    /// nil for products that cuBLASLt does not support.
    private var plans: [Key: Plan?] = [:]
    private static let largestWorkspace = 32 << 20

    init(_ driver: CUDADriver) { self.driver = driver }

    var state: String {
        switch opened {
        case .success(let (functions, _)): "cuBLASLt \(CUDALibrary.version(functions.cublasLtGetVersion()))"
        case .failure(let error): "no cuBLASLt, products are much slower: \(error.message)"
        }
    }

    private func open() -> Result<(functions: apus_cublaslt, handle: cublasLtHandle_t), OpError> {
        let newest = CInt(driver.library.version.major)
        let (found, why) = ApusCore.opened(apus_cublaslt()) { apus_cublaslt_load($0, newest, $1, $2) }
        guard let functions = found else {
            return .failure(OpError("it is not installed (\(why)): \(CUDALibrary.advice("cublas"))"))
        }
        driver.enter()
        var handle: cublasLtHandle_t?
        let status = functions.cublasLtCreate(&handle)
        guard status == 0, let handle else { return .failure(OpError("cublasLtCreate failed with status \(status)")) }
        return .success((functions, handle))
    }

    /// cuBLASLt has no bias epilogue for float64.
    func addsBias(_ dtype: DType) -> Bool { dtype != .float64 }

    func matmul(_ p: GPUProduct, _ workspace: GPUWorkspace) throws(OpError) -> Bool {
        guard p.dtype.isFloatingPoint, p.k > 0, case .success(let (functions, handle)) = opened else { return false }
        driver.enter()
        func place(_ operand: GPUProduct.Operand) -> UnsafeMutableRawPointer { operand.block + operand.offset * p.dtype.size }
        let key = key(of: p)
        let known: Plan?
        if let found = plans[key] {
            known = found
        } else {
            known = plan(p, key, functions, handle)
            plans[key] = .some(known)
        }
        guard var plan = known else { return false }
        if let bias = p.bias,
            functions.cublasLtMatmulDescSetAttribute(
                plan.product, CInt(APUS_CUBLASLT_DESC_BIAS_POINTER), [place(bias)], MemoryLayout<UInt64>.size) != 0
        {
            return false
        }
        let size = plan.choice.workspaceSize
        // If there is no memory this throws: another algorithm would give other bits.
        let space = size > 0 ? try workspace(size) : nil
        var (one, zero) = (Factor(1, p.dtype), Factor(0, p.dtype))
        // Row-major c = a·b is column-major cᵀ = bᵀ·aᵀ of the same memory.
        let status = functions.cublasLtMatmul(
            handle, plan.product, &one, place(p.b), plan.b, place(p.a), plan.a, &zero, place(p.c), plan.c, place(p.c), plan.c,
            &plan.choice.algo, space, size, driver.stream)
        // An algorithm that was offered may still fail. If the device is lost, the next call reports it.
        if status != 0 { plans[key] = .some(nil) }
        return status == 0
    }

    private func key(of p: GPUProduct) -> Key {
        var numbers = [p.batch, p.m, p.n, p.k, p.bias == nil ? 0 : 1]
        for operand in [p.a, p.b, p.c] + (p.bias.map { [$0] } ?? []) {
            numbers += [operand.leading, operand.batchStride, operand.isTransposed ? 1 : 0, CuBLASLt.alignment(operand, p.dtype)]
        }
        return Key(
            dtype: p.dtype, precision: p.dtype == .float32 ? Device.float32MatmulPrecision : .highest,
            isUnordered: Device.allowsUnorderedSums, numbers: numbers)
    }

    /// The alignment of an operand's first element in bytes, at most 256, the alignment of blocks.
    private static func alignment(_ operand: GPUProduct.Operand, _ dtype: DType) -> Int {
        1 << min(8, (UInt(bitPattern: operand.block) + UInt(operand.offset * dtype.size)).trailingZeroBitCount)
    }

    /// nil if cuBLASLt has no algorithm.
    private func plan(_ p: GPUProduct, _ key: Key, _ lt: apus_cublaslt, _ handle: cublasLtHandle_t) -> Plan? {
        let (type, factors, compute): (Int, Int, Int) =
            switch p.dtype {
            case .float64: (Int(APUS_CUDA_R_64F), Int(APUS_CUDA_R_64F), Int(APUS_CUBLAS_COMPUTE_64F))
            case .float16: (Int(APUS_CUDA_R_16F), Int(APUS_CUDA_R_32F), Int(APUS_CUBLAS_COMPUTE_32F))
            case .bfloat16: (Int(APUS_CUDA_R_16BF), Int(APUS_CUDA_R_32F), Int(APUS_CUBLAS_COMPUTE_32F))
            default:
                (
                    Int(APUS_CUDA_R_32F), Int(APUS_CUDA_R_32F),
                    Int(key.precision == .high ? APUS_CUBLAS_COMPUTE_32F_FAST_TF32 : APUS_CUBLAS_COMPUTE_32F)
                )
            }
        var (product, preference): (cublasLtMatmulDesc_t?, cublasLtMatmulPreference_t?)
        var layouts: [cublasLtMatrixLayout_t?] = [nil, nil, nil]
        var isMade =
            lt.cublasLtMatmulDescCreate(&product, cublasComputeType_t(compute), cudaDataType_t(factors)) == 0
            && lt.cublasLtMatmulPreferenceCreate(&preference) == 0
        defer { if preference != nil { _ = lt.cublasLtMatmulPreferenceDestroy(preference) } }

        func describe(_ attribute: Int, _ value: some BitwiseCopyable) {
            isMade =
                isMade
                && withUnsafeBytes(of: value) { lt.cublasLtMatmulDescSetAttribute(product, CInt(attribute), $0.baseAddress, $0.count) } == 0
        }
        if p.b.isTransposed { describe(Int(APUS_CUBLASLT_DESC_TRANSA), Int32(APUS_CUBLAS_OP_T)) }
        if p.a.isTransposed { describe(Int(APUS_CUBLASLT_DESC_TRANSB), Int32(APUS_CUBLAS_OP_T)) }
        if let bias = p.bias {
            describe(Int(APUS_CUBLASLT_DESC_EPILOGUE), Int32(APUS_CUBLASLT_EPILOGUE_BIAS))
            // cuBLASLt derives the bias's alignment from the address.
            describe(Int(APUS_CUBLASLT_DESC_BIAS_POINTER), CUDADriver.address(bias.block, bias.offset * p.dtype.size))
        }

        func prefer(_ attribute: Int, _ value: some BitwiseCopyable) {
            isMade =
                isMade
                && withUnsafeBytes(of: value) {
                    lt.cublasLtMatmulPreferenceSetAttribute(preference, CInt(attribute), $0.baseAddress, $0.count)
                } == 0
        }
        prefer(Int(APUS_CUBLASLT_PREF_MAX_WORKSPACE), UInt64(CuBLASLt.largestWorkspace))
        // Partial sums are added in a fixed order, unless any order is allowed. 16-bit floats are rounded once.
        let schemes =
            APUS_CUBLASLT_REDUCTION_COMPUTE_TYPE | (p.dtype.size == 2 ? 0 : APUS_CUBLASLT_REDUCTION_OUTPUT_TYPE)
            | (key.isUnordered ? APUS_CUBLASLT_REDUCTION_INPLACE : 0)
        prefer(Int(APUS_CUBLASLT_PREF_REDUCTION_SCHEMES), UInt32(schemes))

        // The columns and rows in memory, in cuBLASLt's order b, a, c.
        let operands = [
            (p.b, p.b.isTransposed ? (p.k, p.n) : (p.n, p.k)), (p.a, p.a.isTransposed ? (p.m, p.k) : (p.k, p.m)), (p.c, (p.n, p.m)),
        ]
        let alignments = [
            [Int(APUS_CUBLASLT_PREF_ALIGNMENT_A)], [Int(APUS_CUBLASLT_PREF_ALIGNMENT_B)],
            [Int(APUS_CUBLASLT_PREF_ALIGNMENT_C), Int(APUS_CUBLASLT_PREF_ALIGNMENT_D)],
        ]
        for (i, (operand, size)) in operands.enumerated() {
            isMade =
                isMade
                && lt.cublasLtMatrixLayoutCreate(&layouts[i], cudaDataType_t(type), UInt64(size.0), UInt64(size.1), Int64(operand.leading))
                    == 0
            func lay(_ attribute: Int, _ value: some BitwiseCopyable) {
                isMade =
                    isMade
                    && withUnsafeBytes(of: value) {
                        lt.cublasLtMatrixLayoutSetAttribute(layouts[i], CInt(attribute), $0.baseAddress, $0.count)
                    } == 0
            }
            if p.batch > 1 {
                lay(Int(APUS_CUBLASLT_LAYOUT_BATCH_COUNT), Int32(p.batch))
                lay(Int(APUS_CUBLASLT_LAYOUT_BATCH_STRIDE), Int64(operand.batchStride))
            }
            for attribute in alignments[i] { prefer(attribute, UInt32(CuBLASLt.alignment(operand, p.dtype))) }
        }
        var choice = cublasLtMatmulHeuristicResult_t()
        var found: CInt = 0
        isMade =
            isMade
            && lt.cublasLtMatmulAlgoGetHeuristic(
                handle, product, layouts[0], layouts[1], layouts[2], layouts[2], preference, 1, &choice, &found) == 0
        if isMade, found > 0, choice.state == 0, let product, let b = layouts[0], let a = layouts[1], let c = layouts[2] {
            return Plan(product: product, a: a, b: b, c: c, choice: choice)
        }
        for layout in layouts where layout != nil { _ = lt.cublasLtMatrixLayoutDestroy(layout) }
        if product != nil { _ = lt.cublasLtMatmulDescDestroy(product) }
        return nil
    }
}
