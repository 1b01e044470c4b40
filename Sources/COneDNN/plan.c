#include "plan.h"
#include "single.h"
#include "workspace.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static dnnl_engine_t engine;
static pthread_once_t engine_once = PTHREAD_ONCE_INIT;

static void make_engine(void) {
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success) engine = 0;
}

dnnl_engine_t apus_plan_engine(void) {
    pthread_once(&engine_once, make_engine);
    return engine;
}

// MARK: Making

// Row-major strides of an operand with `dims`, cut from a tensor that has `all` channels in dimension `channel_dim`.
static void strides_of(int rank, const dnnl_dim_t *dims, int channel_dim, int64_t all, dnnl_dim_t *strides) {
    dnnl_dim_t step = 1;
    for (int i = rank - 1; i >= 0; i--) {
        strides[i] = step;
        step *= i == channel_dim ? all : dims[i];
    }
}

static size_t rounded(size_t bytes) { return (bytes + 63) & ~(size_t)63; }

static bool make_scratchpad(apus_plan *plan, int i, const_dnnl_primitive_desc_t pd) {
    if (!apus_md_copy(&plan->scratchpad[i], dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0))) return false;
    plan->scratchpad_bytes[i] = dnnl_memory_desc_get_size(REF(plan->scratchpad[i]));
    if (plan->scratchpad_bytes[i] > plan->scratchpad_most) plan->scratchpad_most = plan->scratchpad_bytes[i];
    return true;
}

static bool make(apus_plan *plan) {
    const apus_plan_key *key = &plan->key;
    const apus_convolution *c = &key->shape;
    // Drops leading spatial dimensions of size one: oneDNN's fast implementations are two-dimensional.
    int skip = 0;
    while (skip < 2 && c->in[skip] == 1 && c->kernel[skip] == 1 && c->out[skip] == 1 && c->padding[skip] == 0) skip++;
    int spatial = 3 - skip, rank = 2 + spatial, grouped = c->groups > 1;
    dnnl_dim_t dims[OPERANDS][6], strides[OPERANDS][6], stride[3], dilation[3], padding[3], padding_end[3];
    int64_t group_in = c->in_channels / c->groups, group_out = c->out_channels / c->groups;
    dims[X][0] = dims[Y][0] = c->batch;
    dims[X][1] = c->in_channels;
    dims[Y][1] = c->out_channels;
    int at = 0;
    if (grouped) dims[W][at++] = c->groups;
    dims[W][at++] = group_out;
    dims[W][at++] = group_in;
    for (int i = 0; i < spatial; i++) {
        int d = skip + i;
        dims[X][2 + i] = c->in[d];
        dims[Y][2 + i] = c->out[d];
        dims[W][at + i] = c->kernel[d];
        stride[i] = c->stride[d];
        dilation[i] = c->dilation[d] - 1;
        padding[i] = c->padding[d];
        // Symmetric padding where that gives the same outputs, since fast implementations support only some paddings.
        int64_t reach = (c->kernel[d] - 1) * c->dilation[d] + 1, span = c->in[d] + 2 * c->padding[d] - reach;
        bool symmetric = span >= 0 && span / c->stride[d] + 1 == c->out[d];
        padding_end[i] = symmetric ? c->padding[d] : (c->out[d] - 1) * c->stride[d] + reach - c->in[d] - c->padding[d];
    }
    int ranks[OPERANDS] = {rank, rank + grouped, rank};
    strides_of(rank, dims[X], 1, key->all_in_channels, strides[X]);
    strides_of(rank, dims[Y], 1, key->all_out_channels, strides[Y]);
    strides_of(rank + grouped, dims[W], 1 + grouped, grouped ? group_in : key->all_in_channels, strides[W]);

    apus_md any[OPERANDS] = {0};
    dnnl_primitive_attr_t attr = 0;
    dnnl_primitive_desc_t hint = 0, pd = 0;
    bool made = false;
    dnnl_dim_t bias_dims[1] = {c->out_channels}, bias_strides[1] = {1};
    if (!apus_plan_engine() || !apus_succeeded(dnnl_primitive_attr_create(&attr))) goto end;
    // Several threads run one primitive at once, each with its own scratchpad.
    if (dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user) != dnnl_success) goto end;
    for (int i = 0; i < OPERANDS; i++) {
        if (!apus_md_tagged(&any[i], ranks[i], dims[i], dnnl_format_tag_any) ||
            !apus_md_strided(&plan->user[i], ranks[i], dims[i], strides[i]))
            goto end;
    }
    if (key->bias && !apus_md_strided(&plan->bias, 1, bias_dims, bias_strides)) goto end;
    if (key->direction != APUS_FORWARD &&
        !apus_convolution_pd(&hint, engine, APUS_FORWARD, &any[X], &any[W], 0, &any[Y], stride, dilation, padding, padding_end, 0, attr))
        goto end;
    if (!apus_convolution_pd(&pd, engine, key->direction, &any[X], &any[W], key->bias ? &plan->bias : 0, &any[Y], stride, dilation, padding,
                             padding_end, hint, attr))
        goto end;
    const char *name = 0;
    dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name);
    snprintf(plan->implementation, sizeof plan->implementation, "%s", name ? name : "");
    if (strncmp(plan->implementation, "ref", 3) == 0) goto end;
    static const dnnl_query_t queries[3][OPERANDS] = {
        {dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md},
        {dnnl_query_diff_src_md, dnnl_query_weights_md, dnnl_query_diff_dst_md},
        {dnnl_query_src_md, dnnl_query_diff_weights_md, dnnl_query_diff_dst_md},
    };
    plan->output = key->direction == APUS_FORWARD ? Y : key->direction == APUS_BACKWARD_INPUT ? X : W;
    for (int i = 0; i < OPERANDS; i++) {
        if (!apus_md_copy(&plan->inner[i], dnnl_primitive_desc_query_md(pd, queries[key->direction][i], 0))) goto end;
        if (dnnl_memory_desc_equal(REF(plan->inner[i]), REF(plan->user[i]))) continue;
        plan->inner_bytes[i] = rounded(dnnl_memory_desc_get_size(REF(plan->inner[i])));
        bool out = i == plan->output;
        apus_md *from = out ? &plan->inner[i] : &plan->user[i], *to = out ? &plan->user[i] : &plan->inner[i];
        dnnl_primitive_desc_t reorder = 0;
        if (!apus_succeeded(dnnl_reorder_primitive_desc_create(&reorder, REF(*from), engine, REF(*to), engine, attr))) goto end;
        bool ok = make_scratchpad(plan, 1 + i, reorder) && apus_succeeded(dnnl_primitive_create(&plan->reorder[i], reorder));
        dnnl_primitive_desc_destroy(reorder);
        if (!ok) goto end;
    }
    if (key->direction == APUS_BACKWARD_WEIGHT && ranks[W] == 4 && !grouped && plan->reorder[W] &&
        c->kernel[0] * c->kernel[1] * c->kernel[2] <= APUS_MOST_TAPS_IN_BLOCKS && dims[W][0] % 16 == 0 && dims[W][1] % 16 == 0) {
        apus_md blocks = {0};
        if (!apus_md_tagged(&blocks, 4, dims[W], dnnl_ABcd16b16a)) goto end;
        plan->weight_in_blocks = dnnl_memory_desc_equal(REF(plan->inner[W]), REF(blocks));
        apus_md_free(&blocks);
    }
    made = make_scratchpad(plan, 0, pd) && apus_succeeded(dnnl_primitive_create(&plan->primitive, pd));
