import ApusSystem

// The vendors' libraries for products and convolutions. If one is missing or does not support a call, `GPUBackend` uses its own kernels.

package protocol GPULibrary: Sendable {
    /// Name and version; for a missing library, the consequences and how to install it.
    var state: String { get }
}

/// Allocates device memory that stays valid until the work being called is done.
package typealias GPUWorkspace = (Int) throws(OpError) -> UnsafeMutableRawPointer

/// Products: CLBlast, cuBLASLt.
package protocol GPUProductLibrary: GPULibrary {
    /// Whether it can add a bias.
    func addsBias(_ dtype: DType) -> Bool
    /// out[b] = a[b]·b[b] (+ bias); false if the library does not support it.
    func matmul(_ p: GPUProduct, _ workspace: GPUWorkspace) throws(OpError) -> Bool
}

/// Convolutions: cuDNN.
package protocol GPUConvolutionLibrary: GPULibrary {
    /// Computes `c`; false if the library does not support it.
    func convolution(_ c: GPUConvolution, _ workspace: GPUWorkspace) throws(OpError) -> Bool
}

/// A batch of products of row-major operands, which may be transposed.
package struct GPUProduct {
    package struct Operand {
        package var block: UnsafeMutableRawPointer
        package var offset: Int
        package var leading: Int
        package var batchStride: Int
        package var isTransposed = false
    }
    package var dtype: DType
    package var batch, m, n, k: Int
    package var a, b, c: Operand
    /// [n], added to each row; nil if the library cannot do that.
    package var bias: Operand?
}

/// One of the three computations of a convolution, on contiguous tensors.
package struct GPUConvolution {
    package enum Direction: Hashable, Sendable { case forward, backwardInput, backwardWeight }
    package var direction: Direction
    /// The layer's input, weight and output, or their gradients; the direction says which is written.
    package var input, weight, output: Tensor
    package var parameters: ConvolutionParameters
}

/// A library's functions as loaded by `load`, or the reason why that failed.
package func opened<Functions>(
    _ functions: Functions, _ load: (UnsafeMutablePointer<Functions>, UnsafeMutablePointer<CChar>, Int) -> Bool
) -> (functions: Functions?, why: String) {
    var functions = functions
    var why = [CChar](repeating: 0, count: 512)
    let isOpen = why.withUnsafeMutableBufferPointer { load(&functions, $0.baseAddress!, $0.count) }
    return (isOpen ? functions : nil, String(fromC: why))
}
