#include "core.h"
#include "reduce.h"
#include "workspace.h"
#include <stdatomic.h>
#include <stdlib.h>

// Operations along `dim`: `places` is x without that dimension; at each of its elements a line of `length` elements, `stride` bytes apart,
// begins. Results are contiguous; elements of a line are `out_stride` elements apart.
typedef struct {
    apus_view places;
    int dtype;
    int64_t length, stride, inner, out_stride;
    int64_t *indices;
    void *out;
    bool smallest, product, descending;
    atomic_bool failed;
} lines;

static void make_lines(const apus_tensor *x, int dim, lines *l) {
    int64_t shape[APUS_MAX_RANK], strides[APUS_MAX_RANK];
    int rank = 0;
    l->inner = 1;
    for (int d = 0; d < x->rank; d++) {
        if (d == dim) continue;
        if (d > dim) l->inner *= x->shape[d];
        if (x->shape[d] == 1 || rank == APUS_MAX_RANK) continue;
        shape[rank] = x->shape[d];
        strides[rank++] = x->strides[d];
    }
    apus_collapse(&(apus_tensor){x->data, shape, strides, rank, x->dtype}, &l->places);
    l->dtype = x->dtype;
    bool scalar = x->rank == 0;
    l->length = scalar ? 1 : x->shape[dim];
    l->stride = scalar ? 0 : x->strides[dim] * apus_size[x->dtype];
    l->out_stride = l->inner;
}

/// The start of line `i` in contiguous results with `length` elements along dim.
static int64_t out_start(const lines *l, int64_t i, int64_t length) { return i / l->inner * length * l->inner + i % l->inner; }

static int64_t line_grain(const lines *l) {
    int64_t grain = APUS_GRAIN / (l->length < 1 ? 1 : l->length);
    return grain < 1 ? 1 : grain;
}

static void advance(apus_cursor *c) {
    int last = c->view->rank - 1;
    c->at += c->view->stride[last];
    if (++c->coordinate[last] < c->view->extent[last]) return;
    c->at -= c->view->stride[last] * c->view->extent[last];
    c->coordinate[last] = 0;
    next_row(c);
}

// How each dtype is read for ordering and summing; a bool is read as 0 or 1.
#define READ_TRUTH(p) (*(const apus_bool *)(p) != 0)
#define READ_HALF(p) ((float)*(const apus_half *)(p))
#define READ_BFLOAT(p) bfloat_to_float(*(const apus_bfloat *)(p))
#define READ(T, p) (*(const T *)(p))

#define EACH_DTYPE(X)                                                                                                                      \
    X(APUS_BOOL, boolean, int, READ_TRUTH(p))                                                                                              \
    X(APUS_UINT8, uint8, uint8_t, READ(uint8_t, p))                                                                                        \
    X(APUS_INT8, int8, int8_t, READ(int8_t, p))                                                                                            \
    X(APUS_INT16, int16, int16_t, READ(int16_t, p))                                                                                        \
    X(APUS_INT32, int32, int32_t, READ(int32_t, p))                                                                                        \
    X(APUS_INT64, int64, int64_t, READ(int64_t, p))                                                                                        \
    X(APUS_FLOAT16, float16, float, READ_HALF(p))                                                                                          \
    X(APUS_BFLOAT16, bfloat16, float, READ_BFLOAT(p))                                                                                      \
    X(APUS_FLOAT32, float32, float, READ(float, p))                                                                                        \
    X(APUS_FLOAT64, float64, double, READ(double, p))

// MARK: Position of the largest or smallest element

#define EXTREME(D, NAME, T, READING)                                                                                                       \
    static int64_t extreme_##NAME(const char *p, int64_t n, int64_t stride, bool smallest) {                                               \
        T best = READING;                                                                                                                  \
        int64_t at = 0;                                                                                                                    \
        for (int64_t i = 1; i < n && best == best; i++) { /* nothing beats the first NaN */                                                \
            p += stride;                                                                                                                   \
            T x = READING;                                                                                                                 \
            if (smallest ? x < best : x > best) best = x, at = i;                                                                          \
            else if (x != x) return i;                                                                                                     \
        }                                                                                                                                  \
        return at;                                                                                                                         \
    }
