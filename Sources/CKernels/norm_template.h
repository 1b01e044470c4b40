// Normalisation of one float type: included by `norm.c` with T the type, M(f) a name, P(name) an exported name.

// MARK: Layer norm: each of R rows of n elements by its own statistics

typedef struct {
    int64_t rows, n, chunk; // chunk: rows that share one partial sum of the weight's and bias's gradients
    const T *grad, *x, *weight, *bias, *mean, *rstd;
    double eps;
    T *out, *out_mean, *out_rstd;
    T *partials; // [chunks][2][n]
} M(layer_job);

APUS_CLONES static void M(layer_row)(int64_t n, const T *x, const T *weight, const T *bias, double eps, T *restrict out, T *mean, T *rstd) {
    T m = (T)(M(sum)(n, x) / (double)n);
    T r = (T)(1 / sqrt(M(sum_of_squares)(n, x, m) / (double)n + eps));
    *mean = m;
    *rstd = r;
    if (weight && bias) for (int64_t i = 0; i < n; i++) out[i] = (x[i] - m) * r * weight[i] + bias[i];
    else if (weight) for (int64_t i = 0; i < n; i++) out[i] = (x[i] - m) * r * weight[i];
    else if (bias) for (int64_t i = 0; i < n; i++) out[i] = (x[i] - m) * r + bias[i];
    else for (int64_t i = 0; i < n; i++) out[i] = (x[i] - m) * r;
}

static void M(layer_rows)(void *context, int64_t begin, int64_t end) {
    const M(layer_job) *j = context;
    for (int64_t r = begin; r < end; r++)
        M(layer_row)(j->n, j->x + r * j->n, j->weight, j->bias, j->eps, j->out + r * j->n, j->out_mean + r, j->out_rstd + r);
}

void P(layer_norm)(int64_t rows, int64_t n, const T *x, const T *weight, const T *bias, double eps, T *out, T *mean, T *rstd) {
    M(layer_job) j = {.rows = rows, .n = n, .x = x, .weight = weight, .bias = bias, .eps = eps, .out = out, .out_mean = mean, .out_rstd = rstd};
    apus_parallel_for(rows, APUS_GRAIN / 4 / (n < 1 ? 1 : n) + 1, M(layer_rows), &j);
}

// With x̂ = (x − mean)·rstd and h = g·weight: gradX = rstd·(h − Σh/n − x̂·Σ(h·x̂)/n), gradWeight = Σ_rows g·x̂, gradBias = Σ_rows g.
APUS_CLONES static void M(layer_backward_row)(int64_t n, const T *g, const T *x, const T *weight, T mean, T rstd, T *restrict out) {
    double sum = weight ? M(dot)(n, g, weight) : M(sum)(n, g);
    double dot = weight ? M(weighted_centered_dot)(n, g, weight, x, mean) : M(centered_dot)(n, g, x, mean);
    T a = (T)(sum / (double)n), b = (T)(dot * (double)rstd * (double)rstd / (double)n);
    if (weight) for (int64_t i = 0; i < n; i++) out[i] = rstd * (g[i] * weight[i] - a - (x[i] - mean) * b);
    else for (int64_t i = 0; i < n; i++) out[i] = rstd * (g[i] - a - (x[i] - mean) * b);
}

APUS_CLONES static void M(layer_backward_sums)(int64_t n, const T *g, const T *x, T mean, T rstd, T *restrict weight, T *restrict bias) {
    for (int64_t i = 0; i < n; i++) {
        weight[i] += g[i] * ((x[i] - mean) * rstd);
        bias[i] += g[i];
    }
}

static void M(layer_backward_chunks)(void *context, int64_t begin, int64_t end) {
    const M(layer_job) *j = context;
    int64_t n = j->n;
    for (int64_t c = begin; c < end; c++) {
        T *weight = j->partials ? j->partials + 2 * c * n : NULL;
        if (weight) memset(weight, 0, (size_t)(2 * n) * sizeof(T));
        int64_t last = (c + 1) * j->chunk < j->rows ? (c + 1) * j->chunk : j->rows;
        for (int64_t r = c * j->chunk; r < last; r++) {
            const T *g = j->grad + r * n, *x = j->x + r * n;
            if (weight) M(layer_backward_sums)(n, g, x, j->mean[r], j->rstd[r], weight, weight + n);
            if (j->out) M(layer_backward_row)(n, g, x, j->weight, j->mean[r], j->rstd[r], j->out + r * n);
        }
    }
}

