// Convolution primitives, made once a shape: what a tile of a convolution runs.
#ifndef APUS_PLAN_H
#define APUS_PLAN_H

#include "versions.h"
#include "convolution.h"

/// x, weight, y (or their gradients).
enum { X, W, Y, OPERANDS };
enum { APUS_MOST_TAPS_IN_BLOCKS = 49 };

typedef struct {
    /// The tile's own shape, and the channels of the tensors that it is cut from (they make the strides).
    apus_convolution shape;
    int64_t all_in_channels, all_out_channels;
    int32_t direction, bias;
} apus_plan_key;

typedef struct {
    apus_plan_key key;
    bool usable;           // false: oneDNN refused, or has its slow reference implementation only
    int output;            // which of the operands is written
    bool weight_in_blocks; // the weight's gradient comes in squares of 16 × 16 channels, input channels outermost
    dnnl_primitive_t primitive;
    apus_md user[OPERANDS], inner[OPERANDS], bias;
    size_t inner_bytes[OPERANDS];                           // rounded up to 64
    size_t scratchpad_bytes[1 + OPERANDS], scratchpad_most; // of the primitive and of the reorders
    dnnl_primitive_t reorder[OPERANDS];                     // nil where the primitive takes the user's layout
    apus_md scratchpad[1 + OPERANDS];
    int64_t users, last_use;
    char implementation[64];
} apus_plan;

/// The plan for `key`, made or found; to be given back. NULL where there is no memory for it.
apus_plan *apus_plan_take(const apus_plan_key *key);
void apus_plan_give(apus_plan *plan);

dnnl_engine_t apus_plan_engine(void);

#endif
