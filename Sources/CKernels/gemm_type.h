// The matrix product for one type: packing, tiling and parallelism. Included by gemm.c with REAL and TYPED(x), x with the type's suffix.

typedef struct {
    REAL *c;
    int64_t c_row, c_column;
    int rows, columns; // of this tile
    int accumulate;
    const REAL *bias;
    int bias_column; // bias has one element per column, else one per row
} TYPED(tile_out);

typedef struct {
    int rows, columns; // of a tile
    void (*tile)(int wide, int packed, int64_t k, const REAL *a, int64_t a_row, int64_t a_column, const REAL *b, int64_t b_row,
                 const TYPED(tile_out) * o);
    void (*dots)(int rows, int64_t k, const REAL *x, int64_t x_row, const REAL *y, int64_t y_row, int count, REAL out[2][4]);
    void (*combine)(int64_t n, int count, const REAL *x, int64_t x_step, const REAL *b, int64_t b_row, REAL *y);
    void (*pack)(int64_t count, int width, int64_t k, const REAL *from, int64_t row, int64_t column, REAL *to);
} TYPED(kernels);

static __attribute__((noinline)) void TYPED(store_edge)(const REAL *edge, int width, const TYPED(tile_out) * o) {
    for (int j = 0; j < o->columns; j++) {
        for (int i = 0; i < o->rows; i++) {
            REAL *to = o->c + i * o->c_row + j * o->c_column;
            REAL r = edge[i * width + j];
            if (o->bias) r += o->bias[o->bias_column ? j : i];
            *to = o->accumulate ? r + *to : r;
        }
    }
}

#if defined(__x86_64__)
#define NAME(x) TYPED(avx512_##x)
#define BYTES 64
#define MR 12
#define TARGET __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")))
#include "gemm_tile.h"
#define NAME(x) TYPED(avx2_##x)
#define BYTES 32
#define MR 6
#define TARGET __attribute__((target("avx2,fma")))
#include "gemm_tile.h"
#endif
#define NAME(x) TYPED(plain_##x)
#define BYTES 16
#define MR 4
#define TARGET
#include "gemm_tile.h"

static const TYPED(kernels) * TYPED(chosen)(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw"))
        return &TYPED(avx512_table);
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &TYPED(avx2_table);
#endif
    return &TYPED(plain_table);
}

// A product; c[i·c_row + j·c_column]. K is split into blocks in ascending order.
typedef struct {
    const TYPED(kernels) * kernels;
    int64_t m, n, k;
    const REAL *a;
    int64_t a_row, a_column;
    const REAL *b;
    int64_t b_row, b_column;
    REAL *c;
    int64_t c_row, c_column;
    const REAL *bias;
    int bias_column, accumulate;
    REAL *packed; // columns from n_begin on in panels, each K long; NULL if b is read in place
    int64_t n_begin, n_end, row_block, column_block, column_blocks;
} TYPED(job);

static void TYPED(pack_panels)(void *context, int64_t begin, int64_t end) {
    const TYPED(job) *j = context;
    const int width = j->kernels->columns;
    int64_t n = j->n_begin + begin * width, n_end = j->n_begin + end * width;
    if (n_end > j->n_end) n_end = j->n_end;
    j->kernels->pack(n_end - n, width, j->k, j->b + n * j->b_column, j->b_column, j->b_row, j->packed + begin * width * j->k);
}

// The product of one block of rows and one block of columns.
static bool TYPED(block)(const TYPED(job) * j, int64_t m0, int64_t m1, int64_t n0, int64_t n1) {
    const TYPED(kernels) *kernels = j->kernels;
    const int MR_ = kernels->rows, NR_ = kernels->columns;
    // Reading rows in place costs one memory stream per row, again for each panel; packing costs one pass.
    int pack_rows = n1 - n0 > 8 * NR_;
    int64_t panels = (m1 - m0 + MR_ - 1) / MR_;
    REAL *rows = pack_rows ? apus_workspace(APUS_WORKSPACE_PACKED_ROWS, sizeof(REAL) * (size_t)(panels * MR_ * BLOCK_K)) : 0;
    if (pack_rows && !rows) return false;
    REAL *edge = 0;
    for (int64_t k0 = 0; k0 < j->k; k0 += BLOCK_K) {
        int64_t depth = j->k - k0 < BLOCK_K ? j->k - k0 : BLOCK_K;
        int last = k0 + depth == j->k;
        if (pack_rows) kernels->pack(m1 - m0, MR_, depth, j->a + m0 * j->a_row + k0 * j->a_column, j->a_row, j->a_column, rows);
        for (int64_t n = n0; n < n1; n += NR_) {
            int columns = (int)(n1 - n < NR_ ? n1 - n : NR_);
            int wide = columns > NR_ / 2 ? 2 : 1;
            const REAL *b;
            int64_t b_row;
            if (j->packed) {
                b = j->packed + (n - j->n_begin) * j->k + k0 * NR_;
                b_row = NR_;
            } else if (columns == NR_) {
                b = j->b + k0 * j->b_row + n;
                b_row = j->b_row;
            } else {
                edge = apus_workspace(APUS_WORKSPACE_PACKED_EDGE, sizeof(REAL) * (size_t)(NR_ * BLOCK_K));
                if (!edge) return false;
                kernels->pack(columns, NR_, depth, j->b + k0 * j->b_row + n, 1, j->b_row, edge);
                b = edge;
                b_row = NR_;
            }
            TYPED(tile_out) o = {0, j->c_row, j->c_column, 0, columns, j->accumulate || k0 > 0, 0, j->bias_column};
            for (int64_t i = 0; i < panels; i++) {
                int64_t m = m0 + i * MR_;
                int have = (int)(m1 - m < MR_ ? m1 - m : MR_);
                o.rows = have;
                o.c = j->c + m * j->c_row + n * j->c_column;
                o.bias = last && j->bias ? j->bias + (j->bias_column ? n : m) : 0;
                if (pack_rows) kernels->tile(wide, 1, depth, rows + i * MR_ * depth, 0, 0, b, b_row, &o);
                else kernels->tile(wide, 0, depth, j->a + m * j->a_row + k0 * j->a_column, j->a_row, j->a_column, b, b_row, &o);
            }
        }
    }
    return true;
}