bool P(layer_norm_backward)(int64_t rows, int64_t n, const T *grad, const T *x, const T *weight, const T *mean, const T *rstd, T *grad_x, T *grad_weight, T *grad_bias) {
    if (n == 0) return true;
    M(layer_job) j = {.rows = rows, .n = n, .grad = grad, .x = x, .weight = weight, .mean = mean, .rstd = rstd, .out = grad_x};
    j.chunk = APUS_GRAIN / 2 / n + 1;
    if (j.chunk < (rows + 63) / 64) j.chunk = (rows + 63) / 64; // at most 64 partial sums
    int64_t chunks = (rows + j.chunk - 1) / j.chunk;
    if (grad_weight || grad_bias) {
        j.partials = malloc((size_t)(2 * (chunks + 1) * n) * sizeof(T));
        if (!j.partials) return false;
    }
    apus_parallel_for(chunks, 1, M(layer_backward_chunks), &j);
    for (int part = 0; part < 2; part++) {
        T *out = part ? grad_bias : grad_weight;
        if (!out) continue;
        for (int64_t i = 0; i < n; i++) {
            double sum = 0;
            for (int64_t c = 0; c < chunks; c++) sum += (double)j.partials[(2 * c + part) * n + i];
            out[i] = (T)sum;
        }
    }
    free(j.partials);
    return true;
}

// MARK: Channel norm: x [batch, channels, n], statistics per channel
//
// Where a channel's planes are long, each channel is walked by itself. Where they are short (n = 1 after a linear layer), a tile of
// neighbouring channels is walked together, sample by sample, with one sum for each place of the tile.

#define TILE 512
#define LONG_PLANE 32

typedef struct {
    int64_t batch, channels, n, tile; // tile: channels walked together
    const T *grad, *x, *mean, *rstd, *weight, *bias;
    bool training;
    T *out, *first, *second; // first and second: results per channel
} M(channel_job);

static int64_t M(channel_tile)(int64_t n) { return n >= LONG_PLANE ? 1 : TILE / n; }
/// A grain of `tile`s so that a chunk of the loop over channels is a number of whole tiles.
static int64_t M(channel_grain)(const M(channel_job) *j) {
    int64_t each = j->batch * j->n * j->tile;
    int64_t tiles = APUS_GRAIN / (each < 1 ? 1 : each);
    return (tiles < 1 ? 1 : tiles) * j->tile;
}

APUS_CLONES static void M(add_places)(int64_t m, const T *x, double *sum) {
    for (int64_t i = 0; i < m; i++) sum[i] += (double)x[i];
}
APUS_CLONES static void M(add_squares)(int64_t m, const T *x, const T *mean, double *sum) {
    for (int64_t i = 0; i < m; i++) sum[i] += (double)((x[i] - mean[i]) * (x[i] - mean[i]));
}
APUS_CLONES static void M(add_products)(int64_t m, const T *g, const T *x, const T *mean, double *sum, double *dot) {
    for (int64_t i = 0; i < m; i++) {
        sum[i] += (double)g[i];
        dot[i] += (double)(g[i] * (x[i] - mean[i]));
    }
}
APUS_CLONES static double M(plane_sum)(int64_t n, const T *x) { return M(sum)(n, x); }
APUS_CLONES static double M(plane_squares)(int64_t n, const T *x, T mean) { return M(sum_of_squares)(n, x, mean); }
APUS_CLONES static double M(plane_dot)(int64_t n, const T *g, const T *x, T mean) { return M(centered_dot)(n, g, x, mean); }

/// Sums over the n places of each of `channels` channels.
static void M(fold_places)(int64_t channels, int64_t n, const double *places, double *sum) {
    for (int64_t c = 0; c < channels; c++) {
        sum[c] = 0;
        for (int64_t i = 0; i < n; i++) sum[c] += places[c * n + i];
    }
}
/// A value per channel at each of its places.
static void M(spread)(int64_t channels, int64_t n, const T *values, T *places) {
    for (int64_t c = 0; c < channels; c++)
        for (int64_t i = 0; i < n; i++) places[c * n + i] = values[c];
}

