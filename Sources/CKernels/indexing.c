#include "indexing.h"
#include "core.h"
#include <stdlib.h>

APUS_CLONES int64_t apus_first_outside(int64_t n, const int64_t *index, int64_t size) {
    uint64_t outside = 0;
    for (int64_t i = 0; i < n; i++) outside |= (uint64_t)((uint64_t)index[i] >= (uint64_t)size);
    if (!outside) return -1;
    int64_t i = 0;
    while ((uint64_t)index[i] < (uint64_t)size) i++;
    return i;
}

APUS_INLINE void copy_element(void *to, const void *from, int size) {
    switch (size) {
    case 1: memcpy(to, from, 1); break;
    case 2: memcpy(to, from, 2); break;
    case 4: memcpy(to, from, 4); break;
    default: memcpy(to, from, 8); break;
    }
}

// MARK: indexSelect

typedef struct {
    apus_view outer, inner;
    int64_t stride, count; // of dim, in bytes; how many are selected
    const int64_t *index;
    char *out;
} selection;

static void select_body(void *context, int64_t begin, int64_t end) {
    const selection *s = context;
    int size = s->inner.size;
    int64_t bytes = s->inner.count * size;
    bool dense = view_is_contiguous(&s->inner);
    apus_cursor outer, inner;
    int64_t previous = -1;
    for (int64_t i = begin; i < end; i++) {
        int64_t o = i / s->count, j = i - o * s->count;
        if (o != previous) apus_seek(&outer, &s->outer, o);
        previous = o;
        char *from = outer.at + s->index[j] * s->stride, *to = s->out + i * bytes;
        if (s->inner.count == 1) {
            copy_element(to, from, size);
        } else if (dense) {
            memcpy(to, from, (size_t)bytes);
        } else {
            apus_seek(&inner, &s->inner, 0);
            inner.at = from;
            apus_gather(&inner, s->inner.count, to);
        }
    }
}

void apus_index_select(const apus_tensor *x, int dim, int64_t count, const int64_t *index, void *out) {
    selection s;
    apus_collapse(&(apus_tensor){x->data, x->shape, x->strides, dim, x->dtype}, &s.outer);
    apus_collapse(&(apus_tensor){x->data, x->shape + dim + 1, x->strides + dim + 1, x->rank - dim - 1, x->dtype}, &s.inner);
    s.stride = x->strides[dim] * apus_size[x->dtype];
    s.count = count;
    s.index = index;
    s.out = out;
    if (s.inner.count == 0) return;
    apus_parallel_for(s.outer.count * count, APUS_GRAIN / s.inner.count + 1, select_body, &s);
}

// MARK: Arithmetic at a place

// The kinds of `ScatterKind`. 16-bit floats are computed in float and rounded each time.
enum { SET, ADD, MULTIPLY, MINIMUM, MAXIMUM };
#define COMBINE(T, kind, a, b)                                                                                              \
    ((kind) == SET ? (b) : (kind) == ADD ? (T)((a) + (b)) : (kind) == MULTIPLY ? (T)((a) * (b)) : (kind) == MINIMUM ? ((((b) < (a)) | ((b) != (b))) ? (b) : (a)) : ((((b) > (a)) | ((b) != (b))) ? (b) : (a)))
/// Sums and products of integers wrap: they are made unsigned, of 64 bits.
#define COMBINE_INTEGERS(T, kind, a, b)                                                                                     \
    ((kind) == ADD ? (T)((uint64_t)(a) + (uint64_t)(b)) : (kind) == MULTIPLY ? (T)((uint64_t)(a) * (uint64_t)(b)) : COMBINE(T, (kind) < MINIMUM ? SET : (kind), a, b))
#define COMBINE_BOOLS(T, kind, a, b)                                                                                        \
    ((kind) == SET ? (T)((b) != 0) : (kind) == ADD || (kind) == MAXIMUM ? (T)(((a) | (b)) != 0) : (T)(((a) != 0) & ((b) != 0)))
#define COMBINE_HALVES(T, kind, a, b) ((T)COMBINE(float, kind, (float)(a), (float)(b)))
#define COMBINE_BFLOATS(T, kind, a, b) float_to_bfloat(COMBINE(float, kind, bfloat_to_float(a), bfloat_to_float(b)))

