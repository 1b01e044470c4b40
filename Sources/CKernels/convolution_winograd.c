// Convolutions of 3 × 3 by Winograd's F(4 × 4, 3 × 3) (Lavin and Gray, 2016): a tile of 4 × 4 outputs takes 36 multiplications per pair of
// channels, the direct sum 144. Tiles are called squares here.
//
//   V = Bᵀ d B     for each square of 6 × 6 inputs, one every 4 rows and columns
//   U = G g Gᵀ     for each kernel
//   M = U V        36 products, [out, in] · [in, squares]
//   y = Aᵀ M A     4 × 4 outputs
//
// The input's gradient is a convolution of the output's gradient with the kernels rotated by 180°. The weight's gradient is the transpose
// of the above: N = A (∂y) Aᵀ, 36 products N Vᵀ of [out, squares] · [squares, in], and Gᵀ (N Vᵀ) G.
//
// The transforms evaluate polynomials at 0, ±√½, ±√2 and ∞. The mean difference from float64, relative to the results' standard deviation,
// is 1.0e-6; it is 0.6e-6 for the direct sum, and would be 2.2e-6 at the usual points 0, ±1, ±2 and ∞.
//
// Squares are processed in strips: one or several whole images if they are small, or some rows of squares of one image. The order of
// summation depends on the shape alone.

#include "convolution.h"
#include "core.h"
#include "gemm.h"
#include "parallel.h"
#include "winograd_transforms.h"
#include "workspace.h"

// MARK: Strips

// The images of one operand and the 36 numbers of each of its squares. `to` is [36, channels, squares] with the strides `plane` and `row`.
typedef struct {
    float *images, *to;
    int64_t channels, extent[2], padding[2], plane;
} side;

typedef struct {
    side in, out;
    float *weight, *u; // u is [36, out, in]
    const float *bias;
    int64_t u_plane;
    bool turned;                        // weight is [in, out, 3, 3] and its kernels are rotated by 180°
    bool of_weight;                     // computes the gradient of the weight; `out` holds the output's gradient
    int64_t batch, down, across;        // images, and rows and columns of squares per image
    int64_t strips;                     // per image; 1 if a strip has several images
    int64_t image, images, first, rows; // a strip's images, and its rows of squares in each
    int64_t row;                        // stride between channels in `to`
    int64_t origin, outputs;            // first and number of the output channels that are computed together
    bool adds;                          // adds the products of a weight's gradient to those of earlier strips
} job;

// Rounds up to an odd number of cache lines, so that neighbours at this distance fall on different cache sets.
static int64_t odd_lines(int64_t floats) { return ((floats + 15) / 16 | 1) * 16; }

static int64_t quotient(int64_t n, int64_t d) { return (n + d - 1) / d; }

static int64_t squares(const job *j) { return j->images * j->rows * j->across; }

static float *image(const job *j, const side *s, int64_t n, int64_t channel) {
    return s->images + ((j->image + n) * s->channels + channel) * s->extent[0] * s->extent[1];
}

// MARK: Kernels

enum { RUN = 64 }; // kernels that are transformed together and written to each of the 36 matrices in one contiguous run

static void kernels(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    int64_t in = j->in.channels, out = j->out.channels;
    float taps[9][RUN], half[6][3][RUN], u[36][RUN];
    for (int64_t o = begin; o < end; o++) {
        for (int64_t q = 0; q < in; q += RUN) {
            int64_t count = in - q < RUN ? in - q : RUN, step = j->turned ? 9 * out : 9;
            const float *g = j->weight + (j->turned ? q * out + o : o * in + q) * 9;
            for (int64_t k = 0; k < count; k++)
                for (int t = 0; t < 9; t++) taps[j->turned ? 8 - t : t][k] = g[k * step + t];
            for (int c = 0; c < 3; c++)
                columns_of_kernels(count, (const float *[]){taps[c], taps[3 + c], taps[6 + c]},
                                   (float *[]){half[0][c], half[1][c], half[2][c], half[3][c], half[4][c], half[5][c]});
            for (int i = 0; i < 6; i++)
                columns_of_kernels(count, (const float *[]){half[i][0], half[i][1], half[i][2]},
                                   (float *[]){u[6 * i], u[6 * i + 1], u[6 * i + 2], u[6 * i + 3], u[6 * i + 4], u[6 * i + 5]});
            for (int p = 0; p < 36; p++) memcpy(j->u + p * j->u_plane + (o - j->origin) * in + q, u[p], sizeof(float) * (size_t)count);
        }
    }
}

