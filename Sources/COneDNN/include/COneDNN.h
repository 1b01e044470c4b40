// Our C API over oneDNN 2 and 3.
//
// oneDNN runs single-threaded, since the bits of its results depend on its number of threads. We parallelise over tiles that depend on the
// shapes alone, so that results are the same for any number of threads.
#ifndef APUS_ONEDNN_H
#define APUS_ONEDNN_H

#include "convolution.h"
#include "gemm.h"

/// The version of oneDNN in use, such as `2.6.3`.
const char *_Nonnull apus_dnn_version(void);

/// `out[b] = a[b]·b[b] (+ bias)`: a [B, M, K] and b [B, K, N] with any strides, bias [N] and out [B, M, N] contiguous; one dtype. float32
/// uses oneDNN where it is fast for the operands' layouts, otherwise the kernels of CKernels; bfloat16 uses oneDNN where the processor has
/// instructions for it (AMX) and rows or columns of each operand are contiguous, sums in float32 and rounds once. Otherwise 16-bit floats
/// are refused: compute in float32 then.
apus_outcome apus_matmul(const apus_tensor *_Nonnull a, const apus_tensor *_Nonnull b, const apus_tensor *_Nullable bias,
                         const apus_tensor *_Nonnull out);

/// Convolutions and their gradients in float32, and in bfloat16 (sums in float32, rounded once) where the processor has instructions for
/// it; operands are contiguous as in `convolution.h`. Returns APUS_REFUSED for other dtypes, and where oneDNN has no optimised
/// implementation for the shape or is slower; then use `apus_convolution_*` of CKernels.
apus_outcome apus_dnn_convolution(const apus_convolution *_Nonnull c, int dtype, const void *_Nonnull x, const void *_Nonnull weight,
                                  const void *_Nullable bias, void *_Nonnull y);
apus_outcome apus_dnn_convolution_backward_input(const apus_convolution *_Nonnull c, int dtype, const void *_Nonnull grad,
                                                 const void *_Nonnull weight, void *_Nonnull x);
apus_outcome apus_dnn_convolution_backward_weight(const apus_convolution *_Nonnull c, int dtype, const void *_Nonnull grad,
                                                  const void *_Nonnull x, void *_Nonnull weight);

#endif
