#include "fused.h"
#include "math_double.h"
#include "sums.h"

// Loops over libm's functions stay scalar; this silences the compiler's warning.
#pragma clang diagnostic ignored "-Wpass-failed"

#define LANES 16
#define COLUMNS 128
#define BLOCK 1024

#define T float
#define M(f) f_##f
#include "softmax_template.h"
#undef T
#undef M
#define T double
#define M(f) d_##f
#include "softmax_template.h"

void apus_softmax(const apus_tensor *x, int dim, bool log, const apus_tensor *out) {
    apus_extents e = extents_around(x, dim);
    APUS_BY_TYPE(x->dtype, softmax, e.outer, e.length, e.inner, log, x->data, out->data);
}

void apus_softmax_backward(const apus_tensor *grad, const apus_tensor *y, int dim, bool log, const apus_tensor *out) {
    apus_extents e = extents_around(y, dim);
    APUS_BY_TYPE(y->dtype, softmax_backward, e.outer, e.length, e.inner, log, grad->data, y->data, out->data);
}
