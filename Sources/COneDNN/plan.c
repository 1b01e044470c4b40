#include "plan.h"
#include <string.h>

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

static bool make(void *made_plan) {
    apus_plan *plan = made_plan;
    const apus_plan_key *key = &plan->key;
    dnnl_engine_t engine = apus_engine();
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

    dnnl_data_type_t type = key->dtype == APUS_BFLOAT16 ? dnnl_bf16 : dnnl_f32;
    apus_md any[OPERANDS] = {0}, forward_weight = {0};
    dnnl_primitive_attr_t attr = 0;
    dnnl_primitive_desc_t hint = 0, pd = 0;
    bool made = false;
    dnnl_dim_t bias_dims[1] = {c->out_channels}, bias_strides[1] = {1};
    if (!engine || !apus_succeeded(dnnl_primitive_attr_create(&attr))) goto end;
    // Several threads run one primitive at once, each with its own scratchpad.
    if (dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user) != dnnl_success) goto end;
    for (int i = 0; i < OPERANDS; i++) {
        dnnl_data_type_t own = i == W && key->direction == APUS_BACKWARD_WEIGHT ? dnnl_f32 : type;
        if (!apus_md_tagged(&any[i], own, ranks[i], dims[i], dnnl_format_tag_any) ||
            !apus_md_strided(&plan->user[i], own, ranks[i], dims[i], strides[i]))
            goto end;
    }
    if (key->bias && !apus_md_strided(&plan->bias, type, 1, bias_dims, bias_strides)) goto end;
    if (!apus_md_tagged(&forward_weight, type, ranks[W], dims[W], dnnl_format_tag_any)) goto end;
    if (key->direction != APUS_FORWARD && !apus_convolution_pd(&hint, engine, APUS_FORWARD, &any[X], &forward_weight, 0, &any[Y], stride,
                                                               dilation, padding, padding_end, 0, attr))
        goto end;
    if (!apus_convolution_pd(&pd, engine, key->direction, &any[X], &any[W], key->bias ? &plan->bias : 0, &any[Y], stride, dilation, padding,
                             padding_end, hint, attr))
        goto end;
    const char *name = 0;
    dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name);
    if (name && strncmp(name, "ref", 3) == 0) goto end;
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
        if (!apus_md_tagged(&blocks, dnnl_f32, 4, dims[W], dnnl_ABcd16b16a)) goto end;
        plan->weight_in_blocks = dnnl_memory_desc_equal(REF(plan->inner[W]), REF(blocks));
        apus_md_free(&blocks);
    }
    made = make_scratchpad(plan, 0, pd) && apus_succeeded(dnnl_primitive_create(&plan->primitive, pd));
end:
    for (int i = 0; i < OPERANDS; i++) apus_md_free(&any[i]);
    apus_md_free(&forward_weight);
    if (pd) dnnl_primitive_desc_destroy(pd);
    if (hint) dnnl_primitive_desc_destroy(hint);
    if (attr) dnnl_primitive_attr_destroy(attr);
    return made;
}

static void destroy(void *made_plan) {
    apus_plan *plan = made_plan;
    if (plan->primitive) dnnl_primitive_destroy(plan->primitive);
    for (int i = 0; i < OPERANDS; i++) {
        if (plan->reorder[i]) dnnl_primitive_destroy(plan->reorder[i]);
        apus_md_free(&plan->user[i]);
        apus_md_free(&plan->inner[i]);
    }
    for (int i = 0; i <= OPERANDS; i++) apus_md_free(&plan->scratchpad[i]);
    apus_md_free(&plan->bias);
}

_Static_assert(sizeof(apus_plan_key) % 8 == 0 && sizeof(apus_plan_key) == 8 * 22 + 16 + 8, "keys are compared as bytes: no padding");
_Static_assert(offsetof(apus_plan, key) == sizeof(apus_entry), "the key follows the entry");

apus_cache apus_plans = {
    .plan_size = sizeof(apus_plan), .key_size = sizeof(apus_plan_key), .make = make, .destroy = destroy, .lock = PTHREAD_MUTEX_INITIALIZER};
