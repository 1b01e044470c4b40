// Pictures of 8-bit values: row by row from the top, the `channels` (1 or 3) bytes of a pixel adjacent. What is computed is what Pillow
// computes, to the last bit where nothing else is said; no floating-point operation may be contracted.
#ifndef APUS_PICTURE_H
#define APUS_PICTURE_H

#include "kinds.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// How a line of values becomes one of another length: position i of the new line is the sum of `count[i]` values from `first[i]` on, with
/// the weights from `weights + i * stride`, in units of 2^-22. `stride` is a multiple of 16, and weights beyond the last are 0.
typedef struct {
    const int32_t *_Nonnull first, *_Nonnull count, *_Nonnull weights;
    int64_t length, stride;
} apus_resampling;

/// Resamples each of `rows` rows of `width` pixels, which begin `bytes` apart. For 3 channels each weight is there four times, so that the weights of a pixel's bytes
/// and of one that is left out are adjacent. `scratch` has room for 4 * (width + 16) bytes.
void apus_picture_resample_rows(uint8_t *_Nonnull out, const uint8_t *_Nonnull in, int64_t bytes, int64_t rows, int64_t width, int channels,
                                const apus_resampling *_Nonnull resampling, uint8_t *_Nonnull scratch);
/// Resamples columns: sums `count` bytes of rows that begin `bytes` apart. `first` counts from the row at `in`.
void apus_picture_resample_columns(uint8_t *_Nonnull out, const uint8_t *_Nonnull in, int64_t bytes, int64_t count,
                                   const apus_resampling *_Nonnull resampling);
/// out[y][x] = in[rows[y]][columns[x]], where `in` has rows of `bytes` bytes; a pixel whose row or column is negative is left as it is.
void apus_picture_pick(uint8_t *_Nonnull out, const uint8_t *_Nonnull in, int64_t bytes, int channels, const int32_t *_Nonnull rows,
                       int64_t height, const int32_t *_Nonnull columns, int64_t width);

typedef struct {
    uint8_t *_Nonnull pixels;
    int64_t width, height;
    int channels;
} apus_picture;

#define APUS_WARP_KINDS(KIND) KIND(WARP, nearest) KIND(WARP, bilinear) KIND(WARP, bicubic)
APUS_FAMILY("WarpFilter", WARP, apus_warp)
/// For each pixel of `out` the value of `in` at ((m0 x + m1 y + m2) / w, (m3 x + m4 y + m5) / w), w = m6 x + m7 y + 1, where x and y are
/// the pixel's centre; pixels whose place is outside of `in` are left as they are.
void apus_picture_warp(const apus_picture *_Nonnull out, const apus_picture *_Nonnull in, const double *_Nonnull matrix,
                       apus_warp_kind filter);

/// out[i] = table[c][in[i]], with a table of 256 bytes for each channel c.
void apus_picture_map(uint8_t *_Nonnull out, const uint8_t *_Nonnull in, int64_t pixels, int channels, const uint8_t *_Nonnull table);
/// How often each value is there, with 256 numbers for each channel.
void apus_picture_histogram(const uint8_t *_Nonnull in, int64_t pixels, int channels, int64_t *_Nonnull counts);
/// Luma of pixels of 3 channels, (19595 R + 38470 G + 7471 B + 2^15) / 2^16, in each of `channels` channels.
void apus_picture_luma(uint8_t *_Nonnull out, const uint8_t *_Nonnull in, int64_t pixels, int channels);
/// first + factor (second − first), rounded towards zero and kept from 0 to 255. `out` may be `first` or `second`.
void apus_picture_blend(uint8_t *_Nonnull out, const uint8_t *_Nonnull first, const uint8_t *_Nonnull second, int64_t count, float factor);
/// The mean of 3 × 3 values with a weight of 5 in the middle and of 1 elsewhere; values at the edges stay.
void apus_picture_smooth(const apus_picture *_Nonnull out, const uint8_t *_Nonnull in);
/// Turns the hue of pixels of 3 channels by `shift` 255ths of a full turn, by way of 8-bit hue, saturation and value.
void apus_picture_turn_hue(uint8_t *_Nonnull out, const uint8_t *_Nonnull in, int64_t pixels, uint8_t shift);
/// The product of a column of `down` weights and a row of `across` (both odd) around each pixel, in float32, rounded to nearest, ties to
/// even; a picture's edges are mirrors. `scratch` has room for (width + across) * channels floats.
void apus_picture_blur(const apus_picture *_Nonnull out, const uint8_t *_Nonnull in, const float *_Nonnull column, int64_t down,
                       const float *_Nonnull row, int64_t across, float *_Nonnull scratch);
/// The index from 0 to count − 1 onto which mirrors at both ends map `i`; the last value is there once (`twice` false) or twice.
int64_t apus_mirrored(int64_t i, int64_t count, bool twice);
/// Channels as planes of float32: out[c][i] = in[i][c] / 255.
void apus_picture_planes(float *_Nonnull out, const uint8_t *_Nonnull in, int64_t pixels, int channels);

#endif
