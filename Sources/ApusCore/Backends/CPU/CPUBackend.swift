import CKernels

/// The processor: oneDNN for products and convolutions, the vectorised loops of `CKernels` for the rest.
///
/// The methods here only describe tensors to C: which kernel serves an operand's layout is decided there. Work is done when a method
/// returns; inside, `apus_parallel_for` shares it among threads in parts fixed by the shapes, so that the number of threads never
/// shows in the bits.
package struct CPUBackend: Backend {
    package static let shared = CPUBackend()

    package var name: String { "cpu" }

    @inline(__always) package func allocate(byteCount: Int) throws(OpError) -> UnsafeMutableRawPointer {
        guard let block = apus_allocate(byteCount) else { throw OpError("no memory for \(byteCount) bytes on cpu: use smaller tensors, or free some") }
        return block
    }

    @inline(__always) package func deallocate(_ pointer: UnsafeMutableRawPointer, byteCount: Int) {
        apus_deallocate(pointer, byteCount)
    }
}

extension DType {
    /// As C knows it (`apus_dtype`).
    @inline(__always) var code: Int32 { Int32(rawValue) }
}

extension KernelParameters {
    @inline(__always) var forC: apus_parameters { apus_parameters(a: a, b: b, c: c, integers: apus_integers(a: integers.a, b: integers.b, c: integers.c)) }
}

extension Tensor {
    /// The count of its elements as C takes it.
    @inline(__always) final var count64: Int64 { Int64(shape.numel) }

    /// Calls `body` with its description in C, valid during the call.
    @inline(__always) final func withView<Result>(_ body: (UnsafePointer<apus_tensor>) -> Result) -> Result {
        let rank = shape.count
        return withUnsafeTemporaryAllocation(of: Int64.self, capacity: 2 * rank + 1) { numbers in
            let base = numbers.baseAddress!
            for d in 0..<rank {
                base[d] = Int64(shape.unsafeGet(d))
                base[rank + d] = Int64(strides.unsafeGet(d))
            }
            let view = apus_tensor(data: pointer, shape: base, strides: base + rank, rank: Int32(rank), dtype: dtype.code)
            return withUnsafePointer(to: view, body)
        }
    }

    /// Its memory as elements of type `T`, which the caller knows from the dtype.
    @inline(__always) final func elements<T>(_: T.Type = T.self) -> UnsafeMutablePointer<T> {
        pointer.assumingMemoryBound(to: T.self)
    }
}
