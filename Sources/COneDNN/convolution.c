// Convolutions by oneDNN over tiles of our own.
//
// A tile is some images times a range of channels (or of groups): input channels for the gradient of the input, output channels otherwise.
// Images are split first, channels if there are few images. The gradient of the weight is a sum over images: each tile of images after the
// first writes to its own buffer, and these are summed in order.

#include "COneDNN.h"
#include "copy.h"
#include "parallel.h"
#include "plan.h"
#include "single.h"
#include "windows.h"
#include "workspace.h"
#include <stdatomic.h>
#include <string.h>

static int64_t elements(const int64_t extents[3]) { return extents[0] * extents[1] * extents[2]; }

typedef struct {
    const apus_convolution *c;
    apus_direction direction;
    int dtype;
    const char *operand[OPERANDS], *bias; // including the output
    apus_plan *plan, *last_plan;          // the last tile of images may have fewer
    int64_t images, image_tiles, channels, channel_tiles;
    // Operands that several tiles share, reordered to the primitive's layout in advance, one tile after the other.
    char *shared[OPERANDS];
    float *partials;    // of the weight's gradient, for each image tile but one that can write to the gradient itself
    _Atomic int status; // a dnnl_status_t, the last one that was not success
} job;

typedef struct {
    int64_t image, channel;
} place;

// Whether the channel tiles split groups rather than channels.
static bool cuts_groups(const job *j) { return j->c->groups > 1; }
static bool cuts(const job *j, int operand) {
    if (j->channel_tiles == 1) return false;
    if (cuts_groups(j) || operand == W) return true;
    return operand == (j->direction == APUS_BACKWARD_INPUT ? X : Y);
}

// The offset of a tile in an operand. `channels` counts groups if groups are split.
static int64_t offset(const job *j, int operand, place at) {
    const apus_convolution *c = j->c;
    int64_t group_in = c->in_channels / c->groups, group_out = c->out_channels / c->groups;
    int64_t channel = at.channel * j->channels, taps = elements(c->kernel);
    switch (operand) {
    case X: return (at.image * j->images * c->in_channels + (cuts(j, X) ? channel * (cuts_groups(j) ? group_in : 1) : 0)) * elements(c->in);
    case Y:
        return (at.image * j->images * c->out_channels + (cuts(j, Y) ? channel * (cuts_groups(j) ? group_out : 1) : 0)) * elements(c->out);
    default:
        if (cuts_groups(j)) return channel * group_out * group_in * taps;
        return j->direction == APUS_BACKWARD_INPUT ? channel * taps : channel * group_in * taps;
    }
}

// The elements of the weight.
static int64_t weights(const job *j) { return j->c->out_channels * (j->c->in_channels / j->c->groups) * elements(j->c->kernel); }

// How many tiles of images write the weight's gradient in place: the first, if the gradient is float32, as the sums are.
static int64_t in_place(const job *j) { return j->dtype == APUS_FLOAT32; }

static apus_plan *plan_of(const job *j, place at) { return at.image + 1 == j->image_tiles ? j->last_plan : j->plan; }

static dnnl_status_t run(dnnl_stream_t stream, dnnl_primitive_t primitive, int count, dnnl_exec_arg_t *arguments, apus_md *scratchpad,
                         void *scratch) {
    dnnl_memory_t memory = 0;
    dnnl_status_t status = dnnl_memory_create(&memory, REF(*scratchpad), apus_engine(), scratch);
    if (status != dnnl_success) return status;
    arguments[count] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, memory};
    status = dnnl_primitive_execute(primitive, stream, count + 1, arguments);
    dnnl_memory_destroy(memory);
    return status;
}

static dnnl_status_t reorder(apus_plan *plan, int operand, dnnl_stream_t stream, void *from, void *to, bool outwards, void *scratch) {
    apus_md *a = outwards ? &plan->inner[operand] : &plan->user[operand], *b = outwards ? &plan->user[operand] : &plan->inner[operand];
    dnnl_memory_t source = 0, target = 0;
    dnnl_status_t status = dnnl_memory_create(&source, REF(*a), apus_engine(), from);
    if (status == dnnl_success) status = dnnl_memory_create(&target, REF(*b), apus_engine(), to);
    dnnl_exec_arg_t arguments[3] = {{DNNL_ARG_FROM, source}, {DNNL_ARG_TO, target}};
    if (status == dnnl_success) status = run(stream, plan->reorder[operand], 2, arguments, &plan->scratchpad[1 + operand], scratch);
    if (source) dnnl_memory_destroy(source);
    if (target) dnnl_memory_destroy(target);
    return status;
}

