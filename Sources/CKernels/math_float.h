// Elementary functions of float32 without branches or calls, so that loops over them vectorise.
//
// Goals, in this order: correct special values (NaN, infinities, zeros, denormal results), errors of a few units in the last place (ULP),
// speed. The stated errors were measured over every 97th float with fused multiply-adds; without them (processors before 2013) they are
// about half an ULP larger. `VectorMathTests` checks these bounds. The coefficients of exp and log are from Cephes (Moshier), those of erf
// from Juffa, those of sine and cosine from fdlibm's float versions.
#ifndef APUS_MATH_FLOAT_H
#define APUS_MATH_FLOAT_H

#include "core.h"
#include <math.h>

// libm's sqrt sets errno, which prevents vectorisation; clang's builtin compiles to the instruction.
#define f_sqrt(x) __builtin_elementwise_sqrt(x)
#define f_abs(x) __builtin_elementwise_abs(x)
#define f_copysign(x, y) __builtin_elementwise_copysign(x, y)
#define f_floor(x) __builtin_elementwise_floor(x)
#define f_ceil(x) __builtin_elementwise_ceil(x)
#define f_round(x) __builtin_elementwise_roundeven(x)
#define f_trunc(x) __builtin_elementwise_trunc(x)

/// Adding 1.5·2^23 to a number below 2^22 rounds it to an integer and leaves that integer in the low bits.
#define ROUND_MAGIC 12582912.0f

/// 2^n for -126 <= n <= 128 (infinity).
APUS_INLINE float f_pow2(int32_t n) { return bits_to_float((uint32_t)(n + 127) << 23); }

/// exp(r)·2^n as `1 + r + r²·q(r)`, scaled in two steps so that results overflow or become denormal correctly.
APUS_INLINE float f_exp_scaled(float r, int32_t n) {
    float q = 1.9875691500e-4f;
    q = q * r + 1.3981999507e-3f;
    q = q * r + 8.3334519073e-3f;
    q = q * r + 4.1665795894e-2f;
    q = q * r + 1.6666665459e-1f;
    q = q * r + 5.0000001201e-1f;
    q = q * (r * r) + r;
    q = q + 1.0f;
    int32_t half = n >> 1;
    return q * f_pow2(half) * f_pow2(n - half);
}

/// e^x; 1.1 ULP.
APUS_INLINE float f_exp(float x) {
    float c = x > 89.0f ? 89.0f : x;
    c = c < -104.5f ? -104.5f : c;
    float t = c * 1.44269504088896341f + ROUND_MAGIC;
    float n = t - ROUND_MAGIC;
    float r = c - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    return f_exp_scaled(r, (int32_t)float_to_bits(t) - (int32_t)float_to_bits(ROUND_MAGIC));
}

/// 2^x; 1.2 ULP.
APUS_INLINE float f_exp2(float x) {
    float c = x > 129.0f ? 129.0f : x;
    c = c < -151.0f ? -151.0f : c;
    float t = c + ROUND_MAGIC;
    float f = c - (t - ROUND_MAGIC);
    // f·ln 2 in two parts: a single product would lose a bit of the result.
    float high = f * 0.693359375f;
    float r = high - f * 2.12194440e-4f;
    return f_exp_scaled(r, (int32_t)float_to_bits(t) - (int32_t)float_to_bits(ROUND_MAGIC));
}

/// e^x − 1; 1.5 ULP.
APUS_INLINE float f_expm1(float x) {
    float c = x > 88.8f ? 88.8f : x;
    c = c < -18.0f ? -18.0f : c;
    float t = c * 1.44269504088896341f + ROUND_MAGIC;
    float n = t - ROUND_MAGIC;
    float r = c - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    int32_t k = (int32_t)float_to_bits(t) - (int32_t)float_to_bits(ROUND_MAGIC);
    float q = 1.9875691500e-4f;
    q = q * r + 1.3981999507e-3f;
    q = q * r + 8.3334519073e-3f;
    q = q * r + 4.1665795894e-2f;
    q = q * r + 1.6666665459e-1f;
    q = q * r + 5.0000001201e-1f;
    q = q * (r * r) + r;
    float s = f_pow2(k - 1); // half of 2^k, since 2^k may overflow
    float y = 2.0f * (s * q + (s - 0.5f));
    return k == 0 ? (x == 0 ? x : q) : y;
}

/// ln(m·2^k), where f = m − 1 and √½ <= m < √2.
APUS_INLINE float f_log_reduced(float f, float k) {
    float z = f * f;
    float y = 7.0376836292e-2f;
    y = y * f + -1.1514610310e-1f;
    y = y * f + 1.1676998740e-1f;
    y = y * f + -1.2420140846e-1f;
    y = y * f + 1.4249322787e-1f;
    y = y * f + -1.6668057665e-1f;
    y = y * f + 2.0000714765e-1f;
    y = y * f + -2.4999993993e-1f;
    y = y * f + 3.3333331174e-1f;
    y = y * f * z;
    y = y + k * -2.12194440e-4f;
    y = y - 0.5f * z;
    return k * 0.693359375f + (f + y);
}

/// Splits a positive finite x = m·2^k with √½ <= m < √2: returns m − 1 and sets k. Denormals are scaled up first.
APUS_INLINE float f_log_reduce(float x, float *k) {
    bool small = x < 1.17549435e-38f;
    float s = small ? x * 8388608.0f : x;
    int32_t bits = (int32_t)(float_to_bits(s) - 0x3F3504F3u); // unsigned: a negative x wraps, and f_log_special corrects the result
    int32_t e = bits >> 23;
    float m = bits_to_float((uint32_t)(bits & 0x7FFFFF) + 0x3F3504F3u);
    *k = (float)(e - (small ? 23 : 0));
    return m - 1.0f;
}

