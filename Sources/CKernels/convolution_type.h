// Convolution by unrolled windows (im2col) for one type. Included by convolution.c with REAL, TYPED(x) and GEMM.
//
// For each group, the windows of some output positions become the columns of a matrix, with one row per input channel and kernel tap:
// columns [C/groups·taps, positions]. Then
//   y    = weight · columns          the positions of one image are contiguous in y
//   gradW = grad · columnsᵀ
//   gradX = fold(weightᵀ · grad)
// Positions are processed in strips: one or several whole images if they are small, or some rows of one large image.

typedef struct {
    const apus_convolution *c;
    const REAL *x, *weight, *bias, *grad; // the inputs of the direction
    REAL *out;
    REAL *columns;
    int64_t group, image, images; // the images of the strip
    int64_t row, rows;            // and the rows of outputs of each: [row, row + rows) of out[0]·out[1]
} TYPED(strip);

static inline int64_t TYPED(positions)(const TYPED(strip) * s) { return s->images * s->rows * s->c->out[2]; }

// The range of outputs o of a row for which o·stride − padding + tap·dilation is in [0, in).
static inline void TYPED(valid)(const apus_convolution *c, int d, int64_t tap, int64_t *low, int64_t *high) {
    int64_t first = c->padding[d] - tap * c->dilation[d], last = c->in[d] - 1 + first, stride = c->stride[d];
    *low = first <= 0 ? 0 : (first + stride - 1) / stride;
    *high = last < 0 ? 0 : last / stride + 1;
    if (*low > c->out[d]) *low = c->out[d];
    if (*high > c->out[d]) *high = c->out[d];
    if (*high < *low) *high = *low;
}

// Unfolds x into the rows [begin, end) of the columns.
static void TYPED(unfold)(void *context, int64_t begin, int64_t end) {
    const TYPED(strip) *s = context;
    const apus_convolution *c = s->c;
    int64_t taps = c->kernel[0] * c->kernel[1] * c->kernel[2], plane = c->in[0] * c->in[1] * c->in[2], width = c->out[2];
    int64_t group_channels = c->in_channels / c->groups;
    for (int64_t r = begin; r < end; r++) {
        int64_t channel = r / taps, tap = r % taps;
        int64_t k0 = tap / (c->kernel[1] * c->kernel[2]), k1 = tap / c->kernel[2] % c->kernel[1], k2 = tap % c->kernel[2];
        int64_t low, high, step = c->stride[2];
        TYPED(valid)(c, 2, k2, &low, &high);
        REAL *to = s->columns + r * TYPED(positions)(s);
        for (int64_t n = s->image; n < s->image + s->images; n++) {
            const REAL *from = s->x + (n * c->in_channels + s->group * group_channels + channel) * plane;
            for (int64_t row = s->row; row < s->row + s->rows; row++, to += width) {
                int64_t i0 = row / c->out[1] * c->stride[0] - c->padding[0] + k0 * c->dilation[0];
                int64_t i1 = row % c->out[1] * c->stride[1] - c->padding[1] + k1 * c->dilation[1];
                if (i0 < 0 || i0 >= c->in[0] || i1 < 0 || i1 >= c->in[1] || low == high) {
                    memset(to, 0, sizeof(REAL) * (size_t)width);
                    continue;
                }
                const REAL *line = from + (i0 * c->in[1] + i1) * c->in[2] - c->padding[2] + k2 * c->dilation[2];
                for (int64_t o = 0; o < low; o++) to[o] = 0;
                if (step == 1) memcpy(to + low, line + low, sizeof(REAL) * (size_t)(high - low));
                else
                    for (int64_t o = low; o < high; o++) to[o] = line[o * step];
                for (int64_t o = high; o < width; o++) to[o] = 0;
            }
        }
    }
}