static bool TYPED(blocks)(void *context, int64_t begin, int64_t end) {
    const TYPED(job) *j = context;
    for (int64_t t = begin; t < end; t++) {
        int64_t m0 = t / j->column_blocks * j->row_block, n0 = j->n_begin + t % j->column_blocks * j->column_block;
        int64_t m1 = m0 + j->row_block < j->m ? m0 + j->row_block : j->m;
        int64_t n1 = n0 + j->column_block < j->n_end ? n0 + j->column_block : j->n_end;
        if (!TYPED(block)(j, m0, m1, n0, n1)) return false;
    }
    return true;
}

static bool TYPED(tiled)(TYPED(job) * j) {
    const int MR_ = j->kernels->rows, NR_ = j->kernels->columns;
    // Packs columns if they are not contiguous, or if enough rows read them.
    int pack = j->b_column != 1 || j->m > 16 * MR_;
    int64_t stripe = j->n;
    if (pack) {
        int64_t fit = (24 << 20) / (int64_t)sizeof(REAL) / j->k / NR_ * NR_;
        if (fit < 16 * NR_) fit = 16 * NR_;
        if (stripe > fit) stripe = fit;
    }
    for (j->n_begin = 0; j->n_begin < j->n; j->n_begin += stripe) {
        j->n_end = j->n_begin + stripe < j->n ? j->n_begin + stripe : j->n;
        int64_t width = j->n_end - j->n_begin;
        if (pack) {
            int64_t panels = (width + NR_ - 1) / NR_;
            j->packed = apus_workspace(APUS_WORKSPACE_PACKED_COLUMNS, sizeof(REAL) * (size_t)(panels * NR_ * j->k));
            if (!j->packed) return false;
            int64_t grain = 32768 / (NR_ * j->k) + 1;
            if (j->b_column == 1 && grain < 8) grain = 8; // long contiguous runs of each row
            apus_parallel_for(panels, grain, TYPED(pack_panels), j);
        }
        // Blocks of rows that fit into the second-level cache, in a number that 2, 4 and 8 threads share evenly. If rows are few, columns
        // are split too. A block takes at least some ten microseconds.
        double work = (double)j->m * (double)width * (double)j->k;
        int64_t wanted = (int64_t)(work / 500e3);
        if (wanted > 8) wanted = 8;
        if (wanted < 1) wanted = 1;
        int64_t most = 192 * 1024 / (int64_t)sizeof(REAL) / BLOCK_K / MR_ * MR_;
        int64_t row_blocks = (j->m + most - 1) / most;
        if (row_blocks > 1 || j->m >= wanted * MR_) row_blocks = (row_blocks + wanted - 1) / wanted * wanted;
        else row_blocks = 1;
        j->row_block = ((j->m + row_blocks - 1) / row_blocks + MR_ - 1) / MR_ * MR_;
        row_blocks = (j->m + j->row_block - 1) / j->row_block;
        int64_t column_blocks = (wanted + row_blocks - 1) / row_blocks;
        if (row_blocks * 2 > wanted) column_blocks = 1;
        j->column_block = ((width + column_blocks - 1) / column_blocks + NR_ - 1) / NR_ * NR_;
        j->column_blocks = (width + j->column_block - 1) / j->column_block;
        if (!apus_parallel_try(row_blocks * j->column_blocks, 1, TYPED(blocks), j)) return false;
    }
    return true;
}

