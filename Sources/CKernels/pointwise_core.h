// How a pointwise kernel, which knows only contiguous memory of one dtype, runs over operands of any layout, and 16-bit floats.
#ifndef APUS_POINTWISE_CORE_H
#define APUS_POINTWISE_CORE_H

#include "core.h"

// Some loops stay scalar; the compiler's remark about that is no news. (It goes by a table's first inclusion: this comes before.)
#pragma clang diagnostic ignored "-Wpass-failed"

// Integers by the names that the devices' dialect has for them, for what is written once for both.
typedef int64_t i64;
typedef uint64_t u64;

/// `out[i] = f(a[i], b[i], c[i])` for i < n; a kernel reads as many operands as it has.
typedef void apus_kernel(int64_t n, void *out, const void *a, const void *b, const void *c, const apus_parameters *p);

/// Runs `kernel` over `operands` tensors, which are gathered block by block into the cache where they are not contiguous,
/// and converted from and to float where they are 16-bit floats.
void apus_pointwise(apus_kernel *kernel, int operands, const apus_tensor *const *in, const apus_parameters *p, const apus_tensor *out);
/// The same for contiguous memory: `dtype` is the operands', `out_dtype` the result's.
void apus_pointwise_flat(apus_kernel *kernel, int operands, int dtype, int out_dtype, int64_t n, const void *const *in,
                         const apus_parameters *p, void *out);

/// The dtype that a kernel sees for operands of `dtype`.
APUS_INLINE int compute_dtype(int dtype) { return is_half(dtype) ? APUS_FLOAT32 : dtype; }

// Kernels of one element type T, in VERSIONS (`APUS_CLONES`, or none). In the expression `x`, `y` are the elements of a, b, each as READ
// gives it; A, B, C are constants of type K, the parameters `OF` one kind: APUS_FLOATS or APUS_INTEGERS.
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
