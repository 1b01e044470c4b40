// Softmax, normalisation, recurrent cells and optimizer steps in float32 (`apus_f_…`) and float64 (`apus_d_…`), all operands contiguous.
// Sums are made over parts fixed by the shapes, so results have the same bits for any number of threads.
#ifndef APUS_FUSED_H
#define APUS_FUSED_H

#include "tensor.h"

/// Constants of an optimizer's step; `Backend.swift` has the rules.
typedef struct {
    int32_t rule; // 0 SGD, 1 Adam, 2 RMSprop
    bool maximize, first, nesterov, amsgrad, decoupled, centered;
    double lr, decay, momentum, dampening;
    double beta1, beta2, eps, correction1, correction2_sqrt; // 1 − beta1^step, √(1 − beta2^step)
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

#define APUS_FUSED_FORMS(P, T)                                                                                              \
    /** x, out [outer, n, inner]: softmax along the middle, or its logarithm. */                                            \
    void P##_softmax(int64_t outer, int64_t n, int64_t inner, bool log, const T *_Nonnull x, T *_Nonnull out);              \
    void P##_softmax_backward(int64_t outer, int64_t n, int64_t inner, bool log, const T *_Nonnull grad, const T *_Nonnull y, T *_Nonnull out); \
    /** A mean is [2, rows or channels]: rounded, then what rounding leaves of it; where it comes in alone, its `rest` is NULL. */ \
    void P##_layer_norm(int64_t rows, int64_t n, const T *_Nonnull x, const T *_Nullable weight, const T *_Nullable bias, double eps, T *_Nonnull out, T *_Nonnull mean, T *_Nonnull rstd); \
    /** False where there was no memory for partial sums. */                                                                \
    bool P##_layer_norm_backward(int64_t rows, int64_t n, const T *_Nonnull grad, const T *_Nonnull x, const T *_Nullable weight, const T *_Nonnull mean, const T *_Nonnull rstd, T *_Nullable grad_x, T *_Nullable grad_weight, T *_Nullable grad_bias); \
    /** x [batch, channels, n]. */                                                                                          \
    void P##_channel_statistics(int64_t batch, int64_t channels, int64_t n, const T *_Nonnull x, T *_Nonnull mean, T *_Nonnull variance); \
    void P##_channel_normalize(int64_t batch, int64_t channels, int64_t n, const T *_Nonnull x, const T *_Nonnull mean, const T *_Nullable rest, const T *_Nonnull rstd, const T *_Nullable weight, const T *_Nullable bias, T *_Nonnull out); \
    void P##_channel_norm_backward(int64_t batch, int64_t channels, int64_t n, const T *_Nonnull grad, const T *_Nonnull x, const T *_Nullable weight, const T *_Nonnull mean, const T *_Nullable rest, const T *_Nonnull rstd, bool training, T *_Nullable grad_x, T *_Nullable grad_weight, T *_Nullable grad_bias); \
    /** One step of a cell for `rows` sequences of n hidden units; what a kind does not use is NULL. */                     \
    void P##_recurrent_cell(int kind, int64_t rows, int64_t n, const T *_Nonnull input, const T *_Nonnull hidden, const T *_Nullable state, T *_Nullable gates, T *_Nullable cell, T *_Nonnull out); \
    void P##_recurrent_cell_backward(int kind, int64_t rows, int64_t n, const T *_Nonnull grad, const T *_Nullable gates, const T *_Nullable state, const T *_Nullable cell, const T *_Nullable out, T *_Nullable grad_cell, T *_Nonnull grad_input, T *_Nullable grad_hidden, T *_Nullable grad_state); \
    void P##_optimizer_step(const apus_optimizer_rule *_Nonnull rule, int64_t count, const apus_optimizer_item *_Nonnull items);

APUS_FUSED_FORMS(apus_f, float)
APUS_FUSED_FORMS(apus_d, double)

#endif
