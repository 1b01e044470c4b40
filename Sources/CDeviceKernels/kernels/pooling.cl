// Pooling: one item per output, or per input gradient, which adds up the windows that cover it. A window covers `first` ..< `last` in steps
// of the dilation; windows of adaptive pooling have bounds that depend on the position.
typedef struct { i64 planes, in[3], out[3], window[3], stride[3], padding[3], dilation[3], adaptive, counts_padding, divisor; } Pool;
FUNCTION void span(const Pool *w, int d, i64 o, i64 *first, i64 *last, i64 *padded) {
    if (w->adaptive) {
        *first = o * w->in[d] / w->out[d];
        *last = ((o + 1) * w->in[d] + w->out[d] - 1) / w->out[d];
        *padded = *last - *first;
        return;
    }
    i64 start = o * w->stride[d] - w->padding[d], end = start + (w->window[d] - 1) * w->dilation[d] + 1;
    i64 limit = w->in[d] + w->padding[d];
    *padded = (end < limit ? end - start : limit - start > 0 ? limit - start : 0);
    *padded = (*padded + w->dilation[d] - 1) / w->dilation[d];
    *first = start >= 0 ? start : start + (-start + w->dilation[d] - 1) / w->dilation[d] * w->dilation[d];
    *last = end < w->in[d] ? end : w->in[d];
}
FUNCTION void spans(const Pool *w, i64 position, i64 *first, i64 *last, i64 *padded) {
    span(w, 0, position / (w->out[1] * w->out[2]), first, last, padded);
    span(w, 1, position / w->out[2] % w->out[1], first + 1, last + 1, padded + 1);
    span(w, 2, position % w->out[2], first + 2, last + 2, padded + 2);
}
FUNCTION i64 covered(const Pool *w, i64 first, i64 last, int d) { i64 step = w->adaptive ? 1 : w->dilation[d]; return last > first ? (last - first + step - 1) / step : 0; }
FUNCTION A divisor_of(const Pool *w, const i64 *first, const i64 *last, const i64 *padded) {
    if (w->divisor) return (A)w->divisor;
    if (w->counts_padding) return (A)(padded[0] * padded[1] * padded[2]);
    return (A)(covered(w, first[0], last[0], 0) * covered(w, first[1], last[1], 1) * covered(w, first[2], last[2], 2));
}
KERNEL void max_pool(GLOBAL const S *x, i64 ox, GLOBAL S *y, i64 oy, GLOBAL i64 *indices, i64 oi, Pool w) {
    i64 positions = w.out[0] * w.out[1] * w.out[2], plane = w.in[0] * w.in[1] * w.in[2];
    for (i64 g = GLOBAL_ID; g < w.planes * positions; g += GLOBAL_COUNT) {
        i64 first[3], last[3], padded[3], base = ox + g / positions * plane, place = -1;
        spans(&w, g % positions, first, last, padded);
        A best = LOWEST;
        for (i64 i = first[0]; i < last[0]; i += w.dilation[0])
            for (i64 j = first[1]; j < last[1]; j += w.dilation[1])
                for (i64 k = first[2]; k < last[2]; k += w.dilation[2]) {
                    i64 at = (i * w.in[1] + j) * w.in[2] + k;
                    A value = READ(x, base + at);
                    if (place < 0) place = at;
                    if (value > best || value != value) { best = value; place = at; }
                }
        WRITE(y, oy + g, best);
        indices[oi + g] = place < 0 ? 0 : place;
    }
}
KERNEL void average_pool(GLOBAL const S *x, i64 ox, GLOBAL S *y, i64 oy, Pool w) {
    i64 positions = w.out[0] * w.out[1] * w.out[2], plane = w.in[0] * w.in[1] * w.in[2];
    for (i64 g = GLOBAL_ID; g < w.planes * positions; g += GLOBAL_COUNT) {
        i64 first[3], last[3], padded[3], base = ox + g / positions * plane;
        spans(&w, g % positions, first, last, padded);
        A sum = 0, lost = 0;
        int any = 0;
        for (i64 i = first[0]; i < last[0]; i += w.dilation[0])
            for (i64 j = first[1]; j < last[1]; j += w.dilation[1])
                for (i64 k = first[2]; k < last[2]; k += w.dilation[2]) {
                    ADD_EXACTLY(sum, lost, READ(x, base + (i * w.in[1] + j) * w.in[2] + k))
                    any = 1;
                }
        WRITE(y, oy + g, any ? sum / divisor_of(&w, first, last, padded) : (A)0);
    }
}
// The range of outputs whose windows may cover p.
FUNCTION i64 first_covering(const Pool *w, int d, i64 p) {
    if (w->adaptive) return p * w->out[d] / w->in[d];
    i64 reach = p + w->padding[d] - (w->window[d] - 1) * w->dilation[d];
    return reach <= 0 ? 0 : (reach + w->stride[d] - 1) / w->stride[d];
}
FUNCTION i64 last_covering(const Pool *w, int d, i64 p) {
    i64 o = w->adaptive ? ((p + 1) * w->out[d] - 1) / w->in[d] : (p + w->padding[d]) / w->stride[d];
    return o < w->out[d] ? o : w->out[d] - 1;
}
FUNCTION int covers(const Pool *w, int d, i64 first, i64 last, i64 p) { return p >= first && p < last && (w->adaptive || (p - first) % w->dilation[d] == 0); }
KERNEL void average_pool_backward(GLOBAL const S *grad, i64 og, GLOBAL S *x, i64 ox, Pool w) {
    i64 positions = w.out[0] * w.out[1] * w.out[2], plane = w.in[0] * w.in[1] * w.in[2];
    for (i64 g = GLOBAL_ID; g < w.planes * plane; g += GLOBAL_COUNT) {
        i64 p0 = g % plane / (w.in[1] * w.in[2]), p1 = g % plane / w.in[2] % w.in[1], p2 = g % plane % w.in[2], base = og + g / plane * positions;
        i64 end0 = last_covering(&w, 0, p0), end1 = last_covering(&w, 1, p1), end2 = last_covering(&w, 2, p2);
        A sum = 0, lost = 0;
        for (i64 i = first_covering(&w, 0, p0); i <= end0; i++)
            for (i64 j = first_covering(&w, 1, p1); j <= end1; j++)
                for (i64 k = first_covering(&w, 2, p2); k <= end2; k++) {
                    i64 first[3], last[3], padded[3], position = (i * w.out[1] + j) * w.out[2] + k;
                    spans(&w, position, first, last, padded);
                    if (covers(&w, 0, first[0], last[0], p0) && covers(&w, 1, first[1], last[1], p1) && covers(&w, 2, first[2], last[2], p2))
                        ADD_EXACTLY(sum, lost, READ(grad, base + position) / divisor_of(&w, first, last, padded))
                }
        WRITE(x, ox + g, sum);
    }
}
