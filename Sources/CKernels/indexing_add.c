#include "indexing.h"
#include "indexing_combine.h"
#include "workspace.h"
#include <stdlib.h>

#define ADD_ROW(D, NAME, T, OP)                                                                                                            \
    APUS_CLONES static void add_##NAME(int64_t n, void *out_, const void *in_) {                                                           \
        T *restrict out = out_;                                                                                                            \
        const T *restrict in = in_;                                                                                                        \
        for (int64_t i = 0; i < n; i++) out[i] = OP(T, APUS_SCATTER_add, out[i], in[i]);                                                   \
    }
EACH_DTYPE(ADD_ROW)
typedef void row_adder(int64_t n, void *out, const void *in);
#define ADD_ENTRY(D, NAME, T, OP) [D] = add_##NAME,
static row_adder *const adders[APUS_DTYPE_COUNT] = {EACH_DTYPE(ADD_ENTRY)};

typedef struct {
    row_adder *add;
    int64_t size, count, inner, tile, tiles;
    int element;
    char *out;
    const char *source;
    const int64_t *index;
} addition;

/// Threads split the outer and inner dimensions, never the indices: each element is added to in order.
static void add_body(void *context, int64_t begin, int64_t end) {
    const addition *a = context;
    for (int64_t u = begin; u < end; u++) {
        int64_t o = u / a->tiles, from = u % a->tiles * a->tile;
        int64_t n = a->inner - from < a->tile ? a->inner - from : a->tile;
        for (int64_t j = 0; j < a->count; j++)
            a->add(n, a->out + ((o * a->size + a->index[j]) * a->inner + from) * a->element,
                   a->source + ((o * a->count + j) * a->inner + from) * a->element);
    }
}

// For floats, rows with the same index are grouped and summed in double (in two doubles for double), so that the rounding error does not
// grow with their number.
enum { SUMS = 64 };
#define LOAD_NUMBER(x) (x)
#define STORE_NUMBER(x) (x)
#define LOAD_HALF(x) (float)(x)
#define LOAD_BFLOAT(x) bfloat_to_float(x)
#define STORE_BFLOAT(x) float_to_bfloat((float)(x))
#define ADD_ONE(sum, lost, value) (sum) += (double)(value);
#define ADD_TWO(sum, lost, value)                                                                                                          \
    {                                                                                                                                      \
        double value_ = (value), total_ = (sum) + value_, back_ = total_ - (sum);                                                          \
        (lost) += ((sum) - (total_ - back_)) + (value_ - back_);                                                                           \
        (sum) = total_;                                                                                                                    \
    }
/// Four rows at a time are added in the computation type, pairwise.
#define ADD_ROWS(NAME, T, LOAD, STORE, ADD_NUMBER)                                                                                         \
    APUS_CLONES static void add_rows_##NAME(int64_t n, int64_t m, const int64_t *rows, int64_t stride, void *out_, const void *source) {   \
        double sum[SUMS], lost[SUMS];                                                                                                      \
        T *restrict out = out_;                                                                                                            \
        for (int64_t i = 0; i < n; i++) {                                                                                                  \
            sum[i] = (double)LOAD(out[i]);                                                                                                 \
            lost[i] = 0;                                                                                                                   \
        }                                                                                                                                  \
        int64_t k = 0;                                                                                                                     \
        for (; k + 4 <= m; k += 4) {                                                                                                       \
            const T *a = (const T *)source + rows[k] * stride, *b = (const T *)source + rows[k + 1] * stride;                              \
            const T *c = (const T *)source + rows[k + 2] * stride, *d = (const T *)source + rows[k + 3] * stride;                          \
            for (int64_t i = 0; i < n; i++) ADD_NUMBER(sum[i], lost[i], (LOAD(a[i]) + LOAD(b[i])) + (LOAD(c[i]) + LOAD(d[i])))             \
        }                                                                                                                                  \
        for (; k < m; k++) {                                                                                                               \
            const T *a = (const T *)source + rows[k] * stride;                                                                             \
            for (int64_t i = 0; i < n; i++) ADD_NUMBER(sum[i], lost[i], LOAD(a[i]))                                                        \
        }                                                                                                                                  \
        for (int64_t i = 0; i < n; i++) out[i] = (T)STORE(lost[i] - lost[i] == 0 ? sum[i] + lost[i] : sum[i]);                             \
    }                                                                                                                                      \
    static void add_numbers_##NAME(int64_t n, int64_t m, const int64_t *rows, int64_t stride, void *out_, const void *source) {            \
        T *out = out_;                                                                                                                     \
        double sum = (double)LOAD(*out), lost = 0;                                                                                         \
        for (int64_t k = 0; k < m; k++) ADD_NUMBER(sum, lost, LOAD(((const T *)source)[rows[k]]))                                          \
        *out = (T)STORE(lost - lost == 0 ? sum + lost : sum);                                                                              \
        (void)n, (void)stride;                                                                                                             \
    }
