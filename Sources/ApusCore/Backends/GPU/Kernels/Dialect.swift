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
            return (hasFloat64 ? "#pragma OPENCL EXTENSION cl_khr_fp64 : enable\ntypedef double f64;\n" : "") + KernelDialect.openCL + common
        case .cuda: return "typedef double f64;\n" + KernelDialect.cuda + common
        }
    }
}

enum KernelDialect {
    /// How many items a group has, in every kernel.
    static let group = 256

    static let openCL = #"""
    #pragma OPENCL FP_CONTRACT OFF
    #define KERNEL __kernel
    #define FUNCTION static inline
    #define GLOBAL __global
    #define LOCAL __local
    #define SHARED __local
    #define BARRIER barrier(CLK_LOCAL_MEM_FENCE)
    #define GROUP 256
    #define GLOBAL_ID ((i64)get_global_id(0))
    #define GLOBAL_COUNT ((i64)get_global_size(0))
    #define GROUP_ID ((i64)get_group_id(0))
    #define GROUP_COUNT ((i64)get_num_groups(0))
    #define LOCAL_ID ((int)get_local_id(0))
    typedef char i8;
    typedef uchar u8;
    typedef short i16;
    typedef ushort u16;
    typedef int i32;
    typedef uint u32;
    typedef long i64;
    typedef ulong u64;
    typedef float f32;
    FUNCTION f32 f32_of_bits(u32 bits) { return as_float(bits); }
    FUNCTION u32 bits_of_f32(f32 x) { return as_uint(x); }
    FUNCTION f32 f32_of_half(u16 bits) { return vload_half(0, (half *)&bits); }
    FUNCTION u16 half_of_f32(f32 x) { u16 bits; vstore_half_rte(x, 0, (half *)&bits); return bits; }
    FUNCTION u32 mul_high32(u32 a, u32 b) { return mul_hi(a, b); }
    FUNCTION u64 mul_high64(u64 a, u64 b) { return mul_hi(a, b); }
    FUNCTION int take_flag(GLOBAL int *flag) { return atomic_cmpxchg(flag, 0, 1) == 0; }
    #define READ4_f32(p, v) { float4 t = vload4(0, p); v[0] = t.x; v[1] = t.y; v[2] = t.z; v[3] = t.w; }
    #define WRITE4_f32(p, v) vstore4((float4)(v[0], v[1], v[2], v[3]), 0, p)

