// float64 functions, from libm; and float32 functions that are rarely hot, from libm too.
//
// Every float64 function is within 3 units in the last place (ULP), which `SpecialFunctionTests` checks.
#ifndef APUS_MATH_DOUBLE_H
#define APUS_MATH_DOUBLE_H

#include "math_float.h"

// These work for both types.
#define d_sqrt f_sqrt
#define d_abs f_abs
#define d_copysign f_copysign
#define d_floor f_floor
#define d_ceil f_ceil
#define d_round f_round
#define d_trunc f_trunc

#define d_exp exp
#define d_exp2 exp2
#define d_expm1 expm1
#define d_log log
#define d_log2 log2
#define d_log10 log10
#define d_log1p log1p
#define d_sin sin
#define d_cos cos
#define d_tan tan
#define d_asin asin
#define d_acos acos
#define d_atan atan
#define d_sinh sinh
#define d_cosh cosh
#define d_tanh tanh
#define d_asinh asinh
#define d_acosh acosh
#define d_atanh atanh
#define d_erf erf
#define d_erfc erfc
#define d_pow pow
#define d_atan2 atan2
#define d_hypot hypot
#define d_fmod fmod
#define d_nextafter nextafter
#define f_asin asinf
#define f_acos acosf
#define f_atan atanf
#define f_sinh sinhf
#define f_cosh coshf
#define f_asinh asinhf
#define f_acosh acoshf
#define f_atanh atanhf
#define f_erfc erfcf
#define f_pow powf
#define f_atan2 atan2f
#define f_hypot hypotf
#define f_fmod fmodf
#define f_nextafter nextafterf

#define FUNCTION APUS_INLINE
#define T float
#define M(f) f_##f
#include "math_any.h"
/// Φ, the cumulative distribution function of the normal distribution
FUNCTION float f_plain_cdf(float x) { return 0.5f * (1 + f_erf(x * 0.70710678118654752440f)); }
#include "math_plain.h"
#undef T
#undef M
#define T double
#define M(f) d_##f
#include "math_any.h"
#include "math_exact.h"
#undef T
#undef M
#undef FUNCTION

#endif
