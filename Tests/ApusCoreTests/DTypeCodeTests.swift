import ApusCore
import CKernels
import Testing

@Suite struct DTypeCodeTests {
    /// The processor's kernels get dtypes as numbers.
    @Test func `C numbers dtypes as Swift does`() {
        #expect(DType.allCases.count == Int(APUS_DTYPE_COUNT))
        for dtype in DType.allCases where dtype.rawValue < APUS_DTYPE_COUNT {
            #expect("\(dtype)" == String(cString: apus_dtype_name(Int32(dtype.rawValue))))
            #expect(dtype.size == withUnsafeBytes(of: apus_size) { Int($0[Int(dtype.rawValue)]) })
        }
    }
}