    """#

    static let cuda = #"""
    #define KERNEL extern "C" __global__ __launch_bounds__(256)
    #define FUNCTION static __device__ __forceinline__
    #define GLOBAL
    #define LOCAL __shared__
    #define SHARED
    #define BARRIER __syncthreads()
    #define GROUP 256
    #define GLOBAL_ID ((i64)blockIdx.x * 256 + threadIdx.x)
    #define GLOBAL_COUNT ((i64)gridDim.x * 256)
    #define GROUP_ID ((i64)blockIdx.x)
    #define GROUP_COUNT ((i64)gridDim.x)
    #define LOCAL_ID ((int)threadIdx.x)
    #define INFINITY __int_as_float(0x7f800000)
    #define NAN __int_as_float(0x7fc00000)
    typedef signed char i8;
    typedef unsigned char u8;
    typedef short i16;
    typedef unsigned short u16;
    typedef int i32;
    typedef unsigned int u32;
    typedef long long i64;
    typedef unsigned long long u64;
    typedef float f32;
    FUNCTION f32 f32_of_bits(u32 bits) { return __uint_as_float(bits); }
    FUNCTION u32 bits_of_f32(f32 x) { return __float_as_uint(x); }
    FUNCTION f32 f32_of_half(u16 bits) { f32 x; asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits)); return x; }
    FUNCTION u16 half_of_f32(f32 x) { u16 bits; asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x)); return bits; }
    FUNCTION u32 mul_high32(u32 a, u32 b) { return __umulhi(a, b); }
    FUNCTION u64 mul_high64(u64 a, u64 b) { return __umul64hi(a, b); }
    FUNCTION int take_flag(GLOBAL int *flag) { return atomicCAS(flag, 0, 1) == 0; }
    #define READ4_f32(p, v) { float4 t = *(const float4 *)(p); v[0] = t.x; v[1] = t.y; v[2] = t.z; v[3] = t.w; }
    #define WRITE4_f32(p, v) *(float4 *)(p) = make_float4(v[0], v[1], v[2], v[3])

    """#

    /// Reading, writing and rounding of every dtype, written once for the integers and once for the floats.
    static let types = #"""
    FUNCTION f32 f32_of_bfloat(u16 bits) { return f32_of_bits((u32)bits << 16); }
    FUNCTION u16 bfloat_of_f32(f32 x) {
        u32 bits = bits_of_f32(x);
        if (x != x) return (u16)(bits >> 16 | 0x40);
        return (u16)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
    }
    #define SAME(x) (x)
    #define FROM_BOOL(x) ((x) != 0)
    #define TYPE(D, S, A, OF_MEMORY, TO_MEMORY) \
        typedef S s_##D; \
        typedef A a_##D; \
        FUNCTION A read_##D(GLOBAL const S *p, i64 i) { return (A)OF_MEMORY(p[i]); } \
        FUNCTION void write_##D(GLOBAL S *p, i64 i, A value) { p[i] = (S)TO_MEMORY(value); } \
        FUNCTION A rounded_##D(A value) { return (A)OF_MEMORY((S)TO_MEMORY(value)); }
    TYPE(bool, u8, i64, FROM_BOOL, FROM_BOOL)
    TYPE(uint8, u8, i64, SAME, SAME)
    TYPE(int8, i8, i64, SAME, SAME)
    TYPE(int16, i16, i64, SAME, SAME)
    TYPE(int32, i32, i64, SAME, SAME)
    TYPE(int64, i64, i64, SAME, SAME)
    TYPE(float32, f32, f32, SAME, SAME)
    TYPE(float16, u16, f32, f32_of_half, half_of_f32)
    TYPE(bfloat16, u16, f32, f32_of_bfloat, bfloat_of_f32)
    #define I64_MAX ((i64)0x7FFFFFFFFFFFFFFF)
    #define I64_MIN (-I64_MAX - 1)
    // Truncation toward zero; what does not fit becomes the nearest integer, NaN 0.
    #define INTEGER_OF(F) \
        FUNCTION i64 integer_of_##F(F x) { return x != x ? 0 : x >= (F)9223372036854775808.0f ? I64_MAX : x < (F)-9223372036854775808.0f ? I64_MIN : (i64)x; }
    INTEGER_OF(f32)
    FUNCTION i64 integer_of_i64(i64 x) { return x; }

    """#

    static let float64 = #"""
    TYPE(float64, f64, f64, SAME, SAME)
    INTEGER_OF(f64)

    """#

    /// Long sums of one item: `ADD_EXACTLY` adds a value, and what rounding has lost before it, to the sum and keeps what it loses now (Knuth's
    /// two-sum; 0 where the sum is not finite). The sum is then as good as twice the digits would make it.
    static let compensatedSum = #"""
    #define ADD_EXACTLY(sum, lost, value) { \
        A added_ = (value) + (lost), total_ = (sum) + added_, back_ = total_ - (sum); \
        lost = ((sum) - (total_ - back_)) + (added_ - back_); \
        if ((lost) - (lost) != 0) lost = 0; \
        sum = total_; \
    }

    """#

    /// `S`, `A`, `READ`, `WRITE` for a kernel that is written for any dtype; `prefix` tells several apart (`X` gives `XS`, `XA`, …).
    static func bind(_ dtype: DType, prefix: String = "") -> String {
        """
        #define \(prefix)S s_\(dtype)
        #define \(prefix)A a_\(dtype)
        #define \(prefix)READ read_\(dtype)
        #define \(prefix)WRITE write_\(dtype)

        """
    }
}

extension DType {
    /// Its `computeType`, by the dialect's name.
    var computeName: String { isFloatingPoint ? (self == .float64 ? "f64" : "f32") : "i64" }
}