// Thin products where columns of b are contiguous: dot products.
static void TYPED(dot_columns)(void *context, int64_t begin, int64_t end) {
    const TYPED(job) *j = context;
    for (int64_t n = begin * 4; n < end * 4 && n < j->n; n += 4) {
        int count = (int)(j->n - n < 4 ? j->n - n : 4);
        for (int64_t m = 0; m < j->m; m += 2) {
            int rows = j->m - m < 2 ? 1 : 2;
            REAL out[2][4];
            j->kernels->dots(rows, j->k, j->a + m * j->a_row, j->a_row, j->b + n * j->b_column, j->b_column, count, out);
            for (int i = 0; i < rows; i++) {
                for (int q = 0; q < count; q++) {
                    REAL *to = j->c + (m + i) * j->c_row + (n + q) * j->c_column;
                    REAL r = out[i][q];
                    if (j->bias) r += j->bias[j->bias_column ? n + q : m + i];
                    *to = j->accumulate ? *to + r : r;
                }
            }
        }
    }
}

enum { TYPED(STRIP) = 1024 };

// Thin products where rows of b are contiguous: weighted sums of rows, a strip of columns at a time.
static void TYPED(combine_columns)(void *context, int64_t begin, int64_t end) {
    const TYPED(job) *j = context;
    REAL sums[TYPED(STRIP)];
    for (int64_t strip = begin; strip < end; strip++) {
        int64_t n0 = strip * j->column_block;
        int64_t width = j->n - n0 < j->column_block ? j->n - n0 : j->column_block;
        for (int64_t m = 0; m < j->m; m++) {
            for (int64_t q = 0; q < width; q++) sums[q] = 0;
            const REAL *a = j->a + m * j->a_row;
            for (int64_t p = 0; p < j->k; p += 4) {
                int count = (int)(j->k - p < 4 ? j->k - p : 4);
                j->kernels->combine(width, count, a + p * j->a_column, j->a_column, j->b + p * j->b_row + n0, j->b_row, sums);
            }
            for (int64_t q = 0; q < width; q++) {
                REAL *to = j->c + m * j->c_row + (n0 + q) * j->c_column;
                REAL r = sums[q];
                if (j->bias) r += j->bias[j->bias_column ? n0 + q : m];
                *to = j->accumulate ? *to + r : r;
            }
        }
    }
}

static void TYPED(swap_sides)(TYPED(job) * j) {
    TYPED(job) s = *j;
    s.m = j->n, s.n = j->m;
    s.a = j->b, s.a_row = j->b_column, s.a_column = j->b_row;
    s.b = j->a, s.b_row = j->a_column, s.b_column = j->a_row;
    s.c_row = j->c_column, s.c_column = j->c_row;
    s.bias_column = !j->bias_column;
    *j = s;
}

static bool TYPED(product)(const apus_gemm *g) {
    if (g->m <= 0 || g->n <= 0) return true;
    REAL *c = g->c;
    const REAL *bias = g->bias;
    if (g->k <= 0) {
        for (int64_t i = 0; i < g->m; i++) {
            for (int64_t q = 0; q < g->n; q++) {
                REAL *to = c + i * g->c_row + q, value = bias ? bias[q] : 0;
                *to = g->accumulate ? *to + value : value;
            }
        }
        return true;
    }
    TYPED(job)
    j = {TYPED(chosen)(), g->m, g->n, g->k, g->a,          g->a_row, g->a_column, g->b, g->b_row, g->b_column, c,
         g->c_row,        1,    bias, 1,    g->accumulate, 0,        0,           0,    0,        0,           1};
    if (j.k == 1) {
        // The stride of a dimension of extent 1 is arbitrary: treat it as contiguous.
        j.a_column = 1;
        if (j.b_column != 1) j.b_row = 1;
    }
    if (j.n < j.m && j.n <= 4) TYPED(swap_sides)(&j);
    if (j.m <= 4) {
        if (j.b_row == 1 && j.a_column == 1) {
            int64_t grain = 16384 / (j.k * j.m) + 1;
            apus_parallel_for((j.n + 3) / 4, grain, TYPED(dot_columns), &j);
            return true;
        }
        if (j.b_column == 1 && j.m <= 2) {
            // Narrow strips if K is long and the width is small.
            j.column_block = j.n >= 8 * TYPED(STRIP) ? TYPED(STRIP) : 256;
            int64_t grain = 65536 / (j.k * j.m * j.column_block) + 1;
            apus_parallel_for((j.n + j.column_block - 1) / j.column_block, grain, TYPED(combine_columns), &j);
            return true;
        }
    }
    // Contiguous rows of b need no packing. After swapping the operands, results are stored one by one, about as slowly as an operand is
    // packed.
    int64_t packed_when_swapped = j.a_row == 1 ? 0 : j.m * j.k;
    if (j.b_column != 1 && packed_when_swapped + j.m * j.n < j.n * j.k) TYPED(swap_sides)(&j);
    return TYPED(tiled)(&j);
}
