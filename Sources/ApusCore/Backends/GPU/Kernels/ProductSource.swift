extension KernelDialect {
    /// c = a·b (+ bias on each row) for a batch of two levels, of operands with any strides. A group makes 64 × 64 elements, an item 4 × 4
    /// of them that lie 16 apart; 16 columns of a and rows of b at a time are in local memory.
    static let product = #"""
    KERNEL void product(i64 batch, i64 inner, i64 m, i64 n, i64 k,
                        GLOBAL const S *a, i64 oa, i64 a_outer, i64 a_inner, i64 a_row, i64 a_column,
                        GLOBAL const S *b, i64 ob, i64 b_outer, i64 b_inner, i64 b_row, i64 b_column,
                        GLOBAL S *c, i64 oc, i64 c_outer, i64 c_inner, i64 c_row, i64 c_column,
                        GLOBAL const S *bias, i64 obias, i64 bias_step, i64 has_bias) {
        LOCAL A left[16][65];
        LOCAL A right[16][65];
        i64 rows = (m + 63) / 64, columns = (n + 63) / 64;
        int x = LOCAL_ID % 16, y = LOCAL_ID / 16;
        for (i64 tile = GROUP_ID; tile < batch * rows * columns; tile += GROUP_COUNT) {
            i64 z = tile / (rows * columns), row = tile / columns % rows * 64, column = tile % columns * 64;
            i64 pa = oa + z / inner * a_outer + z % inner * a_inner, pb = ob + z / inner * b_outer + z % inner * b_inner;
            A sum[4][4];
            for (int i = 0; i < 4; i++)
                for (int j = 0; j < 4; j++) sum[i][j] = 0;
            for (i64 from = 0; from < k; from += 16) {
                // Neighbouring items read what lies beside each other, in whichever direction that is.
                for (int e = LOCAL_ID; e < 1024; e += GROUP) {
                    int r = a_row == 1 ? e % 64 : e / 16, q = a_row == 1 ? e / 64 : e % 16;
                    left[q][r] = row + r < m && from + q < k ? READ(a, pa + (row + r) * a_row + (from + q) * a_column) : (A)0;
                    r = b_row == 1 ? e / 16 : e % 64;
                    q = b_row == 1 ? e % 16 : e / 64;
                    right[q][r] = column + r < n && from + q < k ? READ(b, pb + (from + q) * b_row + (column + r) * b_column) : (A)0;
                }
                BARRIER;
                for (int q = 0; q < 16; q++)
                    for (int i = 0; i < 4; i++) {
                        A value = left[q][y + 16 * i];
                        for (int j = 0; j < 4; j++) sum[i][j] = MULTIPLY_ADD(value, right[q][x + 16 * j], sum[i][j]);
                    }
                BARRIER;
            }
            i64 pc = oc + z / inner * c_outer + z % inner * c_inner;
            for (int i = 0; i < 4; i++)
                for (int j = 0; j < 4; j++) {
                    i64 r = row + y + 16 * i, q = column + x + 16 * j;
                    if (r < m && q < n) WRITE(c, pc + r * c_row + q * c_column, has_bias ? sum[i][j] + READ(bias, obias + q * bias_step) : sum[i][j]);
                }
        }
    }
    """#

    /// Convolution's windows as columns of a matrix and back, up to three spatial dimensions. `columns` is [channels · taps, batch · positions].
    static let windows = #"""
    typedef struct { i64 batch, channels, in[3], window[3], out[3], stride[3], padding[3], dilation[3]; } Window;
    KERNEL void unroll(GLOBAL const S *x, i64 ox, GLOBAL S *columns, i64 oc, Window w) {
        i64 taps = w.window[0] * w.window[1] * w.window[2], positions = w.out[0] * w.out[1] * w.out[2];
        for (i64 g = GLOBAL_ID; g < w.channels * taps * w.batch * positions; g += GLOBAL_COUNT) {
            i64 position = g % positions, image = g / positions % w.batch, row = g / positions / w.batch, tap = row % taps, channel = row / taps;
            i64 place = 0;
            int inside = 1;
            for (int d = 0; d < 3; d++) {
                i64 rest = d == 0 ? w.out[1] * w.out[2] : d == 1 ? w.out[2] : 1, tap_rest = d == 0 ? w.window[1] * w.window[2] : d == 1 ? w.window[2] : 1;
                i64 p = position / rest % w.out[d] * w.stride[d] - w.padding[d] + tap / tap_rest % w.window[d] * w.dilation[d];
                inside = inside && p >= 0 && p < w.in[d];
                place = place * w.in[d] + p;
            }
            WRITE(columns, oc + g, inside ? READ(x, ox + (image * w.channels + channel) * w.in[0] * w.in[1] * w.in[2] + place) : (A)0);
        }
    }
    KERNEL void roll(GLOBAL const S *columns, i64 oc, GLOBAL S *x, i64 ox, Window w) {
        i64 taps = w.window[0] * w.window[1] * w.window[2], positions = w.out[0] * w.out[1] * w.out[2], plane = w.in[0] * w.in[1] * w.in[2];
        for (i64 g = GLOBAL_ID; g < w.batch * w.channels * plane; g += GLOBAL_COUNT) {
            i64 place = g % plane, channel = g / plane % w.channels, image = g / plane / w.channels;
            A sum = 0;
            for (i64 tap = 0; tap < taps; tap++) {
                i64 position = 0;
                int inside = 1;
                for (int d = 0; d < 3; d++) {
                    i64 rest = d == 0 ? w.in[1] * w.in[2] : d == 1 ? w.in[2] : 1, tap_rest = d == 0 ? w.window[1] * w.window[2] : d == 1 ? w.window[2] : 1;
                    i64 p = place / rest % w.in[d] + w.padding[d] - tap / tap_rest % w.window[d] * w.dilation[d];
                    inside = inside && p >= 0 && p % w.stride[d] == 0 && p / w.stride[d] < w.out[d];
                    position = position * w.out[d] + p / w.stride[d];
                }
                if (inside) sum += READ(columns, oc + ((channel * taps + tap) * w.batch + image) * positions + position);
            }
            WRITE(x, ox + g, sum);
        }
    }
    """#

    /// Pooling: one item for each output, or for each input's gradient, which adds up the windows that cover it. A window covers
    /// `first` ..< `last` by steps of the dilation; `adaptive` ones have bounds that depend on the position.
    static let pooling = compensatedSum + #"""
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
    // The outputs whose windows may cover p: from the first that ends behind it to the last that begins before it.
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
    """#
}
