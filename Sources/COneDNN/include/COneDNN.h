// oneDNN behind one C API of ours, over its versions 2 and 3.
//
// oneDNN runs single-threaded inside: its answers' bits depend on its number of threads. All parallelism is ours, over
// tiles that the shapes alone fix, so the same numbers come out of any number of threads.
#ifndef APUS_ONEDNN_H
#define APUS_ONEDNN_H

#include "convolution.h"
#include "gemm.h"

/// The version that runs, as `2.6.3`.
const char *_Nonnull apus_dnn_version(void);

/// `out[b] = a[b]·b[b] (+ bias)`: a [B, M, K] and b [B, K, N] with any strides, bias [N] and out [B, M, N] contiguous; one dtype, not a
/// 16-bit float. float32 by oneDNN where operands lie as it likes them, else by the kernels of CKernels. Returns whether there was memory.
bool apus_matmul(const apus_tensor *_Nonnull a, const apus_tensor *_Nonnull b, const apus_tensor *_Nullable bias,
                 const apus_tensor *_Nonnull out);

/// float32 convolutions and their gradients; operands contiguous as in `convolution.h`. Refused where oneDNN
/// has no optimised implementation for this shape, or is slower: `apus_convolution_*` of CKernels does it.
apus_outcome apus_dnn_convolution(const apus_convolution *_Nonnull c, const void *_Nonnull x, const void *_Nonnull weight,
                                  const void *_Nullable bias, void *_Nonnull y);
apus_outcome apus_dnn_convolution_backward_input(const apus_convolution *_Nonnull c, const void *_Nonnull grad, const void *_Nonnull weight,
                                                 void *_Nonnull x);
apus_outcome apus_dnn_convolution_backward_weight(const apus_convolution *_Nonnull c, const void *_Nonnull grad, const void *_Nonnull x,
                                                  void *_Nonnull weight);

#endif
