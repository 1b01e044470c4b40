// Products of bfloat16 by oneDNN's matmul over tiles of our own, where the processor has instructions for them.

#include "cache.h"
#include "parallel.h"
#include "product.h"
#include "single.h"
#include "versions.h"
#include "workspace.h"
#include <stdatomic.h>
#include <string.h>

enum { A, B, C, BIAS, OPERANDS };

typedef struct {
    int64_t m, n, k;
    int64_t strides[C + 1][2]; // of A, B and C
    int32_t dtype, bias;       // of C; whether there is one
} product_key;

typedef struct {
    apus_entry entry;
    product_key key;
    dnnl_primitive_t primitive;
    apus_md operand[OPERANDS], scratchpad;
    size_t scratchpad_bytes;
} product_plan;

static bool make(void *made_plan) {
    product_plan *plan = made_plan;
    const product_key *key = &plan->key;
    const dnnl_dim_t dims[OPERANDS][2] = {{key->m, key->k}, {key->k, key->n}, {key->m, key->n}, {1, key->n}}, line[2] = {key->n, 1};
    int count = key->bias ? OPERANDS : BIAS;
    dnnl_primitive_attr_t attr = 0;
    dnnl_primitive_desc_t pd = 0;
    const char *name = 0;
    bool made = apus_engine() && apus_succeeded(dnnl_primitive_attr_create(&attr));
    // Several threads run one primitive at once, each with its own scratchpad.
    made = made && dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user) == dnnl_success;
    for (int i = 0; i < count; i++) {
        dnnl_data_type_t type = i == C && key->dtype == APUS_FLOAT32 ? dnnl_f32 : dnnl_bf16;
        made = made && apus_md_strided(&plan->operand[i], type, 2, dims[i], i == BIAS ? line : key->strides[i]);
    }
    made = made && apus_matmul_pd(&pd, apus_engine(), &plan->operand[A], &plan->operand[B], key->bias ? &plan->operand[BIAS] : 0,
                                  &plan->operand[C], attr);
    if (made) dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name);
    made = made && name && strncmp(name, "ref", 3) != 0 && strncmp(name, "gemm:ref", 8) != 0;
    made = made && apus_md_copy(&plan->scratchpad, dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0));
    if (made) plan->scratchpad_bytes = dnnl_memory_desc_get_size(REF(plan->scratchpad));
    made = made && apus_succeeded(dnnl_primitive_create(&plan->primitive, pd));
    if (pd) dnnl_primitive_desc_destroy(pd);
    if (attr) dnnl_primitive_attr_destroy(attr);
    return made;
}

static void destroy(void *made_plan) {
    product_plan *plan = made_plan;
    if (plan->primitive) dnnl_primitive_destroy(plan->primitive);
    for (int i = 0; i < OPERANDS; i++) apus_md_free(&plan->operand[i]);
    apus_md_free(&plan->scratchpad);
}

_Static_assert(sizeof(product_key) == 8 * 10, "keys are compared as bytes: no padding");
_Static_assert(offsetof(product_plan, key) == sizeof(apus_entry), "the key follows the entry");

static apus_cache plans = {.plan_size = sizeof(product_plan),
                           .key_size = sizeof(product_key),
                           .make = make,
                           .destroy = destroy,
                           .lock = PTHREAD_MUTEX_INITIALIZER};

typedef struct {
    const apus_gemm *g; // the first of the batch
    int dtype;          // of C
    int64_t a_batch, b_batch, c_batch;
    int64_t strides[C + 1][2]; // of A, B and C, as oneDNN shall see them
    apus_tiles tiles;
    product_plan *plan[2][2]; // of the last tile of a column, and of a row: they may be smaller
    _Atomic int status;       // a dnnl_status_t, the last one that was not success
} job;

static dnnl_status_t run_tile(void *context, int64_t t, dnnl_stream_t stream) {
    const job *j = context;
    const apus_gemm *g = j->g;
    const apus_tiles *tiles = &j->tiles;
    int64_t column = t % tiles->column_blocks, row = t / tiles->column_blocks % tiles->row_blocks;
    int64_t batch = t / tiles->column_blocks / tiles->row_blocks, m0 = row * tiles->row_block, n0 = column * tiles->column_block;
    const product_plan *plan = j->plan[row + 1 == tiles->row_blocks][column + 1 == tiles->column_blocks];
    void *scratch = apus_workspace(APUS_WORKSPACE_SCRATCHPAD, plan->scratchpad_bytes);
    if (!scratch) return dnnl_out_of_memory;
    const void *data[OPERANDS] = {
        (const uint16_t *)g->a + batch * j->a_batch + m0 * g->a_row,
        (const uint16_t *)g->b + batch * j->b_batch + n0 * g->b_column,
        (const char *)g->c + (batch * j->c_batch + m0 * g->c_row + n0) * apus_size[j->dtype],
        g->bias ? (const uint16_t *)g->bias + n0 : 0,
    };
    static const int names[OPERANDS] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_BIAS};
    dnnl_exec_arg_t arguments[OPERANDS + 1];
    dnnl_memory_t memories[OPERANDS + 1] = {0};
    int count = 0;
    dnnl_status_t status = dnnl_success;
    for (int i = 0; i < OPERANDS && status == dnnl_success; i++) {
        if (!data[i]) continue;
        status = dnnl_memory_create(&memories[count], REF(plan->operand[i]), apus_engine(), (void *)data[i]);
        arguments[count] = (dnnl_exec_arg_t){names[i], memories[count]};
        count++;
    }
    if (status == dnnl_success) status = dnnl_memory_create(&memories[count], REF(plan->scratchpad), apus_engine(), scratch);
    arguments[count] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, memories[count]};
    if (status == dnnl_success) status = dnnl_primitive_execute(plan->primitive, stream, count + 1, arguments);
    for (int i = 0; i <= OPERANDS; i++)
        if (memories[i]) dnnl_memory_destroy(memories[i]);
    return status;
}

