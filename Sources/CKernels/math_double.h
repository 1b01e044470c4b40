// float64 functions: libm's, and those that it lacks; float32 functions that are rarely hot, by libm too.
#ifndef APUS_MATH_DOUBLE_H
#define APUS_MATH_DOUBLE_H

#include "math_float.h"

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

APUS_INLINE double d_sigmoid(double x) {
    double e = exp(-fabs(x));
    return (x < 0 ? e : 1.0) / (1.0 + e);
}
/// ln(1 + e^x) = max(x, 0) + ln(1 + e^−|x|), which cannot overflow.
APUS_INLINE float f_softplus(float x) { return (x < 0 ? 0 : x) + f_log1p(f_exp(-f_abs(x))); }
APUS_INLINE double d_softplus(double x) { return (x < 0 ? 0 : x) + log1p(exp(-fabs(x))); }
/// min(max(x, low), high); NaN stays, and high wins over low as in PyTorch.
APUS_INLINE float f_clamp(float x, float low, float high) {
    x = x < low ? low : x;
    return x > high ? high : x;
}
APUS_INLINE double d_clamp(double x, double low, double high) {
    x = x < low ? low : x;
    return x > high ? high : x;
}

/// ln |Γ(x)|. libm's own writes the sign to a global, which threads would race for.
static inline double d_lgamma(double x) {
    int sign;
    return lgamma_r(x, &sign);
}

/// ψ(x) = d/dx ln Γ(x): reflection for negative x, recurrence up to 10, then the asymptotic series.
static inline double d_digamma(double x) {
    if (x == 0) return copysign(INFINITY, -x);
    double result = 0;
    if (x < 0) {
        double fraction = x - trunc(x); // tan has the period 1 in units of π
        if (fraction == 0 || x == -INFINITY) return NAN;
        result = -M_PI / tan(M_PI * fraction);
        x = 1 - x;
    }
    while (x < 10) {
        result -= 1 / x;
        x += 1;
    }
    if (x == 10) return result + 2.25175258906672110764;
    double z = x < 1e17 ? 1 / (x * x) : 0;
    double series = z * (1.0 / 12 - z * (1.0 / 120 - z * (1.0 / 252 - z * (1.0 / 240 - z * (1.0 / 132 - z * (691.0 / 32760 - z / 12))))));
    return result + log(x) - 0.5 / x - series;
}

/// With the density f(x) = x^(a−1)·e^−x/Γ(a) of the gamma distribution and P its integral from 0: P/f and (dP/da)/f, by the power series where
/// x is small beside a, else (1 − P)/f and its derivative by Lentz's continued fraction (Abramowitz and Stegun 6.5.29 and 6.5.31).
static inline bool d_gamma_ratios(double a, double x, double *ratio, double *slope) {
    double log_x = log(x);
    if (x < a + 1) {
        double term = x / a, psi = d_digamma(a + 1), sum = term, derivative = term * (log_x - psi);
        for (int n = 1; n < 100000; n++) {
            term *= x / (a + n);
            psi += 1 / (a + n);
            sum += term;
            derivative += term * (log_x - psi);
            if (term * (1 + fabs(log_x - psi)) <= 1e-17 * fabs(derivative) && term <= 1e-17 * sum) break;
        }
        *ratio = sum;
        *slope = derivative;
        return true;
    }
    // Each quantity with its derivative by a.
    double b = x + 1 - a, c = 1e300, c1 = 0, d = 1 / b, d1 = d * d, h = d, h1 = d1;
    for (int i = 1; i < 100000; i++) {
        double an = -(double)i * ((double)i - a), an1 = i;
        b += 2;
        double e = an * d + b, e1 = an1 * d + an * d1 - 1;
        double g = b + an / c, g1 = -1 + an1 / c - an * c1 / (c * c);
        c = g;
        c1 = g1;
        d = 1 / e;
        d1 = -e1 * d * d;
        double factor = d * c, factor1 = d1 * c + d * c1;
        h1 = h1 * factor + h * factor1;
        h *= factor;
        if (fabs(factor - 1) < 1e-16 && fabs(factor1) < 1e-16) break;
    }
    *ratio = x * h;
    *slope = x * (h1 + h * (log_x - d_digamma(a)));
    return false;
}

/// The regularised lower incomplete gamma function P(a, x).
static inline double d_gammainc(double a, double x) {
    if (!(a >= 0) || !(x >= 0)) return NAN;
    if (a == 0) return x == 0 ? NAN : 1;
    if (x == 0) return 0;
    if (x == INFINITY) return a == INFINITY ? NAN : 1;
    if (a == INFINITY) return 0;
    double ratio, slope, density = exp((a - 1) * log(x) - x - d_lgamma(a));
    return d_gamma_ratios(a, x, &ratio, &slope) ? ratio * density : 1 - ratio * density;
}

/// dx/da of a gamma variate x whose place in the distribution is held: −(dP/da)/f.
static inline double d_gamma_sample_grad(double a, double x) {
    if (!(a > 0) || !(x > 0)) return x == 0 ? 0 : NAN;
    double ratio, slope;
    return d_gamma_ratios(a, x, &ratio, &slope) ? -slope : slope;
}

/// The inverse of erf: Giles' approximation ("Approximating the erfinv function", 2011), then two Newton steps.
static inline double d_erfinv(double x) {
    if (!(fabs(x) < 1)) return fabs(x) == 1 ? copysign(INFINITY, x) : NAN;
    double w = -log((1 - x) * (1 + x)), y;
    if (w < 5) {
        w -= 2.5;
        y = 2.81022636e-08;
        y = 3.43273939e-07 + y * w;
        y = -3.5233877e-06 + y * w;
        y = -4.39150654e-06 + y * w;
        y = 0.00021858087 + y * w;
        y = -0.00125372503 + y * w;
        y = -0.00417768164 + y * w;
        y = 0.246640727 + y * w;
        y = 1.50140941 + y * w;
    } else {
        w = sqrt(w) - 3;
        y = -0.000200214257;
        y = 0.000100950558 + y * w;
        y = 0.00134934322 + y * w;
        y = -0.00367342844 + y * w;
        y = 0.00573950773 + y * w;
        y = -0.0076224613 + y * w;
        y = 0.00943887047 + y * w;
        y = 1.00167406 + y * w;
        y = 2.83297682 + y * w;
    }
    y *= x;
    // Near ±1 the difference is taken of the complements, which keep their digits.
    for (int i = 0; i < 2; i++) {
        double error = fabs(x) < 0.5 ? erf(y) - x : copysign(1, x) * ((1 - fabs(x)) - erfc(fabs(y)));
        y -= error / (M_2_SQRTPI * exp(-y * y));
    }
    return y;
}

#endif