typedef float four __attribute__((vector_size(16), aligned(4)));

// Converts the weight's gradient from oneDNN's blocks of 16 × 16 channels by 4 × 4 transposes: several times as fast as oneDNN's reorder.
static void unblock(const apus_plan *plan, const float *from, float *to) {
    const apus_convolution *c = &plan->key.shape;
    int64_t taps = elements(c->kernel), row = plan->key.all_in_channels * taps;
    int32_t place[16 * APUS_MOST_TAPS_IN_BLOCKS]; // the offset in `from` of each (input channel, tap) of a block's row
    for (int32_t i = 0; i < 16 * taps; i++) place[i] = (int32_t)(i % taps * 16 + i / taps) * 16;
    for (int64_t o = 0; o < c->out_channels; o += 16) {
        for (int64_t i = 0; i < c->in_channels; i += 16, from += 256 * taps) {
            for (int64_t a = 0; a < 16; a += 4) {
                float *out = to + (o + a) * row + i * taps;
                for (int64_t k = 0; k < 16 * taps; k += 4) {
                    four v0 = *(four *)(from + place[k] + a), v1 = *(four *)(from + place[k + 1] + a);
                    four v2 = *(four *)(from + place[k + 2] + a), v3 = *(four *)(from + place[k + 3] + a);
                    four low01 = __builtin_shufflevector(v0, v1, 0, 4, 1, 5), high01 = __builtin_shufflevector(v0, v1, 2, 6, 3, 7);
                    four low23 = __builtin_shufflevector(v2, v3, 0, 4, 1, 5), high23 = __builtin_shufflevector(v2, v3, 2, 6, 3, 7);
                    *(four *)(out + k) = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
                    *(four *)(out + row + k) = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
                    *(four *)(out + 2 * row + k) = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
                    *(four *)(out + 3 * row + k) = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
                }
            }
        }
    }
}

static dnnl_status_t run_tile(job *j, place at, dnnl_stream_t stream) {
    apus_plan *plan = plan_of(j, at);
    char *inner = apus_workspace(APUS_WORKSPACE_REORDER, plan->inner_bytes[X] + plan->inner_bytes[W] + plan->inner_bytes[Y]);
    void *scratch = apus_workspace(APUS_WORKSPACE_SCRATCHPAD, plan->scratchpad_most);
    if (!inner || !scratch) return dnnl_out_of_memory;
    dnnl_status_t status = dnnl_success;
    void *user[OPERANDS], *used[OPERANDS];
    for (int i = 0; i < OPERANDS; i++) {
        user[i] = (char *)j->operand[i] + offset(j, i, at) * apus_size[j->dtype];
        if (i == W && j->direction == APUS_BACKWARD_WEIGHT && at.image >= in_place(j))
            user[i] = j->partials + (at.image - in_place(j)) * weights(j) + offset(j, W, at);
        used[i] = user[i];
        if (!plan->reorder[i]) continue;
        if (j->shared[i]) {
            used[i] = j->shared[i] + (i == W ? at.channel : at.image) * (int64_t)j->plan->inner_bytes[i];
            continue;
        }
        used[i] = inner;
        inner += plan->inner_bytes[i];
        if (i != plan->output) status = reorder(plan, i, stream, user[i], used[i], false, scratch);
        if (status != dnnl_success) return status;
    }
    static const int names[3][OPERANDS] = {
        {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST},
        {DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST},
        {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST},
    };
    dnnl_exec_arg_t arguments[OPERANDS + 2];
    dnnl_memory_t memories[OPERANDS + 1] = {0};
    int count = 0;
    for (int i = 0; i < OPERANDS && status == dnnl_success; i++) {
        status = dnnl_memory_create(&memories[i], REF(plan->inner[i]), apus_engine(), used[i]);
        arguments[count++] = (dnnl_exec_arg_t){names[j->direction][i], memories[i]};
    }
    if (status == dnnl_success && j->bias) {
        int64_t channel = cuts(j, Y) ? at.channel * j->channels * (cuts_groups(j) ? j->c->out_channels / j->c->groups : 1) : 0;
        const char *bias = j->bias + channel * apus_size[j->dtype];
        status = dnnl_memory_create(&memories[OPERANDS], REF(plan->bias), apus_engine(), (void *)bias);
        arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_BIAS, memories[OPERANDS]};
    }
    if (status == dnnl_success) status = run(stream, plan->primitive, count, arguments, &plan->scratchpad[0], scratch);
    for (int i = 0; i <= OPERANDS; i++)
        if (memories[i]) dnnl_memory_destroy(memories[i]);
    int out = plan->output;
    if (status != dnnl_success || !plan->reorder[out]) return status;
    if (!plan->weight_in_blocks) return reorder(plan, out, stream, used[out], user[out], true, scratch);
    unblock(plan, used[W], user[W]);
    return dnnl_success;
}

