// Plans: oneDNN's primitives for the tiles of a convolution, made once per shape.
#ifndef APUS_PLAN_H
#define APUS_PLAN_H

#include "versions.h"
#include "convolution.h"

/// x, weight, y (or their gradients).
enum { X, W, Y, OPERANDS };
enum { APUS_MOST_TAPS_IN_BLOCKS = 49 };

typedef struct {
    /// The tile's shape, and the channel counts of the tensors it is cut from, which determine the strides.
    apus_convolution shape;
    int64_t all_in_channels, all_out_channels;
    int32_t direction, bias;
} apus_plan_key;

typedef struct {
    apus_plan_key key;
    bool usable;           // false: oneDNN refused, or has only its slow reference implementation
    int output;            // which operand is written
    bool weight_in_blocks; // the weight's gradient comes in blocks of 16 × 16 channels, input channels outermost
    dnnl_primitive_t primitive;
    apus_md user[OPERANDS], inner[OPERANDS], bias;
    size_t inner_bytes[OPERANDS];                           // rounded up to 64
    size_t scratchpad_bytes[1 + OPERANDS], scratchpad_most; // for the primitive and for the reorders
    dnnl_primitive_t reorder[OPERANDS];                     // NULL where the primitive takes the user's layout
    apus_md scratchpad[1 + OPERANDS];
    int64_t users, last_use;
    char implementation[64];
} apus_plan;

/// The plan for `key`, made or from the cache; release it with `apus_plan_give`. NULL if there is no memory for it.
apus_plan *apus_plan_take(const apus_plan_key *key);
void apus_plan_give(apus_plan *plan);

dnnl_engine_t apus_plan_engine(void);

#endif
