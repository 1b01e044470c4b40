#pragma OPENCL FP_CONTRACT OFF
#define KERNEL __kernel
#define FUNCTION static inline
#define GLOBAL __global
#define LOCAL __local
#define SHARED __local
#define LIST __constant
#define LISTED __constant
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
