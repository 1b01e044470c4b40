// Sums of many operands in an order that depends on their number alone.
#ifndef APUS_TREE_H
#define APUS_TREE_H

#include "pointwise.h"

/// out = the `n` ≥ 1 operands of `count` contiguous elements joined by `kind` (add, mul, minimum, …), in the order of a binary counter: an
/// operand joins its left neighbour, a pair the pair to its left, and so on; what remains joins from the right. So a block of 2^k operands
/// that begins at a multiple of 2^k is a subtree: where it was joined before, the result has the same bits. `out` may be one of the
/// operands.
void apus_binary_tree(apus_binary_kind kind, int dtype, const void *_Nonnull const *_Nonnull operands, int n, int64_t count,
                      void *_Nonnull out);

#endif
