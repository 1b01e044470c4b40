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

/// A float32 product (an `apus_gemm_kernel`): by oneDNN where operands lie as it likes them, else by the kernels of CKernels.
void apus_dnn_gemm_f32(const apus_gemm *_Nonnull g, int size);

/// float32 convolutions and their gradients; operands contiguous as in `convolution.h`. True where oneDNN did it, false where it
/// has no optimised implementation for this shape (nothing is written then, and `apus_convolution_*` of CKernels does it).
_Bool apus_dnn_convolution(const apus_convolution *_Nonnull c, const float *_Nonnull x, const float *_Nonnull weight, const float *_Nullable bias, float *_Nonnull y);
_Bool apus_dnn_convolution_backward_input(const apus_convolution *_Nonnull c, const float *_Nonnull grad, const float *_Nonnull weight, float *_Nonnull x);
_Bool apus_dnn_convolution_backward_weight(const apus_convolution *_Nonnull c, const float *_Nonnull grad, const float *_Nonnull x, float *_Nonnull weight);

#endif
