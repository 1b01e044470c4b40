#include "math_special.h"
#include "pointwise.h"
#include "pointwise_core.h"

// Loops over libm's functions stay scalar; the compiler's remark about that is no news.
#pragma clang diagnostic ignored "-Wpass-failed"

#define T float
#define M(f) f_##f
#define N(kind) f_unary_##kind
#include "unary_template.h"
#undef T
#undef M
#undef N
#define T double
#define M(f) d_##f
#define N(kind) d_unary_##kind
#include "unary_template.h"
#undef T
#undef M
#undef N

// Sine, cosine and tangent: the vectorised reduction serves moderate arguments, libm the rest, in a second pass where there are any.
#define TRIGONOMETRIC(KIND, LIBM)                                                                                           \
    APUS_KERNEL_1(f_fast_##KIND, float, float, f_##KIND(x))                                                                 \
    static void f_unary_##KIND(int64_t n, void *out, const void *a, const void *b, const void *c, const apus_parameters *p) { \
        float saved[APUS_BLOCK]; /* out may be the very memory of a */                                                      \
        for (int64_t i = 0; i < n; i += APUS_BLOCK) {                                                                       \
            int64_t m = n - i < APUS_BLOCK ? n - i : APUS_BLOCK;                                                            \
            memcpy(saved, (const float *)a + i, (size_t)m * sizeof(float));                                                 \
            float *to = (float *)out + i;                                                                                   \
            f_fast_##KIND(m, to, saved, b, c, p);                                                                           \
            bool far = false;                                                                                               \
            for (int64_t j = 0; j < m; j++) far |= !(f_abs(saved[j]) <= F_TRIG_LIMIT);                                      \
            if (far)                                                                                                        \
                for (int64_t j = 0; j < m; j++)                                                                             \
                    if (!(f_abs(saved[j]) <= F_TRIG_LIMIT)) to[j] = LIBM(saved[j]);                                         \
        }                                                                                                                   \
    }                                                                                                                       \
    APUS_KERNEL_1(d_unary_##KIND, double, double, KIND(x))
TRIGONOMETRIC(sin, sinf)
TRIGONOMETRIC(cos, cosf)
TRIGONOMETRIC(tan, tanf)

// Integers. Arithmetic goes through the unsigned type U, where wrapping is defined.
/// x^e for whole e >= 0, wrapping.
static inline uint64_t whole_power(uint64_t x, uint64_t e) {
    uint64_t y = 1;
    for (; e; e >>= 1, x *= x)
        if (e & 1) y *= x;
    return y;
}

#define INTEGER_UNARY(NAME, T, U)                                                                                           \
    APUS_KERNEL_1(NAME##_negative, T, T, (U)0 - (U)x)                                                                       \
    APUS_KERNEL_1(NAME##_absolute, T, T, x < 0 ? (U)0 - (U)x : (U)x)                                                        \
    APUS_KERNEL_1(NAME##_sign, T, T, (x > 0) - (x < 0))                                                                     \
    APUS_KERNEL_1(NAME##_square, T, T, (uint64_t)x * (uint64_t)x)                                                           \
    APUS_KERNEL_1(NAME##_logicalNot, T, apus_bool, x == 0)                                                                  \
    APUS_KERNEL_1(NAME##_isNaN, T, apus_bool, 0)                                                                            \
    APUS_KERNEL_1(NAME##_isFinite, T, apus_bool, 1)                                                                         \
    APUS_KERNEL_1(NAME##_bitwiseNot, T, T, ~x)                                                                              \
    APUS_KERNEL_1(NAME##_relu, T, T, x > 0 ? x : 0)                                                                         \
    APUS_KERNEL_1P(NAME##_clamp, T, int64_t, APUS_INTEGERS, (x < A ? A : (int64_t)x) > B ? B : x < A ? A : (int64_t)x)      \
    APUS_KERNEL_1P(NAME##_threshold, T, int64_t, APUS_INTEGERS, x <= A ? B : (int64_t)x)                                    \
    APUS_KERNEL_1P(NAME##_powScalar, T, int64_t, APUS_INTEGERS, whole_power((uint64_t)x, (uint64_t)A))                      \
    APUS_KERNEL_1P(NAME##_affine, T, int64_t, APUS_INTEGERS, (uint64_t)A *(uint64_t)x + (uint64_t)B)
INTEGER_UNARY(uint8, uint8_t, uint8_t)
INTEGER_UNARY(int8, int8_t, uint8_t)
INTEGER_UNARY(int16, int16_t, uint16_t)
INTEGER_UNARY(int32, int32_t, uint32_t)
INTEGER_UNARY(int64, int64_t, uint64_t)
APUS_KERNEL_1(bool_not, apus_bool, apus_bool, x == 0)
APUS_KERNEL_1(bool_false, apus_bool, apus_bool, 0)
APUS_KERNEL_1(bool_true, apus_bool, apus_bool, 1)

// In the order of Swift's `UnaryKind`: the kinds of integers and floats, of integers alone, of floats alone.
#define UNARY_KINDS(BOTH, BOOL, INTEGER, FLOAT)                                                                             \
    BOTH(negative) BOTH(absolute) BOTH(sign) BOTH(square)                                                                   \
    BOOL(logicalNot, not) BOOL(isNaN, false) BOOL(isInf, false) BOOL(isFinite, true)                                        \
    INTEGER(bitwiseNot)                                                                                                     \
    FLOAT(reciprocal) FLOAT(sqrt) FLOAT(rsqrt) FLOAT(exp) FLOAT(exp2) FLOAT(expm1) FLOAT(log) FLOAT(log2) FLOAT(log10) FLOAT(log1p) \
    FLOAT(sin) FLOAT(cos) FLOAT(tan) FLOAT(asin) FLOAT(acos) FLOAT(atan) FLOAT(sinh) FLOAT(cosh) FLOAT(tanh)                \
    FLOAT(asinh) FLOAT(acosh) FLOAT(atanh) FLOAT(erf) FLOAT(erfc) FLOAT(erfinv) FLOAT(ndtri)                 \
    FLOAT(lgamma) FLOAT(digamma) FLOAT(polygamma)                                                                           \
    FLOAT(floor) FLOAT(ceil) FLOAT(round) FLOAT(trunc) FLOAT(frac)                                                          \
    FLOAT(sigmoid) FLOAT(logSigmoid) FLOAT(softsign) FLOAT(mish) FLOAT(silu) FLOAT(hardsigmoid) FLOAT(hardswish)            \
    FLOAT(gelu) FLOAT(geluTanh) BOTH(relu) FLOAT(leakyRelu) FLOAT(elu) FLOAT(softplus) BOTH(clamp)                          \
    FLOAT(hardshrink) FLOAT(softshrink) BOTH(threshold) BOTH(powScalar) BOTH(affine)

#define uint8_isInf uint8_isNaN
#define int8_isInf int8_isNaN
#define int16_isInf int16_isNaN
#define int32_isInf int32_isNaN
#define int64_isInf int64_isNaN

// One column per computed dtype: bool, uint8, int8, int16, int32, int64, float16, bfloat16 (both through float32), float32, float64.
#define INTEGER_COLUMNS(KIND) uint8_##KIND, int8_##KIND, int16_##KIND, int32_##KIND, int64_##KIND, NULL, NULL
#define FLOAT_COLUMNS(KIND) f_unary_##KIND, d_unary_##KIND
#define BOTH(KIND) {NULL, INTEGER_COLUMNS(KIND), FLOAT_COLUMNS(KIND)},
#define BOOL(KIND, LOGIC) {bool_##LOGIC, INTEGER_COLUMNS(KIND), FLOAT_COLUMNS(KIND)},
#define INTEGER(KIND) {bool_not, INTEGER_COLUMNS(KIND), NULL, NULL},
#define FLOAT(KIND) {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, FLOAT_COLUMNS(KIND)},
static apus_kernel *const kernels[][10] = {UNARY_KINDS(BOTH, BOOL, INTEGER, FLOAT)};

#define NAME(KIND) #KIND,
#define NAME_2(KIND, LOGIC) #KIND,
static const char *const names[] = {UNARY_KINDS(NAME, NAME_2, NAME, NAME)};
#define KIND_COUNT ((int)(sizeof names / sizeof *names))
const char *apus_unary_name(int kind) { return kind >= 0 && kind < KIND_COUNT ? names[kind] : NULL; }

static apus_kernel *kernel_for(int kind, int dtype) {
    apus_kernel *k = kind >= 0 && kind < KIND_COUNT ? kernels[kind][compute_dtype(dtype)] : NULL;
    if (!k) apus_no_kernel("unary", kind, dtype);
    return k;
}

void apus_unary(int kind, const apus_tensor *x, apus_parameters p, const apus_tensor *out) {
    const apus_tensor *in[] = {x};
    apus_pointwise(kernel_for(kind, x->dtype), 1, in, &p, out);
}

void apus_unary_flat(int kind, int dtype, int64_t n, const void *x, apus_parameters p, void *out) {
    apus_kernel *kernel = kernel_for(kind, dtype);
    if (n <= APUS_GRAIN && !is_half(dtype)) {
        kernel(n, out, x, NULL, NULL, &p);
        return;
    }
    bool writes_bool = kind >= 4 && kind <= 7; // logicalNot … isFinite
    const void *in[] = {x};
    apus_pointwise_flat(kernel, 1, dtype, writes_bool ? APUS_BOOL : dtype, n, in, &p, out);
}
