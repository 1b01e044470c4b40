#include "convolution.h"
#include "gemm.h"
#include "parallel.h"
#include "workspace.h"
#include <string.h>

#define REAL float
#define TYPED(x) f32_##x
#define GEMM apus_gemm_f32
#include "convolution_type.h"
#undef REAL
#undef TYPED
#undef GEMM

#define REAL double
#define TYPED(x) f64_##x
#define GEMM apus_gemm_f64
#include "convolution_type.h"
#undef REAL
#undef TYPED
#undef GEMM

static int64_t elements(const int64_t extents[3]) { return extents[0] * extents[1] * extents[2]; }

static int64_t weight_elements(const apus_convolution *c)
{
    return c->out_channels * (c->in_channels / c->groups) * elements(c->kernel);
}

void apus_convolution_forward(const apus_convolution *c, const void *x, const void *weight, const void *bias, void *y, int size)
{
    if (c->batch * c->out_channels * elements(c->out) == 0) return;
    if (size == 4) f32_run((f32_strip){.c = c, .x = x, .weight = weight, .bias = bias, .out = y}, f32_forward_strip, 0);
    else f64_run((f64_strip){.c = c, .x = x, .weight = weight, .bias = bias, .out = y}, f64_forward_strip, 0);
}

void apus_convolution_backward_input(const apus_convolution *c, const void *grad, const void *weight, void *x, int size)
{
    memset(x, 0, (size_t)(c->batch * c->in_channels * elements(c->in) * size));
    if (c->batch * c->out_channels * elements(c->out) * c->in_channels == 0) return;
    if (size == 4) f32_run((f32_strip){.c = c, .grad = grad, .weight = weight, .out = x}, f32_backward_input_strip, 0);
    else f64_run((f64_strip){.c = c, .grad = grad, .weight = weight, .out = x}, f64_backward_input_strip, 0);
}

void apus_convolution_backward_weight(const apus_convolution *c, const void *grad, const void *x, void *weight, int size)
{
    if (c->batch * c->out_channels * elements(c->out) * c->in_channels == 0) {
        memset(weight, 0, (size_t)(weight_elements(c) * size));
        return;
    }
    if (size == 4) f32_run((f32_strip){.c = c, .grad = grad, .x = x, .out = weight}, f32_backward_weight_strip, 1);
    else f64_run((f64_strip){.c = c, .grad = grad, .x = x, .out = weight}, f64_backward_weight_strip, 1);
}
