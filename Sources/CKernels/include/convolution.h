// Convolutions of our own: by Winograd's algorithm and by direct sums where these are faster than oneDNN, and over unrolled windows and a
// matrix product what oneDNN does not do (float64, integers, odd shapes) or does slowly.
#ifndef APUS_CONVOLUTION_H
#define APUS_CONVOLUTION_H

#include "tensor.h"

/// The shape of a convolution. With fewer than three spatial dimensions the first ones are 1 (kernel 1, stride 1, padding 0).
/// x is [batch, in_channels, in], weight [out_channels, in_channels/groups, kernel], y [batch, out_channels, out]; all contiguous.
typedef struct {
    int64_t batch, in_channels, out_channels, groups;
    int64_t in[3], kernel[3], out[3], stride[3], padding[3], dilation[3];
} apus_convolution;

/// Up to so many windows, of a whole batch, are the columns of a single product.
#define APUS_WINDOWS_OF_ONE_PRODUCT 128

/// y = x ⋆ weight + bias, in `dtype` (bool as an integer; not the 16-bit floats). Integers wrap. These return whether there was memory.
bool apus_convolution_forward(const apus_convolution *_Nonnull c, int dtype, const void *_Nonnull x, const void *_Nonnull weight,
                              const void *_Nullable bias, void *_Nonnull y);
/// The gradient with respect to x.
bool apus_convolution_backward_input(const apus_convolution *_Nonnull c, int dtype, const void *_Nonnull grad, const void *_Nonnull weight,
                                     void *_Nonnull x);
/// The gradient with respect to weight.
bool apus_convolution_backward_weight(const apus_convolution *_Nonnull c, int dtype, const void *_Nonnull grad, const void *_Nonnull x,
                                      void *_Nonnull weight);

/// The same three in float32 for 3 × 3 kernels of stride 1, by Winograd's algorithm. Refused where it does not apply or the direct sum is faster.
apus_outcome apus_convolution_winograd(const apus_convolution *_Nonnull c, const void *_Nonnull x, const void *_Nonnull weight,
                                       const void *_Nullable bias, void *_Nonnull y);
apus_outcome apus_convolution_winograd_backward_input(const apus_convolution *_Nonnull c, const void *_Nonnull grad,
                                                      const void *_Nonnull weight, void *_Nonnull x);
apus_outcome apus_convolution_winograd_backward_weight(const apus_convolution *_Nonnull c, const void *_Nonnull grad,
                                                       const void *_Nonnull x, void *_Nonnull weight);

#define APUS_FEW_CHANNELS 2
/// The weight's gradient in float32 for up to `APUS_FEW_CHANNELS` of input, without windows: two dimensions, stride 1.
apus_outcome apus_convolution_backward_weight_direct(const apus_convolution *_Nonnull c, const void *_Nonnull grad, const void *_Nonnull x,
                                                     void *_Nonnull weight);

#endif