ADD_ROWS(float16, apus_half, LOAD_HALF, STORE_NUMBER, ADD_ONE)
ADD_ROWS(bfloat16, apus_bfloat, LOAD_BFLOAT, STORE_BFLOAT, ADD_ONE)
ADD_ROWS(float32, float, LOAD_NUMBER, STORE_NUMBER, ADD_ONE)
ADD_ROWS(float64, double, LOAD_NUMBER, STORE_NUMBER, ADD_TWO)
typedef void rows_adder(int64_t n, int64_t m, const int64_t *rows, int64_t stride, void *out, const void *source);
/// For rows of several numbers, and for rows of one.
static rows_adder *const rows_adders[APUS_DTYPE_COUNT][2] = {[APUS_FLOAT16] = {add_rows_float16, add_numbers_float16},
                                                             [APUS_BFLOAT16] = {add_rows_bfloat16, add_numbers_bfloat16},
                                                             [APUS_FLOAT32] = {add_rows_float32, add_numbers_float32},
                                                             [APUS_FLOAT64] = {add_rows_float64, add_numbers_float64}};

typedef struct {
    addition plain;
    rows_adder *add;
    // The rows order[start[g]] ..< order[start[g + 1]] belong to group g and have index place[g].
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

/// Groups rows with the same index, in order; returns false if there is no memory. Groups are found in a table of all places if there are
/// no more places than rows, else in a hash table.
static bool group(grouped_addition *g) {
    const addition *a = &g->plain;
    bool direct = a->size <= a->count;
    int64_t slots = a->size, count = a->count;
    if (!direct)
        for (slots = 16; slots < 2 * count; slots *= 2) {}
    int64_t *memory = apus_scratch((size_t)(slots + 4 * count + 1) * sizeof *memory);
    if (!memory) return false;
    g->memory = memory;
    int64_t *table = memory, *of = table + slots; // the group of each place; the group of each row
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
    // Turns counts into group ends; placing the rows from last to first moves these back to the groups' starts.
    int64_t end = 0;
    for (int64_t k = 0; k < g->groups; k++) g->start[k] = end += g->start[k];
    g->start[g->groups] = end;
    for (int64_t j = count - 1; j >= 0; j--) g->order[--g->start[of[j]]] = j;
    return true;
}

bool apus_index_add(int dtype, int64_t outer, int64_t size, int64_t count, int64_t inner, void *out, const int64_t *index,
                    const void *source) {
    if (inner == 0 || count == 0) return true;
    addition a = {adders[dtype], size, count, inner, inner, 1, apus_size[dtype], out, source, index};
    if (inner > 64 && outer < 16) {
        a.tile = 64;
        a.tiles = (inner + 63) / 64;
    }
    int64_t work = a.tile * count;
    grouped_addition g = {.plain = a, .add = rows_adders[dtype][inner == 1]};
    if (g.add && count > 1) {
        if (!group(&g)) return false;
        apus_parallel_for(outer * a.tiles, APUS_GRAIN / work + 1, add_groups_body, &g);
        free(g.memory);
        return true;
    }
    apus_parallel_for(outer * a.tiles, APUS_GRAIN / work + 1, add_body, &a);
    return true;
}
