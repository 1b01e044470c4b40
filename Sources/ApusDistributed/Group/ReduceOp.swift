import ApusCore
import CKernels

extension ProcessGroup {
    /// The operation of a reduction over ranks. PyTorch: `torch.distributed.ReduceOp`.
    public enum ReduceOp: Int, Sendable, Hashable, CaseIterable {
        /// The sum; integers wrap, and for bool it is "or".
        case sum
        /// The sum divided by the number of processes; floats only. PyTorch: `AVG`.
        case mean
        /// The product; integers wrap, and for bool it is "and".
        case product
        /// The smallest element; NaN if there is one.
        case min
        /// The largest element; NaN if there is one.
        case max
        /// Bitwise operations; integers and bool only. PyTorch: `BAND`, `BOR`, `BXOR`.
        case bitwiseAnd, bitwiseOr, bitwiseXor

        /// Why the operation is not defined for this dtype; nil if it is.
        func refuses(_ dtype: DType) -> String? {
            switch self {
            case .sum, .product, .min, .max: nil
            case .mean: dtype.isFloatingPoint ? nil : "the mean of \(dtype) is no \(dtype); use .sum, or convert to a float"
            case .bitwiseAnd, .bitwiseOr, .bitwiseXor: dtype.isFloatingPoint ? "\(dtype) numbers have no bits to join; use integers" : nil
            }
        }

        /// The dtype of the computation: 16-bit floats are summed and multiplied in float32.
        func computeType(_ dtype: DType) -> DType {
            switch self {
            case .sum, .mean, .product: dtype.isFloatingPoint ? dtype.computeType : dtype
            default: dtype
            }
        }

        func join(_ dtype: DType) -> Join { Join(kind: kind, dtype: CInt(dtype.rawValue), size: dtype.size) }

        var kind: BinaryKind {
            switch self {
            case .sum, .mean: .add
            case .product: .mul
            case .min: .minimum
            case .max: .maximum
            case .bitwiseAnd: .bitwiseAnd
            case .bitwiseOr: .bitwiseOr
            case .bitwiseXor: .bitwiseXor
            }
        }
    }
}

typealias ReduceOp = ProcessGroup.ReduceOp
