#include "pointwise.h"
#include "pointwise_core.h"

// Comparisons, in the order of Swift's `CompareKind`. A bool is compared by what it means, whatever byte stands for true.
#define COMPARE(NAME, T, READ)                                                                                              \
    APUS_KERNEL_2(NAME##_eq, T, apus_bool, READ(x) == READ(y))                                                              \
    APUS_KERNEL_2(NAME##_ne, T, apus_bool, READ(x) != READ(y))                                                              \
    APUS_KERNEL_2(NAME##_lt, T, apus_bool, READ(x) < READ(y))                                                               \
    APUS_KERNEL_2(NAME##_le, T, apus_bool, READ(x) <= READ(y))                                                              \
    APUS_KERNEL_2(NAME##_gt, T, apus_bool, READ(x) > READ(y))                                                               \
    APUS_KERNEL_2(NAME##_ge, T, apus_bool, READ(x) >= READ(y))
#define ITSELF(x) (x)
#define TRUTH(x) ((x) != 0)
COMPARE(boolean, apus_bool, TRUTH)
COMPARE(uint8, uint8_t, ITSELF)
COMPARE(int8, int8_t, ITSELF)
COMPARE(int16, int16_t, ITSELF)
COMPARE(int32, int32_t, ITSELF)
COMPARE(int64, int64_t, ITSELF)
COMPARE(float32, float, ITSELF)
COMPARE(float64, double, ITSELF)

#define COLUMNS(KIND) {boolean_##KIND, uint8_##KIND, int8_##KIND, int16_##KIND, int32_##KIND, int64_##KIND, NULL, NULL, float32_##KIND, float64_##KIND}
static apus_kernel *const kernels[6][10] = {COLUMNS(eq), COLUMNS(ne), COLUMNS(lt), COLUMNS(le), COLUMNS(gt), COLUMNS(ge)};

void apus_compare(int kind, const apus_tensor *a, const apus_tensor *b, const apus_tensor *out) {
    const apus_tensor *in[] = {a, b};
    apus_parameters none = {0};
    apus_pointwise(kernels[kind][compute_dtype(a->dtype)], 2, in, &none, out);
}

void apus_compare_flat(int kind, int dtype, int64_t n, const void *a, const void *b, void *out) {
    apus_kernel *kernel = kernels[kind][compute_dtype(dtype)];
    apus_parameters none = {0};
    if (n <= APUS_GRAIN && !is_half(dtype)) {
        kernel(n, out, a, b, NULL, &none);
        return;
    }
    const void *in[] = {a, b};
    apus_pointwise_flat(kernel, 2, dtype, APUS_BOOL, n, in, &none, out);
}

// Selection moves bits, so it needs a kernel a size, and 16-bit floats pass as the integers of their size.
#define SELECT(NAME, T)                                                                                                     \
    APUS_CLONES static void NAME(int64_t n, void *out_, const void *a_, const void *b_, const void *c_, const apus_parameters *p_) { \
        (void)p_;                                                                                                           \
        const apus_bool *condition = a_;                                                                                    \
        const T *a = b_, *b = c_;                                                                                           \
        T *out = out_;                                                                                                      \
        APUS_SIMD for (int64_t i = 0; i < n; i++) {                                                                         \
            T x = a[i], y = b[i];                                                                                           \
            out[i] = condition[i] ? x : y;                                                                                  \
        }                                                                                                                   \
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
