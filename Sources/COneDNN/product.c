#include "COneDNN.h"
#include "parallel.h"
#include "product.h"
#include "single.h"
#include <dnnl.h>
#include <stdbool.h>
#include <stdio.h>

const char *apus_dnn_version(void) {
    static char text[48];
    const dnnl_version_t *v = dnnl_version();
    // Threads that race here write the same bytes.
    snprintf(text, sizeof text, "%d.%d.%d", v->major, v->minor, v->patch);
    return text;
}

typedef struct {
    const apus_gemm *g;
    char trans_a, trans_b;
    int64_t lda, ldb;
    apus_tiles tiles;
} sgemm_job;

char apus_dense(int64_t rows, int64_t columns, int64_t row, int64_t column, int64_t *ld) {
    if ((column == 1 || columns == 1) && (row >= columns || rows == 1)) {
        *ld = rows == 1 || row < columns ? columns : row;
        return 'N';
    }
    if ((row == 1 || rows == 1) && (column >= rows || columns == 1)) {
        *ld = columns == 1 || column < rows ? rows : column;
        return 'T';
    }
    return 0;
}

apus_tiles apus_cut_product(int64_t m, int64_t n, int64_t most_rows, int64_t wanted) {
    apus_tiles t = {.row_blocks = (m + most_rows - 1) / most_rows, .column_blocks = 1};
    while (t.row_blocks * t.column_blocks < wanted) {
        int64_t rows = m / t.row_blocks, columns = n / t.column_blocks;
        if (columns >= rows && columns >= 64) t.column_blocks *= 2;
        else if (rows >= 64) t.row_blocks *= 2;
        else break;
    }
    t.row_block = ((m + t.row_blocks - 1) / t.row_blocks + 15) / 16 * 16;
    t.column_block = ((n + t.column_blocks - 1) / t.column_blocks + 15) / 16 * 16;
    t.row_blocks = (m + t.row_block - 1) / t.row_block;
    t.column_blocks = (n + t.column_block - 1) / t.column_block;
    return t;
}

static bool run_tiles(void *context, int64_t begin, int64_t end) {
    sgemm_job *j = context;
    const apus_gemm *g = j->g;
    int64_t rows = j->tiles.row_block, columns = j->tiles.column_block;
    for (int64_t t = begin; t < end; t++) {
        int64_t m0 = t / j->tiles.column_blocks * rows, n0 = t % j->tiles.column_blocks * columns;
        int64_t m = g->m - m0 < rows ? g->m - m0 : rows, n = g->n - n0 < columns ? g->n - n0 : columns;
        const float *a = (const float *)g->a + m0 * g->a_row, *b = (const float *)g->b + n0 * g->b_column, *bias = g->bias;
        float *c = (float *)g->c + m0 * g->c_row + n0;
        bool add = g->accumulate;
        if (bias) {
            for (int64_t i = 0; i < m; i++) {
                float *row = c + i * g->c_row;
                if (add)
                    for (int64_t q = 0; q < n; q++) row[q] += bias[n0 + q];
                else
                    for (int64_t q = 0; q < n; q++) row[q] = bias[n0 + q];
            }
            add = true;
        }
        int threads = apus_single_begin();
        dnnl_status_t status = dnnl_sgemm(j->trans_a, j->trans_b, m, n, g->k, 1, a, j->lda, b, j->ldb, add ? 1 : 0, c, g->c_row);
        apus_single_end(threads);
        if (status == dnnl_out_of_memory) return false;
        if (status != dnnl_success) {
            // dnnl_sgemm refused before computing anything: our own kernel computes this tile and adds to the bias already written.
            apus_gemm own = {m, n, g->k, a, g->a_row, g->a_column, b, g->b_row, g->b_column, c, g->c_row, 0, add};
            if (!apus_gemm_f32(&own)) return false;
        }
    }
    return true;
}

/// A float32 product as an `apus_gemm_kernel`.
static bool product(const apus_gemm *g, int size) {
    (void)size;
    sgemm_job j = {.g = g};
    // Thin products are faster in our own kernels.
    bool own = g->m <= 4 || g->n <= 16 || g->k < 16 || g->c_row < g->n;
    if (!own) {
        j.trans_a = apus_dense(g->m, g->k, g->a_row, g->a_column, &j.lda);
        j.trans_b = apus_dense(g->k, g->n, g->b_row, g->b_column, &j.ldb);
        own = !j.trans_a || !j.trans_b;
    }
    if (own) return apus_gemm_f32(g);
    // Tiles depend on the shape alone: at most 512 rows, and 2, 4 or 8 tiles if there is enough work, so that threads share them evenly.
    double work = (double)g->m * (double)g->n * (double)g->k;
    int64_t wanted = work >= 16e6 ? 8 : work >= 8e6 ? 4 : work >= 2e6 ? 2 : 1;
    j.tiles = apus_cut_product(g->m, g->n, 512, wanted);
    // oneDNN reads the operands of small tiles in place, which is slow if rows map to the same cache sets. Our kernels copy them anyway.
    // Which layouts oneDNN still reads fast depends on its kernels for the instruction set.
    bool in_place = 1.0 / (double)j.tiles.row_block + 1.0 / (double)j.tiles.column_block >= 0.0038;
#if defined(__x86_64__)
    bool wide = __builtin_cpu_supports("avx512f");
#else
    bool wide = false;
#endif
    bool clash = j.lda % 512 == 0 || j.ldb % 512 == 0 || (!wide && j.trans_a == 'T' && j.lda % 256 == 0 && j.lda > 256 && j.ldb % 256 == 0);
    if (clash && in_place && !(j.trans_a == 'N' && j.trans_b == (wide ? 'N' : 'T'))) return apus_gemm_f32(g);
    return apus_parallel_try(j.tiles.row_blocks * j.tiles.column_blocks, 1, run_tiles, &j);
}

apus_outcome apus_matmul(const apus_tensor *a, const apus_tensor *b, const apus_tensor *bias, const apus_tensor *out) {
    int64_t batches = out->shape[0], m = out->shape[1], n = out->shape[2];
    apus_gemm first = {.m = m,
                       .n = n,
                       .k = a->shape[2],
                       .a = a->data,
                       .a_row = a->strides[1],
                       .a_column = a->strides[2],
                       .b = b->data,
                       .b_row = b->strides[1],
                       .b_column = b->strides[2],
                       .c = out->data,
                       .c_row = n,
                       .bias = bias ? bias->data : 0};
    // A batch that shares b and whose rows of a follow each other is one product with more rows.
    if (batches > 1 && b->strides[0] == 0 && a->strides[0] == m * a->strides[1]) {
        first.m *= batches;
        batches = 1;
    }
    int64_t a_batch = a->strides[0], b_batch = b->strides[0], c_batch = first.m * n;
    switch (out->dtype) {
    case APUS_FLOAT16: return APUS_REFUSED;
    case APUS_BFLOAT16: return apus_products_bfloat16(&first, batches, a_batch, b_batch, c_batch);
    }
    apus_gemm_kernel kernel = out->dtype == APUS_FLOAT32 ? product : out->dtype == APUS_FLOAT64 ? apus_gemm_kernel_f64 : apus_gemm_integer;
    return apus_gemm_batched(&first, batches, a_batch, b_batch, c_batch, apus_size[out->dtype], kernel) ? APUS_DONE : APUS_NO_MEMORY;
}
