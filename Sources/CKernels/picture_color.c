#include "core.h"
#include "picture.h"
#include <math.h>

// Pillow's arithmetic: what it rounds is rounded here.
#pragma STDC FP_CONTRACT OFF

void apus_picture_map(uint8_t *out, const uint8_t *in, int64_t pixels, int channels, const uint8_t *table) {
    if (channels == 1) {
        for (int64_t i = 0; i < pixels; i++) out[i] = table[in[i]];
        return;
    }
    for (int64_t i = 0; i < 3 * pixels; i += 3) {
        out[i] = table[in[i]];
        out[i + 1] = table[256 + in[i + 1]];
        out[i + 2] = table[512 + in[i + 2]];
    }
}

void apus_picture_histogram(const uint8_t *in, int64_t pixels, int channels, int64_t *counts) {
    // Every second pixel has counts of its own: of equal neighbours one need not wait for the other.
    int64_t others[3 * 256] = {0};
    memset(counts, 0, (size_t)channels * 256 * sizeof *counts);
    for (int64_t i = 0; i + 1 < pixels; i += 2, in += 2 * channels) {
        for (int c = 0; c < channels; c++) counts[256 * c + in[c]]++, others[256 * c + in[channels + c]]++;
    }
    if (pixels & 1) {
        for (int c = 0; c < channels; c++) counts[256 * c + in[c]]++;
    }
    for (int i = 0; i < 256 * channels; i++) counts[i] += others[i];
}

APUS_INLINE uint8_t luma(const uint8_t *p) { return (uint8_t)((19595u * p[0] + 38470u * p[1] + 7471u * p[2] + 0x8000u) >> 16); }

APUS_CLONES void apus_picture_luma(uint8_t *restrict out, const uint8_t *restrict in, int64_t pixels, int channels) {
    if (channels == 1) {
        for (int64_t i = 0; i < pixels; i++) out[i] = luma(in + 3 * i);
    } else {
        for (int64_t i = 0; i < pixels; i++) out[3 * i] = out[3 * i + 1] = out[3 * i + 2] = luma(in + 3 * i);
    }
}

APUS_CLONES void apus_picture_blend(uint8_t *out, const uint8_t *first, const uint8_t *second, int64_t count, float factor) {
    APUS_SIMD for (int64_t i = 0; i < count; i++) {
        float value = (float)first[i] + factor * (float)((int)second[i] - (int)first[i]);
        value = value > 0 ? value : 0;
        out[i] = (uint8_t)(int)(value < 255 ? value : 255);
    }
}

APUS_CLONES void apus_picture_smooth(const apus_picture *picture, const uint8_t *in) {
    int64_t step = picture->channels, row = picture->width * step;
    uint8_t *restrict out = picture->pixels;
    memcpy(out, in, (size_t)(row * picture->height));
    if (picture->width < 3 || picture->height < 3) return;
    const float side = 1.0f / 13.0f, middle = 5.0f / 13.0f;
    for (int64_t y = 1; y < picture->height - 1; y++) {
        const uint8_t *restrict above = in + (y - 1) * row, *restrict here = above + row, *restrict below = here + row;
        for (int64_t x = step; x < row - step; x++) {
            float sum = 0.5f;
            sum += (float)below[x - step] * side + (float)below[x] * side + (float)below[x + step] * side;
            sum += (float)here[x - step] * side + (float)here[x] * middle + (float)here[x + step] * side;
            sum += (float)above[x - step] * side + (float)above[x] * side + (float)above[x + step] * side;
            out[y * row + x] = (uint8_t)(int)(sum < 255 ? sum : 255);
        }
    }
}

enum { PIXELS = 64 };

/// 8-bit hue, saturation and value of one pixel.
APUS_INLINE void to_hsv(int r, int g, int b, int *hue, int *saturation, int *value) {
    int most = r > g ? r : g, least = r < g ? r : g;
    most = most > b ? most : b, least = least < b ? least : b;
    bool is_gray = most == least;
    float range = is_gray ? 1.0f : (float)(most - least);
    float rc = (float)(most - r) / range, gc = (float)(most - g) / range, bc = (float)(most - b) / range;
    float h = (float)(4.0 + (double)gc - (double)rc);
    h = g == most ? (float)(2.0 + (double)rc - (double)bc) : h;
    h = r == most ? bc - gc : h;
    double turns = (double)h / 6.0 + 1.0;
    float turn = (float)(turns >= 1.0 ? turns - 1.0 : turns);
    float s = (float)(most - least) / (float)(most > 0 ? most : 1);
    int eighth = (int)((double)turn * 255.0);
    *hue = is_gray ? 0 : eighth > 255 ? 255 : eighth;
    *saturation = (int)((double)s * 255.0);
    *value = most;
}

