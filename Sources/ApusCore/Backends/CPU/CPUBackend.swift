import CKernels

/// The processor: oneDNN for products and convolutions, the vectorised loops of `CKernels` for everything else.
///
/// The methods only describe tensors to C, which chooses the kernel for the operands' layouts and dtype. Operands are passed as
/// `apus_tensor` (`withView`, `withViews`). Contiguous operands of pointwise kernels, and of kernels whose shapes are in `apus_convolution`
/// or `apus_pool`, are passed as dtype code and address, which costs less. Kinds are passed by raw value. A kernel that finds no memory
/// reports it (`requireMemory`). Work is done when a method returns; `apus_parallel_for` splits it among threads in parts that depend on
/// the shapes alone, so that results have the same bits for any number of threads.
package struct CPUBackend: Backend {
    package static let shared = CPUBackend()

    package var name: String { "cpu" }

    @inline(__always) package func allocate(byteCount: Int) throws(OpError) -> UnsafeMutableRawPointer {
        guard let block = apus_allocate(byteCount) else {
            throw OpError("no memory for \(byteCount) bytes on cpu: use smaller tensors, or free some")
        }
        return block
    }

    @inline(__always) package func deallocate(_ pointer: UnsafeMutableRawPointer, byteCount: Int) {
        apus_deallocate(pointer, byteCount)
    }
}

extension CPUBackend {
    /// Throws if a kernel reports that there was no memory for its intermediate results.
    @inline(__always) func requireMemory(_ hadMemory: Bool) throws(OpError) {
        if !hadMemory { throw missingMemory() }
    }

    @inline(never) private func missingMemory() -> OpError {
        OpError("no memory for \(apus_missing_bytes()) bytes of intermediate results on cpu: use smaller tensors, or free some")
    }
}

extension DType {
    /// The dtype's number in C (`apus_dtype`).
    @inline(__always) var code: Int32 { Int32(rawValue) }
}

extension KernelParameters {
    @inline(__always) var forC: apus_parameters {
        apus_parameters(a: a, b: b, c: c, integers: apus_integers(a: integers.a, b: integers.b, c: integers.c))
    }
}

extension Tensor {
    /// The number of elements, for C.
    @inline(__always) final var count64: Int64 { Int64(shape.numel) }

    /// Calls `body` with the tensor's description in C, which is valid during the call.
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

    /// The memory as elements of type `T`; the caller must have checked the dtype.
    @inline(__always) final func elements<T>(_: T.Type = T.self) -> UnsafeMutablePointer<T> {
        pointer.assumingMemoryBound(to: T.self)
    }
}

extension Optional where Wrapped == Tensor {
    /// Calls `body` with the tensor's description in C, or NULL for nil.
    @inline(__always) func withView<Result>(_ body: (UnsafePointer<apus_tensor>?) -> Result) -> Result {
        if let self { self.withView { body($0) } } else { body(nil) }
    }
}

/// The descriptions in C of a kernel's operands, by index; nil for a missing operand.
struct OperandViews {
    fileprivate let base: UnsafeMutablePointer<apus_tensor>

    subscript(i: Int) -> UnsafePointer<apus_tensor>! { base[i].rank < 0 ? nil : UnsafePointer(base + i) }
}

/// Calls `body` with the operands' descriptions in C, valid during the call; for kernels with many operands.
func withViews<Result>(_ tensors: [Tensor?], _ body: (OperandViews) -> Result) -> Result {
    var count = 0
    for case let tensor? in tensors { count += 2 * tensor.shape.count }
    return withUnsafeTemporaryAllocation(of: Int64.self, capacity: count + 1) { numbers in
        withUnsafeTemporaryAllocation(of: apus_tensor.self, capacity: tensors.count + 1) { views in
            var at = numbers.baseAddress!
            for (i, tensor) in tensors.enumerated() {
                let rank = tensor?.shape.count ?? -1
                views.initializeElement(
                    at: i,
                    to: apus_tensor(
                        data: tensor?.pointer ?? UnsafeMutableRawPointer(at), shape: at, strides: at + max(rank, 0), rank: Int32(rank),
                        dtype: tensor?.dtype.code ?? 0))
                guard let tensor else { continue }
                for d in 0..<rank {
                    at[d] = Int64(tensor.shape.unsafeGet(d))
                    at[rank + d] = Int64(tensor.strides.unsafeGet(d))
                }
                at += 2 * rank
            }
            return body(OperandViews(base: views.baseAddress!))
        }
    }
}