APUS_INLINE float f_log_special(float x, float y) {
    y = x == 0 ? -INFINITY : y;
    y = x < 0 ? NAN : y;
    return x == INFINITY || x != x ? x : y;
}

/// ln x; 1.0 ULP.
APUS_INLINE float f_log(float x) {
    float k, f = f_log_reduce(x, &k);
    return f_log_special(x, f_log_reduced(f, k));
}

/// log2 x; 1.5 ULP.
APUS_INLINE float f_log2(float x) {
    float k, f = f_log_reduce(x, &k);
    // log2(m) = ln(m)·log2 e, to which k is added last.
    double y = (double)f_log_reduced(f, 0.0f) * 1.4426950408889634;
    return f_log_special(x, (float)(y + (double)k));
}

/// log10 x; 1.7 ULP.
APUS_INLINE float f_log10(float x) {
    float k, f = f_log_reduce(x, &k);
    double y = (double)f_log_reduced(f, 0.0f) * 0.4342944819032518 + (double)k * 0.30102999566398120;
    return f_log_special(x, (float)y);
}

/// ln(1 + x); 1.6 ULP. The rounding error of 1 + x is corrected to first order.
APUS_INLINE float f_log1p(float x) {
    float u = 1.0f + x;
    float lost = x - (u - 1.0f);
    float y = f_log(u) + lost / u;
    y = u == INFINITY || u <= 0 || x == 0 ? (x == 0 ? x : f_log(u)) : y;
    return y;
}

/// tanh x; 2.5 ULP.
APUS_INLINE float f_tanh(float x) {
    float a = f_abs(x);
    a = a > 10.0f ? 10.0f : a;
    float e = f_expm1(2.0f * a);
    float y = f_copysign(e / (e + 2.0f), x);
    return f_abs(x) < 1e-4f ? x : y;
}

/// erf x; 1.1 ULP.
APUS_INLINE float f_erf(float x) {
    float t = f_abs(x), s = x * x;
    float r = -1.72853470e-5f * t + 3.83197126e-4f;
    float u = -3.88396438e-3f * t + 2.42546219e-2f;
    r = r * s + u;
    r = r * t + -1.06777877e-1f;
    r = r * t + -6.34846687e-1f;
    r = r * t + -1.28717512e-1f;
    r = r * t + -t;
    float large = f_copysign(1.0f - f_exp(t > 4.0f ? -100.0f : r), x);
    float q = -5.96761703e-4f;
    q = q * s + 4.99119423e-3f;
    q = q * s + -2.67681349e-2f;
    q = q * s + 1.12819925e-1f;
    q = q * s + -3.76125336e-1f;
    q = q * s + 1.28379166e-1f;
    q = q * x + x;
    return t != t ? x : t > 0.927734375f ? large : q;
}

/// Above this the reduction below loses bits; loops pass such arguments to libm.
#define F_TRIG_LIMIT 1.0e6f

/// sin(q·π/2 + r) and cos in double, |r| <= π/4, n = q: fdlibm's kernels for float results.
APUS_INLINE double f_sin_kernel(double r) {
    double z = r * r;
    // As a product, which keeps the sign of −0.
    return r * (1.0 + z * (-0.166666666416265235595 +
                           z * (0.0083333293858894631756 + z * (-0.000198393348360966317347 + z * 0.0000027183114939898219064))));
}
APUS_INLINE double f_cos_kernel(double r) {
    double z = r * r;
    return 1.0 + z * (-0.499999997251031003120 +
                      z * (0.0416666233237390631894 + z * (-0.00138867637746099294692 + z * 0.0000243904487962774090654)));
}
/// Returns x − n·π/2, and n in the low bits of a double. π/2 has two parts; the first has 33 bits, so that its product with n is exact.
APUS_INLINE double f_trig_reduce(float x, uint64_t *n) {
    double t = (double)x * 0.63661977236758134308 + 6755399441055744.0;
    double k = t - 6755399441055744.0;
    memcpy(n, &t, 8);
    double r = (double)x - k * 1.57079632673412561417e+00;
    return r - k * 6.07710050650619224932e-11;
}

/// sin x for |x| <= F_TRIG_LIMIT; 0.6 ULP.
APUS_INLINE float f_sin(float x) {
    uint64_t n;
    double r = f_trig_reduce(x, &n);
    double y = n & 1 ? f_cos_kernel(r) : f_sin_kernel(r);
    return (float)(n & 2 ? -y : y);
}
/// cos x for |x| <= F_TRIG_LIMIT; 0.6 ULP.
APUS_INLINE float f_cos(float x) {
    uint64_t n;
    double r = f_trig_reduce(x, &n);
    double y = n & 1 ? f_sin_kernel(r) : f_cos_kernel(r);
    return (float)((n + 1) & 2 ? -y : y);
}
/// tan x for |x| <= F_TRIG_LIMIT; 0.6 ULP.
APUS_INLINE float f_tan(float x) {
    uint64_t n;
    double r = f_trig_reduce(x, &n), s = f_sin_kernel(r), c = f_cos_kernel(r);
    return (float)(n & 1 ? -c / s : s / c);
}

#endif
