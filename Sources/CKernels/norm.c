#include "fused.h"
#include "sums.h"
#include "workspace.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>

#define T float
#define EPSILON FLT_EPSILON
#define M(f) f_##f
#include "norm_template.h"
#include "norm_channels_template.h"
#undef T
#undef EPSILON
#undef M
#define T double
#define EPSILON DBL_EPSILON
#define M(f) d_##f
#include "norm_template.h"
#include "norm_channels_template.h"

void apus_layer_norm(const apus_tensor *x, const apus_tensor *weight, const apus_tensor *bias, double eps, const apus_tensor *out,
                     const apus_tensor *mean, const apus_tensor *rstd) {
    APUS_BY_TYPE(x->dtype, layer_norm, x->shape[0], x->shape[1], x->data, data_of(weight), data_of(bias), eps, out->data, mean->data,
                 rstd->data);
}

bool apus_layer_norm_backward(const apus_tensor *grad, const apus_tensor *x, const apus_tensor *weight, const apus_tensor *mean,
                              const apus_tensor *rstd, const apus_tensor *grad_x, const apus_tensor *grad_weight,
                              const apus_tensor *grad_bias) {
    return APUS_BY_TYPE(x->dtype, layer_norm_backward, x->shape[0], x->shape[1], grad->data, x->data, data_of(weight), mean->data,
                        rstd->data, data_of(grad_x), data_of(grad_weight), data_of(grad_bias));
}

void apus_channel_statistics(const apus_tensor *x, const apus_tensor *mean, const apus_tensor *variance) {
    APUS_BY_TYPE(x->dtype, channel_statistics, x->shape[0], x->shape[1], x->shape[2], x->data, mean->data, variance->data);
}

/// The second row of a mean; NULL if it has one row.
static void *rest_of(const apus_tensor *mean) {
    return mean->rank == 2 ? (char *)mean->data + mean->shape[1] * apus_size[mean->dtype] : NULL;
}

void apus_channel_normalize(const apus_tensor *x, const apus_tensor *mean, const apus_tensor *rstd, const apus_tensor *weight,
                            const apus_tensor *bias, const apus_tensor *out) {
    APUS_BY_TYPE(x->dtype, channel_normalize, x->shape[0], x->shape[1], x->shape[2], x->data, mean->data, rest_of(mean), rstd->data,
                 data_of(weight), data_of(bias), out->data);
}

void apus_channel_norm_backward(const apus_tensor *grad, const apus_tensor *x, const apus_tensor *weight, const apus_tensor *mean,
                                const apus_tensor *rstd, bool training, const apus_tensor *grad_x, const apus_tensor *grad_weight,
                                const apus_tensor *grad_bias) {
    APUS_BY_TYPE(x->dtype, channel_norm_backward, x->shape[0], x->shape[1], x->shape[2], grad->data, x->data, data_of(weight), mean->data,
                 rest_of(mean), rstd->data, training, data_of(grad_x), data_of(grad_weight), data_of(grad_bias));
}
