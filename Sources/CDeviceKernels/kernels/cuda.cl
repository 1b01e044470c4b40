#define KERNEL extern "C" __global__ __launch_bounds__(256)
#define FUNCTION static __device__ __forceinline__
#define GLOBAL
#define LOCAL __shared__
#define SHARED
#define LIST static __device__ const
#define LISTED const
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