typedef struct {
    job *j;
    int operand; // the operand to reorder in advance; OPERANDS: run the tiles themselves
} phase;

static dnnl_status_t run_one(void *context, int64_t t, dnnl_stream_t stream) {
    phase *p = context;
    job *j = p->j;
    if (p->operand == OPERANDS) return run_tile(j, (place){t / j->channel_tiles, t % j->channel_tiles}, stream);
    place at = p->operand == W ? (place){0, t} : (place){t, 0};
    apus_plan *plan = plan_of(j, at);
    void *scratch = apus_workspace(APUS_WORKSPACE_SCRATCHPAD, plan->scratchpad_bytes[1 + p->operand]);
    if (!scratch) return dnnl_out_of_memory;
    return reorder(plan, p->operand, stream, (char *)j->operand[p->operand] + offset(j, p->operand, at) * apus_size[j->dtype],
                   j->shared[p->operand] + t * (int64_t)j->plan->inner_bytes[p->operand], false, scratch);
}

static void run_phase(void *context, int64_t begin, int64_t end) {
    phase *p = context;
    dnnl_status_t status = apus_run_tiles(begin, end, run_one, p);
    if (status != dnnl_success) p->j->status = status;
}

static void run_all(job *j, int operand, int64_t count) {
    phase p = {j, operand};
    apus_parallel_for(count, 1, run_phase, &p);
}

static apus_plan *take(const job *j, int64_t images) {
    const apus_convolution *c = j->c;
    // Strides come from the whole tensor, channel counts from the tile.
    apus_plan_key key = {*c, c->in_channels, c->out_channels, (int16_t)j->direction, j->bias != 0, j->dtype};
    key.shape.batch = images;
    if (j->channel_tiles > 1) {
        if (cuts_groups(j)) {
            key.shape.groups = j->channels;
            key.shape.in_channels = c->in_channels / c->groups * j->channels;
            key.shape.out_channels = c->out_channels / c->groups * j->channels;
        } else if (j->direction == APUS_BACKWARD_INPUT) {
            key.shape.in_channels = j->channels;
        } else {
            key.shape.out_channels = j->channels;
        }
    }
    return apus_cache_take(&apus_plans, &key);
}

static apus_outcome take_plans(job *j) {
    j->plan = j->last_plan = take(j, j->images);
    if (!j->plan) return APUS_NO_MEMORY;
    int64_t rest = j->c->batch - (j->image_tiles - 1) * j->images;
    if (rest != j->images && !(j->last_plan = take(j, rest))) return APUS_NO_MEMORY;
    return j->plan->entry.usable && j->last_plan->entry.usable ? APUS_DONE : APUS_REFUSED;
}

static void give_plans(job *j) {
    if (j->last_plan && j->last_plan != j->plan) apus_cache_give(&apus_plans, j->last_plan);
    if (j->plan) apus_cache_give(&apus_plans, j->plan);
}

