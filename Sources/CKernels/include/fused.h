// Softmax, normalisation, recurrent cells and optimizer steps in float32 or float64; all operands of a call are contiguous and of one dtype.
// Sums are made over parts fixed by the shapes, so results have the same bits for any number of threads.
#ifndef APUS_FUSED_H
#define APUS_FUSED_H

#include "tensor.h"

/// Constants of an optimizer's step; `Backend.swift` has the rules.
typedef struct {
    int32_t rule; // 0 SGD, 1 Adam, 2 RMSprop
    bool maximize, first, nesterov, amsgrad, decoupled, centered;
    double lr, decay, momentum, dampening;
    double beta1, beta2, eps, correction1, correction2_sqrt; // as the rule has them, the second's root
    double alpha;
} apus_optimizer_rule;

/// One parameter of a step: n elements, its gradient, and its states in the order of `OptimizerRule` (NULL beyond the last).
typedef struct {
    void *_Nonnull parameter;
    const void *_Nonnull gradient;
    void *_Nullable state[3];
    int64_t n;
} apus_optimizer_item;

/// Kinds of recurrent cells, in the order of `RecurrentKind`.
enum { APUS_LSTM, APUS_GRU, APUS_TANH, APUS_RELU };

/// Softmax along `dim`, or its logarithm, and its gradient from the output y.
void apus_softmax(const apus_tensor *_Nonnull x, int dim, bool log, const apus_tensor *_Nonnull out);
void apus_softmax_backward(const apus_tensor *_Nonnull grad, const apus_tensor *_Nonnull y, int dim, bool log,
                           const apus_tensor *_Nonnull out);

/// Rows of x [rows, n]. A mean is [2, rows or channels]: rounded, then what rounding leaves of it.
void apus_layer_norm(const apus_tensor *_Nonnull x, const apus_tensor *_Nullable weight, const apus_tensor *_Nullable bias, double eps,
                     const apus_tensor *_Nonnull out, const apus_tensor *_Nonnull mean, const apus_tensor *_Nonnull rstd);
/// Gradients that are NULL are not asked for. Returns whether there was memory for partial sums.
bool apus_layer_norm_backward(const apus_tensor *_Nonnull grad, const apus_tensor *_Nonnull x, const apus_tensor *_Nullable weight,
                              const apus_tensor *_Nonnull mean, const apus_tensor *_Nonnull rstd, const apus_tensor *_Nullable grad_x,
                              const apus_tensor *_Nullable grad_weight, const apus_tensor *_Nullable grad_bias);
/// Channels of x [batch, channels, n]. A mean that is read may be [channels], exact.
void apus_channel_statistics(const apus_tensor *_Nonnull x, const apus_tensor *_Nonnull mean, const apus_tensor *_Nonnull variance);
void apus_channel_normalize(const apus_tensor *_Nonnull x, const apus_tensor *_Nonnull mean, const apus_tensor *_Nonnull rstd,
                            const apus_tensor *_Nullable weight, const apus_tensor *_Nullable bias, const apus_tensor *_Nonnull out);
void apus_channel_norm_backward(const apus_tensor *_Nonnull grad, const apus_tensor *_Nonnull x, const apus_tensor *_Nullable weight,
                                const apus_tensor *_Nonnull mean, const apus_tensor *_Nonnull rstd, bool training,
                                const apus_tensor *_Nullable grad_x, const apus_tensor *_Nullable grad_weight,
                                const apus_tensor *_Nullable grad_bias);

/// One step of a cell; out [rows, hidden units]. Kinds are the raw values of Swift's `RecurrentKind`; what a kind does not use is NULL.
void apus_recurrent_cell(int kind, const apus_tensor *_Nonnull input, const apus_tensor *_Nonnull hidden,
                         const apus_tensor *_Nullable state, const apus_tensor *_Nullable gates, const apus_tensor *_Nullable cell,
                         const apus_tensor *_Nonnull out);
void apus_recurrent_cell_backward(int kind, const apus_tensor *_Nonnull grad, const apus_tensor *_Nullable gates,
                                  const apus_tensor *_Nullable state, const apus_tensor *_Nullable cell, const apus_tensor *_Nonnull out,
                                  const apus_tensor *_Nullable grad_cell, const apus_tensor *_Nonnull grad_input,
                                  const apus_tensor *_Nullable grad_hidden, const apus_tensor *_Nullable grad_state);

void apus_optimizer_step(const apus_optimizer_rule *_Nonnull rule, int dtype, int64_t count, const apus_optimizer_item *_Nonnull items);

#endif
