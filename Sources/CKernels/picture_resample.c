#include "picture.h"
#include "core.h"

// Sums of bytes times weights in units of 2^-22, 16 at a time. They wrap as 32-bit integers do, which Pillow's do too.
typedef uint32_t sums __attribute__((vector_size(64)));
typedef uint8_t bytes16 __attribute__((vector_size(16)));

#define HALF (1u << 21)

APUS_INLINE uint8_t rounded(uint32_t sum) {
    int32_t value = (int32_t)sum >> 22;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

APUS_CLONES void apus_picture_resample_rows(uint8_t *out, const uint8_t *in, int64_t bytes, int64_t rows, int64_t width, int channels,
                                            const apus_resampling *r, uint8_t *scratch) {
    // A row with the bytes of a pixel in a unit of 4, and with room behind it, so that all loads are of 16 bytes.
    int64_t unit = channels == 1 ? 1 : 4;
    memset(scratch, 0, (size_t)(unit * (width + 16)));
    for (int64_t y = 0; y < rows; y++, in += bytes) {
        if (channels == 1) {
            memcpy(scratch, in, (size_t)width);
        } else {
            for (int64_t x = 0; x < width; x++) {
                for (int c = 0; c < 3; c++) scratch[4 * x + c] = in[3 * x + c];
            }
        }
        for (int64_t i = 0; i < r->length; i++) {
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
            uint32_t total[4];
            for (int c = 0; c < 4; c++) total[c] = sum[c] + sum[c + 4] + sum[c + 8] + sum[c + 12];
            if (channels == 1) {
                *out++ = rounded(HALF + total[0] + total[1] + total[2] + total[3]);
            } else {
                for (int c = 0; c < 3; c++) *out++ = rounded(HALF + total[c]);
            }
        }
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

void apus_picture_pick(uint8_t *out, const uint8_t *in, int64_t bytes, int channels, const int32_t *rows, int64_t height,
                       const int32_t *columns, int64_t width) {
    for (int64_t y = 0; y < height; y++) {
        if (rows[y] < 0) continue;
        const uint8_t *from = in + rows[y] * bytes;
        uint8_t *to = out + y * width * channels;
        for (int64_t x = 0; x < width; x++) {
            if (columns[x] < 0) continue;
            if (channels == 1) {
                to[x] = from[columns[x]];
            } else {
                memcpy(to + 3 * x, from + 3 * (int64_t)columns[x], 3);
            }
        }
    }
}