#define EACH_DTYPE(X)                                                                                                       \
    X(APUS_BOOL, boolean, apus_bool, COMBINE_BOOLS)                                                                         \
    X(APUS_UINT8, uint8, uint8_t, COMBINE_INTEGERS)                                                                         \
    X(APUS_INT8, int8, int8_t, COMBINE_INTEGERS)                                                                            \
    X(APUS_INT16, int16, int16_t, COMBINE_INTEGERS)                                                                         \
    X(APUS_INT32, int32, int32_t, COMBINE_INTEGERS)                                                                         \
    X(APUS_INT64, int64, int64_t, COMBINE_INTEGERS)                                                                         \
    X(APUS_FLOAT16, float16, apus_half, COMBINE_HALVES)                                                                     \
    X(APUS_BFLOAT16, bfloat16, apus_bfloat, COMBINE_BFLOATS)                                                                \
    X(APUS_FLOAT32, float32, float, COMBINE)                                                                                \
    X(APUS_FLOAT64, float64, double, COMBINE)

#define ADD_ROW(D, NAME, T, OP)                                                                                             \
    APUS_CLONES static void add_##NAME(int64_t n, void *out_, const void *in_) {                                            \
        T *restrict out = out_;                                                                                             \
        const T *restrict in = in_;                                                                                         \
        for (int64_t i = 0; i < n; i++) out[i] = OP(T, ADD, out[i], in[i]);                                                 \
    }
EACH_DTYPE(ADD_ROW)
typedef void row_adder(int64_t n, void *out, const void *in);
#define ADD_ENTRY(D, NAME, T, OP) [D] = add_##NAME,
static row_adder *const adders[10] = {EACH_DTYPE(ADD_ENTRY)};

// MARK: indexAdd

// A sum of floats stops to grow at 2²⁴ times what is added, and loses digits long before: rows of float32 that get many others are added
// up in double beside the output, and rounded once. `slots` says which: a row's place there, negative for one that gets few.
typedef struct {
    row_adder *add;
    int64_t size, count, inner, tile, tiles, long_rows;
    int element;
    char *out;
    const char *source;
    const int64_t *index;
    const int32_t *slots;
    double *sums; // [outer, long_rows, inner]
} addition;

enum { MANY = 256 };

APUS_CLONES static void add_to_double(int64_t n, double *restrict sums, const float *restrict in) {
    for (int64_t i = 0; i < n; i++) sums[i] += in[i];
}

/// Threads share outer places and tiles of the inner ones, never the indices: each element is added to in their order.
static void add_body(void *context, int64_t begin, int64_t end) {
    const addition *a = context;
    for (int64_t u = begin; u < end; u++) {
        int64_t o = u / a->tiles, from = u % a->tiles * a->tile;
        int64_t n = a->inner - from < a->tile ? a->inner - from : a->tile;
        double *sums = a->sums ? a->sums + o * a->long_rows * a->inner + from : NULL;
        for (int64_t j = 0; j < a->count; j++) {
            const char *source = a->source + ((o * a->count + j) * a->inner + from) * a->element;
            if (sums && a->slots[a->index[j]] >= 0) add_to_double(n, sums + a->slots[a->index[j]] * a->inner, (const float *)source);
            else a->add(n, a->out + ((o * a->size + a->index[j]) * a->inner + from) * a->element, source);
        }
        for (int64_t row = 0; sums && row < a->size; row++) {
            if (a->slots[row] < 0) continue;
            float *out = (float *)a->out + (o * a->size + row) * a->inner + from;
            const double *sum = sums + a->slots[row] * a->inner;
            for (int64_t i = 0; i < n; i++) out[i] = (float)(out[i] + sum[i]);
        }
    }
}

/// Which rows get many others: counts them, and makes their sums. Where there is no memory for that they are added like the rest.
static void find_long_rows(addition *a, int64_t outer, int32_t **slots) {
    *slots = calloc((size_t)a->size, sizeof(int32_t));
    if (!*slots) return;
    int32_t *counts = *slots;
    for (int64_t j = 0; j < a->count; j++) counts[a->index[j]] += counts[a->index[j]] <= MANY;
    for (int64_t row = 0; row < a->size; row++) counts[row] = counts[row] > MANY ? (int32_t)a->long_rows++ : -1;
    a->slots = *slots;
    if (a->long_rows) a->sums = calloc((size_t)(outer * a->long_rows * a->inner), sizeof(double));
}

void apus_index_add(int dtype, int64_t outer, int64_t size, int64_t count, int64_t inner, void *out, const int64_t *index, const void *source) {
    if (inner == 0 || count == 0) return;
    addition a = {adders[dtype], size, count, inner, inner, 1, 0, apus_size[dtype], out, source, index, NULL, NULL};
    int32_t *slots = NULL;
    if (dtype == APUS_FLOAT32 && count > MANY) find_long_rows(&a, outer, &slots);
    if (inner > 64 && outer < 16) {
        a.tile = 64;
        a.tiles = (inner + 63) / 64;
    }
    int64_t work = a.tile * count;
    apus_parallel_for(outer * a.tiles, APUS_GRAIN / work + 1, add_body, &a);
    free(a.sums);
    free(slots);
}

