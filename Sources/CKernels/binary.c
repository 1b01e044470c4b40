#include "math_special.h"
#include "pointwise.h"
#include "pointwise_core.h"

// Loops over libm's functions stay scalar; the compiler's remark about that is no news.
#pragma clang diagnostic ignored "-Wpass-failed"

#define T float
#define M(f) f_##f
#define N(kind) f_binary_##kind
#include "binary_template.h"
#undef T
#undef M
#undef N
#define T double
#define M(f) d_##f
#define N(kind) d_binary_##kind
#include "binary_template.h"
#undef T
#undef M
#undef N

// Integers. Sums and products go through uint64, where wrapping is defined. Division by −1 is negation, which may wrap too; the op
// has refused a divisor of 0, and none may crash the program.
static inline int64_t truncated_quotient(int64_t x, int64_t y) { return y == 0 ? 0 : y == -1 ? (int64_t)(0 - (uint64_t)x) : x / y; }
static inline int64_t truncated_remainder(int64_t x, int64_t y) { return y == 0 || y == -1 ? 0 : x % y; }
static inline int64_t floored_remainder(int64_t x, int64_t y) {
    int64_t r = truncated_remainder(x, y);
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}
static inline int64_t floored_quotient(int64_t x, int64_t y) {
    int64_t q = truncated_quotient(x, y), r = truncated_remainder(x, y);
    return r != 0 && (r < 0) != (y < 0) ? q - 1 : q;
}
/// x^y, wrapping; a negative exponent truncates the fraction: 1 and −1 alone have any.
static inline int64_t integer_power(int64_t x, int64_t y) {
    if (y < 0) return x == 1 ? 1 : x == -1 ? (y & 1 ? -1 : 1) : 0;
    uint64_t result = 1, base = (uint64_t)x;
    for (uint64_t e = (uint64_t)y; e; e >>= 1, base *= base)
        if (e & 1) result *= base;
    return (int64_t)result;
}