static void M(statistics_body)(void *context, int64_t begin, int64_t end) {
    const M(channel_job) *j = context;
    int64_t n = j->n, step = j->channels * n;
    double count = (double)(j->batch * n);
    if (j->tile == 1) {
        for (int64_t c = begin; c < end; c++) {
            const T *x = j->x + c * n;
            double sum = 0, squares = 0;
            for (int64_t b = 0; b < j->batch; b++) sum += M(plane_sum)(n, x + b * step);
            T mean = (T)(sum / count);
            for (int64_t b = 0; b < j->batch; b++) squares += M(plane_squares)(n, x + b * step, mean);
            j->first[c] = mean;
            j->second[c] = (T)(squares / count);
        }
        return;
    }
    double places[TILE], sum[TILE];
    T means[TILE];
    for (int64_t c = begin; c < end; c += j->tile) {
        int64_t channels = end - c < j->tile ? end - c : j->tile, m = channels * n;
        memset(places, 0, (size_t)m * sizeof *places);
        for (int64_t b = 0; b < j->batch; b++) M(add_places)(m, j->x + b * step + c * n, places);
        M(fold_places)(channels, n, places, sum);
        for (int64_t k = 0; k < channels; k++) j->first[c + k] = (T)(sum[k] / count);
        M(spread)(channels, n, j->first + c, means);
        memset(places, 0, (size_t)m * sizeof *places);
        for (int64_t b = 0; b < j->batch; b++) M(add_squares)(m, j->x + b * step + c * n, means, places);
        M(fold_places)(channels, n, places, sum);
        for (int64_t k = 0; k < channels; k++) j->second[c + k] = (T)(sum[k] / count);
    }
}

void P(channel_statistics)(int64_t batch, int64_t channels, int64_t n, const T *x, T *mean, T *variance) {
    M(channel_job) j = {.batch = batch, .channels = channels, .n = n, .x = x, .first = mean, .second = variance};
    if (n == 0) n = j.n = 1, j.batch = 0; // an empty batch: 0/0
    j.tile = M(channel_tile)(n);
    apus_parallel_for(channels, M(channel_grain)(&j), M(statistics_body), &j);
}

APUS_CLONES static void M(normalize_plane)(int64_t n, const T *x, T mean, T scale, T bias, T *out) {
    APUS_SIMD for (int64_t i = 0; i < n; i++) out[i] = (x[i] - mean) * scale + bias;
}
APUS_CLONES static void M(normalize_places)(int64_t m, const T *x, const T *mean, const T *scale, const T *bias, T *out) {
    APUS_SIMD for (int64_t i = 0; i < m; i++) out[i] = (x[i] - mean[i]) * scale[i] + bias[i];
}

/// Planes [begin, end) of batch × channels.
static void M(normalize_body)(void *context, int64_t begin, int64_t end) {
    const M(channel_job) *j = context;
    int64_t n = j->n;
    for (int64_t p = begin; p < end; p++) {
        int64_t c = p % j->channels;
        T scale = j->weight ? j->rstd[c] * j->weight[c] : j->rstd[c];
        M(normalize_plane)(n, j->x + p * n, j->mean[c], scale, j->bias ? j->bias[c] : 0, j->out + p * n);
    }
}
/// Tiles of channels [begin, end), sample by sample.
static void M(normalize_tiles)(void *context, int64_t begin, int64_t end) {
    const M(channel_job) *j = context;
    int64_t n = j->n;
    T mean[TILE], scale[TILE], bias[TILE], values[TILE];
    for (int64_t c = begin; c < end; c += j->tile) {
        int64_t channels = end - c < j->tile ? end - c : j->tile;
        M(spread)(channels, n, j->mean + c, mean);
        for (int64_t k = 0; k < channels; k++) values[k] = j->weight ? j->rstd[c + k] * j->weight[c + k] : j->rstd[c + k];
        M(spread)(channels, n, values, scale);
        for (int64_t k = 0; k < channels; k++) values[k] = j->bias ? j->bias[c + k] : 0;
        M(spread)(channels, n, values, bias);
        for (int64_t b = 0; b < j->batch; b++) {
            int64_t at = (b * j->channels + c) * n;
            M(normalize_places)(channels * n, j->x + at, mean, scale, bias, j->out + at);
        }
    }
}

void P(channel_normalize)(int64_t batch, int64_t channels, int64_t n, const T *x, const T *mean, const T *rstd, const T *weight, const T *bias, T *out) {
    if (n == 0) return;
    M(channel_job) j = {.batch = batch, .channels = channels, .n = n, .x = x, .mean = mean, .rstd = rstd, .weight = weight, .bias = bias, .out = out};
    j.tile = M(channel_tile)(n);
    if (j.tile == 1) apus_parallel_for(batch * channels, APUS_GRAIN / n + 1, M(normalize_body), &j);
    else apus_parallel_for(channels, M(channel_grain)(&j), M(normalize_tiles), &j);
}

