import ApusSystem

// Libraries of the vendors' for products and convolutions. Where one is missing, or does not take what it is given, `GPUBackend` computes
// it by kernels of its own.

package protocol GPULibrary: Sendable {
    /// Its name and version, or that it is missing, what that costs, and how to install it.
    var state: String { get }
}

/// Gives that many bytes of device memory, which stay until the work that is being called is done.
package typealias GPUWorkspace = (Int) throws(OpError) -> UnsafeMutableRawPointer

/// Products: CLBlast, cuBLASLt.
package protocol GPUProductLibrary: GPULibrary {
    /// Whether it adds a bias by itself.
    func addsBias(_ dtype: DType) -> Bool
    /// out[b] = a[b]·b[b] (+ bias); false where the library does not take it.
    func matmul(_ p: GPUProduct, _ workspace: GPUWorkspace) throws(OpError) -> Bool
}

/// Convolutions: cuDNN.
package protocol GPUConvolutionLibrary: GPULibrary {
    /// Computes `c`; false where the library does not take it.
    func convolution(_ c: GPUConvolution, _ workspace: GPUWorkspace) throws(OpError) -> Bool
}

/// A batch of products of row-major operands, each perhaps transposed.
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
    /// [n], added to each row, where the library can do that.
    package var bias: Operand?
}

/// One of a convolution's three computations, of contiguous tensors.
package struct GPUConvolution {
    package enum Direction: Hashable, Sendable { case forward, backwardInput, backwardWeight }
    package var direction: Direction
    /// The layer's input, weight and output, or what stands for them in the direction: one of the three is written.
    package var input, weight, output: Tensor
    package var parameters: ConvolutionParameters
}

/// A library's functions as `load` looks them up, or the reason why it cannot.
func opened<Functions>(
    _ functions: Functions, _ load: (UnsafeMutablePointer<Functions>, UnsafeMutablePointer<CChar>, Int) -> Bool
) -> (functions: Functions?, why: String) {
    var functions = functions
    var why = [CChar](repeating: 0, count: 512)
    let isOpen = why.withUnsafeMutableBufferPointer { load(&functions, $0.baseAddress!, $0.count) }
    return (isOpen ? functions : nil, String(fromC: why))
}
