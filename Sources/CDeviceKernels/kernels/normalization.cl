// x is [lines, groups, n] in memory. A group's statistics are over n elements in each of `lines`, which lie `groups` * n apart. For layer
// norm, each row is a group and there is one line; for batch norm, each channel is a group and there is one line per image. `by_channel`
// says whether weight and bias are indexed by group (channels) or by place in the row. The mean is [2, groups]: the rounded mean, then its
// rounding error, which is valid if `has_rest`.
#define PLACE(k) (((k) / n * groups + group) * n + (k) % n)
#define CENTERED(value, group) (((value) - mean[om + (group)]) - (has_rest ? mean[om + groups + (group)] : (A)0))
KERNEL void statistics(i64 lines, i64 groups, i64 n, A eps, i64 wants_rstd, GLOBAL const S *x, i64 ox, GLOBAL A *mean, i64 om, GLOBAL A *spread, i64 os) {
    LOCAL A shared[GROUP];
    for (i64 group = GROUP_ID; group < groups; group += GROUP_COUNT) {
        A sum = 0, lost = 0, first = 0, squares = 0;
        for (i64 k = LOCAL_ID; k < lines * n; k += GROUP) ADD_EXACTLY(sum, lost, READ(x, ox + PLACE(k)))
        A center = group_reduce(sum, 0, shared) / (A)(lines * n);
        lost = 0;
        for (i64 k = LOCAL_ID; k < lines * n; k += GROUP) {
            A d = READ(x, ox + PLACE(k)) - center;
            first += d;
            ADD_EXACTLY(squares, lost, d * d)
        }
        A rest = group_reduce(first, 0, shared) / (A)(lines * n);
        A variance = group_reduce(squares, 0, shared) / (A)(lines * n) - rest * rest;
        if (variance < 0) variance = 0;
        if (LOCAL_ID == 0) {
            mean[om + group] = center;
            mean[om + groups + group] = rest;
            spread[os + group] = wants_rstd ? 1 / sqrt(variance + eps) : variance;
        }
        BARRIER;
    }
}
KERNEL void apply_statistics(i64 count, i64 groups, i64 n, i64 by_channel, GLOBAL const S *x, i64 ox, GLOBAL const A *mean, i64 om, GLOBAL const A *rstd, i64 or_, i64 has_rest,
                      GLOBAL const S *weight, i64 ow, i64 has_weight, GLOBAL const S *bias, i64 ob, i64 has_bias, GLOBAL S *y, i64 oy) {
    for (i64 g = GLOBAL_ID; g < count; g += GLOBAL_COUNT) {
        i64 group = g / n % groups, channel = by_channel ? group : g % n;
        A v = CENTERED(READ(x, ox + g), group) * rstd[or_ + group];
        if (has_weight) v = v * READ(weight, ow + channel);
        if (has_bias) v = v + READ(bias, ob + channel);
        WRITE(y, oy + g, v);
    }
}
// For each group the sums of g * weight and of g * weight * (normalised x); for channels (without weight) also the gradients of bias and
// weight.
KERNEL void norm_sums(i64 lines, i64 groups, i64 n, i64 by_channel, GLOBAL const S *grad, i64 og, GLOBAL const S *x, i64 ox, GLOBAL const A *mean, i64 om, GLOBAL const A *rstd, i64 or_, i64 has_rest,
                      GLOBAL const S *weight, i64 ow, i64 has_weight, GLOBAL A *sums, i64 os) {
    LOCAL A shared[GROUP];
    for (i64 group = GROUP_ID; group < groups; group += GROUP_COUNT) {
        A sum = 0, product = 0, sum_lost = 0, product_lost = 0;
        for (i64 k = LOCAL_ID; k < lines * n; k += GROUP) {
            A g = READ(grad, og + PLACE(k));
            if (has_weight && !by_channel) g = g * READ(weight, ow + k % n);
            ADD_EXACTLY(sum, sum_lost, g)
            ADD_EXACTLY(product, product_lost, g * (CENTERED(READ(x, ox + PLACE(k)), group) * rstd[or_ + group]))
        }
        sum = group_reduce(sum, 0, shared);
        product = group_reduce(product, 0, shared);
        if (LOCAL_ID == 0) {
            sums[os + group] = sum;
            sums[os + groups + group] = product;
        }
        BARRIER;
    }
}
KERNEL void norm_gradient(i64 count, i64 lines, i64 groups, i64 n, i64 by_channel, i64 training, GLOBAL const S *grad, i64 og, GLOBAL const S *x, i64 ox, GLOBAL const A *mean, i64 om,
                          GLOBAL const A *rstd, i64 or_, i64 has_rest, GLOBAL const S *weight, i64 ow, i64 has_weight, GLOBAL const A *sums, i64 os, GLOBAL S *out, i64 oo) {
    for (i64 g = GLOBAL_ID; g < count; g += GLOBAL_COUNT) {
        i64 group = g / n % groups, channel = by_channel ? group : g % n;
        A r = rstd[or_ + group], w = has_weight ? READ(weight, ow + channel) : (A)1, v = READ(grad, og + g) * w;
        if (training) {
            // The sums of a channel were taken without its weight, which all its elements share.
            A share = (by_channel ? w : (A)1) / (A)(lines * n);
            A normalized = CENTERED(READ(x, ox + g), group) * r;
            v = v - sums[os + group] * share - normalized * (sums[os + groups + group] * share);
        }
        WRITE(out, oo + g, v * r);
    }
}
// Gradients of weight and bias for rows: one item per column and chunk of `chunk` rows.
KERNEL void row_parameters(i64 groups, i64 n, GLOBAL const S *grad, i64 og, GLOBAL const S *x, i64 ox, GLOBAL const A *mean, i64 om, GLOBAL const A *rstd, i64 or_,
                           GLOBAL A *sums, i64 os, i64 chunk) {
    i64 parts = (groups + chunk - 1) / chunk, has_rest = 1;
    for (i64 g = GLOBAL_ID; g < n * parts; g += GLOBAL_COUNT) {
        i64 column = g % n, part = g / n, end = part * chunk + chunk < groups ? part * chunk + chunk : groups;
        A bias = 0, weight = 0, bias_lost = 0, weight_lost = 0;
        for (i64 r = part * chunk; r < end; r++) {
            A v = READ(grad, og + r * n + column);
            ADD_EXACTLY(bias, bias_lost, v)
            ADD_EXACTLY(weight, weight_lost, v * (CENTERED(READ(x, ox + r * n + column), r) * rstd[or_ + r]))
        }
        sums[os + part * 2 * n + column] = bias;
        sums[os + part * 2 * n + n + column] = weight;
    }
}