// Chooses channel tiles: at least `wanted` equal tiles whose size is a multiple of the register width, else as many as there can be.
static void cut_channels(job *j, int64_t wanted) {
    const apus_convolution *c = j->c;
    int64_t all = cuts_groups(j) ? c->groups : j->direction == APUS_BACKWARD_INPUT ? c->in_channels : c->out_channels;
    // For small groups (such as depthwise convolutions) a tile has a multiple of 16 groups.
    int64_t least = cuts_groups(j) && c->in_channels / c->groups >= 16 ? 1 : 16;
    int64_t tiles = 1;
    while (tiles < wanted && all % (2 * tiles) == 0 && all / (2 * tiles) >= least && all / (2 * tiles) % least == 0) tiles *= 2;
    // A tile of one group out of several would have a weight of another rank.
    if (cuts_groups(j) && all / tiles == 1 && tiles > 1) tiles /= 2;
    j->channel_tiles = tiles;
    j->channels = all / tiles;
}

// At most eight tiles, unless one thread's cache asks for more. The split depends on the shape alone, so that the order of summation is
// fixed.
static void cut(job *j) {
    const apus_convolution *c = j->c;
    double work = (double)c->batch * (double)elements(c->out) * (double)weights(j);
    j->images = c->batch;
    j->channels = cuts_groups(j) ? c->groups : j->direction == APUS_BACKWARD_INPUT ? c->in_channels : c->out_channels;
    j->image_tiles = j->channel_tiles = 1;
    int64_t wanted = (int64_t)(work / 1e6); // a million multiply-adds take about 20 µs
    if (wanted > 8) wanted = 8;
    if (wanted <= 1) return;
    int64_t per_image = c->in_channels * elements(c->in) + c->out_channels * elements(c->out);
    int64_t tiles;
    if (j->direction == APUS_BACKWARD_WEIGHT) {
        // Each tile of images costs a buffer of the weight's size; where that outweighs the tile's images, channels are split instead.
        tiles = c->batch < wanted ? c->batch : wanted;
        while (tiles > 1 && 4 * weights(j) > per_image * (c->batch / tiles)) tiles /= 2;
        if (tiles < 4 && wanted >= 4) tiles = 1;
    } else {
        // As many images as fit into the second-level cache.
        int64_t images = (1 << 18) / (per_image + 1) + 1, share = (c->batch + wanted - 1) / wanted;
        if (images > share) images = share;
        tiles = (c->batch + images - 1) / images;
        // A multiple of `wanted`, so that threads share tiles evenly; at most one tile per image.
        tiles = (tiles + wanted - 1) / wanted * wanted;
        if (c->batch < tiles) tiles = c->batch;
    }
    j->images = (c->batch + tiles - 1) / tiles;
    j->image_tiles = (c->batch + j->images - 1) / j->images;
    if (j->image_tiles < wanted && j->image_tiles < 4) cut_channels(j, (wanted + j->image_tiles - 1) / j->image_tiles);
}

static void sum_range(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    float *out = in_place(j) ? (float *)j->operand[W] : j->partials;
    for (int64_t t = 1; t < j->image_tiles; t++) {
        const float *part = j->partials + (t - in_place(j)) * weights(j);
        for (int64_t i = begin; i < end; i++) out[i] += part[i];
    }
}

static void sum_tiles(job *j) {
    if (j->image_tiles > 1) apus_parallel_for(weights(j), 16384, sum_range, j);
    if (!in_place(j)) apus_copy_flat(APUS_FLOAT32, j->dtype, weights(j), j->partials, (void *)j->operand[W]);
}

// oneDNN reads all weights once per image. For images of a few pixels and weights larger than the caches that dominates; one matrix product
// of all unrolled windows is faster, up to five times for the weight's gradient.
static bool is_better_as_product(const job *j) {
    const apus_convolution *c = j->c;
    int64_t positions = elements(c->out);
    return c->groups == 1 && positions <= 4 && weights(j) >= 1 << 17 &&
           (j->direction == APUS_BACKWARD_WEIGHT || c->batch * positions <= APUS_WINDOWS_OF_ONE_PRODUCT);
}

