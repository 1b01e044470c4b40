// Normalisation by channels for one float type, included after `norm_template.h`: x [batch, channels, n], statistics per channel
//
// If n is large, each channel is processed by itself. If n is small (1 after a linear layer), a tile of neighbouring channels is processed
// together, sample by sample, with one sum per element of the tile.

#define TILE 512
#define LONG_PLANE 32

typedef struct {
    int64_t batch, channels, n, tile;                       // channels processed together
    const T *grad, *x, *mean, *rest, *rstd, *weight, *bias; // rest: NULL if the mean has none
    bool training;
    T *out, *first, *left, *second; // first, left and second: results per channel
} M(channel_job);

static int64_t M(channel_tile)(int64_t n) { return n >= LONG_PLANE ? 1 : TILE / n; }
/// The grain of the loop over channels: a multiple of `tile`.
static int64_t M(channel_grain)(const M(channel_job) * j) {
    int64_t each = j->batch * j->n * j->tile;
    int64_t tiles = APUS_GRAIN / (each < 1 ? 1 : each);
    return (tiles < 1 ? 1 : tiles) * j->tile;
}

APUS_CLONES static void M(add_places)(int64_t m, const T *x, double *sum) {
    for (int64_t i = 0; i < m; i++) sum[i] += (double)x[i];
}
APUS_CLONES static void M(add_moments)(int64_t m, const T *x, const T *pivot, double *first, double *squares) {
    for (int64_t i = 0; i < m; i++) {
        double d = (double)(x[i] - pivot[i]);
        first[i] += d;
        squares[i] += d * d;
    }
}
APUS_CLONES static void M(add_products)(int64_t m, const T *g, const T *x, const T *mean, double *sum, double *dot) {
    for (int64_t i = 0; i < m; i++) {
        sum[i] += (double)g[i];
        dot[i] += (double)(g[i] * (x[i] - mean[i]));
    }
}
APUS_CLONES static double M(plane_sum)(int64_t n, const T *x) { return M(sum)(n, x); }
APUS_CLONES static double M(plane_moments)(int64_t n, const T *x, T mean, double *first) { return M(moments)(n, x, mean, first); }
APUS_CLONES static double M(plane_dot)(int64_t n, const T *g, const T *x, T mean) { return M(centered_dot)(n, g, x, mean); }

/// Sums over the n elements of each of `channels` channels.
static void M(fold_places)(int64_t channels, int64_t n, const double *places, double *sum) {
    for (int64_t c = 0; c < channels; c++) {
        sum[c] = 0;
        for (int64_t i = 0; i < n; i++) sum[c] += places[c * n + i];
    }
}
/// Repeats each channel's value n times.
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
            T pivot = M(pivot)(n, x);
            double first, squares;
            for (int turn = 0;; turn++) {
                first = squares = 0;
                for (int64_t b = 0; b < j->batch; b++) {
                    double part;
                    squares += M(plane_moments)(n, x + b * step, pivot, &part);
                    first += part;
                }
                if (turn == 1 || !M(is_far)(first, squares, count)) break;
                pivot = (T)((double)pivot + first / count);
            }
            j->second[c] = (T)M(variance)(pivot, first, squares, count, j->first + c, j->left + c);
        }
        return;
    }
    double places[TILE], square_places[TILE], sum[TILE], squares[TILE];
    T pivots[TILE];
    for (int64_t c = begin; c < end; c += j->tile) {
        int64_t channels = end - c < j->tile ? end - c : j->tile, m = channels * n;
        // Pivots from the means of the first samples.
        int64_t some = j->batch < 8 ? j->batch : 8;
        memset(places, 0, (size_t)m * sizeof *places);
        for (int64_t b = 0; b < some; b++) M(add_places)(m, j->x + b * step + c * n, places);
        M(fold_places)(channels, n, places, sum);
        for (int64_t k = 0; k < channels; k++) j->first[c + k] = (T)(sum[k] / (double)(some * n));
        for (int turn = 0;; turn++) {
            M(spread)(channels, n, j->first + c, pivots);
            memset(places, 0, (size_t)m * sizeof *places);
            memset(square_places, 0, (size_t)m * sizeof *square_places);
            for (int64_t b = 0; b < j->batch; b++) M(add_moments)(m, j->x + b * step + c * n, pivots, places, square_places);
            M(fold_places)(channels, n, places, sum);
            M(fold_places)(channels, n, square_places, squares);
            bool again = false;
            for (int64_t k = 0; k < channels && turn == 0; k++) again |= M(is_far)(sum[k], squares[k], count);
            if (!again) break;
            for (int64_t k = 0; k < channels; k++) j->first[c + k] = (T)((double)j->first[c + k] + sum[k] / count);
        }
        for (int64_t k = 0; k < channels; k++)
            j->second[c + k] = (T)M(variance)(j->first[c + k], sum[k], squares[k], count, j->first + c + k, j->left + c + k);
    }
}

