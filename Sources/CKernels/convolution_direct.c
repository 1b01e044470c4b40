// The weight's gradient by direct summation for few input channels, such as in a first layer. Unrolled windows would take many times the
// memory of the image, and oneDNN pads the channels to a whole register.
//
// Each image is copied once with its padding, and one plane of the output's gradient at a time with each row zero-padded to whole
// registers. Sums are float32 within 32 rows and float64 beyond. One thread computes an output channel, so the result does not depend on
// the number of threads.

#include "convolution.h"
#include "core.h"
#include "parallel.h"
#include "workspace.h"
#include <string.h>

enum { LANES = 8, MOST_TAPS = 8, ROWS = 32 };
typedef float lanes __attribute__((vector_size(4 * LANES), aligned(4)));

typedef struct {
    const apus_convolution *c;
    const float *x, *grad;
    float *weight, *padded;
    int64_t width, row, rows; // of a row of gradients in whole registers, of a padded row, and the padded rows per image
} job;

static void pad_planes(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    const apus_convolution *c = j->c;
    for (int64_t plane = begin; plane < end; plane++) {
        float *to = j->padded + plane * j->rows * j->row;
        memset(to, 0, sizeof(float) * (size_t)(j->rows * j->row));
        for (int64_t i = 0; i < c->in[1]; i++)
            memcpy(to + (i + c->padding[1]) * j->row + c->padding[2], j->x + (plane * c->in[1] + i) * c->in[2],
                   sizeof(float) * (size_t)c->in[2]);
    }
}

/// sums[a·taps + b] += Σ over rows and columns of g · x, with x shifted by a rows and b columns.
APUS_INLINE void add_products(const int down, const int taps, int64_t rows, int64_t width, const float *g, const float *x, int64_t x_row,
                              double *sums) {
    lanes sum[3 * MOST_TAPS] = {0};
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t v = 0; v < width; v += LANES) {
            lanes y = *(const lanes *)(g + r * width + v);
#pragma clang loop unroll(full)
            for (int a = 0; a < down; a++)
#pragma clang loop unroll(full)
                for (int b = 0; b < taps; b++) sum[a * taps + b] += y * *(const lanes *)(x + (r + a) * x_row + v + b);
        }
    }
    for (int t = 0; t < down * taps; t++)
        for (int l = 0; l < LANES; l++) sums[t] += (double)sum[t][l];
}

APUS_CLONES static void add_rows(int down, int taps, int64_t rows, int64_t width, const float *g, const float *x, int64_t x_row,
                                 double *sums) {
    if (down == 3) return add_products(3, 3, rows, width, g, x, x_row, sums);
    switch (taps) {
    case 1: return add_products(1, 1, rows, width, g, x, x_row, sums);
    case 2: return add_products(1, 2, rows, width, g, x, x_row, sums);
    case 3: return add_products(1, 3, rows, width, g, x, x_row, sums);
    case 4: return add_products(1, 4, rows, width, g, x, x_row, sums);
    case 5: return add_products(1, 5, rows, width, g, x, x_row, sums);
    case 6: return add_products(1, 6, rows, width, g, x, x_row, sums);
    case 7: return add_products(1, 7, rows, width, g, x, x_row, sums);
    default: return add_products(1, 8, rows, width, g, x, x_row, sums);
    }
}

static bool output_channels(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    const apus_convolution *c = j->c;
    int64_t plane = c->out[1] * c->out[2], taps = c->kernel[1] * c->kernel[2], sums = c->in_channels * taps;
    int down = c->kernel[1] == 3 && c->kernel[2] == 3 ? 3 : 1;
    char *block = apus_workspace(APUS_WORKSPACE_PARTIALS, sizeof(double) * (size_t)sums + sizeof(float) * (size_t)(c->out[1] * j->width));
    if (!block) return false;
    double *sum = (double *)block;
    float *g = (float *)(block + sizeof(double) * (size_t)sums);
    for (int64_t o = begin; o < end; o++) {
        memset(sum, 0, sizeof(double) * (size_t)sums);
        for (int64_t n = 0; n < c->batch; n++) {
            const float *from = j->grad + (n * c->out_channels + o) * plane;
            for (int64_t r = 0; r < c->out[1]; r++) {
                memcpy(g + r * j->width, from + r * c->out[2], sizeof(float) * (size_t)c->out[2]);
                for (int64_t q = c->out[2]; q < j->width; q++) g[r * j->width + q] = 0;
            }
            for (int64_t i = 0; i < c->in_channels; i++) {
                const float *x = j->padded + (n * c->in_channels + i) * j->rows * j->row;
                for (int64_t r = 0; r < c->out[1]; r += ROWS) {
                    int64_t rows = c->out[1] - r < ROWS ? c->out[1] - r : ROWS;
                    for (int64_t a = 0; a < c->kernel[1]; a += down)
                        add_rows(down, (int)c->kernel[2], rows, j->width, g + r * j->width, x + (r + a) * j->row, j->row,
                                 sum + i * taps + a * c->kernel[2]);
                }
            }
        }
        for (int64_t t = 0; t < sums; t++) j->weight[o * sums + t] = (float)sum[t];
    }
    return true;
}

apus_outcome apus_convolution_backward_weight_direct(const apus_convolution *c, const void *grad, const void *x, void *weight) {
    bool is_plain = c->groups == 1 && c->in[0] == 1 && c->out[0] == 1 && c->kernel[0] == 1 && c->padding[0] == 0;
    for (int d = 1; d < 3; d++) is_plain = is_plain && c->stride[d] == 1 && c->dilation[d] == 1;
    bool is_empty = c->batch * c->in_channels * c->out[1] == 0;
    if (!is_plain || is_empty || c->in_channels > APUS_FEW_CHANNELS || c->kernel[2] > MOST_TAPS || c->out[2] < LANES) return APUS_REFUSED;
    job j = {.c = c, .x = x, .grad = grad, .weight = weight};
    j.width = (c->out[2] + LANES - 1) / LANES * LANES;
    j.row = j.width + c->kernel[2] - 1;
    if (j.row < c->in[2] + 2 * c->padding[2]) j.row = c->in[2] + 2 * c->padding[2];
    j.rows = c->in[1] + 2 * c->padding[1];
    j.padded = apus_workspace(APUS_WORKSPACE_COLUMNS, sizeof(float) * (size_t)(c->batch * c->in_channels * j.rows * j.row));
    if (!j.padded) return APUS_NO_MEMORY;
    apus_parallel_for(c->batch * c->in_channels, 16384 / (j.rows * j.row) + 1, pad_planes, &j);
    int64_t work = c->batch * c->in_channels * j.rows * j.row * c->kernel[1] * c->kernel[2];
    bool done = apus_parallel_try(c->out_channels, 65536 / work + 1, output_channels, &j);
    apus_workspace_trim();
    return done ? APUS_DONE : APUS_NO_MEMORY;
}