APUS_CLONES void apus_picture_turn_hue(uint8_t *restrict out, const uint8_t *restrict in, int64_t pixels, uint8_t shift) {
    for (int64_t start = 0; start < pixels; start += PIXELS) {
        int count = (int)(pixels - start < PIXELS ? pixels - start : PIXELS);
        // In planes, which the compiler turns into vectors. Pixels beyond the last are black.
        int r[PIXELS] = {0}, g[PIXELS] = {0}, b[PIXELS] = {0};
        for (int i = 0; i < count; i++) {
            const uint8_t *p = in + 3 * (start + i);
            r[i] = p[0], g[i] = p[1], b[i] = p[2];
        }
        for (int i = 0; i < PIXELS; i++) {
            int hue, saturation, v;
            to_hsv(r[i], g[i], b[i], &hue, &saturation, &v);
            hue = (hue + shift) & 255;
            double sixths = (double)hue * 6.0 / 255.0;
            int sector = (int)sixths;
            float f = (float)(sixths - (double)(float)sector), fs = (float)((double)(float)saturation / 255.0);
            int p = (int)round((double)v * (1.0 - (double)fs)), q = (int)round((double)v * (1.0 - (double)(fs * f)));
            int t = (int)round((double)v * (1.0 - (double)fs * (1.0 - (double)f)));
            sector = sector == 6 ? 0 : sector;
            int red = sector == 0 || sector == 5 ? v : sector == 1 ? q : sector == 4 ? t : p;
            int green = sector == 1 || sector == 2 ? v : sector == 0 ? t : sector == 3 ? q : p;
            int blue = sector == 3 || sector == 4 ? v : sector == 2 ? t : sector == 5 ? q : p;
            r[i] = saturation == 0 ? v : red, g[i] = saturation == 0 ? v : green, b[i] = saturation == 0 ? v : blue;
        }
        for (int i = 0; i < count; i++) {
            uint8_t *p = out + 3 * (start + i);
            p[0] = (uint8_t)r[i], p[1] = (uint8_t)g[i], p[2] = (uint8_t)b[i];
        }
    }
}

int64_t apus_mirrored(int64_t i, int64_t count, bool twice) {
    int64_t period = twice ? 2 * count : 2 * count - 2;
    if (period == 0) return 0;
    i = ((i % period) + period) % period;
    return i < count ? i : (twice ? period - 1 : period) - i;
}

APUS_CLONES void apus_picture_blur(const apus_picture *picture, const uint8_t *in, const float *column, int64_t down, const float *row,
                                   int64_t across, float *restrict scratch) {
    int64_t step = picture->channels, bytes = picture->width * step, reach = across / 2;
    float *restrict middle = scratch + reach * step;
    for (int64_t y = 0; y < picture->height; y++) {
        for (int64_t x = 0; x < bytes; x++) middle[x] = 0;
        for (int64_t j = 0; j < down; j++) {
            const uint8_t *restrict from = in + apus_mirrored(y + j - down / 2, picture->height, false) * bytes;
            float weight = column[j];
            for (int64_t x = 0; x < bytes; x++) middle[x] += weight * (float)from[x];
        }
        for (int64_t i = 1; i <= reach; i++) {
            for (int64_t c = 0; c < step; c++) {
                middle[c - i * step] = middle[apus_mirrored(-i, picture->width, false) * step + c];
                middle[bytes + (i - 1) * step + c] = middle[apus_mirrored(picture->width - 1 + i, picture->width, false) * step + c];
            }
        }
        uint8_t *restrict out = picture->pixels + y * bytes;
        for (int64_t x = 0; x < bytes; x++) {
            float sum = 0;
            for (int64_t i = 0; i < across; i++) sum += row[i] * scratch[x + i * step];
            sum = __builtin_nearbyintf(sum);
            out[x] = (uint8_t)(int)(sum < 255 ? sum : 255);
        }
    }
}

APUS_CLONES void apus_picture_planes(float *restrict out, const uint8_t *restrict in, int64_t pixels, int channels) {
    for (int c = 0; c < channels; c++) {
        if (channels == 1) {
            for (int64_t i = 0; i < pixels; i++) out[i] = (float)in[i] / 255.0f;
        } else {
            for (int64_t i = 0; i < pixels; i++) out[c * pixels + i] = (float)in[3 * i + c] / 255.0f;
        }
    }
}
