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

// The functions of the tables that libm has: in float64 all, in float32 those that are rarely hot.
#define ELEMENTARY(NAME)                                                                                                                   \
    APUS_INLINE double d_##NAME(double x) { return NAME(x); }
#define LIBRARY(NAME)                                                                                                                      \
    ELEMENTARY(NAME) APUS_INLINE float f_##NAME(float x) { return NAME##f(x); }
#define TABLE "unary.def"
#include "library.def"
#undef TABLE
#define LIBRARY(NAME)                                                                                                                      \
    APUS_INLINE double d_##NAME(double x, double y) { return NAME(x, y); }                                                                 \
    APUS_INLINE float f_##NAME(float x, float y) { return NAME##f(x, y); }
#define TABLE "binary.def"
#include "library.def"
#undef TABLE
#define d_pow pow
#define d_fmod fmod
#define f_pow powf
#define f_fmod fmodf

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
