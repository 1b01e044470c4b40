/// The C dialect of the kernels: the common subset of OpenCL C and CUDA C++, with macros where they differ. One header per language defines
/// them.
///
/// - `KERNEL`, `FUNCTION`, `GLOBAL`, `LOCAL` (`SHARED` for pointers to such memory), `LIST` (constants outside of functions; `LISTED` for
///   pointers to them), `BARRIER`; `GLOBAL_ID`, `GLOBAL_COUNT`, `GROUP_ID`, `GROUP_COUNT`, `LOCAL_ID`; a group has `GROUP` items.
/// - Types by width: `i8 u8 i16 u16 i32 u32 i64 u64 f32 f64`. An element of dtype D has type `s_D` in memory and is computed as `a_D` (f32
///   for 16-bit floats, i64 for integers and bool). `read_D(p, i)` and `write_D(p, i, value)` convert; `rounded_D(value)` is the value
///   after writing and reading.
/// - Expressions are not contracted to fused multiply-adds; `fma` is explicit.
enum KernelLanguage: Sendable {
    case openCL, cuda

    func header(hasFloat64: Bool) -> String {
        let common = KernelDialect.types + (hasFloat64 ? KernelDialect.float64 : "")
        switch self {
        case .openCL:
            return (hasFloat64 ? "#pragma OPENCL EXTENSION cl_khr_fp64 : enable\ntypedef double f64;\n" : "") + KernelDialect.openCL
                + common
        case .cuda: return "typedef double f64;\n" + KernelDialect.cuda + common
        }
    }
}

enum KernelDialect {
    /// The number of items per group, the same in every kernel.
    static let group = 256

    /// Defines `S`, `A`, `READ`, `WRITE` and `FLOATS`, whether it is a float, for a kernel that works for any dtype; with `prefix` there can
    /// be several (`X` gives `XS`, `XA`, …).
    static func bind(_ dtype: DType, prefix: String = "") -> String {
        """
        #define \(prefix)S s_\(dtype)
        #define \(prefix)A a_\(dtype)
        #define \(prefix)READ read_\(dtype)
        #define \(prefix)WRITE write_\(dtype)
        #define \(prefix)FLOATS \(dtype.isFloatingPoint ? 1 : 0)

        """
    }

    /// Defines KIND, and KIND_name for each kind of its family; not 0, which a name has that is not defined.
    static func kind<Kind: KernelKind>(_ kind: Kind) -> String {
        Kind.allCases.map { "#define KIND_\($0) \($0.rawValue + 1)\n" }.joined() + "#define KIND KIND_\(kind)\n"
    }
}

extension DType {
    /// The dialect's name of `computeType`.
    var computeName: String { isFloatingPoint ? (self == .float64 ? "f64" : "f32") : "i64" }
}
