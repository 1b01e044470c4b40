#include "core.h"
#include "picture.h"
#include <math.h>

// Pillow's arithmetic, which is in double.
#pragma STDC FP_CONTRACT OFF

APUS_INLINE int64_t at_most(int64_t i, int64_t last) { return i < 0 ? 0 : i > last ? last : i; }
APUS_INLINE uint8_t kept(double value) { return value <= 0 ? 0 : value >= 255 ? 255 : (uint8_t)value; }
APUS_INLINE double between(double a, double b, double at) { return a + (b - a) * at; }
APUS_INLINE double cubic(double a, double b, double c, double d, double at) {
    double p2 = -a + c, p3 = 2 * (a - b) + c - d, p4 = -a + b - c + d;
    return b + at * (p2 + at * (p3 + at * p4));
}

/// The value at (x, y), which are in pixels from the picture's corner; false outside.
APUS_INLINE bool sample(uint8_t *out, const apus_picture *in, int channels, double x, double y, apus_warp_kind filter) {
    // Written so that it is false for NaN.
    if (!(x >= 0 && y >= 0 && x < (double)in->width && y < (double)in->height)) return false;
    int64_t row = in->width * channels;
    if (filter == APUS_WARP_nearest) {
        memcpy(out, in->pixels + (int64_t)y * row + (int64_t)x * channels, (size_t)channels);
        return true;
    }
    x -= 0.5, y -= 0.5;
    int64_t left = (int64_t)floor(x), top = (int64_t)floor(y);
    double dx = x - (double)left, dy = y - (double)top;
    if (filter == APUS_WARP_bilinear) {
        const uint8_t *first = in->pixels + at_most(top, in->height - 1) * row;
        const uint8_t *second = in->pixels + at_most(top + 1, in->height - 1) * row;
        int64_t x0 = at_most(left, in->width - 1) * channels, x1 = at_most(left + 1, in->width - 1) * channels;
        for (int c = 0; c < channels; c++) {
            out[c] = (uint8_t)between(between(first[x0 + c], first[x1 + c], dx), between(second[x0 + c], second[x1 + c], dx), dy);
        }
        return true;
    }
    const uint8_t *rows[4];
    int64_t columns[4];
    for (int i = 0; i < 4; i++) {
        rows[i] = in->pixels + at_most(top - 1 + i, in->height - 1) * row;
        columns[i] = at_most(left - 1 + i, in->width - 1) * channels;
    }
    for (int c = 0; c < channels; c++) {
        double v[4];
        for (int i = 0; i < 4; i++) {
            const uint8_t *r = rows[i] + c;
            v[i] = cubic(r[columns[0]], r[columns[1]], r[columns[2]], r[columns[3]], dx);
        }
        out[c] = kept(cubic(v[0], v[1], v[2], v[3], dy));
    }
    return true;
}

/// Any matrix and filter.
APUS_INLINE void warp(const apus_picture *out, const apus_picture *in, const double *m, int channels, apus_warp_kind filter) {
    bool is_affine = m[6] == 0 && m[7] == 0;
    for (int64_t y = 0; y < out->height; y++) {
        uint8_t *to = out->pixels + y * out->width * channels;
        for (int64_t x = 0; x < out->width; x++, to += channels) {
            double xin = (double)x + 0.5, yin = (double)y + 0.5;
            double xout = m[0] * xin + m[1] * yin + m[2], yout = m[3] * xin + m[4] * yin + m[5];
            if (!is_affine) {
                double w = m[6] * xin + m[7] * yin + 1;
                xout /= w, yout /= w;
            }
            sample(to, in, channels, xout, yout, filter);
        }
    }
}

/// An affine map in units of 2^-16, which has pixels' middles in it; false where it leads beyond what 32 bits hold.
static bool in_steps(const apus_picture *out, const double *m, int32_t *step) {
    for (int corner = 0; corner < 4; corner++) {
        double x = corner & 1 ? (double)out->width : 0, y = corner & 2 ? (double)out->height : 0;
        if (!(fabs(x * m[0] + y * m[1] + m[2]) < 32768 && fabs(x * m[3] + y * m[4] + m[5]) < 32768)) return false;
    }
    double start[6] = {m[0], m[1], m[2] + m[0] * 0.5 + m[1] * 0.5, m[3], m[4], m[5] + m[3] * 0.5 + m[4] * 0.5};
    for (int i = 0; i < 6; i++) {
        if (!(fabs(start[i]) < 32767)) return false;
        step[i] = (int32_t)floor(start[i] * 65536.0 + 0.5);
    }
    return true;
}

/// The nearest pixel of an affine map. Sums wrap.
APUS_INLINE void warp_in_steps(const apus_picture *out, const apus_picture *in, const int32_t *step, int channels) {
    uint32_t x0 = (uint32_t)step[2], y0 = (uint32_t)step[5];
    uint64_t width = (uint64_t)in->width, height = (uint64_t)in->height;
    for (int64_t y = 0; y < out->height; y++) {
        uint8_t *to = out->pixels + y * out->width * channels;
        uint32_t xx = x0, yy = y0;
        for (int64_t x = 0; x < out->width; x++, to += channels) {
            // Negative ones are large as unsigned.
            uint64_t column = (uint64_t)(int64_t)((int32_t)xx >> 16), line = (uint64_t)(int64_t)((int32_t)yy >> 16);
            if (column < width && line < height) memcpy(to, in->pixels + (line * width + column) * (uint64_t)channels, (size_t)channels);
            xx += (uint32_t)step[0], yy += (uint32_t)step[3];
        }
        x0 += (uint32_t)step[1], y0 += (uint32_t)step[4];
    }
}

APUS_CLONES static void warp_bilinear(const apus_picture *out, const apus_picture *in, const double *m) {
    if (in->channels == 1) {
        warp(out, in, m, 1, APUS_WARP_bilinear);
    } else {
        warp(out, in, m, 3, APUS_WARP_bilinear);
    }
}

APUS_CLONES static void warp_bicubic(const apus_picture *out, const apus_picture *in, const double *m) {
    if (in->channels == 1) {
        warp(out, in, m, 1, APUS_WARP_bicubic);
    } else {
        warp(out, in, m, 3, APUS_WARP_bicubic);
    }
}

static void warp_nearest(const apus_picture *out, const apus_picture *in, const double *m) {
    int32_t step[6];
    bool steps = m[6] == 0 && m[7] == 0 && in_steps(out, m, step);
    if (in->channels == 1) {
        steps ? warp_in_steps(out, in, step, 1) : warp(out, in, m, 1, APUS_WARP_nearest);
    } else {
        steps ? warp_in_steps(out, in, step, 3) : warp(out, in, m, 3, APUS_WARP_nearest);
    }
}

void apus_picture_warp(const apus_picture *out, const apus_picture *in, const double *matrix, apus_warp_kind filter) {
    switch (filter) {
    case APUS_WARP_nearest: warp_nearest(out, in, matrix); break;
    case APUS_WARP_bilinear: warp_bilinear(out, in, matrix); break;
    case APUS_WARP_bicubic: warp_bicubic(out, in, matrix); break;
    }
}
