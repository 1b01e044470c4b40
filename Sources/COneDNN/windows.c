// gradW = Σ over strips of images of grad · windowsᵀ: grad is [out_channels, columns], windows [in_channels·taps, columns], and a column is
// an output position of an image. oneDNN's own algorithm transposes its operands again for each block of channels: it takes 1.5 to 4 times
// as long where images are small, there are few channels, or a kernel is one pixel.
//
// A task is a block of input channels and one of output channels; it adds its strips in order. So the order of summation depends on the
// shape alone.

#include "windows.h"
#include "copy.h"
#include "parallel.h"
#include "product.h"
#include "workspace.h"
#include <string.h>

typedef struct {
    const apus_convolution *c;
    const uint16_t *grad, *x;
    uint16_t *packed;                 // grad as [strips, out_channels, columns]
    float *sum;                       // [out_channels, in_channels·taps]
    int64_t positions, taps;          // of an image, of a kernel
    int64_t images, strips, columns;  // images and columns of a strip; columns are rounded up, those beyond are zero
    int64_t channels, channel_blocks; // input channels of a task
    int64_t outputs, output_blocks;   // output channels of a task
} job;

static int64_t elements(const int64_t extents[3]) { return extents[0] * extents[1] * extents[2]; }

static int64_t images_of(const job *j, int64_t strip) {
    int64_t rest = j->c->batch - strip * j->images;
    return rest < j->images ? rest : j->images;
}

// oneDNN reads pairs of columns, and 32 at once.
static int64_t columns_of(const job *j, int64_t images) { return (images * j->positions + 31) / 32 * 32; }

static void pack(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    for (int64_t i = begin; i < end; i++) {
        int64_t strip = i / j->c->out_channels, channel = i % j->c->out_channels, images = images_of(j, strip);
        uint16_t *to = j->packed + i * j->columns;
        for (int64_t n = 0; n < images; n++, to += j->positions)
            memcpy(to, j->grad + ((strip * j->images + n) * j->c->out_channels + channel) * j->positions, 2 * (size_t)j->positions);
        memset(to, 0, 2 * (size_t)(columns_of(j, images) - images * j->positions));
    }
}

// The range of outputs o of dimension d for which o·stride − padding + tap·dilation is in [0, in).
static void valid(const apus_convolution *c, int d, int64_t tap, int64_t *low, int64_t *high) {
    int64_t first = c->padding[d] - tap * c->dilation[d], last = c->in[d] - 1 + first;
    *low = first <= 0 ? 0 : (first + c->stride[d] - 1) / c->stride[d];
    *high = last < 0 ? 0 : last / c->stride[d] + 1;
    if (*high > c->out[d]) *high = c->out[d];
    if (*low > *high) *low = *high;
}

// Writes what a tap sees of a channel of some images, `image` elements apart: a number for each output position, zero for padding.
static uint16_t *unroll(const apus_convolution *c, int64_t tap, int64_t images, int64_t image, const uint16_t *from, uint16_t *to) {
    int64_t t[3] = {tap / (c->kernel[1] * c->kernel[2]), tap / c->kernel[2] % c->kernel[1], tap % c->kernel[2]}, low[3], high[3];
    int64_t in[3] = {c->in[1] * c->in[2], c->in[2], 1}, step[3];
    bool empty = false;
    for (int d = 0; d < 3; d++) {
        valid(c, d, t[d], &low[d], &high[d]);
        empty = empty || low[d] == high[d];
        from += (t[d] * c->dilation[d] - c->padding[d]) * in[d];
        step[d] = c->stride[d] * in[d];
    }
    int64_t width = c->out[2], plane = c->out[1] * width;
    if (empty) {
        memset(to, 0, 2 * (size_t)(images * c->out[0] * plane));
        return to + images * c->out[0] * plane;
    }
    // Rows that keep their distance are one copy. What it brings from beyond the rows' ends is padding then.
    bool whole = step[2] == 1 && step[1] == width;
    int64_t first = low[1] * width + low[2], last = (high[1] - 1) * width + high[2], gap = width - high[2] + low[2];
    for (int64_t n = 0; n < images; n++, from += image) {
        for (int64_t o0 = 0; o0 < c->out[0]; o0++, to += plane) {
            if (o0 < low[0] || o0 >= high[0]) {
                memset(to, 0, 2 * (size_t)plane);
                continue;
            }
            const uint16_t *source = from + o0 * step[0];
            for (int64_t o = 0; o < first; o++) to[o] = 0;
            if (whole) {
                memcpy(to + first, source + first, 2 * (size_t)(last - first));
                for (uint16_t *end = to + low[1] * width + high[2]; gap > 0 && end < to + last; end += width)
                    for (int64_t o = 0; o < gap; o++) end[o] = 0;
            } else {
                for (int64_t o1 = low[1]; o1 < high[1]; o1++) {
                    const uint16_t *line = source + o1 * step[1];
                    uint16_t *row = to + o1 * width;
                    for (int64_t o = low[2]; o < high[2]; o++) row[o] = line[o * step[2]];
                    for (int64_t o = high[2]; o < high[2] + gap && row + o < to + last; o++) row[o] = 0;
                }
            }
            for (int64_t o = last; o < plane; o++) to[o] = 0;
        }
    }
    return to;
}

