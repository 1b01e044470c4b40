/// The C that kernels are written in. It is what OpenCL C and CUDA's C++ have in common, with macros where they differ; one header a
/// language turns it into either.
///
/// - `KERNEL`, `FUNCTION`, `GLOBAL`, `LOCAL` (of a pointer to such memory: `SHARED`), `BARRIER`; `GLOBAL_ID`, `GLOBAL_COUNT`, `GROUP_ID`, `GROUP_COUNT`, `LOCAL_ID`; a group has `GROUP` items.
/// - Types by width: `i8 u8 i16 u16 i32 u32 i64 u64 f32 f64`. An element of dtype D lies in memory as `s_D`, is computed as `a_D`
///   (f32 for the 16-bit floats, i64 for integers and bool), and goes between by `read_D(p, i)` and `write_D(p, i, value)`;
///   `rounded_D(value)` is what writing and reading again gives.
/// - No expression is contracted to a fused multiply-add unless it says `fma`.
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
    /// How many items a group has, in every kernel.
    static let group = 256

    /// `S`, `A`, `READ`, `WRITE` for a kernel that is written for any dtype; `prefix` tells several apart (`X` gives `XS`, `XA`, …).
    static func bind(_ dtype: DType, prefix: String = "") -> String {
        """
        #define \(prefix)S s_\(dtype)
        #define \(prefix)A a_\(dtype)
        #define \(prefix)READ read_\(dtype)
        #define \(prefix)WRITE write_\(dtype)

        """
    }

    /// INIT, STEP(acc, value), FINISH(acc) of each kind, and TAKE(acc, lost, value) for one item's elements: sums of floats keep what rounding loses.
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
    /// Its `computeType`, by the dialect's name.
    var computeName: String { isFloatingPoint ? (self == .float64 ? "f64" : "f32") : "i64" }
}
