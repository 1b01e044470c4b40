// Softmax for one float type. Included by `softmax.c` with T the type, M(f) its function f. Two layouts: along the last dimension rows are
// contiguous; otherwise `COLUMNS` adjacent columns are processed together.

typedef struct {
    int64_t outer, n, inner, tiles;
    bool log;
    const T *x, *y; // y: the output, for the gradient only
    T *out;
} M(softmax_job);

/// The largest element. NaN may be skipped, since exp propagates it.
APUS_INLINE T M(row_max)(int64_t n, const T *x) {
    T lanes[LANES];
    for (int j = 0; j < LANES; j++) lanes[j] = (T)-INFINITY;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) lanes[j] = x[i + j] > lanes[j] ? x[i + j] : lanes[j];
    for (int j = 0; i < n; i++, j++) lanes[j] = x[i] > lanes[j] ? x[i] : lanes[j];
    T best = lanes[0];
    for (int j = 1; j < LANES; j++) best = lanes[j] > best ? lanes[j] : best;
    return best;
}

APUS_CLONES static void M(softmax_row)(int64_t n, const T *x, T *out) {
    T top = M(row_max)(n, x);
    APUS_SIMD for (int64_t i = 0; i < n; i++) out[i] = M(exp)(x[i] - top);
    T scale = (T)(1 / M(sum)(n, out));
    APUS_SIMD for (int64_t i = 0; i < n; i++) out[i] *= scale;
}

APUS_CLONES static void M(log_softmax_row)(int64_t n, const T *x, T *out) {
    T top = M(row_max)(n, x);
    double sum = 0;
    T exps[BLOCK];
    for (int64_t at = 0; at < n; at += BLOCK) {
        int64_t m = n - at < BLOCK ? n - at : BLOCK;
        for (int64_t i = 0; i < m; i++) exps[i] = M(exp)(x[at + i] - top);
        sum += M(sum)(m, exps);
    }
    T log_sum = (T)log(sum);
    APUS_SIMD for (int64_t i = 0; i < n; i++) out[i] = (x[i] - top) - log_sum;
}

APUS_CLONES static void M(softmax_backward_row)(int64_t n, const T *g, const T *y, T *out) {
    T dot = (T)M(dot)(n, g, y);
    APUS_SIMD for (int64_t i = 0; i < n; i++) out[i] = y[i] * (g[i] - dot);
}

APUS_CLONES static void M(log_softmax_backward_row)(int64_t n, const T *g, const T *y, T *out) {
    T sum = (T)M(sum)(n, g);
    APUS_SIMD for (int64_t i = 0; i < n; i++) out[i] = g[i] - M(exp)(y[i]) * sum;
}

static void M(softmax_rows)(void *context, int64_t begin, int64_t end) {
    const M(softmax_job) *s = context;
    for (int64_t r = begin; r < end; r++) {
        int64_t at = r * s->n;
        if (s->y) (s->log ? M(log_softmax_backward_row) : M(softmax_backward_row))(s->n, s->x + at, s->y + at, s->out + at);
        else (s->log ? M(log_softmax_row) : M(softmax_row))(s->n, s->x + at, s->out + at);
    }
}