static void kernel_gradients(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    int64_t in = j->in.channels;
    float half[6][3][RUN], taps[9][RUN];
    for (int64_t o = begin; o < end; o++) {
        for (int64_t q = 0; q < in; q += RUN) {
            int64_t count = in - q < RUN ? in - q : RUN;
            for (int i = 0; i < 6; i++) {
                const float *u = j->u + 6 * i * j->u_plane + o * in + q;
                columns_to_kernels(
                    count,
                    (const float *[]){u, u + j->u_plane, u + 2 * j->u_plane, u + 3 * j->u_plane, u + 4 * j->u_plane, u + 5 * j->u_plane},
                    (float *[]){half[i][0], half[i][1], half[i][2]});
            }
            for (int c = 0; c < 3; c++)
                columns_to_kernels(count, (const float *[]){half[0][c], half[1][c], half[2][c], half[3][c], half[4][c], half[5][c]},
                                   (float *[]){taps[c], taps[3 + c], taps[6 + c]});
            float *g = j->weight + (o * in + q) * 9;
            for (int64_t k = 0; k < count; k++)
                for (int t = 0; t < 9; t++) g[9 * k + t] = taps[t][k];
        }
    }
}

// MARK: Images

// First each row of a strip is transformed once: half is [6, 4, rows + 1, across], where 4 is the row's place in its square. Then the
// columns of all squares of an image are transformed at once; the rows that a square shares with the next row of squares lie `across`
// further on.
static bool squares_of(const job *j, const side *s, int taps, row_pass row_of, pass columns_of, int64_t begin, int64_t end) {
    int64_t across = j->across, width = 4 * (across + LANES), phase = (j->rows + 1) * across + LANES, plane = 4 * phase;
    float *line = apus_workspace(APUS_WORKSPACE_PARTIALS, sizeof(float) * (size_t)(width + 6 * plane));
    if (!line) return false;
    float *half = line + width;
    memset(line, 0, sizeof(float) * (size_t)width);
    for (int64_t channel = begin; channel < end; channel++) {
        for (int64_t n = 0; n < j->images; n++) {
            const float *x = image(j, s, n, channel);
            for (int64_t r = 0; r < 4 * (j->rows - 1) + taps; r++) {
                int64_t row = 4 * j->first + r - s->padding[0];
                float *to = half + r % 4 * phase + r / 4 * across;
                if (row < 0 || row >= s->extent[0]) {
                    for (int q = 0; q < 6; q++) memset(to + q * plane, 0, sizeof(float) * (size_t)across);
                    continue;
                }
                row_of(x + row * s->extent[1], s->extent[1], line + s->padding[1], line, across, to, plane);
            }
            float *v = s->to + channel * j->row + n * j->rows * across;
            for (int q = 0; q < 6; q++, v += s->plane) {
                const float *h = half + q * plane;
                columns_of(j->rows * across, (const float *[]){h, h + phase, h + 2 * phase, h + 3 * phase, h + across, h + phase + across},
                           (float *[]){v, v + 6 * s->plane, v + 12 * s->plane, v + 18 * s->plane, v + 24 * s->plane, v + 30 * s->plane});
            }
        }
    }
    return true;
}

static bool inputs(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    return squares_of(j, &j->in, 6, row_of_inputs, columns_of_inputs, begin, end);
}

static bool output_gradients(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    return squares_of(j, &j->out, 4, row_of_outputs, columns_of_outputs, begin, end);
}

static bool outputs(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    const side *s = &j->out;
    int64_t across = j->across, width = 4 * (across + LANES), phase = j->rows * across + LANES, plane = 4 * phase;
    float *line = apus_workspace(APUS_WORKSPACE_PARTIALS, sizeof(float) * (size_t)(width + 6 * plane));
    if (!line) return false;
    float *half = line + width;
    for (int64_t channel = begin; channel < end; channel++) {
        float bias = j->bias ? j->bias[channel] : 0;
        for (int64_t n = 0; n < j->images; n++) {
            const float *m = s->to + (channel - j->origin) * j->row + n * j->rows * across;
            for (int q = 0; q < 6; q++, m += s->plane) {
                float *h = half + q * plane;
                columns_to_outputs(
                    j->rows * across,
                    (const float *[]){m, m + 6 * s->plane, m + 12 * s->plane, m + 18 * s->plane, m + 24 * s->plane, m + 30 * s->plane},
                    (float *[]){h, h + phase, h + 2 * phase, h + 3 * phase});
            }
            float *y = image(j, s, n, channel);
            for (int64_t r = 0; r < 4 * j->rows && 4 * j->first + r < s->extent[0]; r++) {
                const float *h = half + r % 4 * phase + r / 4 * across;
                row_to_outputs(h, plane, across, bias, line, y + (4 * j->first + r) * s->extent[1], s->extent[1]);
            }
        }
    }
    return true;
}

// MARK: Products

