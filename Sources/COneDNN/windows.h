// The gradient of a convolution's weight in bfloat16 as products of unrolled windows.
#ifndef APUS_WINDOWS_H
#define APUS_WINDOWS_H

#include "convolution.h"

/// Of one group, on a processor that multiplies bfloat16. APUS_REFUSED where oneDNN's own algorithm is faster.
apus_outcome apus_windows_backward_weight(const apus_convolution *_Nonnull c, const void *_Nonnull grad, const void *_Nonnull x,
                                          void *_Nonnull weight);

#endif
