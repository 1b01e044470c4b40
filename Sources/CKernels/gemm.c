#include "gemm.h"
#include "parallel.h"
#include "workspace.h"
#include <string.h>

// Depth of a block: a panel of rows and a panel of columns of this depth fit into the first-level cache together.
enum { BLOCK_K = 256 };

#define REAL float
#define TYPED(x) f32_##x
#include "gemm_type.h"
#undef REAL
#undef TYPED

#define REAL double
#define TYPED(x) f64_##x
#include "gemm_type.h"
#undef REAL
#undef TYPED

bool apus_gemm_f32(const apus_gemm *g) { return f32_product(g); }
bool apus_gemm_f64(const apus_gemm *g) { return f64_product(g); }
bool apus_gemm_kernel_f32(const apus_gemm *g, int size) {
    (void)size;
    return f32_product(g);
}
bool apus_gemm_kernel_f64(const apus_gemm *g, int size) {
    (void)size;
    return f64_product(g);
}

// MARK: Integers

// Unsigned arithmetic wraps and gives the same bits as signed. Each row of c is a sum of multiples of the rows of b.
#define INTEGER_ROWS(T)                                                                                                                    \
    static void rows_##T(void *context, int64_t begin, int64_t end) {                                                                      \
        const apus_gemm *g = context;                                                                                                      \
        const T *bias = g->bias;                                                                                                           \
        for (int64_t i = begin; i < end; i++) {                                                                                            \
            T *c = (T *)g->c + i * g->c_row;                                                                                               \
            const T *a = (const T *)g->a + i * g->a_row;                                                                                   \
            for (int64_t q = 0; q < g->n; q++) c[q] = (T)((g->accumulate ? c[q] : 0) + (bias ? bias[q] : 0));                              \
            if (g->b_row == 1 && g->b_column != 1) {                                                                                       \
                for (int64_t q = 0; q < g->n; q++) {                                                                                       \
                    const T *b = (const T *)g->b + q * g->b_column;                                                                        \
                    T sum = 0;                                                                                                             \
                    for (int64_t p = 0; p < g->k; p++) sum = (T)(sum + (T)((uint64_t)a[p * g->a_column] * b[p]));                          \
                    c[q] = (T)(c[q] + sum);                                                                                                \
                }                                                                                                                          \
                continue;                                                                                                                  \
            }                                                                                                                              \
            for (int64_t p = 0; p < g->k; p++) {                                                                                           \
                const T *b = (const T *)g->b + p * g->b_row;                                                                               \
                uint64_t x = a[p * g->a_column];                                                                                           \
                if (g->b_column == 1)                                                                                                      \
                    for (int64_t q = 0; q < g->n; q++) c[q] = (T)(c[q] + (T)(x * b[q]));                                                   \
                else                                                                                                                       \
                    for (int64_t q = 0; q < g->n; q++) c[q] = (T)(c[q] + (T)(x * b[q * g->b_column]));                                     \
            }                                                                                                                              \
        }                                                                                                                                  \
    }

INTEGER_ROWS(uint8_t)
INTEGER_ROWS(uint16_t)
INTEGER_ROWS(uint32_t)
INTEGER_ROWS(uint64_t)

bool apus_gemm_integer(const apus_gemm *g, int size) {
    if (g->m <= 0 || g->n <= 0) return true;
    int64_t grain = 32768 / ((g->k > 0 ? g->k : 1) * g->n) + 1;
    void (*rows)(void *, int64_t, int64_t) = size == 1   ? rows_uint8_t
                                             : size == 2 ? rows_uint16_t
                                             : size == 4 ? rows_uint32_t
                                                         : rows_uint64_t;
    apus_parallel_for(g->m, grain, rows, (void *)g);
    return true;
}

// MARK: Batches

typedef struct {
    apus_gemm first;
    int64_t a_batch, b_batch, c_batch;
    int size;
    apus_gemm_kernel kernel;
} batch_job;

static bool run_batches(void *context, int64_t begin, int64_t end) {
    const batch_job *j = context;
    for (int64_t i = begin; i < end; i++) {
        apus_gemm g = j->first;
        g.a = (const char *)g.a + i * j->a_batch * j->size;
        g.b = (const char *)g.b + i * j->b_batch * j->size;
        g.c = (char *)g.c + i * j->c_batch * j->size;
        if (!j->kernel(&g, j->size)) return false;
    }
    return true;
}

bool apus_gemm_batched(const apus_gemm *first, int64_t batches, int64_t a_batch, int64_t b_batch, int64_t c_batch, int size,
                       apus_gemm_kernel kernel) {
    batch_job job = {*first, a_batch, b_batch, c_batch, size, kernel};
    double work = (double)first->m * (double)first->n * (double)(first->k > 0 ? first->k : 1);
    if (batches == 1 || (work > 16e6 && batches < 16)) return run_batches(&job, 0, batches);
    return apus_parallel_try(batches, (int64_t)(64e3 / (work + 1)) + 1, run_batches, &job);
}
