// Our own convolutions: Winograd's algorithm and direct sums where they are faster than oneDNN; unrolled windows and a matrix product for
// what oneDNN does not do (float64, integers, unusual shapes) or does slowly.
#ifndef APUS_CONVOLUTION_H
#define APUS_CONVOLUTION_H

#include "tensor.h"

/// The shape of a convolution. With fewer than three spatial dimensions the first ones are 1 (kernel 1, stride 1, padding 0).
/// x is [batch, in_channels, in], weight [out_channels, in_channels/groups, kernel], y [batch, out_channels, out]; all contiguous.
typedef struct {
    int64_t batch, in_channels, out_channels, groups;
    int64_t in[3], kernel[3], out[3], stride[3], padding[3], dilation[3];
} apus_convolution;

/// If a batch has at most this many windows in all, they are the columns of one product.
#define APUS_WINDOWS_OF_ONE_PRODUCT 128

/// y = x ⋆ weight + bias, in `dtype` (bool as an integer; no 16-bit floats). Integers wrap. These return false if there is no memory.
bool apus_convolution_forward(const apus_convolution *_Nonnull c, int dtype, const void *_Nonnull x, const void *_Nonnull weight,
                              const void *_Nullable bias, void *_Nonnull y);
/// The gradient with respect to x.
bool apus_convolution_backward_input(const apus_convolution *_Nonnull c, int dtype, const void *_Nonnull grad, const void *_Nonnull weight,
                                     void *_Nonnull x);
/// The gradient with respect to weight.
bool apus_convolution_backward_weight(const apus_convolution *_Nonnull c, int dtype, const void *_Nonnull grad, const void *_Nonnull x,
                                      void *_Nonnull weight);

/// The same three in float32 for 3 × 3 kernels of stride 1, by Winograd's algorithm. APUS_REFUSED if it does not apply or is slower than
/// oneDNN.
apus_outcome apus_convolution_winograd(const apus_convolution *_Nonnull c, const void *_Nonnull x, const void *_Nonnull weight,
                                       const void *_Nullable bias, void *_Nonnull y);
apus_outcome apus_convolution_winograd_backward_input(const apus_convolution *_Nonnull c, const void *_Nonnull grad,
                                                      const void *_Nonnull weight, void *_Nonnull x);
apus_outcome apus_convolution_winograd_backward_weight(const apus_convolution *_Nonnull c, const void *_Nonnull grad,
                                                       const void *_Nonnull x, void *_Nonnull weight);

#define APUS_FEW_CHANNELS 2
/// The weight's gradient in float32 for at most `APUS_FEW_CHANNELS` input channels, by direct sums: two dimensions, stride 1.
apus_outcome apus_convolution_backward_weight_direct(const apus_convolution *_Nonnull c, const void *_Nonnull grad, const void *_Nonnull x,
                                                     void *_Nonnull weight);

#endif