static void M(channel_statistics)(int64_t batch, int64_t channels, int64_t n, const T *x, T *mean, T *variance) {
    M(channel_job) j = {.batch = batch, .channels = channels, .n = n, .x = x, .first = mean, .left = mean + channels, .second = variance};
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

/// Normalises the planes [begin, end) of batch × channels.
static void M(normalize_body)(void *context, int64_t begin, int64_t end) {
    const M(channel_job) *j = context;
    int64_t n = j->n;
    for (int64_t p = begin; p < end; p++) {
        int64_t c = p % j->channels;
        T scale = j->weight ? j->rstd[c] * j->weight[c] : j->rstd[c];
        T bias = (j->bias ? j->bias[c] : 0) - (j->rest ? j->rest[c] * scale : 0);
        M(normalize_plane)(n, j->x + p * n, j->mean[c], scale, bias, j->out + p * n);
    }
}
/// Normalises the channels [begin, end) in tiles, sample by sample.
static void M(normalize_tiles)(void *context, int64_t begin, int64_t end) {
    const M(channel_job) *j = context;
    int64_t n = j->n;
    T mean[TILE], scale[TILE], bias[TILE], values[TILE];
    for (int64_t c = begin; c < end; c += j->tile) {
        int64_t channels = end - c < j->tile ? end - c : j->tile;
        M(spread)(channels, n, j->mean + c, mean);
        for (int64_t k = 0; k < channels; k++) values[k] = j->weight ? j->rstd[c + k] * j->weight[c + k] : j->rstd[c + k];
        M(spread)(channels, n, values, scale);
        for (int64_t k = 0; k < channels; k++) values[k] = (j->bias ? j->bias[c + k] : 0) - (j->rest ? j->rest[c + k] * values[k] : 0);
        M(spread)(channels, n, values, bias);
        for (int64_t b = 0; b < j->batch; b++) {
            int64_t at = (b * j->channels + c) * n;
            M(normalize_places)(channels * n, j->x + at, mean, scale, bias, j->out + at);
        }
    }
}

static void M(channel_normalize)(int64_t batch, int64_t channels, int64_t n, const T *x, const T *mean, const T *rest, const T *rstd,
                                 const T *weight, const T *bias, T *out) {
    if (n == 0) return;
    M(channel_job)
    j = {.batch = batch,
         .channels = channels,
         .n = n,
         .x = x,
         .mean = mean,
         .rest = rest,
         .rstd = rstd,
         .weight = weight,
         .bias = bias,
         .out = out};
    j.tile = M(channel_tile)(n);
    if (j.tile == 1) apus_parallel_for(batch * channels, APUS_GRAIN / n + 1, M(normalize_body), &j);
    else apus_parallel_for(channels, M(channel_grain)(&j), M(normalize_tiles), &j);
}

// With M = batch·n elements per channel: gradX = weight·rstd·(g − Σg/M − x̂·Σ(g·x̂)/M) if the statistics are the batch's own (`training`),
// else weight·rstd·g; gradWeight = Σ g·x̂, gradBias = Σ g.
APUS_CLONES static void M(backward_plane)(int64_t n, const T *g, const T *x, T mean, T scale, T a, T b, T *out) {
    APUS_SIMD for (int64_t i = 0; i < n; i++) out[i] = scale * (g[i] - a - (x[i] - mean) * b);
}
APUS_CLONES static void M(backward_places)(int64_t m, const T *g, const T *x, const T *mean, const T *scale, const T *a, const T *b,
                                           T *out) {
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
            double rstd = (double)j->rstd[c + k], rest = j->rest ? (double)j->rest[c + k] : 0;
            if (sums) dot[k] -= rest * sum[k];
            double slope = j->training ? dot[k] * rstd * rstd / count : 0;
            if (j->first) j->first[c + k] = (T)(dot[k] * rstd);
            if (j->second) j->second[c + k] = (T)sum[k];
            scale[k] = j->weight ? j->weight[c + k] * j->rstd[c + k] : j->rstd[c + k];
            a[k] = j->training ? (T)(sum[k] / count - rest * slope) : 0;
            b[k] = (T)slope;
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

static void M(channel_norm_backward)(int64_t batch, int64_t channels, int64_t n, const T *grad, const T *x, const T *weight, const T *mean,
                                     const T *rest, const T *rstd, bool training, T *grad_x, T *grad_weight, T *grad_bias) {
    if (batch * n == 0) {
        // Without elements the statistics are NaN, but sums are 0.
        if (grad_weight) memset(grad_weight, 0, (size_t)channels * sizeof(T));
        if (grad_bias) memset(grad_bias, 0, (size_t)channels * sizeof(T));
        return;
    }
    M(channel_job)
    j = {.batch = batch,
         .channels = channels,
         .n = n,
         .grad = grad,
         .x = x,
         .mean = mean,
         .rest = rest,
         .rstd = rstd,
         .weight = weight,
         .training = training,
         .out = grad_x,
         .first = grad_weight,
         .second = grad_bias};
    j.tile = M(channel_tile)(n);
    apus_parallel_for(channels, M(channel_grain)(&j), M(channel_backward_body), &j);
}

#undef TILE
#undef LONG_PLANE