static bool run_tasks(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    const apus_convolution *c = j->c;
    int64_t plane = elements(c->in), row = c->in_channels * j->taps;
    for (int64_t t = begin; t < end; t++) {
        int64_t i0 = t / j->output_blocks * j->channels, o0 = t % j->output_blocks * j->outputs;
        int64_t channels = c->in_channels - i0 < j->channels ? c->in_channels - i0 : j->channels;
        int64_t outputs = c->out_channels - o0 < j->outputs ? c->out_channels - o0 : j->outputs, rows = channels * j->taps;
        size_t bytes = 2 * (size_t)(rows * j->columns); // columns are a multiple of 32
        uint16_t *windows = apus_workspace(APUS_WORKSPACE_COLUMNS, bytes + sizeof(float) * (size_t)(outputs * rows));
        if (!windows) return false;
        float *part = (float *)((char *)windows + bytes), *sum = j->sum + o0 * row + i0 * j->taps;
        for (int64_t strip = 0; strip < j->strips; strip++) {
            int64_t images = images_of(j, strip), columns = columns_of(j, images);
            for (int64_t r = 0; r < rows; r++) {
                const uint16_t *from = j->x + (strip * j->images * c->in_channels + i0 + r / j->taps) * plane;
                uint16_t *to = unroll(c, r % j->taps, images, c->in_channels * plane, from, windows + r * j->columns);
                memset(to, 0, 2 * (size_t)(columns - images * j->positions));
            }
            apus_gemm g = {.m = outputs,
                           .n = rows,
                           .k = columns,
                           .a = j->packed + (strip * c->out_channels + o0) * j->columns,
                           .a_row = j->columns,
                           .a_column = 1,
                           .b = windows,
                           .b_row = 1,
                           .b_column = j->columns,
                           .c = strip == 0 ? sum : part,
                           .c_row = strip == 0 ? row : rows};
            if (apus_product_bfloat16(&g, APUS_FLOAT32, 1) != APUS_DONE) return false;
            for (int64_t o = 0; o < outputs && strip > 0; o++)
                for (int64_t r = 0; r < rows; r++) sum[o * row + r] += part[o * rows + r];
        }
    }
    return true;
}

apus_outcome apus_windows_backward_weight(const apus_convolution *c, const void *grad, const void *x, void *weight) {
    job j = {.c = c, .grad = grad, .x = x, .positions = elements(c->out), .taps = elements(c->kernel)};
    // What is faster depends on how many positions share the transposed operands; rows of many positions would fill the caches.
    if (c->groups > 1 || j.positions > 4096 || (j.positions >= 256 && j.taps > 1 && c->in_channels >= 16)) return APUS_REFUSED;
    // Strips of some 2,000 columns, and tasks of some 144 rows: their windows stay in the second-level cache.
    j.images = 2048 / j.positions;
    if (j.images > c->batch) j.images = c->batch;
    if (j.images < 1) j.images = 1;
    j.strips = (c->batch + j.images - 1) / j.images;
    j.columns = columns_of(&j, j.images);
    j.channels = (144 + j.taps - 1) / j.taps;
    if (j.channels > c->in_channels) j.channels = c->in_channels;
    j.channel_blocks = (c->in_channels + j.channels - 1) / j.channels;
    j.outputs = c->out_channels;
    while (j.channel_blocks * ((c->out_channels + j.outputs - 1) / j.outputs) < 8 && j.outputs >= 64)
        j.outputs = (j.outputs / 2 + 15) / 16 * 16;
    j.output_blocks = (c->out_channels + j.outputs - 1) / j.outputs;
    int64_t weights = c->out_channels * c->in_channels * j.taps;
    size_t packed = (2 * (size_t)(j.strips * c->out_channels * j.columns) + 63) & ~(size_t)63;
    char *block = apus_workspace(APUS_WORKSPACE_PARTIALS, packed + sizeof(float) * (size_t)weights);
    if (!block) return APUS_NO_MEMORY;
    j.packed = (uint16_t *)block;
    j.sum = (float *)(block + packed);
    apus_parallel_for(j.strips * c->out_channels, 32768 / j.columns + 1, pack, &j);
    bool done = apus_parallel_try(j.channel_blocks * j.output_blocks, 1, run_tasks, &j);
    if (done) apus_copy_flat(APUS_FLOAT32, APUS_BFLOAT16, weights, j.sum, weight);
    apus_workspace_trim();
    return done ? APUS_DONE : APUS_NO_MEMORY;
}
