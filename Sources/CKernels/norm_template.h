// Normalisation for one float type: included by `norm.c` with T the type, EPSILON the distance from 1 to the next number, M(f) a name.
// Channels are in `norm_channels_template.h`, which follows.
//
// Statistics are taken of differences from a pivot, the mean of a few elements: x − pivot is exact far from zero, where the mean of x is
// not. A mean is two numbers of type T, the rounded mean and its rounding error `rest`: far from zero the first alone may be off by as much
// as the elements differ. `rest` is subtracted from sums afterwards: Σ g·(x − mean − rest) = Σ g·(x − mean) − rest·Σ g.

/// A number near the mean: the mean of up to eight elements.
static inline T M(pivot)(int64_t n, const T *x) {
    if (n < 8) return n > 0 ? x[0] : 0;
    int64_t step = n / 8;
    T e = (T)0.125;
    return ((x[0] * e + x[step] * e) + (x[2 * step] * e + x[3 * step] * e)) +
           ((x[4 * step] * e + x[5 * step] * e) + (x[6 * step] * e + x[7 * step] * e));
}

/// Sets mean and rest and returns the variance of `count` elements, where `first` is the sum of their differences from `pivot` and
/// `squares` that of the squared differences.
static inline double M(variance)(T pivot, double first, double squares, double count, T *mean, T *rest) {
    double left = first / count, variance = squares / count - left * left;
    *mean = (T)((double)pivot + left);
    *rest = (T)(((double)pivot - (double)*mean) + left);
    return variance < 0 ? 0 : variance;
}
/// Whether the pivot is too far from the mean for an accurate variance.
static inline bool M(is_far)(double first, double squares, double count) {
    double left = first / count;
    return left * left > 0.8 * (squares / count);
}

// MARK: Layer norm: each of R rows of n elements with its own statistics

#define RUN 32

typedef struct {
    int64_t rows, n, chunk; // chunk: rows that share one partial sum of the weight's and bias's gradients
    const T *grad, *x, *weight, *bias, *mean, *rstd;
    double eps;
    T *out, *out_mean, *out_rstd;
    T *runs;          // [chunks][2][n]: sums of up to RUN rows
    double *partials; // [chunks][2][n]: sums of a chunk's runs, if there are several
} M(layer_job);

APUS_CLONES static void M(layer_row)(int64_t n, const T *x, const T *weight, const T *bias, double eps, T *restrict out, T *mean, T *rest,
                                     T *rstd) {
    T pivot = M(pivot)(n, x), m, q;
    double first, squares = M(moments)(n, x, pivot, &first);
    if (M(is_far)(first, squares, (double)n)) {
        pivot = (T)((double)pivot + first / (double)n);
        squares = M(moments)(n, x, pivot, &first);
    }
    T r = (T)(1 / sqrt(M(variance)(pivot, first, squares, (double)n, &m, &q) + eps));
    *mean = m;
    *rest = q;
    *rstd = r;
    if (weight && bias)
        for (int64_t i = 0; i < n; i++) out[i] = ((x[i] - m) - q) * r * weight[i] + bias[i];
    else if (weight)
        for (int64_t i = 0; i < n; i++) out[i] = ((x[i] - m) - q) * r * weight[i];
    else if (bias)
        for (int64_t i = 0; i < n; i++) out[i] = ((x[i] - m) - q) * r + bias[i];
    else
        for (int64_t i = 0; i < n; i++) out[i] = ((x[i] - m) - q) * r;
}

static void M(layer_rows)(void *context, int64_t begin, int64_t end) {
    const M(layer_job) *j = context;
    for (int64_t r = begin; r < end; r++) M(layer_row)
    (j->n, j->x + r * j->n, j->weight, j->bias, j->eps, j->out + r * j->n, j->out_mean + r, j->out_mean + j->rows + r, j->out_rstd + r);
}

static void M(layer_norm)(int64_t rows, int64_t n, const T *x, const T *weight, const T *bias, double eps, T *out, T *mean, T *rstd) {
    M(layer_job)
    j = {.rows = rows, .n = n, .x = x, .weight = weight, .bias = bias, .eps = eps, .out = out, .out_mean = mean, .out_rstd = rstd};
    apus_parallel_for(rows, APUS_GRAIN / 4 / (n < 1 ? 1 : n) + 1, M(layer_rows), &j);
}

// With x̂ = (x − mean)·rstd and h = g·weight: gradX = rstd·(h − Σh/n − x̂·Σ(h·x̂)/n), gradWeight = Σ_rows g·x̂, gradBias = Σ_rows g.
APUS_CLONES static void M(layer_backward_row)(int64_t n, const T *g, const T *x, const T *weight, T mean, T rest, T rstd, T *restrict out) {
    double sum = weight ? M(dot)(n, g, weight) : M(sum)(n, g);
    double dot = (weight ? M(weighted_centered_dot)(n, g, weight, x, mean) : M(centered_dot)(n, g, x, mean)) - (double)rest * sum;
    double share = 1 / (double)n, slope = dot * ((double)rstd * (double)rstd * share);
    T a = (T)(sum * share - (double)rest * slope), b = (T)slope;
    if (weight)
        for (int64_t i = 0; i < n; i++) out[i] = rstd * (g[i] * weight[i] - a - (x[i] - mean) * b);
    else
        for (int64_t i = 0; i < n; i++) out[i] = rstd * (g[i] - a - (x[i] - mean) * b);
}

