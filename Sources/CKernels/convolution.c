#include "convolution.h"
#include "gemm.h"
#include "parallel.h"
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

// Integers: sums and products wrap, so signed and unsigned are the same bits.
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

// Calls RUN(f32) and so on for a type.
#define FOR_TYPE(type, RUN)                                                                                                 \
    switch (type) {                                                                                                         \
    case APUS_CONVOLUTION_F32: RUN(f32) break;                                                                              \
    case APUS_CONVOLUTION_F64: RUN(f64) break;                                                                              \
    case APUS_CONVOLUTION_I8: RUN(i8) break;                                                                                \
    case APUS_CONVOLUTION_I16: RUN(i16) break;                                                                              \
    case APUS_CONVOLUTION_I32: RUN(i32) break;                                                                              \
    case APUS_CONVOLUTION_I64: RUN(i64) break;                                                                              \
    }

static size_t size_of(apus_convolution_type type)
{
    switch (type) {
    case APUS_CONVOLUTION_I8: return 1;
    case APUS_CONVOLUTION_I16: return 2;
    case APUS_CONVOLUTION_F32:
    case APUS_CONVOLUTION_I32: return 4;
    default: return 8;
    }
}

static int64_t elements(const int64_t extents[3]) { return extents[0] * extents[1] * extents[2]; }

static int64_t weight_elements(const apus_convolution *c)
{
    return c->out_channels * (c->in_channels / c->groups) * elements(c->kernel);
}

void apus_convolution_forward(const apus_convolution *c, const void *x, const void *weight, const void *bias, void *y, apus_convolution_type type)
{
    if (c->batch * c->out_channels * elements(c->out) == 0) return;
#define FORWARD(N) N##_run((N##_strip){.c = c, .x = x, .weight = weight, .bias = bias, .out = y}, N##_forward_strip, 0);
    FOR_TYPE(type, FORWARD)
}

void apus_convolution_backward_input(const apus_convolution *c, const void *grad, const void *weight, void *x, apus_convolution_type type)
{
    memset(x, 0, (size_t)(c->batch * c->in_channels * elements(c->in)) * size_of(type));
    if (c->batch * c->out_channels * elements(c->out) * c->in_channels == 0) return;
#define BACKWARD_INPUT(N) N##_run((N##_strip){.c = c, .grad = grad, .weight = weight, .out = x}, N##_backward_input_strip, 0);
    FOR_TYPE(type, BACKWARD_INPUT)
}

void apus_convolution_backward_weight(const apus_convolution *c, const void *grad, const void *x, void *weight, apus_convolution_type type)
{
    if (c->batch * c->out_channels * elements(c->out) * c->in_channels == 0) {
        memset(weight, 0, (size_t)weight_elements(c) * size_of(type));
        return;
    }
#define BACKWARD_WEIGHT(N) N##_run((N##_strip){.c = c, .grad = grad, .x = x, .out = weight}, N##_backward_weight_strip, 1);
    FOR_TYPE(type, BACKWARD_WEIGHT)
}