// MARK: gather and scatter

typedef struct {
    apus_view places; // the indexed tensor's elements at the indices' places, `dim` standing still
    int64_t stride;   // of dim, in bytes
    const int64_t *index;
    char *dense;      // out of a gather, source of a scatter
    int kind, dtype;
} elements;

#define EACH_ELEMENT(WORK)                                                                                                  \
    apus_cursor c;                                                                                                          \
    apus_seek(&c, &e->places, begin);                                                                                       \
    int last = e->places.rank - 1, size = e->places.size;                                                                   \
    int64_t extent = e->places.extent[last], step = e->places.stride[last];                                                 \
    for (int64_t i = begin; i < end;) {                                                                                     \
        int64_t run = extent - c.coordinate[last] < end - i ? extent - c.coordinate[last] : end - i;                        \
        for (int64_t k = 0; k < run; k++, i++) {                                                                            \
            char *at = c.at + k * step + e->index[i] * e->stride;                                                           \
            WORK;                                                                                                           \
        }                                                                                                                   \
        c.at -= c.coordinate[last] * step;                                                                                  \
        c.coordinate[last] = 0;                                                                                             \
        next_row(&c);                                                                                                       \
    }                                                                                                                       \
    (void)size;

static void gather_body(void *context, int64_t begin, int64_t end) {
    const elements *e = context;
    EACH_ELEMENT(copy_element(e->dense + i * size, at, size))
}

#define SCATTER(D, NAME, T, OP)                                                                                             \
    static void scatter_##NAME(const elements *e, int64_t begin, int64_t end) {                                             \
        const T *source = (const T *)e->dense;                                                                              \
        EACH_ELEMENT(*(T *)at = OP(T, e->kind, *(T *)at, source[i]))                                                        \
    }
EACH_DTYPE(SCATTER)

static void scatter_body(void *context, int64_t begin, int64_t end) {
    const elements *e = context;
    switch (e->dtype) {
#define SCATTER_CASE(D, NAME, T, OP) case D: scatter_##NAME(e, begin, end); break;
        EACH_DTYPE(SCATTER_CASE)
    }
}

static void make_elements(const apus_tensor *x, int dim, const int64_t *shape, elements *e) {
    // Dimensions of extent 1 are left out here already, so that any rank fits.
    int64_t extents[APUS_MAX_RANK], strides[APUS_MAX_RANK];
    int rank = 0;
    bool empty = false;
    for (int d = 0; d < x->rank; d++) {
        empty |= shape[d] == 0;
        if (shape[d] == 1 || rank == APUS_MAX_RANK) continue;
        extents[rank] = shape[d];
        strides[rank++] = d == dim ? 0 : x->strides[d];
    }
    apus_collapse(&(apus_tensor){x->data, extents, strides, rank, x->dtype}, &e->places);
    if (empty) e->places.count = 0;
    e->stride = x->rank == 0 ? 0 : x->strides[dim] * apus_size[x->dtype];
    e->dtype = x->dtype;
}

void apus_gather_elements(const apus_tensor *x, int dim, const int64_t *shape, const int64_t *index, void *out) {
    elements e = {.index = index, .dense = out};
    make_elements(x, dim, shape, &e);
    apus_parallel_for(e.places.count, APUS_GRAIN / 4, gather_body, &e);
}

void apus_scatter_elements(int kind, const apus_tensor *out, int dim, const int64_t *shape, const int64_t *index, const void *source) {
    elements e = {.index = index, .dense = (char *)source, .kind = kind};
    make_elements(out, dim, shape, &e);
    // Places that differ before dim never meet, so threads share those.
    int64_t block = 1;
    for (int d = dim; d < out->rank; d++) block *= shape[d];
    if (block < 1) return;
    apus_parallel_for(e.places.count, (APUS_GRAIN / 4 / block + 1) * block, scatter_body, &e);
}

// MARK: nonzero

APUS_CLONES int64_t apus_count_true(int64_t n, const uint8_t *x) {
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++) count += x[i] != 0;
    return count;
}

void apus_nonzero(int64_t n, const uint8_t *x, int rank, const int64_t *shape, int64_t *out) {
    for (int64_t i = 0; i < n; i++) {
        if (!x[i]) continue;
        int64_t rest = i;
        for (int d = rank - 1; d >= 0; d--) {
            out[d] = rest % shape[d];
            rest /= shape[d];
        }
        out += rank;
    }
}
