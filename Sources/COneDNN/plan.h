// Plans: oneDNN's primitives for the tiles of a convolution, made once per shape.
#ifndef APUS_PLAN_H
#define APUS_PLAN_H

#include "cache.h"
#include "convolution.h"
#include "versions.h"

/// x, weight, y (or their gradients).
enum { X, W, Y, OPERANDS };
enum { APUS_MOST_TAPS_IN_BLOCKS = 49 };

typedef struct {
    /// The tile's shape, and the channel counts of the tensors it is cut from, which determine the strides.
    apus_convolution shape;
    int64_t all_in_channels, all_out_channels;
    int16_t direction, bias;
    /// float32 or bfloat16. The weight's gradient is float32 in either case: tiles of images are summed before they are rounded.
    int32_t dtype;
} apus_plan_key;

typedef struct {
    apus_entry entry;
    apus_plan_key key;
    int output;            // which operand is written
    bool weight_in_blocks; // the weight's gradient comes in blocks of 16 × 16 channels, input channels outermost
    dnnl_primitive_t primitive;
    apus_md user[OPERANDS], inner[OPERANDS], bias;
    size_t inner_bytes[OPERANDS];                           // rounded up to 64
    size_t scratchpad_bytes[1 + OPERANDS], scratchpad_most; // for the primitive and for the reorders
    dnnl_primitive_t reorder[OPERANDS];                     // NULL where the primitive takes the user's layout
    apus_md scratchpad[1 + OPERANDS];
} apus_plan;

/// Plans of type `apus_plan`.
extern apus_cache apus_plans;

#endif
