// float64 functions: libm's, and what is made of them; float32 functions that are rarely hot, by libm too.
//
// In float64 every function is within 3 units in the last place (ULP), `SpecialFunctionTests` holds them to it. An exponential's relative
// error is its exponent's absolute one: where an exponent is a product or a square, what its rounding lost is computed by `fma` and put back.
#ifndef APUS_MATH_DOUBLE_H
#define APUS_MATH_DOUBLE_H

#include "math_float.h"

// These take either type.
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
/// min(max(x, low), high); NaN stays, and high wins over low as in PyTorch.
APUS_INLINE float f_clamp(float x, float low, float high) {
    x = x < low ? low : x;
    return x > high ? high : x;
}
APUS_INLINE double d_clamp(double x, double low, double high) {
    x = x < low ? low : x;
    return x > high ? high : x;
}

/// a·e^t, also where e^t would be denormal and the product is not.
APUS_INLINE double d_times_exp(double a, double t) {
    if (t > -700) return a * exp(t);
    double half = exp(t / 2);
    return a * half * half;
}
/// a·e^(b·x)
APUS_INLINE float f_times_exp_product(float a, float b, float x) { return a * f_exp(b * x); }
APUS_INLINE double d_times_exp_product(double a, double b, double x) {
    double t = b * x, y = d_times_exp(a, t);
    // Beyond these bounds the result is 0 or infinite, and what t lost perhaps no number.
    return fabs(t) < 800 ? y + y * fma(b, x, -t) : y;
}
/// ln(1 + e^(b·x))/b
APUS_INLINE float f_softplus(float x, float b) { return f_log1p(f_exp(b * x)) / b; }
APUS_INLINE double d_softplus(double x, double b) {
    return b * x < -700 ? d_times_exp_product(1 / b, b, x) : log1p(d_times_exp_product(1, b, x)) / b;
}
/// σ(b·x)
APUS_INLINE float f_sigmoid_product(float b, float x) { return f_sigmoid(b * x); }
APUS_INLINE double d_sigmoid_product(double b, double x) {
    double e = d_times_exp_product(1, b * x < 0 ? b : -b, x);
    return (b * x < 0 ? e : 1.0) / (1.0 + e);
}
/// e^(x − y) for x ≤ y
APUS_INLINE float f_exp_difference(float x, float y) { return f_exp(x - y); }
APUS_INLINE double d_exp_difference(double x, double y) {
    double d = x - y, part = d + y, lost = (x - part) - (y - (part - d));
    double e = exp(d);
    return d > -800 ? e + e * lost : e;
}

/// x·σ(x), and x·tanh(ln(1 + e^x)): with n = e^x·(e^x + 2) the hyperbolic tangent is n/(n + 2).
APUS_INLINE float f_silu(float x) { return x * f_sigmoid(x); }
APUS_INLINE double d_silu(double x) {
    if (x < -700) return d_times_exp(x, x);
    double e = exp(-fabs(x));
    return (x < 0 ? x * e : x) / (1 + e);
}
APUS_INLINE float f_mish(float x) {
    float e = f_exp(-f_abs(x)), n = x < 0 ? e * (e + 2) : 1 + 2 * e;
    return x * (n / (n + 2 * (x < 0 ? 1 : e * e)));
}
APUS_INLINE double d_mish(double x) {
    if (x < -700) return d_times_exp(x, x);
    double e = exp(-fabs(x)), n = x < 0 ? e * (e + 2) : 1 + 2 * e;
    return x * (n / (n + 2 * (x < 0 ? 1 : e * e)));
}
/// σ(x) + x·σ(x)·(1 − σ(x))
APUS_INLINE float f_silu_slope(float x) {
    float s = f_sigmoid(x);
    return s * (1 + f_clamp(x, -1e4f, 1e4f) * (1 - s));
}
APUS_INLINE double d_silu_slope(double x) {
    x = d_clamp(x, -1e4, 1e4);
    double e = exp(-fabs(x)), factor = 1 + x * ((x < 0 ? 1 : e) / (1 + e));
    if (x < -700) return d_times_exp(factor, x);
    return (x < 0 ? factor * e : factor) / (1 + e);
}