// Adds the columns back into the channels [begin, end) of x, tap by tap.
static void TYPED(fold)(void *context, int64_t begin, int64_t end) {
    const TYPED(strip) *s = context;
    const apus_convolution *c = s->c;
    int64_t taps = c->kernel[0] * c->kernel[1] * c->kernel[2], plane = c->in[0] * c->in[1] * c->in[2], width = c->out[2];
    int64_t group_channels = c->in_channels / c->groups, step = c->stride[2];
    for (int64_t channel = begin; channel < end; channel++) {
        for (int64_t tap = 0; tap < taps; tap++) {
            int64_t k0 = tap / (c->kernel[1] * c->kernel[2]), k1 = tap / c->kernel[2] % c->kernel[1], k2 = tap % c->kernel[2];
            int64_t low, high;
            TYPED(valid)(c, 2, k2, &low, &high);
            const REAL *from = s->columns + (channel * taps + tap) * TYPED(positions)(s);
            for (int64_t n = s->image; n < s->image + s->images; n++) {
                REAL *to = s->out + (n * c->in_channels + s->group * group_channels + channel) * plane;
                for (int64_t row = s->row; row < s->row + s->rows; row++, from += width) {
                    int64_t i0 = row / c->out[1] * c->stride[0] - c->padding[0] + k0 * c->dilation[0];
                    int64_t i1 = row % c->out[1] * c->stride[1] - c->padding[1] + k1 * c->dilation[1];
                    if (i0 < 0 || i0 >= c->in[0] || i1 < 0 || i1 >= c->in[1]) continue;
                    REAL *line = to + (i0 * c->in[1] + i1) * c->in[2] - c->padding[2] + k2 * c->dilation[2];
                    if (step == 1)
                        for (int64_t o = low; o < high; o++) line[o] += from[o];
                    else
                        for (int64_t o = low; o < high; o++) line[o * step] += from[o];
                }
            }
        }
    }
}

// Copy between y, [images, channels, positions], and `rows`, [channels, positions of the strip].
static void TYPED(gather)(const TYPED(strip) * s, const REAL *y, REAL *rows) {
    const apus_convolution *c = s->c;
    int64_t length = c->out[0] * c->out[1] * c->out[2], part = s->rows * c->out[2], group_outputs = c->out_channels / c->groups;
    for (int64_t o = 0; o < group_outputs; o++)
        for (int64_t n = 0; n < s->images; n++, rows += part)
            memcpy(rows, y + ((s->image + n) * c->out_channels + s->group * group_outputs + o) * length + s->row * c->out[2],
                   sizeof(REAL) * (size_t)part);
}

static void TYPED(scatter)(const TYPED(strip) * s, const REAL *rows, REAL *y) {
    const apus_convolution *c = s->c;
    int64_t length = c->out[0] * c->out[1] * c->out[2], group_outputs = c->out_channels / c->groups;
    for (int64_t o = 0; o < group_outputs; o++)
        for (int64_t n = 0; n < s->images; n++, rows += length)
            memcpy(y + ((s->image + n) * c->out_channels + s->group * group_outputs + o) * length, rows, sizeof(REAL) * (size_t)length);
}

// The matrix [channels, positions of the strip]: y itself if the strip lies in one image, else a buffer. NULL if there is no memory.
static REAL *TYPED(outputs)(const TYPED(strip) * s, const REAL *y, int64_t *row) {
    const apus_convolution *c = s->c;
    int64_t length = c->out[0] * c->out[1] * c->out[2], group_outputs = c->out_channels / c->groups;
    if (s->images == 1) {
        *row = length;
        return (REAL *)y + (s->image * c->out_channels + s->group * group_outputs) * length + s->row * c->out[2];
    }
    *row = TYPED(positions)(s);
    return apus_workspace(APUS_WORKSPACE_PARTIALS, sizeof(REAL) * (size_t)(group_outputs * *row));
}

static bool TYPED(forward_strip)(const TYPED(strip) * s) {
    const apus_convolution *c = s->c;
    int64_t taps = c->in_channels / c->groups * c->kernel[0] * c->kernel[1] * c->kernel[2], n = TYPED(positions)(s);
    int64_t group_outputs = c->out_channels / c->groups, row;
    apus_parallel_for(taps, 16384 / n + 1, TYPED(unfold), (void *)s);
    REAL *y = TYPED(outputs)(s, s->out, &row);
    if (!y) return false;
    for (int64_t o = 0; o < group_outputs; o++) {
        REAL b = s->bias ? s->bias[s->group * group_outputs + o] : 0;
        for (int64_t q = 0; q < n; q++) y[o * row + q] = b;
    }
    if (!GEMM(&(apus_gemm){group_outputs, n, taps, s->weight + s->group * group_outputs * taps, taps, 1, s->columns, n, 1, y, row, 0, 1}))
        return false;
    if (s->images > 1) TYPED(scatter)(s, y, s->out);
    return true;
}

