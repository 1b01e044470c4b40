#include "core.h"
#include "pointwise.h"
#include <math.h>

typedef struct {
    const void *x;
    void *mantissa;
    int32_t *exponent;
} parts;

#define FREXP(NAME, T, LIBM)                                                                                                               \
    static void NAME(void *context, int64_t begin, int64_t end) {                                                                          \
        const parts *p = context;                                                                                                          \
        const T *x = p->x;                                                                                                                 \
        T *mantissa = p->mantissa;                                                                                                         \
        for (int64_t i = begin; i < end; i++) {                                                                                            \
            int exponent = 0;                                                                                                              \
            mantissa[i] = LIBM(x[i], &exponent);                                                                                           \
            p->exponent[i] = isfinite(x[i]) ? exponent : 0;                                                                                \
        }                                                                                                                                  \
    }
FREXP(float_parts, float, frexpf)
FREXP(double_parts, double, frexp)

void apus_frexp(int dtype, int64_t n, const void *x, void *mantissa, int32_t *exponent) {
    parts p = {x, mantissa, exponent};
    apus_parallel_for(n, APUS_GRAIN, dtype == APUS_FLOAT64 ? double_parts : float_parts, &p);
}