static void run_tiles(void *context, int64_t begin, int64_t end) {
    job *j = context;
    dnnl_status_t status = apus_run_tiles(begin, end, run_tile, j);
    if (status != dnnl_success) j->status = status;
}

static apus_outcome take_plans(job *j) {
    const apus_gemm *g = j->g;
    const apus_tiles *tiles = &j->tiles;
    bool usable = true;
    for (int last_row = 0; last_row < 2; last_row++) {
        for (int last_column = 0; last_column < 2; last_column++) {
            int64_t m = last_row ? g->m - (tiles->row_blocks - 1) * tiles->row_block : tiles->row_block;
            int64_t n = last_column ? g->n - (tiles->column_blocks - 1) * tiles->column_block : tiles->column_block;
            // A single row or column of tiles is the last one.
            if ((!last_row && tiles->row_blocks == 1) || (!last_column && tiles->column_blocks == 1)) continue;
            product_key key = {m, n, g->k, {{0}}, j->dtype, g->bias != 0};
            memcpy(key.strides, j->strides, sizeof key.strides);
            product_plan *plan = apus_cache_take(&plans, &key);
            if (!plan) return APUS_NO_MEMORY;
            j->plan[last_row][last_column] = plan;
            usable = usable && plan->entry.usable;
        }
    }
    return usable ? APUS_DONE : APUS_REFUSED;
}

static apus_outcome multiply(job *j, int64_t batches, int64_t wanted) {
    const apus_gemm *g = j->g;
    if (!apus_multiplies_bfloat16() || g->c_row < g->n) return APUS_REFUSED;
    int64_t ld[2];
    char layout[2] = {apus_dense(g->m, g->k, g->a_row, g->a_column, &ld[A]), apus_dense(g->k, g->n, g->b_row, g->b_column, &ld[B])};
    if (!layout[A] || !layout[B]) return APUS_REFUSED;
    for (int i = A; i <= B; i++) {
        j->strides[i][0] = layout[i] == 'N' ? ld[i] : 1;
        j->strides[i][1] = layout[i] == 'N' ? 1 : ld[i];
    }
    j->strides[C][0] = g->c_row;
    j->strides[C][1] = 1;
    j->tiles = apus_cut_product(g->m, g->n, 2048, wanted);
    apus_outcome outcome = take_plans(j);
    if (outcome == APUS_DONE) {
        int64_t count = batches * j->tiles.row_blocks * j->tiles.column_blocks;
        double work = (double)g->m * (double)g->n * (double)g->k * (double)batches;
        apus_parallel_for(count, (int64_t)(1e6 * (double)count / (work + 1)) + 1, run_tiles, j);
        if (j->status != dnnl_success) outcome = j->status == dnnl_out_of_memory ? APUS_NO_MEMORY : APUS_REFUSED;
    }
    for (int i = 0; i < 4; i++)
        if (j->plan[i / 2][i % 2]) apus_cache_give(&plans, j->plan[i / 2][i % 2]);
    return outcome;
}

apus_outcome apus_product_bfloat16(const apus_gemm *g, int dtype, int64_t tiles) {
    return multiply(&(job){.g = g, .dtype = dtype}, 1, tiles);
}

apus_outcome apus_products_bfloat16(const apus_gemm *first, int64_t batches, int64_t a_batch, int64_t b_batch, int64_t c_batch) {
    double work = (double)first->m * (double)first->n * (double)first->k, all = work * (double)batches;
    // oneDNN's overhead is some microseconds a product.
    if (work < 128e3) return APUS_REFUSED;
    // Up to eight tiles, each of some ten microseconds' work.
    int64_t wanted = all >= 128e6 ? 8 : all >= 32e6 ? 4 : all >= 8e6 ? 2 : 1;
    job j = {.g = first, .dtype = APUS_BFLOAT16, .a_batch = a_batch, .b_batch = b_batch, .c_batch = c_batch};
    return multiply(&j, batches, (wanted + batches - 1) / batches);
}