#define WRAP(x) ((uint64_t)(x))
#define INTEGER_BINARY(NAME, T, BITS)                                                                                       \
    APUS_KERNEL_2(NAME##_add, T, T, WRAP(x) + WRAP(y))                                                                      \
    APUS_KERNEL_2(NAME##_sub, T, T, WRAP(x) - WRAP(y))                                                                      \
    APUS_KERNEL_2(NAME##_mul, T, T, WRAP(x) * WRAP(y))                                                                      \
    APUS_KERNEL_2(NAME##_minimum, T, T, x < y ? x : y)                                                                      \
    APUS_KERNEL_2(NAME##_maximum, T, T, x > y ? x : y)                                                                      \
    APUS_KERNEL_2(NAME##_floorDivide, T, T, floored_quotient(x, y))                                                         \
    APUS_KERNEL_2(NAME##_truncDivide, T, T, truncated_quotient(x, y))                                                       \
    APUS_KERNEL_2(NAME##_remainder, T, T, floored_remainder(x, y))                                                          \
    APUS_KERNEL_2(NAME##_fmod, T, T, truncated_remainder(x, y))                                                             \
    APUS_KERNEL_2(NAME##_pow, T, T, integer_power(x, y))                                                                    \
    APUS_KERNEL_2(NAME##_bitwiseAnd, T, T, x &y)                                                                            \
    APUS_KERNEL_2(NAME##_bitwiseOr, T, T, x | y)                                                                            \
    APUS_KERNEL_2(NAME##_bitwiseXor, T, T, x ^ y)                                                                           \
    APUS_KERNEL_2(NAME##_shiftLeft, T, T, y < 0 || y >= BITS ? 0 : WRAP(x) << (y & 63))                                     \
    APUS_KERNEL_2(NAME##_shiftRight, T, T, y < 0 || y >= BITS ? (x < 0 ? -1 : 0) : x >> (y & (BITS - 1)))                   \
    APUS_KERNEL_2P(NAME##_addScaled, T, int64_t, APUS_INTEGERS, WRAP(x) + WRAP(A) * WRAP(y))
INTEGER_BINARY(uint8, uint8_t, 8)
INTEGER_BINARY(int8, int8_t, 8)
INTEGER_BINARY(int16, int16_t, 16)
INTEGER_BINARY(int32, int32_t, 32)
INTEGER_BINARY(int64, int64_t, 64)
APUS_KERNEL_2(bool_or, apus_bool, apus_bool, (x | y) != 0)
APUS_KERNEL_2(bool_and, apus_bool, apus_bool, (x != 0) & (y != 0))
APUS_KERNEL_2(bool_xor, apus_bool, apus_bool, (x != 0) != (y != 0))

// In the order of Swift's `BinaryKind`: kinds of all dtypes (with what they are for bool), of integers and floats, of floats,
// of integers and bool, of integers.
#define BINARY_KINDS(ANY, BOTH, FLOAT, BITS, INTEGER)                                                                       \
    ANY(add, or) ANY(sub, xor) ANY(mul, and) ANY(minimum, and) ANY(maximum, or)                                             \
    BOTH(floorDivide) BOTH(truncDivide) BOTH(remainder) BOTH(fmod) BOTH(pow)                                                \
    FLOAT(div) FLOAT(atan2) FLOAT(hypot) FLOAT(logaddexp) FLOAT(copysign) FLOAT(gammainc) FLOAT(gammaSampleGrad)             \
    BITS(bitwiseAnd, and) BITS(bitwiseOr, or) BITS(bitwiseXor, xor)                                                         \
    INTEGER(shiftLeft) INTEGER(shiftRight)                                                                                  \
    FLOAT(reluGrad) FLOAT(sigmoidGrad) FLOAT(tanhGrad) FLOAT(geluGrad) FLOAT(geluTanhGrad) FLOAT(siluGrad)                  \
    FLOAT(leakyReluGrad) FLOAT(eluGrad) FLOAT(softplusGrad) FLOAT(hardtanhGrad) FLOAT(clampGrad) BOTH(addScaled)

// One column per computed dtype: bool, uint8, int8, int16, int32, int64, float16, bfloat16 (both through float32), float32, float64.
#define INTEGER_COLUMNS(KIND) uint8_##KIND, int8_##KIND, int16_##KIND, int32_##KIND, int64_##KIND, NULL, NULL
#define FLOAT_COLUMNS(KIND) f_binary_##KIND, d_binary_##KIND
#define ANY(KIND, LOGIC) {bool_##LOGIC, INTEGER_COLUMNS(KIND), FLOAT_COLUMNS(KIND)},
#define BOTH(KIND) {NULL, INTEGER_COLUMNS(KIND), FLOAT_COLUMNS(KIND)},
#define FLOAT(KIND) {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, FLOAT_COLUMNS(KIND)},
#define BITS(KIND, LOGIC) {bool_##LOGIC, INTEGER_COLUMNS(KIND), NULL, NULL},
#define INTEGER(KIND) {NULL, INTEGER_COLUMNS(KIND), NULL, NULL},
static apus_kernel *const kernels[][10] = {BINARY_KINDS(ANY, BOTH, FLOAT, BITS, INTEGER)};

#define NAME(KIND) #KIND,
#define NAME_2(KIND, LOGIC) #KIND,
static const char *const names[] = {BINARY_KINDS(NAME_2, NAME, NAME, NAME_2, NAME)};
#define KIND_COUNT ((int)(sizeof names / sizeof *names))
const char *apus_binary_name(int kind) { return kind >= 0 && kind < KIND_COUNT ? names[kind] : NULL; }

static apus_kernel *kernel_for(int kind, int dtype) {
    apus_kernel *k = kind >= 0 && kind < KIND_COUNT ? kernels[kind][compute_dtype(dtype)] : NULL;
    if (!k) apus_no_kernel("binary", kind, dtype);
    return k;
}

void apus_binary(int kind, const apus_tensor *a, const apus_tensor *b, apus_parameters p, const apus_tensor *out) {
    const apus_tensor *in[] = {a, b};
    apus_pointwise(kernel_for(kind, a->dtype), 2, in, &p, out);
}

void apus_binary_flat(int kind, int dtype, int64_t n, const void *a, const void *b, apus_parameters p, void *out) {
    apus_kernel *kernel = kernel_for(kind, dtype);
    if (n <= APUS_GRAIN && !is_half(dtype)) {
        kernel(n, out, a, b, NULL, &p);
        return;
    }
    const void *in[] = {a, b};
    apus_pointwise_flat(kernel, 2, dtype, dtype, n, in, &p, out);
}