enum {
    ROWS = 96,                // per product: few enough that, with AVX2 and AVX-512, the columns are read in place
    FEW_SQUARES = 32,         // up to this number transforming the kernels dominates
    BLOCK = 12,               // output channels that are computed together in that case
    MOST_KERNELS = 360 << 10, // their 36 matrices take 51 MiB, the most that is kept for the next call (workspace.c)
};

static bool products(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    int64_t in = j->in.channels, blocks = quotient(j->outputs, ROWS), count = squares(j);
    // Computing some unused columns is cheaper than copying the last tile into a buffer, if they are few or few rows read them.
    int64_t columns = quotient(count, 16) * 16;
    if (columns - count > 7 && j->outputs > BLOCK) columns = count;
    for (int64_t i = begin; i < end; i++) {
        int64_t p = i / blocks, o = i % blocks * ROWS, rows = j->outputs - o < ROWS ? j->outputs - o : ROWS;
        const float *u = j->u + p * j->u_plane + o * in, *v = j->in.to + p * j->in.plane;
        float *m = j->out.to + p * j->out.plane + o * j->row;
        if (!apus_gemm_f32(&(apus_gemm){rows, columns, in, u, in, 1, v, j->row, 1, m, j->row, 0, 0})) return false;
    }
    return true;
}

static bool product_gradients(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    int64_t in = j->in.channels, out = j->out.channels;
    for (int64_t p = begin; p < end; p++) {
        const float *n = j->out.to + p * j->out.plane, *v = j->in.to + p * j->in.plane;
        if (!apus_gemm_f32(&(apus_gemm){out, in, squares(j), n, j->row, 1, v, 1, j->row, j->u + p * j->u_plane, in, 0, j->adds}))
            return false;
    }
    return true;
}

// MARK: Convolutions

// Blocks of output channels. Their kernels are transformed just before use and stay in a core's own cache.
static bool output_blocks(void *context, int64_t begin, int64_t end) {
    job j = *(const job *)context;
    int64_t most = j.outputs;
    j.u_plane = odd_lines(most * j.in.channels);
    j.out.plane = odd_lines(most * j.row);
    j.u = apus_workspace(APUS_WORKSPACE_REORDER, 36 * sizeof(float) * (size_t)(j.u_plane + j.out.plane));
    if (!j.u) return false;
    j.out.to = j.u + 36 * j.u_plane;
    for (int64_t b = begin; b < end; b++) {
        j.origin = b * most;
        j.outputs = j.out.channels - j.origin < most ? j.out.channels - j.origin : most;
        kernels(&j, j.origin, j.origin + j.outputs);
        if (!products(&j, 0, 36) || !outputs(&j, j.origin, j.origin + j.outputs)) return false;
    }
    return true;
}

static bool strips(void *context, int64_t begin, int64_t end) {
    job j = *(const job *)context;
    if (j.outputs < j.out.channels) {
        j.in.to = apus_workspace(APUS_WORKSPACE_COLUMNS, 36 * sizeof(float) * (size_t)j.in.plane);
    } else {
        j.in.to = apus_workspace(APUS_WORKSPACE_REORDER, 36 * sizeof(float) * (size_t)(j.in.plane + j.out.plane));
    }
    if (!j.in.to) return false;
    if (j.outputs >= j.out.channels) j.out.to = j.in.to + 36 * j.in.plane;
    int64_t images = j.images, rows = j.rows;
    for (int64_t s = begin; s < end; s++) {
        j.image = s / j.strips * images;
        j.images = j.batch - j.image < images ? j.batch - j.image : images;
        j.first = s % j.strips * rows;
        j.rows = j.down - j.first < rows ? j.down - j.first : rows;
        int64_t grain = 512 / squares(&j) + 1;
        bool done = apus_parallel_try(j.in.channels, grain, inputs, &j);
        if (j.of_weight) {
            done =
                done && apus_parallel_try(j.out.channels, grain, output_gradients, &j) && apus_parallel_try(36, 1, product_gradients, &j);
            j.adds = true;
        } else if (j.outputs < j.out.channels) {
            done = done && apus_parallel_try(quotient(j.out.channels, j.outputs), 1, output_blocks, &j);
        } else {
            done = done && apus_parallel_try(36 * quotient(j.outputs, ROWS), 1, products, &j) &&
                   apus_parallel_try(j.outputs, grain, outputs, &j);
        }
        if (!done) return false;
    }
    return true;
}

// Cuts into strips of at most `most` squares and of nearly equal size; returns their number.
static int64_t cut(job *j, int64_t most) {
    int64_t images = most / (j->down * j->across), rows = most / j->across;
    j->images = images < 1 ? 1 : quotient(j->batch, quotient(j->batch, images));
    rows = rows < 1 ? 1 : rows > j->down ? j->down : rows;
    j->strips = quotient(j->down, rows);
    j->rows = quotient(j->down, j->strips);
    return quotient(j->batch, j->images) * j->strips;
}