// Adds `rows` rows, 1 or 4, of g and x; four are added pairwise, which is fast and accurate. If `rest` is below the rounding error of the
// differences, it is left out.
#define NORMALIZED(r) (g[(r)*n + i] * ((x[(r)*n + i] - mean[r]) * rstd[r]))
#define NORMALIZED_FAR(r) (g[(r)*n + i] * (((x[(r)*n + i] - mean[r]) - rest[r]) * rstd[r]))
#define ADD_FOUR(TERM)                                                                                                                     \
    for (int64_t i = 0; i < n; i++) {                                                                                                      \
        weight[i] += (TERM(0) + TERM(1)) + (TERM(2) + TERM(3));                                                                            \
        bias[i] += (g[i] + g[n + i]) + (g[2 * n + i] + g[3 * n + i]);                                                                      \
    }
#define ADD_ONE(TERM)                                                                                                                      \
    for (int64_t i = 0; i < n; i++) {                                                                                                      \
        weight[i] += TERM(0);                                                                                                              \
        bias[i] += g[i];                                                                                                                   \
    }
APUS_CLONES static void M(layer_backward_sums)(int64_t n, int rows, const T *g, const T *x, const T *mean, const T *rest, const T *rstd,
                                               T *restrict weight, T *restrict bias) {
    bool is_far = false;
    for (int r = 0; r < rows; r++) is_far |= !((rest[r] < 0 ? -rest[r] : rest[r]) * rstd[r] < EPSILON / 8);
    if (rows == 4) {
        if (is_far) ADD_FOUR(NORMALIZED_FAR) else ADD_FOUR(NORMALIZED)
    } else {
        if (is_far) ADD_ONE(NORMALIZED_FAR) else ADD_ONE(NORMALIZED)
    }
}
#undef NORMALIZED
#undef NORMALIZED_FAR
#undef ADD_FOUR
#undef ADD_ONE
APUS_CLONES static void M(add_run)(int64_t n, T *restrict run, double *restrict sums) {
    for (int64_t i = 0; i < n; i++) {
        sums[i] += (double)run[i];
        run[i] = 0;
    }
}

static void M(layer_backward_chunks)(void *context, int64_t begin, int64_t end) {
    const M(layer_job) *j = context;
    int64_t n = j->n;
    for (int64_t c = begin; c < end; c++) {
        T *run = j->runs ? j->runs + 2 * c * n : NULL;
        double *partials = j->partials ? j->partials + 2 * c * n : NULL;
        if (run) memset(run, 0, (size_t)(2 * n) * sizeof *run);
        if (partials) memset(partials, 0, (size_t)(2 * n) * sizeof *partials);
        int64_t last = (c + 1) * j->chunk < j->rows ? (c + 1) * j->chunk : j->rows;
        for (int64_t r = c * j->chunk, done = 0; r < last; r += done) {
            done = last - r >= 4 ? 4 : 1;
            const T *g = j->grad + r * n, *x = j->x + r * n, *mean = j->mean + r, *rest = mean + j->rows, *rstd = j->rstd + r;
            if (run) M(layer_backward_sums)(n, (int)done, g, x, mean, rest, rstd, run, run + n);
            int64_t walked = r + done - c * j->chunk;
            if (partials && (walked % RUN == 0 || r + done == last)) M(add_run)(2 * n, run, partials);
            for (int64_t k = 0; j->out && k < done; k++)
                M(layer_backward_row)(n, g + k * n, x + k * n, j->weight, mean[k], rest[k], rstd[k], j->out + (r + k) * n);
        }
    }
}

static bool M(layer_norm_backward)(int64_t rows, int64_t n, const T *grad, const T *x, const T *weight, const T *mean, const T *rstd,
                                   T *grad_x, T *grad_weight, T *grad_bias) {
    if (n == 0) return true;
    M(layer_job) j = {.rows = rows, .n = n, .grad = grad, .x = x, .weight = weight, .mean = mean, .rstd = rstd, .out = grad_x};
    j.chunk = APUS_GRAIN / 2 / n + 1;
    if (j.chunk < (rows + 63) / 64) j.chunk = (rows + 63) / 64; // at most 64 partial sums
    int64_t chunks = (rows + j.chunk - 1) / j.chunk;
    void *memory = NULL;
    if (grad_weight || grad_bias) {
        bool has_several = j.chunk > RUN;
        size_t places = (size_t)(2 * (chunks + 1) * n);
        memory = apus_scratch(places * (sizeof(T) + (has_several ? sizeof(double) : 0)));
        if (!memory) return false;
        j.partials = has_several ? memory : NULL;
        j.runs = has_several ? (T *)(j.partials + places) : memory;
    }
    apus_parallel_for(chunks, 1, M(layer_backward_chunks), &j);
    for (int part = 0; part < 2; part++) {
        T *out = part ? grad_bias : grad_weight;
        if (!out) continue;
        for (int64_t i = 0; i < n; i++) {
            double sum = 0;
            for (int64_t c = 0, at = part * n + i; c < chunks; c++, at += 2 * n) sum += j.partials ? j.partials[at] : (double)j.runs[at];
            out[i] = (T)sum;
        }
    }
    free(memory);
    return true;
}

#undef RUN