static bool TYPED(backward_input_strip)(const TYPED(strip) * s) {
    const apus_convolution *c = s->c;
    int64_t group_channels = c->in_channels / c->groups, taps = group_channels * c->kernel[0] * c->kernel[1] * c->kernel[2];
    int64_t group_outputs = c->out_channels / c->groups, n = TYPED(positions)(s), row;
    REAL *grad = TYPED(outputs)(s, s->grad, &row);
    if (!grad) return false;
    if (s->images > 1) TYPED(gather)(s, s->grad, grad);
    if (!GEMM(
            &(apus_gemm){taps, n, group_outputs, s->weight + s->group * group_outputs * taps, 1, taps, grad, row, 1, s->columns, n, 0, 0}))
        return false;
    apus_parallel_for(group_channels, 16384 / (n * taps / group_channels) + 1, TYPED(fold), (void *)s);
    return true;
}

static bool TYPED(backward_weight_strip)(const TYPED(strip) * s) {
    const apus_convolution *c = s->c;
    int64_t taps = c->in_channels / c->groups * c->kernel[0] * c->kernel[1] * c->kernel[2], n = TYPED(positions)(s);
    int64_t group_outputs = c->out_channels / c->groups, row;
    apus_parallel_for(taps, 16384 / n + 1, TYPED(unfold), (void *)s);
    REAL *grad = TYPED(outputs)(s, s->grad, &row);
    if (!grad) return false;
    if (s->images > 1) TYPED(gather)(s, s->grad, grad);
    return GEMM(&(apus_gemm){group_outputs, taps, n, grad, row, 1, s->columns, 1, n, s->out + s->group * group_outputs * taps, taps, 0,
                             s->image > 0 || s->row > 0});
}

typedef struct {
    TYPED(strip) first;
    bool (*run)(const TYPED(strip) *);
    int64_t images, rows, image_strips; // of a strip
    int whole;                          // one task per group computes the whole batch: the strips add to one result
} TYPED(task);

static bool TYPED(strips)(void *context, int64_t begin, int64_t end) {
    const TYPED(task) *t = context;
    const apus_convolution *c = t->first.c;
    int64_t all_rows = c->out[0] * c->out[1];
    int64_t taps = c->in_channels / c->groups * c->kernel[0] * c->kernel[1] * c->kernel[2];
    for (int64_t i = begin; i < end; i++) {
        TYPED(strip) s = t->first;
        s.group = t->whole ? i : i / t->image_strips;
        int64_t image0 = t->whole ? 0 : i % t->image_strips * t->images;
        int64_t image1 = t->whole || image0 + t->images > c->batch ? c->batch : image0 + t->images;
        for (int64_t image = image0; image < image1; image += t->images) {
            s.image = image;
            s.images = image1 - image < t->images ? image1 - image : t->images;
            for (s.row = 0; s.row < all_rows; s.row += t->rows) {
                s.rows = all_rows - s.row < t->rows ? all_rows - s.row : t->rows;
                s.columns = apus_workspace(APUS_WORKSPACE_COLUMNS, sizeof(REAL) * (size_t)(taps * TYPED(positions)(&s)));
                if (!s.columns || !t->run(&s)) return false;
            }
        }
    }
    return true;
}

static bool TYPED(run)(TYPED(strip) first, bool (*run)(const TYPED(strip) *), int whole) {
    const apus_convolution *c = first.c;
    int64_t taps = c->in_channels / c->groups * c->kernel[0] * c->kernel[1] * c->kernel[2], all_rows = c->out[0] * c->out[1];
    TYPED(task) t = {first, run, 1, all_rows, 0, whole};
    int64_t fit = (4 << 20) / (int64_t)sizeof(REAL) / (taps > 0 ? taps * c->out[2] : 1); // rows whose columns take 4 MB
    if (fit < 1) fit = 1;
    if (fit < all_rows) {
        t.rows = fit;
    } else {
        // Strips of images, in a number that threads can share evenly.
        t.images = fit / all_rows;
        // Few windows in all become one product, which reads the weights once and is itself parallel.
        int64_t share = whole || c->batch * all_rows * c->out[2] <= APUS_WINDOWS_OF_ONE_PRODUCT ? c->batch : (c->batch + 7) / 8;
        if (t.images > share) t.images = share;
    }
    t.image_strips = (c->batch + t.images - 1) / t.images;
    return apus_parallel_try(whole ? c->groups : c->groups * t.image_strips, 1, TYPED(strips), &t);
}
