#include "reduce.h"
#include "sums.h"
#include "workspace.h"
#include <math.h>
#include <stdlib.h>

// A partial result is eight bytes: a double for floats, so that float32 sums are accurate to the last bit or two without pairwise
// summation; an int64 for integers and bool.
typedef union {
    double d;
    int64_t i;
} partial;

// MARK: Kernels

// Two kernels for each operation and type T, with partials of type P (union member M) and intermediate type L: `row` reduces n contiguous
// elements to one partial, in LANES interleaved parts that stay in vector registers; `column` adds n contiguous elements to n partials.
#define LANES 16
#define ADD(p, x) ((p) + (x))
#define MULTIPLY(p, x) ((p) * (x))
#define SMALLER(p, x) ((((x) < (p)) | ((x) != (x))) ? (x) : (p))
#define LARGER(p, x) ((((x) > (p)) | ((x) != (x))) ? (x) : (p))
#define EITHER(p, x) (((p) != 0) | ((x) != 0))
#define BOTH(p, x) (((p) != 0) & ((x) != 0))

#define FOLD(NAME, T, P, L, M, START, OP)                                                                                                  \
    APUS_CLONES static void NAME##_row(int64_t n, const void *in, partial *p) {                                                            \
        const T *x = in;                                                                                                                   \
        L lanes[LANES];                                                                                                                    \
        for (int j = 0; j < LANES; j++) lanes[j] = (L)(START);                                                                             \
        int64_t i = 0;                                                                                                                     \
        for (; i + LANES <= n; i += LANES)                                                                                                 \
            for (int j = 0; j < LANES; j++) lanes[j] = OP(lanes[j], (L)x[i + j]);                                                          \
        for (int j = 0; i < n; i++, j++) lanes[j] = OP(lanes[j], (L)x[i]);                                                                 \
        for (int width = LANES / 2; width > 0; width /= 2)                                                                                 \
            for (int j = 0; j < width; j++) lanes[j] = OP(lanes[j], lanes[j + width]);                                                     \
        p->M = (P)OP(p->M, lanes[0]);                                                                                                      \
    }                                                                                                                                      \
    APUS_CLONES static void NAME##_column(int64_t n, const void *in, partial *p) {                                                         \
        const T *restrict x = in;                                                                                                          \
        for (int64_t i = 0; i < n; i++) p[i].M = (P)OP(p[i].M, (L)x[i]);                                                                   \
    }

typedef struct {
    void (*row)(int64_t n, const void *in, partial *p);
    void (*column)(int64_t n, const void *in, partial *p);
} fold;

