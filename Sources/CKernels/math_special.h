// Special functions in float64, which float32 uses too.
#ifndef APUS_MATH_SPECIAL_H
#define APUS_MATH_SPECIAL_H

#include "math_double.h"

/// ln |Γ(x)|. libm's lgamma writes the sign to a global variable, a data race between threads.
static inline double d_lgamma(double x) {
    int sign;
    return lgamma_r(x, &sign);
}

#define FUNCTION static inline
#define LIST static const
#define LISTED const
#define T double
#define WIDE long double
#define W(f) d_##f
#define L(f) f##l
#define REAL(x) x##L
#define PI 3.14159265358979323846264L
#define EPSILON 1e-20L
#define T_EPSILON 1e-17
#include "math_gamma.h"
#include "math_wide.h"
#undef FUNCTION
#undef LIST
#undef LISTED
#undef T
#undef WIDE
#undef W
#undef L
#undef REAL
#undef PI
#undef EPSILON
#undef T_EPSILON

#endif
