// Runs a pointwise kernel, which takes contiguous memory of one dtype, over operands of any layout and 16-bit floats.
#ifndef APUS_POINTWISE_CORE_H
#define APUS_POINTWISE_CORE_H

#include "core.h"

// Some loops stay scalar; this silences the compiler's warning. (It must precede the first inclusion of a table.)
#pragma clang diagnostic ignored "-Wpass-failed"

// Integer types under the names of the devices' dialect, for code that both share.
typedef int64_t i64;
typedef uint64_t u64;

/// `out[i] = f(a[i], b[i], c[i])` for i < n; a kernel reads only the operands it has.
typedef void apus_kernel(int64_t n, void *out, const void *a, const void *b, const void *c, const apus_parameters *p);

/// Runs `kernel` over `operands` tensors. Those that are not contiguous are gathered block by block into the cache; 16-bit floats are
/// converted from and to float.
void apus_pointwise(apus_kernel *kernel, int operands, const apus_tensor *const *in, const apus_parameters *p, const apus_tensor *out);
/// The same for contiguous memory; the operands have `dtype`, the result `out_dtype`.
void apus_pointwise_flat(apus_kernel *kernel, int operands, int dtype, int out_dtype, int64_t n, const void *const *in,
                         const apus_parameters *p, void *out);

/// The dtype that a kernel computes in for operands of `dtype`.
APUS_INLINE int compute_dtype(int dtype) { return is_half(dtype) ? APUS_FLOAT32 : dtype; }

// Defines a kernel for element type T, in VERSIONS (`APUS_CLONES` or nothing). In the expression, `x` and `y` are READ(a[i]) and
// READ(b[i]); A, B, C are constants of type K from the parameters OF(p): APUS_FLOATS or APUS_INTEGERS.
#define APUS_FLOATS(p) (*(p))
#define APUS_INTEGERS(p) ((p)->integers)
#define APUS_KERNEL_1(VERSIONS, NAME, T, READ, OUT, K, OF, EXPRESSION)                                                                     \
    VERSIONS static void NAME(int64_t n, void *out_, const void *a_, const void *b_, const void *c_, const apus_parameters *p_) {          \
        (void)b_, (void)c_;                                                                                                                \
        const T *a = a_;                                                                                                                   \
        OUT *out = out_;                                                                                                                   \
        const K A = (K)OF(p_).a, B = (K)OF(p_).b, C = (K)OF(p_).c;                                                                         \
        (void)A, (void)B, (void)C;                                                                                                         \
        APUS_SIMD for (int64_t i = 0; i < n; i++) {                                                                                        \
            T x = READ(a[i]);                                                                                                              \
            (void)x;                                                                                                                       \
            out[i] = (OUT)(EXPRESSION);                                                                                                    \
        }                                                                                                                                  \
    }
#define APUS_KERNEL_2(VERSIONS, NAME, T, READ, OUT, K, OF, EXPRESSION)                                                                     \
    VERSIONS static void NAME(int64_t n, void *out_, const void *a_, const void *b_, const void *c_, const apus_parameters *p_) {          \
        (void)c_;                                                                                                                          \
        const T *a = a_, *b = b_;                                                                                                          \
        OUT *out = out_;                                                                                                                   \
        const K A = (K)OF(p_).a, B = (K)OF(p_).b, C = (K)OF(p_).c;                                                                         \
        (void)A, (void)B, (void)C;                                                                                                         \
        APUS_SIMD for (int64_t i = 0; i < n; i++) {                                                                                        \
            T x = READ(a[i]), y = READ(b[i]);                                                                                              \
            out[i] = (OUT)(EXPRESSION);                                                                                                    \
        }                                                                                                                                  \
    }

#endif
