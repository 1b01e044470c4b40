// Softmax, normalisation, recurrent cells and optimizer steps in float32 or float64; all operands of a call are contiguous and of one
// dtype. Sums are split as the shapes determine, so results have the same bits for any number of threads.
#ifndef APUS_FUSED_H
#define APUS_FUSED_H

#include "kinds.h"
#include "tensor.h"

/// The most numbers and states that a rule has.
enum { APUS_OPTIMIZER_NUMBERS = 10, APUS_OPTIMIZER_STATES = 3 };

/// A rule with the numbers of a step, in its order.
typedef struct {
    apus_optimizer_kind kind;
    double numbers[APUS_OPTIMIZER_NUMBERS];
} apus_optimizer_rule;

/// One parameter of a step: n elements, its gradient, and its states by their places; those that there are not are NULL.
typedef struct {
    void *_Nonnull parameter;
    const void *_Nonnull gradient;
    void *_Nullable state[APUS_OPTIMIZER_STATES];
    int64_t n;
} apus_optimizer_item;

/// Softmax or log-softmax along `dim`, and its gradient from the output y.
void apus_softmax(const apus_tensor *_Nonnull x, int dim, bool log, const apus_tensor *_Nonnull out);
void apus_softmax_backward(const apus_tensor *_Nonnull grad, const apus_tensor *_Nonnull y, int dim, bool log,
                           const apus_tensor *_Nonnull out);

/// Layer norm over the rows of x [rows, n]. The mean is [2, rows or channels]: the rounded mean, then its rounding error.
void apus_layer_norm(const apus_tensor *_Nonnull x, const apus_tensor *_Nullable weight, const apus_tensor *_Nullable bias, double eps,
                     const apus_tensor *_Nonnull out, const apus_tensor *_Nonnull mean, const apus_tensor *_Nonnull rstd);
/// Gradients that are NULL are not computed. Returns false if there is no memory for partial sums.
bool apus_layer_norm_backward(const apus_tensor *_Nonnull grad, const apus_tensor *_Nonnull x, const apus_tensor *_Nullable weight,
                              const apus_tensor *_Nonnull mean, const apus_tensor *_Nonnull rstd, const apus_tensor *_Nullable grad_x,
                              const apus_tensor *_Nullable grad_weight, const apus_tensor *_Nullable grad_bias);
/// Batch norm over the channels of x [batch, channels, n]. A mean that is an input may be [channels], which is taken as exact.
void apus_channel_statistics(const apus_tensor *_Nonnull x, const apus_tensor *_Nonnull mean, const apus_tensor *_Nonnull variance);
void apus_channel_normalize(const apus_tensor *_Nonnull x, const apus_tensor *_Nonnull mean, const apus_tensor *_Nonnull rstd,
                            const apus_tensor *_Nullable weight, const apus_tensor *_Nullable bias, const apus_tensor *_Nonnull out);
void apus_channel_norm_backward(const apus_tensor *_Nonnull grad, const apus_tensor *_Nonnull x, const apus_tensor *_Nullable weight,
                                const apus_tensor *_Nonnull mean, const apus_tensor *_Nonnull rstd, bool training,
                                const apus_tensor *_Nullable grad_x, const apus_tensor *_Nullable grad_weight,
                                const apus_tensor *_Nullable grad_bias);

/// One step of a cell; out [rows, hidden units]. Operands that the kind does not use are NULL.
void apus_recurrent_cell(apus_recurrent_kind kind, const apus_tensor *_Nonnull input, const apus_tensor *_Nonnull hidden,
                         const apus_tensor *_Nullable state, const apus_tensor *_Nullable gates, const apus_tensor *_Nullable cell,
                         const apus_tensor *_Nonnull out);
void apus_recurrent_cell_backward(apus_recurrent_kind kind, const apus_tensor *_Nonnull grad, const apus_tensor *_Nullable gates,
                                  const apus_tensor *_Nullable state, const apus_tensor *_Nullable cell, const apus_tensor *_Nonnull out,
                                  const apus_tensor *_Nullable grad_cell, const apus_tensor *_Nonnull grad_input,
                                  const apus_tensor *_Nullable grad_hidden, const apus_tensor *_Nullable grad_state);

void apus_optimizer_step(const apus_optimizer_rule *_Nonnull rule, int dtype, int64_t count, const apus_optimizer_item *_Nonnull items);

#endif
