#include "convolution.h"
#include "core.h"
#include "gemm.h"
#include "workspace.h"
#include <string.h>

#define REAL float
#define TYPED(x) f32_##x
#define GEMM(...) apus_gemm_f32(__VA_ARGS__)
#include "convolution_type.h"
#undef REAL
#undef TYPED
#undef GEMM

#define REAL double
#define TYPED(x) f64_##x
#define GEMM(...) apus_gemm_f64(__VA_ARGS__)
#include "convolution_type.h"
#undef REAL
#undef TYPED
#undef GEMM

// Integer sums and products wrap, so signed and unsigned give the same bits.
#define GEMM(...) apus_gemm_integer(__VA_ARGS__, (int)sizeof(REAL))

#define REAL uint8_t
#define TYPED(x) i8_##x
#include "convolution_type.h"
#undef REAL
#undef TYPED

#define REAL uint16_t
#define TYPED(x) i16_##x
#include "convolution_type.h"
#undef REAL
#undef TYPED

#define REAL uint32_t
#define TYPED(x) i32_##x
#include "convolution_type.h"
#undef REAL
#undef TYPED

#define REAL uint64_t
#define TYPED(x) i64_##x
#include "convolution_type.h"
#undef REAL
#undef TYPED
#undef GEMM

// Returns RUN(f32) and so on for a dtype.
#define FOR_TYPE(dtype, RUN)                                                                                                               \
    switch (dtype) {                                                                                                                       \
    case APUS_FLOAT32: return RUN(f32);                                                                                                    \
    case APUS_FLOAT64: return RUN(f64);                                                                                                    \
    case APUS_BOOL:                                                                                                                        \
    case APUS_UINT8:                                                                                                                       \
    case APUS_INT8: return RUN(i8);                                                                                                        \
    case APUS_INT16: return RUN(i16);                                                                                                      \
    case APUS_INT32: return RUN(i32);                                                                                                      \
    case APUS_INT64: return RUN(i64);                                                                                                      \
    default: apus_no_kernel("convolution", 0, dtype);                                                                                      \
    }

static int64_t elements(const int64_t extents[3]) { return extents[0] * extents[1] * extents[2]; }

static int64_t weight_elements(const apus_convolution *c) { return c->out_channels * (c->in_channels / c->groups) * elements(c->kernel); }

bool apus_convolution_forward(const apus_convolution *c, int dtype, const void *x, const void *weight, const void *bias, void *y) {
    if (c->batch * c->out_channels * elements(c->out) == 0) return true;
#define FORWARD(N) N##_run((N##_strip){.c = c, .x = x, .weight = weight, .bias = bias, .out = y}, N##_forward_strip, 0)
    FOR_TYPE(dtype, FORWARD)
}

bool apus_convolution_backward_input(const apus_convolution *c, int dtype, const void *grad, const void *weight, void *x) {
    memset(x, 0, (size_t)(c->batch * c->in_channels * elements(c->in)) * apus_size[dtype]);
    if (c->batch * c->out_channels * elements(c->out) * c->in_channels == 0) return true;
#define BACKWARD_INPUT(N) N##_run((N##_strip){.c = c, .grad = grad, .weight = weight, .out = x}, N##_backward_input_strip, 0)
    FOR_TYPE(dtype, BACKWARD_INPUT)
}

bool apus_convolution_backward_weight(const apus_convolution *c, int dtype, const void *grad, const void *x, void *weight) {
    if (c->batch * c->out_channels * elements(c->out) * c->in_channels == 0) {
        memset(weight, 0, (size_t)weight_elements(c) * apus_size[dtype]);
        return true;
    }
#define BACKWARD_WEIGHT(N) N##_run((N##_strip){.c = c, .grad = grad, .x = x, .out = weight}, N##_backward_weight_strip, 1)
    FOR_TYPE(dtype, BACKWARD_WEIGHT)
}
