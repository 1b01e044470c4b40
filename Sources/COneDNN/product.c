#include "COneDNN.h"
#include "parallel.h"
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
    int64_t lda, ldb, row_block, column_block, column_blocks;
} sgemm_job;

// The matrix in BLAS terms: 'N' for contiguous rows, 'T' for contiguous columns, with leading dimension `ld`; 0 if neither is contiguous.
static char dense(int64_t rows, int64_t columns, int64_t row, int64_t column, int64_t *ld) {
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

static bool tiles(void *context, int64_t begin, int64_t end) {
    sgemm_job *j = context;
    const apus_gemm *g = j->g;
    for (int64_t t = begin; t < end; t++) {
        int64_t m0 = t / j->column_blocks * j->row_block, n0 = t % j->column_blocks * j->column_block;
        int64_t m = g->m - m0 < j->row_block ? g->m - m0 : j->row_block, n = g->n - n0 < j->column_block ? g->n - n0 : j->column_block;
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
        j.trans_a = dense(g->m, g->k, g->a_row, g->a_column, &j.lda);
        j.trans_b = dense(g->k, g->n, g->b_row, g->b_column, &j.ldb);
        own = !j.trans_a || !j.trans_b;
    }
    if (own) return apus_gemm_f32(g);
    // Tiles depend on the shape alone: at most 512 rows, and 2, 4 or 8 tiles if there is enough work, so that threads share them evenly.
    double work = (double)g->m * (double)g->n * (double)g->k;
    int64_t wanted = work >= 16e6 ? 8 : work >= 8e6 ? 4 : work >= 2e6 ? 2 : 1;
    int64_t row_blocks = (g->m + 511) / 512, column_blocks = 1;
    while (row_blocks * column_blocks < wanted) {
        int64_t rows = g->m / row_blocks, columns = g->n / column_blocks;
        if (columns >= rows && columns >= 64) column_blocks *= 2;
        else if (rows >= 64) row_blocks *= 2;
        else break;
    }
    j.row_block = ((g->m + row_blocks - 1) / row_blocks + 15) / 16 * 16;
    j.column_block = ((g->n + column_blocks - 1) / column_blocks + 15) / 16 * 16;
    // oneDNN reads the operands of small tiles in place, which is slow if rows map to the same cache sets. Our kernels copy them anyway.
    // Which layouts oneDNN still reads fast depends on its kernels for the instruction set.
    bool in_place = 1.0 / (double)j.row_block + 1.0 / (double)j.column_block >= 0.0038;
#if defined(__x86_64__)
    bool wide = __builtin_cpu_supports("avx512f");
#else
    bool wide = false;
#endif
    bool clash = j.lda % 512 == 0 || j.ldb % 512 == 0 || (!wide && j.trans_a == 'T' && j.lda % 256 == 0 && j.lda > 256 && j.ldb % 256 == 0);
    if (clash && in_place && !(j.trans_a == 'N' && j.trans_b == (wide ? 'N' : 'T'))) return apus_gemm_f32(g);
    row_blocks = (g->m + j.row_block - 1) / j.row_block;
    j.column_blocks = (g->n + j.column_block - 1) / j.column_block;
    return apus_parallel_try(row_blocks * j.column_blocks, 1, tiles, &j);
}

bool apus_matmul(const apus_tensor *a, const apus_tensor *b, const apus_tensor *bias, const apus_tensor *out) {
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
    apus_gemm_kernel kernel = out->dtype == APUS_FLOAT32 ? product : out->dtype == APUS_FLOAT64 ? apus_gemm_kernel_f64 : apus_gemm_integer;
    return apus_gemm_batched(&first, batches, a->strides[0], b->strides[0], first.m * n, apus_size[out->dtype], kernel);
}