EACH_DTYPE(EXTREME)

static int64_t extreme(int dtype, const char *p, int64_t n, int64_t stride, bool smallest) {
    switch ((enum apus_dtype)dtype) {
#define CASE(D, NAME, T, READING)                                                                                                          \
    case D: return extreme_##NAME(p, n, stride, smallest);
        EACH_DTYPE(CASE)
    }
    return 0;
}

static void arg_body(void *context, int64_t begin, int64_t end) {
    const lines *l = context;
    apus_cursor c;
    apus_seek(&c, &l->places, begin);
    int size = l->places.size;
    for (int64_t i = begin; i < end; i++, advance(&c)) {
        int64_t at = extreme(l->dtype, c.at, l->length, l->stride, l->smallest);
        l->indices[i] = at;
        memcpy((char *)l->out + i * size, c.at + at * l->stride, (size_t)size);
    }
}

static bool is_smallest(apus_arg_reduce_kind kind) {
    switch (kind) {
    case APUS_ARG_REDUCE_max: return false;
    case APUS_ARG_REDUCE_min: return true;
    }
}

void apus_arg_reduce(apus_arg_reduce_kind kind, const apus_tensor *x, int dim, int64_t *indices, void *values) {
    lines l = {.smallest = is_smallest(kind), .indices = indices, .out = values};
    make_lines(x, dim, &l);
    if (l.length == 0) return;
    apus_parallel_for(l.places.count, line_grain(&l), arg_body, &l);
}

// MARK: Cumulative sums and products, floats in double, integers wrapping

#define SCAN(NAME, T, OUT, ACC, READING, WRITE)                                                                                            \
    static void scan_##NAME(const char *p, int64_t n, int64_t stride, bool product, void *out_, int64_t out_stride) {                      \
        OUT *out = out_;                                                                                                                   \
        ACC sum = product;                                                                                                                 \
        for (int64_t i = 0; i < n; i++, p += stride) {                                                                                     \
            ACC x = (ACC)READING;                                                                                                          \
            sum = product ? sum * x : sum + x;                                                                                             \
            out[i * out_stride] = WRITE(sum);                                                                                              \
        }                                                                                                                                  \
    }
#define AS_IS(x) (x)
#define AS_HALF(x) ((apus_half)(float)(x))
#define AS_BFLOAT(x) float_to_bfloat((float)(x))
#define AS_FLOAT(x) ((float)(x))
#define INTEGER_SCAN(NAME, T) SCAN(NAME, T, T, uint64_t, READ(T, p), (T))
SCAN(boolean, apus_bool, apus_bool, uint64_t, READ_TRUTH(p), 0 !=)
INTEGER_SCAN(uint8, uint8_t)
INTEGER_SCAN(int8, int8_t)
INTEGER_SCAN(int16, int16_t)
INTEGER_SCAN(int32, int32_t)
INTEGER_SCAN(int64, int64_t)
SCAN(float16, apus_half, apus_half, double, READ_HALF(p), AS_HALF)
SCAN(bfloat16, apus_bfloat, apus_bfloat, double, READ_BFLOAT(p), AS_BFLOAT)
SCAN(float32, float, float, double, READ(float, p), AS_FLOAT)
SCAN(float64, double, double, double, READ(double, p), AS_IS)

static void scan_body(void *context, int64_t begin, int64_t end) {
    const lines *l = context;
    apus_cursor c;
    apus_seek(&c, &l->places, begin);
    int size = l->places.size;
    for (int64_t i = begin; i < end; i++, advance(&c)) {
        char *out = (char *)l->out + out_start(l, i, l->length) * size;
        switch ((enum apus_dtype)l->dtype) {
#define SCAN_CASE(D, NAME, T, READING)                                                                                                     \
    case D: scan_##NAME(c.at, l->length, l->stride, l->product, out, l->out_stride); break;
            EACH_DTYPE(SCAN_CASE)
        }
    }
}