// With M = batch·n elements a channel: gradX = weight·rstd·(g − Σg/M − x̂·Σ(g·x̂)/M) where the statistics are the batch's own, else
// weight·rstd·g; gradWeight = Σ g·x̂, gradBias = Σ g. With fixed statistics Σ do not enter gradX.
APUS_CLONES static void M(backward_plane)(int64_t n, const T *g, const T *x, T mean, T scale, T a, T b, T *out) {
    APUS_SIMD for (int64_t i = 0; i < n; i++) out[i] = scale * (g[i] - a - (x[i] - mean) * b);
}
APUS_CLONES static void M(backward_places)(int64_t m, const T *g, const T *x, const T *mean, const T *scale, const T *a, const T *b, T *out) {
    APUS_SIMD for (int64_t i = 0; i < m; i++) out[i] = scale[i] * (g[i] - a[i] - (x[i] - mean[i]) * b[i]);
}

static void M(channel_backward_body)(void *context, int64_t begin, int64_t end) {
    const M(channel_job) *j = context;
    int64_t n = j->n, step = j->channels * n;
    double count = (double)(j->batch * n);
    bool sums = j->training || j->first || j->second;
    double place_sum[TILE], place_dot[TILE], sum[TILE], dot[TILE];
    T means[TILE], scales[TILE], as[TILE], bs[TILE], scale[TILE], a[TILE], b[TILE];
    for (int64_t c = begin; c < end; c += j->tile) {
        int64_t channels = end - c < j->tile ? end - c : j->tile, m = channels * n;
        if (j->tile == 1) {
            sum[0] = dot[0] = 0;
            for (int64_t k = 0; sums && k < j->batch; k++) {
                sum[0] += M(plane_sum)(n, j->grad + k * step + c * n);
                dot[0] += M(plane_dot)(n, j->grad + k * step + c * n, j->x + k * step + c * n, j->mean[c]);
            }
        } else {
            M(spread)(channels, n, j->mean + c, means);
            memset(place_sum, 0, (size_t)m * sizeof(double));
            memset(place_dot, 0, (size_t)m * sizeof(double));
            for (int64_t k = 0; sums && k < j->batch; k++) {
                int64_t at = k * step + c * n;
                M(add_products)(m, j->grad + at, j->x + at, means, place_sum, place_dot);
            }
            M(fold_places)(channels, n, place_sum, sum);
            M(fold_places)(channels, n, place_dot, dot);
        }
        for (int64_t k = 0; k < channels; k++) {
            double rstd = (double)j->rstd[c + k];
            if (j->first) j->first[c + k] = (T)(dot[k] * rstd);
            if (j->second) j->second[c + k] = (T)sum[k];
            scale[k] = j->weight ? j->weight[c + k] * j->rstd[c + k] : j->rstd[c + k];
            a[k] = j->training ? (T)(sum[k] / count) : 0;
            b[k] = j->training ? (T)(dot[k] * rstd * rstd / count) : 0;
        }
        if (!j->out) continue;
        if (j->tile > 1) {
            M(spread)(channels, n, scale, scales);
            M(spread)(channels, n, a, as);
            M(spread)(channels, n, b, bs);
        }
        for (int64_t k = 0; k < j->batch; k++) {
            int64_t at = k * step + c * n;
            if (j->tile == 1) M(backward_plane)(n, j->grad + at, j->x + at, j->mean[c], scale[0], a[0], b[0], j->out + at);
            else M(backward_places)(m, j->grad + at, j->x + at, means, scales, as, bs, j->out + at);
        }
    }
}

void P(channel_norm_backward)(int64_t batch, int64_t channels, int64_t n, const T *grad, const T *x, const T *weight, const T *mean, const T *rstd, bool training, T *grad_x, T *grad_weight, T *grad_bias) {
    M(channel_job) j = {.batch = batch, .channels = channels, .n = n, .grad = grad, .x = x, .mean = mean, .rstd = rstd, .weight = weight, .training = training, .out = grad_x, .first = grad_weight, .second = grad_bias};
    if (n == 0) n = j.n = 1, j.batch = 0;
    j.tile = M(channel_tile)(n);
    apus_parallel_for(channels, M(channel_grain)(&j), M(channel_backward_body), &j);
}
#undef TILE
#undef LONG_PLANE
