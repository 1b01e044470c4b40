// Convolutions of our own: by Winograd's algorithm and by direct sums where these are faster than oneDNN, and over unrolled windows and a
// matrix product what oneDNN does not do (float64, integers, odd shapes) or does slowly.
#ifndef APUS_CONVOLUTION_H
#define APUS_CONVOLUTION_H

#include <stdbool.h>
#include <stdint.h>

/// The shape of a convolution. With fewer than three spatial dimensions the first ones are 1 (kernel 1, stride 1, padding 0).
/// x is [batch, in_channels, in], weight [out_channels, in_channels/groups, kernel], y [batch, out_channels, out]; all contiguous.
typedef struct {
    int64_t batch, in_channels, out_channels, groups;
    int64_t in[3], kernel[3], out[3], stride[3], padding[3], dilation[3];
} apus_convolution;

/// Up to so many windows, of a whole batch, are the columns of a single product.
#define APUS_WINDOWS_OF_ONE_PRODUCT 128

/// What is added and multiplied; integers of a size, signed or not, wrap.
typedef enum { APUS_CONVOLUTION_F32, APUS_CONVOLUTION_F64, APUS_CONVOLUTION_I8, APUS_CONVOLUTION_I16, APUS_CONVOLUTION_I32, APUS_CONVOLUTION_I64 } apus_convolution_type;

/// y = x ⋆ weight + bias.
void apus_convolution_forward(const apus_convolution *_Nonnull c, const void *_Nonnull x, const void *_Nonnull weight, const void *_Nullable bias, void *_Nonnull y, apus_convolution_type type);
/// The gradient with respect to x.
void apus_convolution_backward_input(const apus_convolution *_Nonnull c, const void *_Nonnull grad, const void *_Nonnull weight, void *_Nonnull x, apus_convolution_type type);
/// The gradient with respect to weight.
void apus_convolution_backward_weight(const apus_convolution *_Nonnull c, const void *_Nonnull grad, const void *_Nonnull x, void *_Nonnull weight, apus_convolution_type type);

/// The same three in float32 for 3 × 3 kernels of stride 1, by Winograd's algorithm. False, and nothing is done, where it does not apply or
/// the direct sum is faster.
bool apus_convolution_winograd(const apus_convolution *_Nonnull c, const float *_Nonnull x, const float *_Nonnull weight, const float *_Nullable bias, float *_Nonnull y);
bool apus_convolution_winograd_backward_input(const apus_convolution *_Nonnull c, const float *_Nonnull grad, const float *_Nonnull weight, float *_Nonnull x);
bool apus_convolution_winograd_backward_weight(const apus_convolution *_Nonnull c, const float *_Nonnull grad, const float *_Nonnull x, float *_Nonnull weight);

#define APUS_FEW_CHANNELS 2
/// The weight's gradient in float32 for up to `APUS_FEW_CHANNELS` of input, without windows: two dimensions, stride 1. False where it does not apply.
bool apus_convolution_backward_weight_direct(const apus_convolution *_Nonnull c, const float *_Nonnull grad, const float *_Nonnull x, float *_Nonnull weight);

#endif
