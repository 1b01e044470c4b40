#include "pointwise_core.h"
#include "pointwise.h"

#define TABLE "compare.def"
#define FAMILY compare
#define OPERANDS (x, y)
#define KERNEL_OF_TYPE APUS_KERNEL_2
#include "pointwise_kernels.h"
#include "pointwise_rows.h"

apus_function apus_compare_function(apus_compare_kind kind) { return rows[kind].says; }

void apus_compare(apus_compare_kind kind, const apus_tensor *a, const apus_tensor *b, const apus_tensor *out) {
    const apus_tensor *in[] = {a, b};
    apus_parameters none = {0};
    apus_pointwise(kernel_for(kind, a->dtype), 2, in, &none, out);
}

void apus_compare_flat(apus_compare_kind kind, int dtype, int64_t n, const void *a, const void *b, void *out) {
    apus_kernel *kernel = kernel_for(kind, dtype);
    apus_parameters none = {0};
    if (n <= APUS_GRAIN && !is_half(dtype)) {
        kernel(n, out, a, b, NULL, &none);
        return;
    }
    const void *in[] = {a, b};
    apus_pointwise_flat(kernel, 2, dtype, APUS_BOOL, n, in, &none, out);
}

// Selection only moves bits, so there is one kernel per element size; 16-bit floats are treated as 16-bit integers.
#define SELECT(NAME, T)                                                                                                                    \
    APUS_CLONES static void NAME(int64_t n, void *out_, const void *a_, const void *b_, const void *c_, const apus_parameters *p_) {       \
        (void)p_;                                                                                                                          \
        const apus_bool *condition = a_;                                                                                                   \
        const T *a = b_, *b = c_;                                                                                                          \
        T *out = out_;                                                                                                                     \
        APUS_SIMD for (int64_t i = 0; i < n; i++) {                                                                                        \
            T x = a[i], y = b[i];                                                                                                          \
            out[i] = condition[i] ? x : y;                                                                                                 \
        }                                                                                                                                  \
    }
SELECT(select_8, uint8_t)
SELECT(select_16, uint16_t)
SELECT(select_32, uint32_t)
SELECT(select_64, uint64_t)

void apus_select(const apus_tensor *condition, const apus_tensor *a, const apus_tensor *b, const apus_tensor *out) {
    apus_tensor x = *a, y = *b, z = *out;
    if (is_half(z.dtype)) x.dtype = y.dtype = z.dtype = APUS_INT16;
    const apus_tensor *in[] = {condition, &x, &y};
    apus_parameters none = {0};
    int size = apus_size[z.dtype];
    apus_kernel *kernel = size == 1 ? select_8 : size == 2 ? select_16 : size == 4 ? select_32 : select_64;
    apus_pointwise(kernel, 3, in, &none, &z);
}