static apus_outcome convolve(job *j) {
    int64_t all = j->batch * j->down * j->across, channels = j->in.channels + j->out.channels, in = j->in.channels, out = j->out.channels;
    // Many strips are distributed over threads, each small enough for a core's own cache. Otherwise each strip's channels and products are.
    bool shares = !j->of_weight && cut(j, 64) >= 8;
    int64_t count = cut(j, shares ? 64 : channels < 64 ? 8192 / channels : 128), grain = 1024 / in + 1;
    j->row = odd_lines(j->images * j->rows * j->across + LANES);
    j->in.plane = odd_lines(in * j->row);
    j->out.plane = odd_lines(out * j->row);
    j->outputs = out;
    if (!j->of_weight && all <= FEW_SQUARES && out > BLOCK) {
        j->outputs = BLOCK;
    } else {
        j->u_plane = odd_lines(in * out);
        j->u = apus_workspace(APUS_WORKSPACE_COLUMNS, sizeof(float) * (size_t)(36 * j->u_plane + LANES));
        if (!j->u) return APUS_NO_MEMORY;
        if (!j->of_weight) apus_parallel_for(out, grain, kernels, j);
    }
    bool done = apus_parallel_try(count, shares ? 1 : count, strips, j);
    if (done && j->of_weight) apus_parallel_for(out, grain, kernel_gradients, j);
    apus_workspace_trim();
    return done ? APUS_DONE : APUS_NO_MEMORY;
}

static bool fits(const apus_convolution *c) {
    if (c->groups != 1 || c->in[0] != 1 || c->out[0] != 1 || c->kernel[0] != 1 || c->padding[0] != 0) return false;
    for (int d = 1; d < 3; d++) {
        if (c->kernel[d] != 3 || c->stride[d] != 1 || c->dilation[d] != 1 || c->padding[d] > 2) return false;
        if (c->in[d] < 1 || c->out[d] < 1 || c->out[d] != c->in[d] + 2 * c->padding[d] - 2) return false;
    }
    return c->batch * c->in_channels * c->out_channels != 0;
}

// Whether this is faster than oneDNN's direct sum, by the shape alone. Costs are in multiplications, fitted on a processor with AVX2: an
// element of U costs 17 (compute, store and load), a square of a channel 600, and more if a row has few squares.
static bool wins(const job *j) {
    double in = (double)j->in.channels, out = (double)j->out.channels, squares = (double)(j->batch * j->down * j->across);
    double pixels = (double)(j->batch * j->out.extent[0] * j->out.extent[1]);
    double own = 36 * 1.1 * in * out * (squares + 17) + squares * (600 + 2000 / (double)j->across) * (in + out);
    return in * out <= MOST_KERNELS && own < (j->of_weight ? 1.1 : 0.9) * 9 * pixels * in * out;
}

static apus_outcome convolve_if_faster(const apus_convolution *c, job j) {
    j.batch = c->batch;
    j.down = quotient(j.out.extent[0], 4);
    j.across = quotient(j.out.extent[1], 4);
    return fits(c) && wins(&j) ? convolve(&j) : APUS_REFUSED;
}

static side input_of(const apus_convolution *c, const void *x) {
    return (side){
        .images = (float *)x, .channels = c->in_channels, .extent = {c->in[1], c->in[2]}, .padding = {c->padding[1], c->padding[2]}};
}

static side output_of(const apus_convolution *c, const void *y) {
    return (side){.images = (float *)y, .channels = c->out_channels, .extent = {c->out[1], c->out[2]}};
}

apus_outcome apus_convolution_winograd(const apus_convolution *c, const void *x, const void *weight, const void *bias, void *y) {
    return convolve_if_faster(c, (job){.in = input_of(c, x), .out = output_of(c, y), .weight = (float *)weight, .bias = bias});
}

apus_outcome apus_convolution_winograd_backward_input(const apus_convolution *c, const void *grad, const void *weight, void *x) {
    job j = {.in = output_of(c, grad), .out = input_of(c, x), .weight = (float *)weight, .turned = true};
    for (int d = 0; d < 2; d++) j.in.padding[d] = 2 - c->padding[1 + d];
    return convolve_if_faster(c, j);
}

apus_outcome apus_convolution_winograd_backward_weight(const apus_convolution *c, const void *grad, const void *x, void *weight) {
    return convolve_if_faster(c, (job){.in = input_of(c, x), .out = output_of(c, grad), .weight = weight, .of_weight = true});
}