static bool is_product(apus_scan_kind kind) {
    switch (kind) {
    case APUS_SCAN_sum: return false;
    case APUS_SCAN_prod: return true;
    }
}

void apus_scan(apus_scan_kind kind, const apus_tensor *x, int dim, void *out) {
    lines l = {.product = is_product(kind), .out = out};
    make_lines(x, dim, &l);
    if (l.length == 0) return;
    apus_parallel_for(l.places.count, line_grain(&l), scan_body, &l);
}

typedef struct {
    int64_t length, inner;
    const void *a, *b;
    void *out;
} recurrence;

// Adjacent lines are processed together, 64 at a time.
#define LINEAR_SCAN(NAME, T)                                                                                                               \
    APUS_CLONES static void NAME##_body(void *context, int64_t begin, int64_t end) {                                                       \
        const recurrence *r = context;                                                                                                     \
        int64_t tiles = (r->inner + 63) / 64;                                                                                              \
        for (int64_t u = begin; u < end; u++) {                                                                                            \
            int64_t from = u % tiles * 64, n = r->inner - from < 64 ? r->inner - from : 64;                                                \
            double carry[64] = {0};                                                                                                        \
            for (int64_t k = 0; k < r->length; k++) {                                                                                      \
                int64_t at = (u / tiles * r->length + k) * r->inner + from;                                                                \
                const T *a = (const T *)r->a + at, *b = (const T *)r->b + at;                                                              \
                T *out = (T *)r->out + at;                                                                                                 \
                for (int64_t i = 0; i < n; i++) {                                                                                          \
                    carry[i] = k == 0 ? (double)b[i] : (double)a[i] * carry[i] + (double)b[i];                                             \
                    out[i] = (T)carry[i];                                                                                                  \
                }                                                                                                                          \
            }                                                                                                                              \
        }                                                                                                                                  \
    }                                                                                                                                      \
    static void NAME(int64_t outer, int64_t length, int64_t inner, const void *a, const void *b, void *out) {                              \
        recurrence r = {length, inner, a, b, out};                                                                                         \
        int64_t work = length * (inner < 64 ? inner : 64);                                                                                 \
        apus_parallel_for(outer *((inner + 63) / 64), APUS_GRAIN / (work + 1) + 1, NAME##_body, &r);                                       \
    }
LINEAR_SCAN(f_linear_scan, float)
LINEAR_SCAN(d_linear_scan, double)

void apus_linear_scan(const apus_tensor *a, const apus_tensor *b, int dim, const apus_tensor *out) {
    apus_extents e = extents_around(out, dim);
    APUS_BY_TYPE(out->dtype, linear_scan, e.outer, e.length, e.inner, a->data, b->data, out->data);
}

// MARK: Sorting

// Each element becomes an unsigned key with the same order: integers by flipping the sign bit, floats by the usual transformation of their
// bits, with −0 equal to 0 and every NaN above infinity. For descending order the key is complemented, which keeps equal elements in order.
// Keys are sorted with their positions by a stable least-significant-digit radix sort; short lines by insertion sort.
typedef struct {
    uint64_t key;
    int64_t at;
} item;

static uint64_t integer_key(int64_t x, int bits) {
    return ((uint64_t)x ^ (uint64_t)1 << (bits - 1)) & (bits == 64 ? ~(uint64_t)0 : ((uint64_t)1 << bits) - 1);
}
static uint64_t float_key(double x) {
    if (x != x) return ~(uint64_t)0;
    if (x == 0) x = 0;
    uint64_t bits;
    memcpy(&bits, &x, 8);
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}
/// float32 and the 16-bit floats sort by 32 bits.
static uint64_t narrow_key(float x) {
    if (x != x) return UINT32_MAX;
    if (x == 0) x = 0;
    uint32_t bits = float_to_bits(x);
    return bits >> 31 ? (uint32_t)~bits : bits | (uint32_t)1 << 31;
}

static uint64_t key_of(int dtype, const char *p, int *bytes) {
    switch ((enum apus_dtype)dtype) {
    case APUS_BOOL: *bytes = 1; return READ_TRUTH(p);
    case APUS_UINT8: *bytes = 1; return READ(uint8_t, p);
    case APUS_INT8: *bytes = 1; return integer_key(READ(int8_t, p), 8);
    case APUS_INT16: *bytes = 2; return integer_key(READ(int16_t, p), 16);
    case APUS_INT32: *bytes = 4; return integer_key(READ(int32_t, p), 32);
    case APUS_INT64: *bytes = 8; return integer_key(READ(int64_t, p), 64);
    case APUS_FLOAT16: *bytes = 4; return narrow_key(READ_HALF(p));
    case APUS_BFLOAT16: *bytes = 4; return narrow_key(READ_BFLOAT(p));
    case APUS_FLOAT32: *bytes = 4; return narrow_key(READ(float, p));
    case APUS_FLOAT64: *bytes = 8; return float_key(READ(double, p));
    }
    return 0;
}

static void insertion_sort(item *a, int64_t n) {
    for (int64_t i = 1; i < n; i++) {
        item x = a[i];
        int64_t j = i;
        for (; j > 0 && a[j - 1].key > x.key; j--) a[j] = a[j - 1];
        a[j] = x;
    }
}

/// Sorts a, using b as a buffer; returns the one that holds the result.
static item *radix_sort(item *a, item *b, int64_t n, int bytes) {
    for (int digit = 0; digit < bytes; digit++) {
        int64_t count[256] = {0};
        int shift = 8 * digit;
        for (int64_t i = 0; i < n; i++) count[a[i].key >> shift & 255]++;
        if (count[a[0].key >> shift & 255] == n) continue; // all digits are equal
        int64_t sum = 0;
        for (int d = 0; d < 256; d++) {
            int64_t c = count[d];
            count[d] = sum;
            sum += c;
        }
        for (int64_t i = 0; i < n; i++) b[count[a[i].key >> shift & 255]++] = a[i];
        item *t = a;
        a = b;
        b = t;
    }
    return a;
}

static void sort_body(void *context, int64_t begin, int64_t end) {
    lines *l = context;
    int64_t n = l->length;
    item *room = apus_scratch((size_t)n * 2 * sizeof(item));
    if (!room) {
        l->failed = true;
        return;
    }
    apus_cursor c;
    apus_seek(&c, &l->places, begin);
    int size = l->places.size, bytes = 1;
    for (int64_t i = begin; i < end; i++, advance(&c)) {
        for (int64_t k = 0; k < n; k++) {
            uint64_t key = key_of(l->dtype, c.at + k * l->stride, &bytes);
            room[k] = (item){l->descending ? ~key : key, k};
        }
        item *sorted = room;
        if (n <= 48) insertion_sort(room, n);
        else sorted = radix_sort(room, room + n, n, bytes);
        int64_t start = out_start(l, i, n);
        for (int64_t k = 0; k < n; k++) {
            int64_t to = start + k * l->out_stride;
            l->indices[to] = sorted[k].at;
            memcpy((char *)l->out + to * size, c.at + sorted[k].at * l->stride, (size_t)size);
        }
    }
    free(room);
}

bool apus_sort(const apus_tensor *x, int dim, bool descending, void *values, int64_t *indices) {
    lines l = {.descending = descending, .indices = indices, .out = values};
    make_lines(x, dim, &l);
    if (l.length == 0) return true;
    apus_parallel_for(l.places.count, line_grain(&l) / 4 + 1, sort_body, &l);
    return !l.failed;
}