// Whether tiles can share operands reordered in advance: both plans must use the same layouts.
static bool are_alike(const job *j) {
    for (int i = 0; i < OPERANDS; i++)
        if (!j->plan->reorder[i] != !j->last_plan->reorder[i]) return false;
    return !j->plan->reorder[W] || dnnl_memory_desc_equal(REF(j->plan->inner[W]), REF(j->last_plan->inner[W]));
}

static apus_outcome run_plans(job *j) {
    size_t ahead[OPERANDS] = {0}, total = 0;
    for (int i = 0; i < OPERANDS; i++) {
        if (i == j->plan->output || !j->plan->reorder[i]) continue;
        int64_t sharers = i == W ? j->image_tiles : cuts(j, i) ? 1 : j->channel_tiles;
        if (sharers > 1) ahead[i] = j->plan->inner_bytes[i] * (size_t)(i == W ? j->channel_tiles : j->image_tiles);
        total += ahead[i];
    }
    if (j->direction == APUS_BACKWARD_WEIGHT) total += sizeof(float) * (size_t)(weights(j) * (j->image_tiles - in_place(j)));
    char *block = total ? apus_workspace(APUS_WORKSPACE_PARTIALS, total) : 0;
    if (total && !block) return APUS_NO_MEMORY;
    for (int i = 0; i < OPERANDS; i++) {
        if (!ahead[i]) continue;
        j->shared[i] = block;
        block += ahead[i];
        run_all(j, i, i == W ? j->channel_tiles : j->image_tiles);
    }
    j->partials = (float *)block;
    if (j->status == dnnl_success) run_all(j, OPERANDS, j->image_tiles * j->channel_tiles);
    if (j->status == dnnl_success && j->direction == APUS_BACKWARD_WEIGHT) sum_tiles(j);
    apus_workspace_trim();
    return j->status == dnnl_success ? APUS_DONE : j->status == dnnl_out_of_memory ? APUS_NO_MEMORY : APUS_REFUSED;
}

static apus_outcome convolve(job *j) {
    const apus_convolution *c = j->c;
    if (j->dtype != APUS_FLOAT32 && !(j->dtype == APUS_BFLOAT16 && apus_multiplies_bfloat16())) return APUS_REFUSED;
    if (c->batch * c->in_channels * c->out_channels * elements(c->in) * elements(c->out) * elements(c->kernel) == 0) return APUS_REFUSED;
    // For a few thousand multiply-adds oneDNN's overhead of some microseconds would dominate.
    if ((double)c->batch * (double)c->out_channels * (double)elements(c->out) * (double)(c->in_channels / c->groups) *
            (double)elements(c->kernel) <
        20e3)
        return APUS_REFUSED;
    if (is_better_as_product(j)) return APUS_REFUSED;
    if (j->dtype == APUS_BFLOAT16 && j->direction == APUS_BACKWARD_WEIGHT) {
        apus_outcome outcome = apus_windows_backward_weight(c, j->operand[Y], j->operand[X], (void *)j->operand[W]);
        if (outcome != APUS_REFUSED) return outcome;
    }
    cut(j);
    apus_outcome outcome = take_plans(j);
    if (outcome == APUS_DONE && !are_alike(j)) outcome = APUS_REFUSED;
    if (outcome == APUS_DONE) outcome = run_plans(j);
    give_plans(j);
    return outcome;
}

apus_outcome apus_dnn_convolution(const apus_convolution *c, int dtype, const void *x, const void *weight, const void *bias, void *y) {
    return convolve(&(job){.c = c, .direction = APUS_FORWARD, .dtype = dtype, .operand = {x, weight, y}, .bias = bias});
}

apus_outcome apus_dnn_convolution_backward_input(const apus_convolution *c, int dtype, const void *grad, const void *weight, void *x) {
    return convolve(&(job){.c = c, .direction = APUS_BACKWARD_INPUT, .dtype = dtype, .operand = {x, weight, grad}});
}

apus_outcome apus_dnn_convolution_backward_weight(const apus_convolution *c, int dtype, const void *grad, const void *x, void *weight) {
    return convolve(&(job){.c = c, .direction = APUS_BACKWARD_WEIGHT, .dtype = dtype, .operand = {x, weight, grad}});
}
