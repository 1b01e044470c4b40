#include "pointwise_core.h"
#include "math_special.h"
#include "pointwise.h"

// Inlining is left to the compiler: forced into the loop, a quotient with its remainder is slower.
#define FUNCTION static inline
#include "math_integer.h"
#undef FUNCTION

#define FUNCTION APUS_INLINE
#define T float
#define M(f) f_##f
#include "math_pairs.h"
#undef T
#undef M
#define T double
#define M(f) d_##f
#include "math_pairs.h"
#undef T
#undef M

#define TABLE "binary.def"
#define FAMILY binary
#define OPERANDS (x, y)
#define KERNEL_OF_TYPE APUS_KERNEL_2
#include "pointwise_kernels.h"
#include "pointwise_rows.h"

apus_function apus_binary_function(apus_binary_kind kind) { return rows[kind].says; }

void apus_binary(apus_binary_kind kind, const apus_tensor *a, const apus_tensor *b, apus_parameters p, const apus_tensor *out) {
    const apus_tensor *in[] = {a, b};
    apus_pointwise(kernel_for(kind, a->dtype), 2, in, &p, out);
}

void apus_binary_flat(apus_binary_kind kind, int dtype, int64_t n, const void *a, const void *b, apus_parameters p, void *out) {
    apus_kernel *kernel = kernel_for(kind, dtype);
    if (n <= APUS_GRAIN && !is_half(dtype)) {
        kernel(n, out, a, b, NULL, &p);
        return;
    }
    const void *in[] = {a, b};
    apus_pointwise_flat(kernel, 2, dtype, rows[kind].says.is_predicate ? APUS_BOOL : dtype, n, in, &p, out);
}