// Integers: sums and products wrap, which C defines for unsigned types only.
#define W_ADD(p, x) ((int64_t)((uint64_t)(p) + (uint64_t)(x)))
#define W_MULTIPLY(p, x) ((int64_t)((uint64_t)(p) * (uint64_t)(x)))
#define FLOAT_FOLDS(NAME, T)                                                                                                               \
    FOLD(NAME##_sum, T, double, double, d, 0, ADD)                                                                                         \
    FOLD(NAME##_prod, T, double, double, d, 1, MULTIPLY)                                                                                   \
    FOLD(NAME##_min, T, double, T, d, INFINITY, SMALLER)                                                                                   \
    FOLD(NAME##_max, T, double, T, d, -INFINITY, LARGER)                                                                                   \
    FOLD(NAME##_any, T, int64_t, T, i, 0, EITHER)                                                                                          \
    FOLD(NAME##_all, T, int64_t, T, i, 1, BOTH)
#define INTEGER_FOLDS(NAME, T, LOW, HIGH)                                                                                                  \
    FOLD(NAME##_sum, T, int64_t, int64_t, i, 0, W_ADD)                                                                                     \
    FOLD(NAME##_prod, T, int64_t, int64_t, i, 1, W_MULTIPLY)                                                                               \
    FOLD(NAME##_min, T, int64_t, T, i, HIGH, SMALLER)                                                                                      \
    FOLD(NAME##_max, T, int64_t, T, i, LOW, LARGER)                                                                                        \
    FOLD(NAME##_any, T, int64_t, T, i, 0, EITHER)                                                                                          \
    FOLD(NAME##_all, T, int64_t, T, i, 1, BOTH)
FLOAT_FOLDS(float32, float)
FLOAT_FOLDS(float64, double)
INTEGER_FOLDS(uint8, uint8_t, 0, UINT8_MAX)
INTEGER_FOLDS(int8, int8_t, INT8_MIN, INT8_MAX)
INTEGER_FOLDS(int16, int16_t, INT16_MIN, INT16_MAX)
INTEGER_FOLDS(int32, int32_t, INT32_MIN, INT32_MAX)
INTEGER_FOLDS(int64, int64_t, INT64_MIN, INT64_MAX)

// float64 sums of long rows are pairwise, since the partial has no more digits than the elements.
static void float64_pairwise_row(int64_t n, const void *in, partial *p) {
    if (n <= 4096) {
        float64_sum_row(n, in, p);
        return;
    }
    partial left = {.d = 0}, right = {.d = 0};
    int64_t half = n / 2 / LANES * LANES;
    float64_pairwise_row(half, in, &left);
    float64_pairwise_row(n - half, (const double *)in + half, &right);
    p->d += left.d + right.d;
}

// float32 sums: rows by `f_sum`; columns in strips of registers, up to 32 rows in float before they are added to the double.
APUS_CLONES static void float32_sum_fast_row(int64_t n, const void *in, partial *p) { p->d += f_sum(n, in); }
APUS_CLONES static void float32_sum_rows(int64_t n, int64_t rows, int64_t stride, const void *in, partial *p) {
    for (int64_t first = 0; first < rows; first += 32) {
        int64_t count = rows - first < 32 ? rows - first : 32;
        const char *at = (const char *)in + first * stride;
        int64_t j = 0;
        for (; j + 32 <= n; j += 32) {
            f_vector s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
            for (int64_t k = 0; k < count; k++) {
                const float *x = (const float *)(at + k * stride) + j;
                s0 += LOAD_VECTOR(f_vector, x, 0);
                s1 += LOAD_VECTOR(f_vector, x, 8);
                s2 += LOAD_VECTOR(f_vector, x, 16);
                s3 += LOAD_VECTOR(f_vector, x, 24);
            }
            for (int i = 0; i < 8; i++) {
                p[j + i].d += (double)s0[i];
                p[j + 8 + i].d += (double)s1[i];
                p[j + 16 + i].d += (double)s2[i];
                p[j + 24 + i].d += (double)s3[i];
            }
        }
        for (int64_t k = 0; k < count && j < n; k++) float32_sum_column(n - j, (const float *)(at + k * stride) + j, p + j);
    }
}

// Sums of squares for norms, float32 only: float64 represents the square of every float32.
APUS_CLONES static void float32_squares_row(int64_t n, const void *in, partial *p) {
    const float *x = in;
    double lanes[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) lanes[j] += (double)x[i + j] * (double)x[i + j];
    for (int j = 0; i < n; i++, j++) lanes[j] += (double)x[i] * (double)x[i];
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int j = 0; j < width; j++) lanes[j] += lanes[j + width];
    p->d += lanes[0];
}
APUS_CLONES static void float32_squares_column(int64_t n, const void *in, partial *p) {
    const float *restrict x = in;
    for (int64_t i = 0; i < n; i++) p[i].d += (double)x[i] * (double)x[i];
}

#define FOLDS(NAME, OP)                                                                                                                    \
    { NAME##_##OP##_row, NAME##_##OP##_column }
#define ROW_OF(OP)                                                                                                                         \
    {                                                                                                                                      \
        FOLDS(uint8, OP), FOLDS(uint8, OP), FOLDS(int8, OP), FOLDS(int16, OP), FOLDS(int32, OP), FOLDS(int64, OP), FOLDS(float32, OP),     \
            FOLDS(float32, OP), FOLDS(float32, OP), FOLDS(float64, OP)                                                                     \
    }
static const fold folds[APUS_REDUCE_COUNT][APUS_DTYPE_COUNT] = {
    [APUS_REDUCE_sum] = ROW_OF(sum), [APUS_REDUCE_mean] = ROW_OF(sum), [APUS_REDUCE_prod] = ROW_OF(prod), [APUS_REDUCE_min] = ROW_OF(min),
    [APUS_REDUCE_max] = ROW_OF(max), [APUS_REDUCE_any] = ROW_OF(any),  [APUS_REDUCE_all] = ROW_OF(all),
};

static partial start_of(apus_reduce_kind kind, bool floats) {
    partial p = {.i = 0};
    switch (kind) {
    case APUS_REDUCE_sum:
    case APUS_REDUCE_mean:
    case APUS_REDUCE_any: break;
    case APUS_REDUCE_prod:
        if (floats) p.d = 1;
        else p.i = 1;
        break;
    case APUS_REDUCE_min:
        if (floats) p.d = INFINITY;
        else p.i = INT64_MAX;
        break;
    case APUS_REDUCE_max:
        if (floats) p.d = -INFINITY;
        else p.i = INT64_MIN;
        break;
    case APUS_REDUCE_all: p.i = 1; break;
    }
    return p;
}

static void combine(apus_reduce_kind kind, bool floats, partial *p, partial q) {
    switch (kind) {
    case APUS_REDUCE_sum:
    case APUS_REDUCE_mean:
        if (floats) p->d += q.d;
        else p->i = W_ADD(p->i, q.i);
        break;
    case APUS_REDUCE_prod:
        if (floats) p->d *= q.d;
        else p->i = W_MULTIPLY(p->i, q.i);
        break;
    case APUS_REDUCE_min:
        if (floats) p->d = SMALLER(p->d, q.d);
        else p->i = q.i < p->i ? q.i : p->i;
        break;
    case APUS_REDUCE_max:
        if (floats) p->d = LARGER(p->d, q.d);
        else p->i = q.i > p->i ? q.i : p->i;
        break;
    case APUS_REDUCE_any: p->i |= q.i; break;
    case APUS_REDUCE_all: p->i &= q.i; break;
    }
}

static void store(int dtype, void *out, int64_t at, partial p) {
    switch ((enum apus_dtype)dtype) {
    case APUS_BOOL: ((apus_bool *)out)[at] = p.i != 0; break;
    case APUS_UINT8: ((uint8_t *)out)[at] = (uint8_t)p.i; break;
    case APUS_INT8: ((int8_t *)out)[at] = (int8_t)p.i; break;
    case APUS_INT16: ((int16_t *)out)[at] = (int16_t)p.i; break;
    case APUS_INT32: ((int32_t *)out)[at] = (int32_t)p.i; break;
    case APUS_INT64: ((int64_t *)out)[at] = p.i; break;
    case APUS_FLOAT16: ((apus_half *)out)[at] = (apus_half)(float)p.d; break;
    case APUS_BFLOAT16: ((apus_bfloat *)out)[at] = float_to_bfloat((float)p.d); break;
    case APUS_FLOAT32: ((float *)out)[at] = (float)p.d; break;
    case APUS_FLOAT64: ((double *)out)[at] = p.d; break;
    }
}

// MARK: Layouts

// Outputs are computed in the order of `kept`, the elements of each in the order of `reduced`. If the last kept dimension is contiguous,
// `tile` adjacent outputs are reduced at once by columns; else each by rows, gathered if the last reduced dimension is not contiguous.
typedef struct {
    apus_reduce_kind kind;
    int dtype, out_dtype;
    bool is_norm; // a sum of squares, then its root
    bool floats, columns, dense;
    fold f;
    apus_view kept, reduced; // offsets from x; `reduced.data` is unused
    int64_t outputs, elements;
    int64_t tile;          // outputs per unit
    int64_t units;         // number of tiles
    int64_t splits, split; // number of parts that the elements are split into, and elements per part
    partial *partials;     // [splits][outputs], NULL if splits is 1
    void *out;
    double scale; // 1/count, for a mean
} reduction;

#define MAX_TILE 512

/// Reduces the elements [from, to) of n outputs, starting at output `first`.
static void fold_tile(const reduction *r, int64_t first, int64_t n, int64_t from, int64_t to, partial *p) {
    apus_cursor kept;
    apus_seek(&kept, &r->kept, first);
    apus_view elements = r->reduced;
    elements.data = kept.at;
    float wide[MAX_TILE];
    uint64_t raw[MAX_TILE];
    bool half = is_half(r->dtype);
    apus_cursor c;
    apus_seek(&c, &elements, from);
    int last = elements.rank - 1;
    int64_t extent = elements.extent[last], stride = elements.stride[last];
    while (from < to) {
        int64_t run = extent - c.coordinate[last];
        if (run > to - from) run = to - from;
        if (r->columns && r->f.row == float32_sum_fast_row && !half) {
            float32_sum_rows(n, run, stride, c.at, p);
        } else if (r->columns) {
            for (int64_t i = 0; i < run; i++) {
                const char *at = c.at + i * stride;
                if (half) apus_halves_to_float(r->dtype, n, wide, at);
                r->f.column(n, half ? (void *)wide : (void *)at, p);
            }
        } else if (r->dense && !half) {
            r->f.row(run, c.at, p);
        } else {
            // through a buffer; apus_gather moves the cursor itself
            int64_t block = to - from < MAX_TILE ? to - from : MAX_TILE;
            apus_gather(&c, block, raw);
            if (half) apus_halves_to_float(r->dtype, block, wide, raw);
            r->f.row(block, half ? (void *)wide : (void *)raw, p);
            from += block;
            continue;
        }
        from += run;
        c.at += run * stride;
        c.coordinate[last] += run;
        if (c.coordinate[last] == extent) {
            c.at -= extent * stride;
            c.coordinate[last] = 0;
            next_row(&c);
        }
    }
}

static void finish(const reduction *r, int64_t at, partial p) {
    if (r->kind == APUS_REDUCE_mean) p.d *= r->scale;
    if (r->is_norm) p.d = sqrt(p.d);
    if (r->out_dtype == APUS_BOOL) p.i = p.i != 0;
    store(r->out_dtype, r->out, at, p);
}

static void unit_body(void *context, int64_t begin, int64_t end) {
    const reduction *r = context;
    partial p[MAX_TILE], start = start_of(r->kind, r->floats);
    for (int64_t u = begin; u < end; u++) {
        int64_t unit = u / r->splits, part = u % r->splits;
        int64_t first = unit * r->tile, n = r->tile;
        if (r->columns) {
            // A tile does not cross the end of a contiguous run of outputs.
            int64_t run = r->kept.extent[r->kept.rank - 1], tiles = (run + r->tile - 1) / r->tile;
            int64_t place = unit % tiles * r->tile;
            first = unit / tiles * run + place;
            n = run - place < r->tile ? run - place : r->tile;
        } else if (r->outputs - first < n) {
            n = r->outputs - first;
        }
        int64_t from = part * r->split, to = from + r->split < r->elements ? from + r->split : r->elements;
        if (r->columns) {
            for (int64_t i = 0; i < n; i++) p[i] = start;
            fold_tile(r, first, n, from, to, p);
        } else if (r->dense && r->reduced.rank == 1 && r->kept.rank == 1 && !is_half(r->dtype)) {
            // Contiguous rows of a matrix, the common case, need no cursor.
            const char *row = r->kept.data + first * r->kept.stride[0] + from * r->reduced.size;
            for (int64_t i = 0; i < n; i++) {
                p[i] = start;
                r->f.row(to - from, row + i * r->kept.stride[0], &p[i]);
            }
        } else {
            for (int64_t i = 0; i < n; i++) {
                p[i] = start;
                fold_tile(r, first + i, 1, from, to, &p[i]);
            }
        }
        for (int64_t i = 0; i < n; i++) {
            if (r->partials) r->partials[part * r->outputs + first + i] = p[i];
            else finish(r, first + i, p[i]);
        }
    }
}

static void combine_body(void *context, int64_t begin, int64_t end) {
    const reduction *r = context;
    for (int64_t i = begin; i < end; i++) {
        partial p = r->partials[i];
        for (int64_t s = 1; s < r->splits; s++) combine(r->kind, r->floats, &p, r->partials[s * r->outputs + i]);
        finish(r, i, p);
    }
}

static bool reduce(apus_reduce_kind kind, bool is_norm, const apus_tensor *x, const bool *reduced, const apus_tensor *out) {
    int64_t shape[2][APUS_MAX_RANK], strides[2][APUS_MAX_RANK];
    int rank[2] = {0, 0};
    int64_t count[2] = {1, 1};
    for (int d = 0; d < x->rank; d++) {
        int part = reduced[d];
        count[part] *= x->shape[d];
        if (x->shape[d] == 1 || rank[part] == APUS_MAX_RANK) continue;
        shape[part][rank[part]] = x->shape[d];
        strides[part][rank[part]++] = x->strides[d];
    }
    reduction r = {.kind = kind,
                   .is_norm = is_norm,
                   .dtype = x->dtype,
                   .out_dtype = out->dtype,
                   .out = out->data,
                   .outputs = count[0],
                   .elements = count[1],
                   .splits = 1};
    if (r.outputs == 0) return true;
    r.floats = x->dtype >= APUS_FLOAT16 && kind != APUS_REDUCE_any && kind != APUS_REDUCE_all;
    r.scale = 1 / (double)r.elements;
    if (r.elements == 0) { // an empty sum is 0, an empty mean NaN
        r.scale = NAN;
        for (int64_t i = 0; i < r.outputs; i++) {
            partial p = start_of(kind, r.floats);
            if (kind == APUS_REDUCE_mean) p.d = NAN;
            store(r.out_dtype, r.out, i, p);
        }
        return true;
    }
    apus_collapse(&(apus_tensor){x->data, shape[0], strides[0], rank[0], x->dtype}, &r.kept);
    apus_collapse(&(apus_tensor){x->data, shape[1], strides[1], rank[1], x->dtype}, &r.reduced);
    r.f = is_norm ? (fold){float32_squares_row, float32_squares_column} : folds[kind][x->dtype];
    if (!is_norm && (kind == APUS_REDUCE_sum || kind == APUS_REDUCE_mean)) {
        if (x->dtype == APUS_FLOAT64) r.f.row = float64_pairwise_row;
        if (r.floats && x->dtype != APUS_FLOAT64) r.f.row = float32_sum_fast_row;
    }
    int size = apus_size[x->dtype];
    r.dense = r.reduced.stride[r.reduced.rank - 1] == size && r.elements > 1;
    int64_t dense_outputs = r.kept.stride[r.kept.rank - 1] == size ? r.kept.extent[r.kept.rank - 1] : 1;
    r.columns = !r.dense && dense_outputs >= 4;
    r.tile = r.columns ? (dense_outputs < MAX_TILE ? dense_outputs : MAX_TILE) : 1;
    if (r.columns) r.units = r.outputs / dense_outputs * ((dense_outputs + r.tile - 1) / r.tile);
    if (!r.columns) {
        // A unit has many short rows.
        int64_t rows = APUS_GRAIN / 4 / r.elements;
        r.tile = rows < 1 ? 1 : rows > MAX_TILE ? MAX_TILE : rows;
        r.units = (r.outputs + r.tile - 1) / r.tile;
    }
    // Few outputs of many elements: the elements are split so that threads share them. The split depends on the shape alone.
    if (r.units < 16 && r.elements * r.outputs > 2 * APUS_GRAIN) {
        int64_t least = r.columns ? APUS_GRAIN / r.tile : APUS_GRAIN, most = 256;
        r.splits = r.elements / (least < 1 ? 1 : least);
        if (r.splits > most) r.splits = most;
        if (r.splits < 1) r.splits = 1;
        r.split = (r.elements + r.splits - 1) / r.splits;
        r.splits = (r.elements + r.split - 1) / r.split;
    }
    if (r.splits == 1) r.split = r.elements;
    else if (!(r.partials = apus_scratch((size_t)(r.splits * r.outputs) * sizeof(partial)))) return false;
    int64_t work = r.split * r.tile;
    int64_t grain = APUS_GRAIN / (work < 1 ? 1 : work);
    apus_parallel_for(r.units * r.splits, grain < 1 ? 1 : grain, unit_body, &r);
    if (r.partials) {
        apus_parallel_for(r.outputs, APUS_GRAIN / r.splits + 1, combine_body, &r);
        free(r.partials);
    }
    return true;
}

bool apus_reduce(apus_reduce_kind kind, const apus_tensor *x, const bool *reduced, const apus_tensor *out) {
    return reduce(kind, false, x, reduced, out);
}

bool apus_euclidean_norm(const apus_tensor *x, const bool *reduced, const apus_tensor *out) {
    return reduce(APUS_REDUCE_sum, true, x, reduced, out);
}