/// Softmax of m columns of n elements; rows are `stride` apart.
APUS_CLONES static void M(softmax_columns)(int64_t n, int64_t stride, int64_t m, bool log_form, const T *x, T *out) {
    T top[COLUMNS], scale[COLUMNS];
    double sum[COLUMNS];
    for (int64_t i = 0; i < m; i++) top[i] = (T)-INFINITY, sum[i] = 0;
    for (int64_t k = 0; k < n; k++)
        for (int64_t i = 0; i < m; i++) top[i] = x[k * stride + i] > top[i] ? x[k * stride + i] : top[i];
    for (int64_t k = 0; k < n; k++) {
        const T *from = x + k * stride;
        T *to = out + k * stride;
        T exps[COLUMNS];
        for (int64_t i = 0; i < m; i++) exps[i] = M(exp)(from[i] - top[i]);
        for (int64_t i = 0; i < m; i++) sum[i] += (double)exps[i];
        if (!log_form) memcpy(to, exps, (size_t)m * sizeof(T));
    }
    if (log_form) {
        for (int64_t i = 0; i < m; i++) scale[i] = (T)log(sum[i]);
        for (int64_t k = 0; k < n; k++) {
            APUS_SIMD for (int64_t i = 0; i < m; i++) out[k * stride + i] = (x[k * stride + i] - top[i]) - scale[i];
        }
    } else {
        for (int64_t i = 0; i < m; i++) scale[i] = (T)(1 / sum[i]);
        for (int64_t k = 0; k < n; k++)
            for (int64_t i = 0; i < m; i++) out[k * stride + i] *= scale[i];
    }
}

APUS_CLONES static void M(softmax_backward_columns)(int64_t n, int64_t stride, int64_t m, bool log_form, const T *g, const T *y, T *out) {
    double sum[COLUMNS];
    for (int64_t i = 0; i < m; i++) sum[i] = 0;
    for (int64_t k = 0; k < n; k++) {
        const T *a = g + k * stride, *b = y + k * stride;
        if (log_form)
            for (int64_t i = 0; i < m; i++) sum[i] += (double)a[i];
        else
            for (int64_t i = 0; i < m; i++) sum[i] += (double)(a[i] * b[i]);
    }
    T total[COLUMNS];
    for (int64_t i = 0; i < m; i++) total[i] = (T)sum[i];
    for (int64_t k = 0; k < n; k++) {
        const T *a = g + k * stride, *b = y + k * stride;
        T *to = out + k * stride;
        if (log_form) {
            APUS_SIMD for (int64_t i = 0; i < m; i++) to[i] = a[i] - M(exp)(b[i]) * total[i];
        } else {
            APUS_SIMD for (int64_t i = 0; i < m; i++) to[i] = b[i] * (a[i] - total[i]);
        }
    }
}

static void M(softmax_tiles)(void *context, int64_t begin, int64_t end) {
    const M(softmax_job) *s = context;
    for (int64_t u = begin; u < end; u++) {
        int64_t column = u % s->tiles * COLUMNS, at = u / s->tiles * s->n * s->inner + column;
        int64_t m = s->inner - column < COLUMNS ? s->inner - column : COLUMNS;
        if (s->y) M(softmax_backward_columns)(s->n, s->inner, m, s->log, s->x + at, s->y + at, s->out + at);
        else M(softmax_columns)(s->n, s->inner, m, s->log, s->x + at, s->out + at);
    }
}

static void M(run_softmax)(M(softmax_job) s) {
    if (s.n == 0 || s.inner == 0) return;
    if (s.inner == 1) {
        apus_parallel_for(s.outer, APUS_GRAIN / 4 / s.n + 1, M(softmax_rows), &s);
    } else {
        s.tiles = (s.inner + COLUMNS - 1) / COLUMNS;
        int64_t width = s.inner < COLUMNS ? s.inner : COLUMNS;
        apus_parallel_for(s.outer * s.tiles, APUS_GRAIN / 4 / (s.n * width) + 1, M(softmax_tiles), &s);
    }
}

static void M(softmax)(int64_t outer, int64_t n, int64_t inner, bool log_form, const T *x, T *out) {
    M(run_softmax)((M(softmax_job)){.outer = outer, .n = n, .inner = inner, .log = log_form, .x = x, .out = out});
}

static void M(softmax_backward)(int64_t outer, int64_t n, int64_t inner, bool log_form, const T *grad, const T *y, T *out) {
    M(run_softmax)((M(softmax_job)){.outer = outer, .n = n, .inner = inner, .log = log_form, .x = grad, .y = y, .out = out});
}
