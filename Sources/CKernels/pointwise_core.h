// How a pointwise kernel, which knows only contiguous memory of one dtype, runs over operands of any layout, and 16-bit floats.
#ifndef APUS_POINTWISE_CORE_H
#define APUS_POINTWISE_CORE_H

#include "core.h"

/// `out[i] = f(a[i], b[i], c[i])` for i < n; a kernel reads as many operands as it has.
typedef void apus_kernel(int64_t n, void *out, const void *a, const void *b, const void *c, const apus_parameters *p);

/// Runs `kernel` over `operands` tensors, which are gathered block by block into the cache where they are not contiguous,
/// and converted from and to float where they are 16-bit floats.
void apus_pointwise(apus_kernel *kernel, int operands, const apus_tensor *const *in, const apus_parameters *p, const apus_tensor *out);
/// The same for contiguous memory: `dtype` is the operands', `out_dtype` the result's.
void apus_pointwise_flat(apus_kernel *kernel, int operands, int dtype, int out_dtype, int64_t n, const void *const *in, const apus_parameters *p, void *out);

/// The dtype that a kernel sees for operands of `dtype`.
APUS_INLINE int compute_dtype(int dtype) { return is_half(dtype) ? APUS_FLOAT32 : dtype; }

// Kernels of one element type. `x`, `y`, `z` are the elements of a, b, c in the expression.
#define APUS_KERNEL_1(NAME, T, OUT, EXPRESSION)                                                                             \
    APUS_CLONES static void NAME(int64_t n, void *out_, const void *a_, const void *b_, const void *c_, const apus_parameters *p_) { \
        (void)b_, (void)c_, (void)p_;                                                                                       \
        const T *a = a_;                                                                                                    \
        OUT *out = out_;                                                                                                    \
        APUS_SIMD for (int64_t i = 0; i < n; i++) {                                                                         \
            T x = a[i];                                                                                                     \
            (void)x;                                                                                                        \
            out[i] = (OUT)(EXPRESSION);                                                                                     \
        }                                                                                                                   \
    }
#define APUS_KERNEL_2(NAME, T, OUT, EXPRESSION)                                                                             \
    APUS_CLONES static void NAME(int64_t n, void *out_, const void *a_, const void *b_, const void *c_, const apus_parameters *p_) { \
        (void)c_, (void)p_;                                                                                                 \
        const T *a = a_, *b = b_;                                                                                           \
        OUT *out = out_;                                                                                                    \
        APUS_SIMD for (int64_t i = 0; i < n; i++) {                                                                         \
            T x = a[i], y = b[i];                                                                                           \
            out[i] = (OUT)(EXPRESSION);                                                                                     \
        }                                                                                                                   \
    }
// The same with constants A, B, C of type K, which are the parameters `OF` one kind: APUS_FLOATS or APUS_INTEGERS.
#define APUS_FLOATS(p) (*(p))
#define APUS_INTEGERS(p) ((p)->integers)
#define APUS_KERNEL_1P(NAME, T, K, OF, EXPRESSION)                                                                          \
    APUS_CLONES static void NAME(int64_t n, void *out_, const void *a_, const void *b_, const void *c_, const apus_parameters *p_) { \
        (void)b_, (void)c_;                                                                                                 \
        const T *a = a_;                                                                                                    \
        T *out = out_;                                                                                                      \
        const K A = (K)OF(p_).a, B = (K)OF(p_).b, C = (K)OF(p_).c;                                                          \
        (void)A, (void)B, (void)C;                                                                                          \
        APUS_SIMD for (int64_t i = 0; i < n; i++) {                                                                         \
            T x = a[i];                                                                                                     \
            out[i] = (T)(EXPRESSION);                                                                                       \
        }                                                                                                                   \
    }
#define APUS_KERNEL_2P(NAME, T, K, OF, EXPRESSION)                                                                          \
    APUS_CLONES static void NAME(int64_t n, void *out_, const void *a_, const void *b_, const void *c_, const apus_parameters *p_) { \
        (void)c_;                                                                                                           \
        const T *a = a_, *b = b_;                                                                                           \
        T *out = out_;                                                                                                      \
        const K A = (K)OF(p_).a, B = (K)OF(p_).b, C = (K)OF(p_).c;                                                          \
        (void)A, (void)B, (void)C;                                                                                          \
        APUS_SIMD for (int64_t i = 0; i < n; i++) {                                                                         \
            T x = a[i], y = b[i];                                                                                           \
            out[i] = (T)(EXPRESSION);                                                                                       \
        }                                                                                                                   \
    }

#endif
