/// The C dialect of the kernels: the common subset of OpenCL C and CUDA C++, with macros where they differ. One header per language defines
/// them.
///
/// - `KERNEL`, `FUNCTION`, `GLOBAL`, `LOCAL` (`SHARED` for pointers to such memory), `BARRIER`; `GLOBAL_ID`, `GLOBAL_COUNT`, `GROUP_ID`,
///   `GROUP_COUNT`, `LOCAL_ID`; a group has `GROUP` items.
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

    /// Defines `S`, `A`, `READ`, `WRITE` for a kernel that works for any dtype; with `prefix` there can be several (`X` gives `XS`, `XA`,
    /// …).
    static func bind(_ dtype: DType, prefix: String = "") -> String {
        """
        #define \(prefix)S s_\(dtype)
        #define \(prefix)A a_\(dtype)
        #define \(prefix)READ read_\(dtype)
        #define \(prefix)WRITE write_\(dtype)

        """
    }

    /// Defines INIT, STEP(acc, value) and FINISH(acc) for a kind, and TAKE(acc, lost, value), which adds an item's elements; for sums of
    /// floats it keeps the rounding error.
    static func reduction(_ kind: ReduceKind, _ dtype: DType) -> String {
        let float = dtype.isFloatingPoint
        let (start, step, finish): (String, String, String) =
            switch kind {
            case .sum: ("0", float ? "(acc) + (value)" : "(i64)((u64)(acc) + (u64)(value))", "acc")
            case .mean:
                (
                    "0", float ? "(acc) + (value)" : "(i64)((u64)(acc) + (u64)(value))",
                    float ? "(acc) / (A)divisor" : "divisor ? (acc) / divisor : 0"
                )
            case .prod: ("1", float ? "(acc) * (value)" : "(i64)((u64)(acc) * (u64)(value))", "acc")
            case .min: (float ? "(A)INFINITY" : "I64_MAX", "((acc) < (value) || (acc) != (acc) ? (acc) : (value))", "acc")
            case .max: (float ? "-(A)INFINITY" : "I64_MIN", "((acc) > (value) || (acc) != (acc) ? (acc) : (value))", "acc")
            case .any: ("0", "(A)((acc) != 0 || (value) != 0)", "acc")
            case .all: ("1", "(A)((acc) != 0 && (value) != 0)", "acc")
            }
        let take = float && (kind == .sum || kind == .mean) ? "ADD_EXACTLY(acc, lost, value)" : "acc = STEP(acc, value);"
        return compensatedSum
            + "#define INIT \(start)\n#define STEP(acc, value) (\(step))\n#define FINISH(acc) (\(finish))\n#define TAKE(acc, lost, value) \(take)\n"
    }
}

extension DType {
    /// The dialect's name of `computeType`.
    var computeName: String { isFloatingPoint ? (self == .float64 ? "f64" : "f32") : "i64" }
}
