#include "picture.h"
#include "core.h"

// Sums of bytes times weights in units of 2^-22, 16 at a time. They wrap as 32-bit integers do, which Pillow's do too.
typedef uint32_t sums __attribute__((vector_size(64)));
typedef uint32_t four __attribute__((vector_size(16)));
typedef int32_t signed_four __attribute__((vector_size(16)));
typedef uint8_t bytes16 __attribute__((vector_size(16)));
typedef uint8_t bytes4 __attribute__((vector_size(4)));

#define HALF (1u << 21)

APUS_INLINE uint8_t rounded(uint32_t sum) {
    int32_t value = (int32_t)sum >> 22;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/// A row of 3 bytes a pixel with 4 bytes a pixel, of which the last says nothing.
APUS_INLINE void spread(uint8_t *out, const uint8_t *in, int64_t width) {
    int64_t x = 0;
    // Loads are of 16 bytes, 12 of which are wanted.
    for (; x + 6 <= width; x += 4) {
        bytes16 pixels;
        memcpy(&pixels, in + 3 * x, sizeof pixels);
        pixels = __builtin_shufflevector(pixels, pixels, 0, 1, 2, 2, 3, 4, 5, 5, 6, 7, 8, 8, 9, 10, 11, 11);
        memcpy(out + 4 * x, &pixels, sizeof pixels);
    }
    for (; x < width; x++) memcpy(out + 4 * x, in + 3 * x, 3);
}

APUS_INLINE void resample_rows(uint8_t *out, const uint8_t *in, int64_t bytes, int64_t rows, int64_t width, int channels,
                               const apus_resampling *r, uint8_t *scratch) {
    // A row with the bytes of a pixel in a unit of 4, and with room behind it, so that all loads are of 16 bytes.
    int64_t unit = channels == 1 ? 1 : 4;
    memset(scratch, 0, (size_t)(unit * (width + 16)));
    for (int64_t y = 0; y < rows; y++, in += bytes) {
        if (channels == 1) {
            memcpy(scratch, in, (size_t)width);
        } else {
            spread(scratch, in, width);
        }
        for (int64_t i = 0; i < r->length; i++, out += channels) {
            const uint8_t *values = scratch + unit * r->first[i];
            const int32_t *weights = r->weights + i * r->stride;
            sums sum = {0};
            for (int64_t at = 0; at < unit * r->count[i]; at += 16) {
                bytes16 value;
                sums weight;
                memcpy(&value, values + at, sizeof value);
                memcpy(&weight, weights + at, sizeof weight);
                sum += __builtin_convertvector(value, sums) * weight;
            }
            four total = __builtin_shufflevector(sum, sum, 0, 1, 2, 3) + __builtin_shufflevector(sum, sum, 4, 5, 6, 7) +
                         __builtin_shufflevector(sum, sum, 8, 9, 10, 11) + __builtin_shufflevector(sum, sum, 12, 13, 14, 15);
            if (channels == 1) {
                *out = rounded(HALF + total[0] + total[1] + total[2] + total[3]);
            } else {
                signed_four value = (signed_four)(total + HALF) >> 22;
                value = __builtin_elementwise_min(__builtin_elementwise_max(value, (signed_four){0}), (signed_four){255, 255, 255, 255});
                bytes4 pixel = __builtin_convertvector(value, bytes4);
                // The fourth byte is the next pixel's, which is written later; there is none after the last.
                if (y + 1 < rows || i + 1 < r->length) {
                    memcpy(out, &pixel, 4);
                } else {
                    memcpy(out, &pixel, 3);
                }
            }
        }
    }
}

APUS_CLONES void apus_picture_resample_rows(uint8_t *out, const uint8_t *in, int64_t bytes, int64_t rows, int64_t width, int channels,
                                            const apus_resampling *r, uint8_t *scratch) {
    if (channels == 1) {
        resample_rows(out, in, bytes, rows, width, 1, r, scratch);
    } else {
        resample_rows(out, in, bytes, rows, width, 3, r, scratch);
    }
}

APUS_CLONES void apus_picture_resample_columns(uint8_t *out, const uint8_t *in, int64_t bytes, int64_t count, const apus_resampling *r) {
    enum { WIDE = 64 };
    for (int64_t y = 0; y < r->length; y++, out += count) {
        const uint8_t *from = in + r->first[y] * bytes;
        const int32_t *weights = r->weights + y * r->stride;
        int64_t x = 0;
        for (; x + WIDE <= count; x += WIDE) {
            uint32_t sum[WIDE];
            for (int i = 0; i < WIDE; i++) sum[i] = HALF;
            for (int64_t t = 0; t < r->count[y]; t++) {
                for (int i = 0; i < WIDE; i++) sum[i] += (uint32_t)from[t * bytes + x + i] * (uint32_t)weights[t];
            }
            for (int i = 0; i < WIDE; i++) out[x + i] = rounded(sum[i]);
        }
        for (; x < count; x++) {
            uint32_t sum = HALF;
            for (int64_t t = 0; t < r->count[y]; t++) sum += (uint32_t)from[t * bytes + x] * (uint32_t)weights[t];
            out[x] = rounded(sum);
        }
    }
}

/// Pixels `from` up to `to` of a row.
APUS_INLINE void pick(uint8_t *out, const uint8_t *in, int channels, const int32_t *columns, int64_t from, int64_t to) {
    for (int64_t x = from; x < to; x++) {
        if (columns[x] < 0) continue;
        if (channels == 1) {
            out[x] = in[columns[x]];
        } else {
            memcpy(out + 3 * x, in + 3 * (int64_t)columns[x], 3);
        }
    }
}

void apus_picture_pick(uint8_t *out, const uint8_t *in, int64_t bytes, int channels, const int32_t *rows, int64_t height,
                       const int32_t *columns, int64_t width) {
    // The longest run of neighbours, which is all of a row, or most of it, unless the picture is mirrored or scaled.
    int64_t first = 0, last = 0;
    for (int64_t start = 0, x = 1; x <= width; x++) {
        if (x < width && columns[x] == columns[x - 1] + 1 && columns[x - 1] >= 0) continue;
        if (x - start > last - first && columns[start] >= 0) first = start, last = x;
        start = x;
    }
    for (int64_t y = 0; y < height; y++) {
        if (rows[y] < 0) continue;
        const uint8_t *from = in + rows[y] * bytes;
        uint8_t *to = out + y * width * channels;
        pick(to, from, channels, columns, 0, first);
        if (last > first) memcpy(to + first * channels, from + (int64_t)columns[first] * channels, (size_t)((last - first) * channels));
        pick(to, from, channels, columns, last, width);
    }
}
