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

typedef struct {
    row_adder *add;
    int64_t size, count, inner, tile, tiles;
    int element;
    char *out;
    const char *source;
    const int64_t *index;
} addition;

/// Threads share outer places and tiles of the inner ones, never the indices: each element is added to in their order.
static void add_body(void *context, int64_t begin, int64_t end) {
    const addition *a = context;
    for (int64_t u = begin; u < end; u++) {
        int64_t o = u / a->tiles, from = u % a->tiles * a->tile;
        int64_t n = a->inner - from < a->tile ? a->inner - from : a->tile;
        for (int64_t j = 0; j < a->count; j++)
            a->add(n, a->out + ((o * a->size + a->index[j]) * a->inner + from) * a->element, a->source + ((o * a->count + j) * a->inner + from) * a->element);
    }
}

// Floats: rows with one place are brought together and added up in double (in two doubles for double), so that a sum of any length is
// rounded once.
enum { SUMS = 64 };
#define LOAD_NUMBER(x) (x)
#define STORE_NUMBER(x) (x)
#define LOAD_HALF(x) (float)(x)
#define LOAD_BFLOAT(x) bfloat_to_float(x)
#define STORE_BFLOAT(x) float_to_bfloat((float)(x))
#define ADD_ONE(sum, lost, value) (sum) += (double)(value);
#define ADD_TWO(sum, lost, value)                                                                                           \
    {                                                                                                                       \
        double value_ = (value), total_ = (sum) + value_, back_ = total_ - (sum);                                           \
        (lost) += ((sum) - (total_ - back_)) + (value_ - back_);                                                            \
        (sum) = total_;                                                                                                     \
    }
/// Four rows at a time are added in the type that is computed in, as a tree.
#define ADD_ROWS(NAME, T, LOAD, STORE, ADD_NUMBER)                                                                          \
    APUS_CLONES static void add_rows_##NAME(int64_t n, int64_t m, const int64_t *rows, int64_t stride, void *out_, const void *source) {  \
        double sum[SUMS], lost[SUMS];                                                                                       \
        T *restrict out = out_;                                                                                             \
        for (int64_t i = 0; i < n; i++) {                                                                                   \
            sum[i] = (double)LOAD(out[i]);                                                                                  \
            lost[i] = 0;                                                                                                    \
        }                                                                                                                   \
        int64_t k = 0;                                                                                                      \
        for (; k + 4 <= m; k += 4) {                                                                                        \
            const T *a = (const T *)source + rows[k] * stride, *b = (const T *)source + rows[k + 1] * stride;               \
            const T *c = (const T *)source + rows[k + 2] * stride, *d = (const T *)source + rows[k + 3] * stride;           \
            for (int64_t i = 0; i < n; i++) ADD_NUMBER(sum[i], lost[i], (LOAD(a[i]) + LOAD(b[i])) + (LOAD(c[i]) + LOAD(d[i]))) \
        }                                                                                                                   \
        for (; k < m; k++) {                                                                                                \
            const T *a = (const T *)source + rows[k] * stride;                                                              \
            for (int64_t i = 0; i < n; i++) ADD_NUMBER(sum[i], lost[i], LOAD(a[i]))                                         \
        }                                                                                                                   \
        for (int64_t i = 0; i < n; i++) out[i] = (T)STORE(lost[i] - lost[i] == 0 ? sum[i] + lost[i] : sum[i]);              \
    }                                                                                                                       \
    static void add_numbers_##NAME(int64_t n, int64_t m, const int64_t *rows, int64_t stride, void *out_, const void *source) { \
        T *out = out_;                                                                                                      \
        double sum = (double)LOAD(*out), lost = 0;                                                                          \
        for (int64_t k = 0; k < m; k++) ADD_NUMBER(sum, lost, LOAD(((const T *)source)[rows[k]]))                           \
        *out = (T)STORE(lost - lost == 0 ? sum + lost : sum);                                                               \
        (void)n, (void)stride;                                                                                              \
    }
