#include "indexing.h"
#include "indexing_combine.h"

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
    int64_t stride, count; // stride of dim in bytes; number of selected indices
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

// MARK: gather and scatter

typedef struct {
    apus_view places; // the indexed tensor at the positions of `index`, with stride 0 along `dim`
    int64_t stride;   // of dim, in bytes
    const int64_t *index;
    char *dense; // the output of gather, the source of scatter
    apus_scatter_kind kind;
    int dtype;
} elements;

#define EACH_ELEMENT(WORK)                                                                                                                 \
    apus_cursor c;                                                                                                                         \
    apus_seek(&c, &e->places, begin);                                                                                                      \
    int last = e->places.rank - 1, size = e->places.size;                                                                                  \
    int64_t extent = e->places.extent[last], step = e->places.stride[last];                                                                \
    for (int64_t i = begin; i < end;) {                                                                                                    \
        int64_t run = extent - c.coordinate[last] < end - i ? extent - c.coordinate[last] : end - i;                                       \
        for (int64_t k = 0; k < run; k++, i++) {                                                                                           \
            char *at = c.at + k * step + e->index[i] * e->stride;                                                                          \
            WORK;                                                                                                                          \
        }                                                                                                                                  \
        c.at -= c.coordinate[last] * step;                                                                                                 \
        c.coordinate[last] = 0;                                                                                                            \
        next_row(&c);                                                                                                                      \
    }                                                                                                                                      \
    (void)size;

static void gather_body(void *context, int64_t begin, int64_t end) {
    const elements *e = context;
    EACH_ELEMENT(copy_element(e->dense + i * size, at, size))
}

// A loop for each kind: a switch within it would be slower.
#define SCATTER(D, NAME, T, OP)                                                                                                            \
    APUS_INLINE void scatter_kind_##NAME(apus_scatter_kind kind, const elements *e, int64_t begin, int64_t end) {                          \
        const T *source = (const T *)e->dense;                                                                                             \
        EACH_ELEMENT(*(T *)at = OP(T, kind, *(T *)at, source[i]))                                                                          \
    }                                                                                                                                      \
    static void scatter_##NAME(const elements *e, int64_t begin, int64_t end) {                                                            \
        switch (e->kind) {                                                                                                                 \
        case APUS_SCATTER_set: scatter_kind_##NAME(APUS_SCATTER_set, e, begin, end); break;                                                \
        case APUS_SCATTER_add: scatter_kind_##NAME(APUS_SCATTER_add, e, begin, end); break;                                                \
        case APUS_SCATTER_multiply: scatter_kind_##NAME(APUS_SCATTER_multiply, e, begin, end); break;                                      \
        case APUS_SCATTER_min: scatter_kind_##NAME(APUS_SCATTER_min, e, begin, end); break;                                                \
        case APUS_SCATTER_max: scatter_kind_##NAME(APUS_SCATTER_max, e, begin, end); break;                                                \
        }                                                                                                                                  \
    }
EACH_DTYPE(SCATTER)

static void scatter_body(void *context, int64_t begin, int64_t end) {
    const elements *e = context;
    switch ((enum apus_dtype)e->dtype) {
#define SCATTER_CASE(D, NAME, T, OP)                                                                                                       \
    case D: scatter_##NAME(e, begin, end); break;
        EACH_DTYPE(SCATTER_CASE)
    }
}

static void make_elements(const apus_tensor *x, int dim, const int64_t *shape, elements *e) {
    // Skips dimensions of extent 1, so that any rank fits.
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

void apus_scatter_elements(apus_scatter_kind kind, const apus_tensor *out, int dim, const int64_t *shape, const int64_t *index,
                           const void *source) {
    elements e = {.index = index, .dense = (char *)source, .kind = kind};
    make_elements(out, dim, shape, &e);
    // Elements with different coordinates before dim never collide, so threads split there.
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
