import CDrivers
import CKernels

/// LAPACK, which factorises matrices on the processor; opened when first needed.
///
/// Unchecked Sendable: the functions' addresses do not change, and the functions may be called from any thread.
struct LAPACK: @unchecked Sendable {
    private let functions: apus_lapack

    /// The library, or the error that says why there is none.
    private static let shared: Result<LAPACK, OpError> = {
        let (found, why) = opened(apus_lapack()) { apus_lapack_load($0, $1, $2) }
        if let found { return .success(LAPACK(functions: found)) }
        return .failure(
            OpError(
                "LAPACK is not installed (\(why)): install OpenBLAS, which has it (Debian: libopenblas0-pthread), or LAPACK itself "
                    + "(liblapack3); the variable APUS_LAPACK names the file of another"))
    }()

    /// The functions for `dtype`, float32 or float64.
    static func functions(_ dtype: DType) throws(OpError) -> apus_lapack_functions {
        switch shared {
        case .success(let library): return dtype == .float64 ? library.functions.of_double : library.functions.of_float
        case .failure(let error): throw error
        }
    }
}

/// A batch of matrices in host memory in LAPACK's layout, column-major: element (i, j) of matrix b is at (b·columns + j)·rows + i.
struct HostMatrices {
    let rows: Int
    let columns: Int
    /// The batch's dimensions.
    let batch: Shape
    /// [*, columns, rows], contiguous.
    let memory: Tensor

    var dtype: DType { memory.dtype }
    var count: Int { batch.numel }
    /// The leading dimension, as LAPACK calls it.
    var leading: Int32 { Int32(max(rows, 1)) }

    /// Matrices with undefined elements.
    init(_ batch: Shape, rows: Int, columns: Int, _ dtype: DType) throws(OpError) {
        guard rows <= Int(Int32.max), columns <= Int(Int32.max) else {
            throw OpError("LAPACK counts rows and columns by 32-bit integers, these matrices have \(rows) × \(columns) elements")
        }
        (self.rows, self.columns, self.batch) = (rows, columns, batch)
        memory = try Tensor.uninitialized(Shape(batch + [columns, rows]), dtype, .cpu)
    }

    /// A copy of the matrices of `a` [*, m, n], which LAPACK may overwrite.
    init(copying a: Tensor) throws(OpError) {
        let rank = a.ndim
        try self.init(Shape(a.shape.dropLast(2)), rows: a.shape[-2], columns: a.shape[-1], a.dtype)
        var (shape, strides) = (a.shape, a.strides)
        (shape[rank - 2], shape[rank - 1]) = (a.shape[rank - 1], a.shape[rank - 2])
        (strides[rank - 2], strides[rank - 1]) = (a.strides[rank - 1], a.strides[rank - 2])
        let transposed = a.view(shape, strides: strides, offset: a.offset)
        let host = a.device.sharesHostMemory ? transposed : try transposed.hostData()
        try Device.cpu.backend.copy(host, into: memory)
    }

    /// The address of the first element of matrix `i`.
    subscript(i: Int) -> UnsafeMutableRawPointer { memory.pointer + i * rows * columns * dtype.size }

    /// The matrices as a contiguous tensor [*, rows, columns] on `device`.
    func tensor(on device: Device) throws(OpError) -> Tensor {
        let rank = memory.ndim
        var strides = memory.strides
        (strides[rank - 2], strides[rank - 1]) = (memory.strides[rank - 1], memory.strides[rank - 2])
        return try memory.view(Shape(batch + [rows, columns]), strides: strides, offset: 0).converted(to: dtype).moved(to: device)
    }

    /// Throws if an element is NaN or infinite, since some of LAPACK's iterations would not terminate; `reads` says which rows and columns
    /// LAPACK reads.
    func requireFinite(where reads: (_ row: Int, _ column: Int) -> Bool = { _, _ in true }) throws(OpError) {
        func allFinite<Element: BinaryFloatingPoint>(_: Element.Type) -> Bool {
            let numbers = memory.pointer.assumingMemoryBound(to: Element.self)
            for place in 0..<memory.numel where !numbers[place].isFinite && reads(place % rows, place / rows % columns) { return false }
            return true
        }
        guard dtype == .float64 ? allFinite(Double.self) : allFinite(Float.self) else {
            throw OpError("the matrix has elements that are NaN or infinite")
        }
    }
}

extension Tensor {
    /// The tensor on `device`. Not recorded.
    final func moved(to device: Device) throws(OpError) -> Tensor { device == self.device ? self : try detach().to(device).usable() }

    /// Integers in host memory, for LAPACK to write or read.
    final var hostIntegers: UnsafeMutablePointer<Int32> { pointer.assumingMemoryBound(to: Int32.self) }
}

/// The workspace that a LAPACK function needs.
struct Workspace {
    /// Elements of the matrices' dtype.
    var numbers = 1
    var integers = 1

    static let tooLarge = OpError("LAPACK cannot count the memory that it needs for matrices of this size")

    /// The workspace that LAPACK asks for when `query` calls it with sizes of −1.
    static func asked(
        _ dtype: DType, _ query: (_ numbers: UnsafeMutableRawPointer, _ integers: UnsafeMutablePointer<Int32>) -> Void
    ) throws(OpError) -> Workspace {
        var (number, integers) = (0.0, Int32(0))
        query(&number, &integers)
        // A float32 may be the size rounded down.
        let asked = dtype == .float64 ? number : withUnsafeBytes(of: &number) { Double($0.load(as: Float.self).nextUp) }
        guard asked < Double(Int32.max) else { throw tooLarge }
        return Workspace(numbers: max(Int(asked.rounded(.up)), 1), integers: max(Int(integers), 1))
    }

    /// Calls `body` for each of `count` matrices, several at once. Each matrix is computed on one thread, so that the result does not
    /// depend on the number of threads.
    func forEach(
        _ count: Int, _ dtype: DType,
        _ body: (_ matrix: Int, _ numbers: UnsafeMutableRawPointer, _ integers: UnsafeMutablePointer<Int32>) -> Void
    ) throws(OpError) {
        if count == 0 { return }
        let threads = Int(apus_thread_count())
        let grain = (count + threads - 1) / threads
        let parts = (count + grain - 1) / grain
        let memory = try Tensor.uninitialized([parts, numbers], dtype, .cpu)
        let more = try Tensor.uninitialized([parts, integers], .int32, .cpu)
        let (first, firstInteger) = (memory.pointer, more.hostIntegers)
        withoutActuallyEscaping(body) { body in
            var loop = Loop { begin, end in
                let part = begin / grain
                for matrix in begin..<end {
                    body(matrix, first + part * numbers * dtype.size, firstInteger + part * integers)
                }
            }
            withUnsafeMutablePointer(to: &loop) {
                apus_parallel_for(
                    Int64(count), Int64(grain),
                    { context, begin, end in context!.assumingMemoryBound(to: Loop.self).pointee.run(Int(begin), Int(end)) }, $0)
            }
        }
        withExtendedLifetime((memory, more)) {}
    }

    private struct Loop {
        let run: (_ begin: Int, _ end: Int) -> Void
    }
}