end:
    for (int i = 0; i < OPERANDS; i++) apus_md_free(&any[i]);
    if (pd) dnnl_primitive_desc_destroy(pd);
    if (hint) dnnl_primitive_desc_destroy(hint);
    if (attr) dnnl_primitive_attr_destroy(attr);
    return made;
}

static void destroy(apus_plan *plan) {
    if (plan->primitive) dnnl_primitive_destroy(plan->primitive);
    for (int i = 0; i < OPERANDS; i++) {
        if (plan->reorder[i]) dnnl_primitive_destroy(plan->reorder[i]);
        apus_md_free(&plan->user[i]);
        apus_md_free(&plan->inner[i]);
    }
    for (int i = 0; i <= OPERANDS; i++) apus_md_free(&plan->scratchpad[i]);
    apus_md_free(&plan->bias);
    free(plan);
}

// MARK: Cache: 128 sets of 4 plans; the least recently used plan of a set is replaced

enum { SETS = 128, WAYS = 4 };
static apus_plan *kept[SETS][WAYS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int64_t clock_ticks;

static uint64_t hash(const apus_plan_key *key) {
    const uint64_t *words = (const uint64_t *)key;
    uint64_t h = 0x9E3779B97F4A7C15u;
    for (size_t i = 0; i < sizeof *key / 8; i++) h = (h ^ words[i]) * 0xFF51AFD7ED558CCDu, h ^= h >> 32;
    return h;
}

_Static_assert(sizeof(apus_plan_key) % 8 == 0 && sizeof(apus_plan_key) == 8 * 22 + 16 + 8, "keys are compared as bytes: no padding");

apus_plan *apus_plan_take(const apus_plan_key *key) {
    apus_plan **set = kept[hash(key) % SETS];
    pthread_mutex_lock(&lock);
    for (int i = 0; i < WAYS; i++) {
        if (set[i] && memcmp(&set[i]->key, key, sizeof *key) == 0) {
            apus_plan *found = set[i];
            found->users++;
            found->last_use = ++clock_ticks;
            pthread_mutex_unlock(&lock);
            return found;
        }
    }
    pthread_mutex_unlock(&lock);
    // Made outside the lock. If two threads make the same plan, both are valid, and one is evicted sooner.
    apus_plan *plan = apus_scratch(sizeof *plan);
    if (!plan) return 0;
    memset(plan, 0, sizeof *plan);
    plan->key = *key;
    int threads = apus_single_begin();
    apus_starved = false;
    plan->usable = make(plan);
    apus_single_end(threads);
    if (!plan->usable && apus_starved) {
        // oneDNN may succeed with more memory, so this refusal is not cached.
        destroy(plan);
        return 0;
    }
    plan->users = 2; // the caller and the cache
    pthread_mutex_lock(&lock);
    plan->last_use = ++clock_ticks;
    int victim = 0;
    for (int i = 0; i < WAYS; i++) {
        if (!set[i]) {
            victim = i;
            break;
        }
        if (set[i]->last_use < set[victim]->last_use) victim = i;
    }
    apus_plan *old = set[victim];
    set[victim] = plan;
    pthread_mutex_unlock(&lock);
    if (old) apus_plan_give(old);
    return plan;
}

void apus_plan_give(apus_plan *plan) {
    pthread_mutex_lock(&lock);
    bool last = --plan->users == 0;
    pthread_mutex_unlock(&lock);
    if (last) destroy(plan);
}