ADD_ROWS(float16, apus_half, LOAD_HALF, STORE_NUMBER, ADD_ONE)
ADD_ROWS(bfloat16, apus_bfloat, LOAD_BFLOAT, STORE_BFLOAT, ADD_ONE)
ADD_ROWS(float32, float, LOAD_NUMBER, STORE_NUMBER, ADD_ONE)
ADD_ROWS(float64, double, LOAD_NUMBER, STORE_NUMBER, ADD_TWO)
typedef void rows_adder(int64_t n, int64_t m, const int64_t *rows, int64_t stride, void *out, const void *source);
/// Of rows of several numbers, and of one.
static rows_adder *const rows_adders[10][2] = {
    [APUS_FLOAT16] = {add_rows_float16, add_numbers_float16}, [APUS_BFLOAT16] = {add_rows_bfloat16, add_numbers_bfloat16},
    [APUS_FLOAT32] = {add_rows_float32, add_numbers_float32}, [APUS_FLOAT64] = {add_rows_float64, add_numbers_float64}};

typedef struct {
    addition plain;
    rows_adder *add;
    // Rows with one place: order[start[g]] ..< order[start[g + 1]] are those of group g, all with place[g].
    int64_t groups, *start, *order, *place;
    void *memory;
} grouped_addition;

static void add_groups_body(void *context, int64_t begin, int64_t end) {
    const grouped_addition *g = context;
    const addition *a = &g->plain;
    for (int64_t u = begin; u < end; u++) {
        int64_t o = u / a->tiles, from = u % a->tiles * a->tile;
        int64_t n = a->inner - from < a->tile ? a->inner - from : a->tile;
        const char *source = a->source + (o * a->count * a->inner + from) * a->element;
        for (int64_t k = 0; k < g->groups; k++) {
            const int64_t *rows = g->order + g->start[k];
            int64_t m = g->start[k + 1] - g->start[k];
            char *out = a->out + ((o * a->size + g->place[k]) * a->inner + from) * a->element;
            if (m == 1) {
                a->add(n, out, source + *rows * a->inner * a->element);
                continue;
            }
            for (int64_t i = 0; i < n; i += SUMS)
                g->add(n - i < SUMS ? n - i : SUMS, m, rows, a->inner, out + i * a->element, source + i * a->element);
        }
    }
}

/// Brings rows of one place together, each group's in their order; false where there is no memory for that. The groups of places are found in
/// a table of all places where there are no more of these than rows, else in a hash table.
static bool group(grouped_addition *g) {
    const addition *a = &g->plain;
    bool direct = a->size <= a->count;
    int64_t slots = a->size, count = a->count;
    if (!direct) for (slots = 16; slots < 2 * count; slots *= 2) {}
    int64_t *memory = malloc((size_t)(slots + 4 * count + 1) * sizeof *memory);
    if (!memory) return false;
    g->memory = memory;
    int64_t *table = memory, *of = table + slots; // a place's group; a row's group
    g->start = of + count;
    g->place = g->start + count + 1;
    g->order = g->place + count;
    g->groups = 0;
    for (int64_t i = 0; i < slots; i++) table[i] = -1;
    for (int64_t j = 0; j < count; j++) {
        int64_t place = a->index[j], slot = place;
        if (!direct) {
            slot = (int64_t)(((uint64_t)place * 0x9E3779B97F4A7C15u) >> 32) & (slots - 1);
            while (table[slot] >= 0 && g->place[table[slot]] != place) slot = (slot + 1) & (slots - 1);
        }
        if (table[slot] < 0) {
            table[slot] = g->groups;
            g->start[g->groups] = 0;
            g->place[g->groups++] = place;
        }
        of[j] = table[slot];
        g->start[of[j]]++;
    }
    // From counts to where each group ends, and back to where it begins while the rows are set down, the last first.
    int64_t end = 0;
    for (int64_t k = 0; k < g->groups; k++) g->start[k] = end += g->start[k];
    g->start[g->groups] = end;
    for (int64_t j = count - 1; j >= 0; j--) g->order[--g->start[of[j]]] = j;
    return true;
}

void apus_index_add(int dtype, int64_t outer, int64_t size, int64_t count, int64_t inner, void *out, const int64_t *index, const void *source) {
    if (inner == 0 || count == 0) return;
    addition a = {adders[dtype], size, count, inner, inner, 1, apus_size[dtype], out, source, index};
    if (inner > 64 && outer < 16) {
        a.tile = 64;
        a.tiles = (inner + 63) / 64;
    }
    int64_t work = a.tile * count;
    grouped_addition g = {.plain = a, .add = rows_adders[dtype][inner == 1]};
    if (g.add && count > 1 && group(&g)) {
        apus_parallel_for(outer * a.tiles, APUS_GRAIN / work + 1, add_groups_body, &g);
        free(g.memory);
        return;
    }
    apus_parallel_for(outer * a.tiles, APUS_GRAIN / work + 1, add_body, &a);
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
