#include "pointwise_core.h"
#include "math_special.h"
#include "pointwise.h"

// Inlining is left to the compiler: forced into the loop, a quotient with its remainder is slower.
#define FUNCTION static inline
#include "math_integer.h"
#undef FUNCTION

#define TABLE "unary.def"
#define FAMILY unary
#define OPERANDS (x)
#define KERNEL_OF_TYPE APUS_KERNEL_1
// The general case; frequent exponents have their own kernels below.
#define f_power f_pow
#define d_power d_pow
#include "pointwise_kernels.h"

#define T float
#define M(f) f_##f
#define N(NAME) APUS_NAME(float32, FAMILY, NAME)
#include "power_template.h"
#undef T
#undef M
#undef N
#define T double
#define M(f) d_##f
#define N(NAME) APUS_NAME(float64, FAMILY, NAME)
#include "power_template.h"
#undef T
#undef M
#undef N
#define float32_unary_powScalar float32_unary_power
#define float64_unary_powScalar float64_unary_power

// Sine, cosine and tangent: a vectorised pass for moderate arguments, then libm for the others, if there are any.
#define TRIGONOMETRIC(NAME, FAST, LIBM)                                                                                                    \
    static void NAME(int64_t n, void *out, const void *a, const void *b, const void *c, const apus_parameters *p) {                        \
        float saved[APUS_BLOCK]; /* out may be the very memory of a */                                                                     \
        for (int64_t i = 0; i < n; i += APUS_BLOCK) {                                                                                      \
            int64_t m = n - i < APUS_BLOCK ? n - i : APUS_BLOCK;                                                                           \
            memcpy(saved, (const float *)a + i, (size_t)m * sizeof(float));                                                                \
            float *to = (float *)out + i;                                                                                                  \
            FAST(m, to, saved, b, c, p);                                                                                                   \
            bool far = false;                                                                                                              \
            for (int64_t j = 0; j < m; j++) far |= !(f_abs(saved[j]) <= F_TRIG_LIMIT);                                                     \
            if (far)                                                                                                                       \
                for (int64_t j = 0; j < m; j++)                                                                                            \
                    if (!(f_abs(saved[j]) <= F_TRIG_LIMIT)) to[j] = LIBM(saved[j]);                                                        \
        }                                                                                                                                  \
    }
TRIGONOMETRIC(sine, float32_unary_sin, sinf)
TRIGONOMETRIC(cosine, float32_unary_cos, cosf)
TRIGONOMETRIC(tangent, float32_unary_tan, tanf)
#define float32_unary_sin sine
#define float32_unary_cos cosine
#define float32_unary_tan tangent

#include "pointwise_rows.h"

apus_function apus_unary_function(apus_unary_kind kind) { return rows[kind].says; }

void apus_unary(apus_unary_kind kind, const apus_tensor *x, apus_parameters p, const apus_tensor *out) {
    const apus_tensor *in[] = {x};
    apus_pointwise(kernel_for(kind, x->dtype), 1, in, &p, out);
}

void apus_unary_flat(apus_unary_kind kind, int dtype, int64_t n, const void *x, apus_parameters p, void *out) {
    apus_kernel *kernel = kernel_for(kind, dtype);
    if (n <= APUS_GRAIN && !is_half(dtype)) {
        kernel(n, out, x, NULL, NULL, &p);
        return;
    }
    const void *in[] = {x};
    apus_pointwise_flat(kernel, 1, dtype, rows[kind].says.is_predicate ? APUS_BOOL : dtype, n, in, &p, out);
}