/// Φ, the distribution function of normal numbers, by erfc, which keeps its digits in the lower tail.
APUS_INLINE float f_normal_cdf(float x) { return 0.5f * (1 + f_erf(x * 0.70710678118654752440f)); }
APUS_INLINE double d_normal_cdf(double x) {
    x = d_clamp(x, -40, 40);
    double z = x * -0.7071067811865476, lost = fma(x, -0.7071067811865476, -z) + x * 4.833646656726457e-17;
    return 0.5 * (erfc(z) - lost * M_2_SQRTPI * exp(-z * z));
}
/// a·φ(x), φ the density of normal numbers
APUS_INLINE float f_times_normal_density(float a, float x) { return a * 0.39894228040143267794f * f_exp(-0.5f * x * x); }
APUS_INLINE double d_times_normal_density(double a, double x) {
    double square = x * x, y = d_times_exp(a * 0.39894228040143267794, -0.5 * square);
    return y - y * (0.5 * fma(x, x, -square));
}
/// x·Φ(x); far below, where Φ is denormal, by its asymptotic series.
APUS_INLINE float f_gelu(float x) { return x * f_normal_cdf(x); }
APUS_INLINE double d_gelu(double x) {
    if (!(x < -36) || x < -40) return x * d_normal_cdf(x);
    double r = 1 / (x * x);
    return -d_times_normal_density(1 - r * (1 - 3 * r * (1 - 5 * r * (1 - 7 * r * (1 - 9 * r * (1 - 11 * r))))), x);
}
/// Φ(x) + x·φ(x)
APUS_INLINE float f_gelu_slope(float x) {
    x = f_clamp(x, -1e4f, 1e4f);
    return f_normal_cdf(x) + f_times_normal_density(x, x);
}
APUS_INLINE double d_gelu_slope(double x) {
    x = d_clamp(x, -40, 40);
    return d_normal_cdf(x) + d_times_normal_density(x, x);
}

/// u = 2·√(2/π)·(x + 0.044715·x³): GELU's tanh form is x·σ(u), since ½(1 + tanh ½u) is σ(u).
APUS_INLINE float f_gelu_exponent(float x) { return 1.5957691216057307117f * (x + 0.044715f * x * x * x); }
/// In two parts: x times the sum of k and 0.044715·k·x², each constant in two parts too.
APUS_INLINE double d_gelu_exponent(double x, double *lost) {
    double s = x * x, s_lost = fma(x, x, -s);
    double q = 0.07135481627260025 * s, q_lost = fma(0.07135481627260025, s, -q) + (0.07135481627260025 * s_lost - 6.175149918155315e-19 * s);
    double p = 1.5957691216057308 + q, part = p - 1.5957691216057308;
    double p_lost = (1.5957691216057308 - (p - part)) + (q - part) + (q_lost - 9.96930880911092e-17);
    double u = x * p;
    *lost = fma(x, p, -u) + x * p_lost;
    return u;
}
/// x·σ(u)
APUS_INLINE float f_gelu_tanh(float x) { return x * f_sigmoid(f_gelu_exponent(x)); }
APUS_INLINE double d_gelu_tanh(double x) {
    double lost, u = d_gelu_exponent(d_clamp(x, -40, 40), &lost);
    if (u < -700) {
        double y = d_times_exp(x, u);
        return y + y * lost;
    }
    double e = exp(-fabs(u));
    e += e * (u < 0 ? lost : -lost);
    return (u < 0 ? x * e : x) / (1 + e);
}
/// The derivative of x·σ(u): σ(u) + t·σ(u)·σ(−u) with t = x·u'. Beyond the bounds it is 1 or 0, and squares might overflow.
APUS_INLINE float f_gelu_tanh_slope(float x) {
    x = f_clamp(x, -40, 40);
    float s = f_sigmoid(f_gelu_exponent(x));
    return s + x * s * (1 - s) * 1.5957691216057307117f * (1 + 0.134145f * x * x);
}
/// With e = e^−|u| and d = 1 + e it is (d + t·e)/d² for positive u, e·(d + t)/d² for negative; t is 3u − 2kx. What each sum rounds off is kept.
APUS_INLINE double d_gelu_tanh_slope(double x) {
    x = d_clamp(x, -40, 40);
    double lost, u = d_gelu_exponent(x, &lost), e = exp(-fabs(u)), e_lost = u < 0 ? lost : -lost;
    double linear = -2 * 1.5957691216057308 * x, linear_lost = fma(-2 * 1.5957691216057308, x, -linear) + (3 * lost + 2 * 9.96930880911092e-17 * x);
    double t = fma(3, u, linear), t_lost = (fma(3, u, -t) + linear) + linear_lost;
    double d = 1 + e, d_lost = (e - (d - 1)) + e * e_lost;
    double g = u < 0 ? t : t * e, g_lost = u < 0 ? t_lost : fma(t, e, -g) + (t_lost * e + g * e_lost);
    double sum = d + g, part = sum - d, sum_lost = (d - (sum - part)) + (g - part) + (g_lost + d_lost - 2 * sum * d_lost / d);
    if (u > 0) return (sum + sum_lost) / (d * d);
    sum_lost += sum * e_lost;
    if (u > -700) return (e * sum + e * sum_lost) / (d * d);
    return d_times_exp(sum + sum_lost, u);
}

#endif
