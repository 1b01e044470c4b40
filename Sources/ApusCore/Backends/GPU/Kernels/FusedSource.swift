// Softmax, normalisation, recurrent cells and optimizers: one pass each way. Formulas are those of `Backend`.

extension KernelDialect {
    /// A group's sum of what each item holds, in every item. `shared` has GROUP places.
    private static let groupSum = #"""
    FUNCTION A group_reduce(A value, int takes_largest, SHARED A *shared) {
        shared[LOCAL_ID] = value;
        BARRIER;
        for (int reach = GROUP / 2; reach > 0; reach /= 2) {
            if (LOCAL_ID < reach) {
                A a = shared[LOCAL_ID], b = shared[LOCAL_ID + reach];
                shared[LOCAL_ID] = takes_largest ? (a > b || a != a ? a : b) : a + b;
            }
            BARRIER;
        }
        A result = shared[0];
        BARRIER;
        return result;
    }

    """#

    /// Lines of n elements that lie `inner` apart; a group for each.
    static let softmax = groupSum + #"""
    KERNEL void softmax(i64 lines, i64 n, i64 inner, i64 is_log, GLOBAL const S *x, i64 ox, GLOBAL S *y, i64 oy) {
        LOCAL A shared[GROUP];
        for (i64 line = GROUP_ID; line < lines; line += GROUP_COUNT) {
            i64 base = line / inner * n * inner + line % inner;
            A top = -(A)INFINITY, sum = 0;
            for (i64 k = LOCAL_ID; k < n; k += GROUP) { A v = READ(x, ox + base + k * inner); top = v > top || v != v ? v : top; }
            top = group_reduce(top, 1, shared);
            for (i64 k = LOCAL_ID; k < n; k += GROUP) sum += exp(READ(x, ox + base + k * inner) - top);
            sum = group_reduce(sum, 0, shared);
            A scale = is_log ? log(sum) : 1 / sum;
            for (i64 k = LOCAL_ID; k < n; k += GROUP) {
                A v = READ(x, ox + base + k * inner) - top;
                WRITE(y, oy + base + k * inner, is_log ? v - scale : exp(v) * scale);
            }
        }
    }
    KERNEL void softmax_backward(i64 lines, i64 n, i64 inner, i64 is_log, GLOBAL const S *grad, i64 og, GLOBAL const S *y, i64 oy, GLOBAL S *out, i64 oo) {
        LOCAL A shared[GROUP];
        for (i64 line = GROUP_ID; line < lines; line += GROUP_COUNT) {
            i64 base = line / inner * n * inner + line % inner;
            A sum = 0;
            for (i64 k = LOCAL_ID; k < n; k += GROUP) {
                A g = READ(grad, og + base + k * inner);
                sum += is_log ? g : g * READ(y, oy + base + k * inner);
            }
            sum = group_reduce(sum, 0, shared);
            for (i64 k = LOCAL_ID; k < n; k += GROUP) {
                A g = READ(grad, og + base + k * inner), v = READ(y, oy + base + k * inner);
                WRITE(out, oo + base + k * inner, is_log ? g - exp(v) * sum : v * (g - sum));
            }
        }
    }
    """#

    /// x is [lines, groups, n] in memory: a statistic is taken of n elements in each of `lines`, which lie `groups` · n apart. Rows of a matrix
    /// are so many groups of one line; channels are groups of as many lines as the batch has images. `shared_by` says whose weight an
    /// element has: its place in the line (rows) or its group (channels). A mean is [2, groups]: rounded, then what rounding leaves of it, which
    /// is there where `has_rest`.
    static let normalization = groupSum + compensatedSum + #"""
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
    // For each group the means of g·weight and of g·weight·x̂; for channels also the gradients of weight and bias.
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
                // A channel's sums were taken without its weight, which all its elements share.
                A share = (by_channel ? w : (A)1) / (A)(lines * n);
                A normalized = CENTERED(READ(x, ox + g), group) * r;
                v = v - sums[os + group] * share - normalized * (sums[os + groups + group] * share);
            }
            WRITE(out, oo + g, v * r);
        }
    }
    // Gradients of weight and bias of rows: one item a column, in runs of 64 rows.
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
    """#

    /// One item for each hidden unit of each row; KIND is `RecurrentKind`'s number.
    static let recurrent = #"""
    KERNEL void cell(i64 rows, i64 n, GLOBAL const S *input, i64 oi, GLOBAL const S *hidden, i64 oh, GLOBAL const S *state, i64 os, GLOBAL S *gates, i64 og, GLOBAL S *next, i64 on, GLOBAL S *out, i64 oo) {
        for (i64 e = GLOBAL_ID; e < rows * n; e += GLOBAL_COUNT) {
            i64 r = e / n, j = e % n;
    #define SUM(i) (READ(input, oi + r * GATES * n + (i) * n + j) + READ(hidden, oh + r * GATES * n + (i) * n + j))
    #define KEEP(i, value) WRITE(gates, og + r * 4 * n + (i) * n + j, value)
    #if KIND == 0
            A i = SIGMOID(SUM(0)), f = SIGMOID(SUM(1)), g = tanh(SUM(2)), o = SIGMOID(SUM(3));
            A c = f * READ(state, os + e) + i * g;
            KEEP(0, i); KEEP(1, f); KEEP(2, g); KEEP(3, o);
            WRITE(next, on + e, c);
            WRITE(out, oo + e, o * tanh(c));
    #elif KIND == 1
            A reset = SIGMOID(SUM(0)), z = SIGMOID(SUM(1)), from_hidden = READ(hidden, oh + r * 3 * n + 2 * n + j);
            A c = tanh(READ(input, oi + r * 3 * n + 2 * n + j) + reset * from_hidden), h = READ(state, os + e);
            KEEP(0, reset); KEEP(1, z); KEEP(2, c); KEEP(3, from_hidden);
            WRITE(out, oo + e, c + z * (h - c));
    #elif KIND == 2
            WRITE(out, oo + e, tanh(SUM(0)));
    #else
            A s = SUM(0);
            WRITE(out, oo + e, s <= 0 ? (A)0 : s);
    #endif
        }
    }
    KERNEL void cell_backward(i64 rows, i64 n, GLOBAL const S *grad, i64 ograd, GLOBAL const S *gates, i64 og, GLOBAL const S *state, i64 os, GLOBAL const S *next, i64 on, GLOBAL const S *out, i64 oo,
                              GLOBAL S *grad_cell, i64 ogc, GLOBAL S *grad_input, i64 ogi, GLOBAL S *grad_hidden, i64 ogh, GLOBAL S *grad_state, i64 ogs) {
        for (i64 e = GLOBAL_ID; e < rows * n; e += GLOBAL_COUNT) {
            i64 r = e / n, j = e % n;
            A d = READ(grad, ograd + e);
    #define KEPT(i) READ(gates, og + r * 4 * n + (i) * n + j)
    #define GIVE(target, offset, i, value) WRITE(target, offset + r * GATES * n + (i) * n + j, value)
    #if KIND == 0
            A i = KEPT(0), f = KEPT(1), g = KEPT(2), o = KEPT(3), t = tanh(READ(next, on + e));
            A c = READ(grad_cell, ogc + e) + d * o * (1 - t * t);
            GIVE(grad_input, ogi, 0, c * g * i * (1 - i));
            GIVE(grad_input, ogi, 1, c * READ(state, os + e) * f * (1 - f));
            GIVE(grad_input, ogi, 2, c * i * (1 - g * g));
            GIVE(grad_input, ogi, 3, d * t * o * (1 - o));
            WRITE(grad_cell, ogc + e, c * f);
    #elif KIND == 1
            A reset = KEPT(0), z = KEPT(1), c = KEPT(2), from_hidden = KEPT(3);
            A dc = d * (1 - z) * (1 - c * c), dz = d * (READ(state, os + e) - c) * z * (1 - z), dr = dc * from_hidden * reset * (1 - reset);
            GIVE(grad_input, ogi, 0, dr); GIVE(grad_input, ogi, 1, dz); GIVE(grad_input, ogi, 2, dc);
            GIVE(grad_hidden, ogh, 0, dr); GIVE(grad_hidden, ogh, 1, dz); GIVE(grad_hidden, ogh, 2, dc * reset);
            WRITE(grad_state, ogs + e, d * z);
    #elif KIND == 2
            A y = READ(out, oo + e);
            WRITE(grad_input, ogi + e, d * (1 - y * y));
    #else
            WRITE(grad_input, ogi + e, READ(out, oo + e) <= 0 ? (A)0 : d);
    #endif
        }
    }
    """#

    /// One optimizer step of one parameter, as the C kernels have it. Constants come as the type that is computed in.
    static let optimizer = #"""
    KERNEL void sgd(i64 n, GLOBAL S *p, i64 op, GLOBAL const GS *g, i64 og, GLOBAL S *buffer, i64 ob, i64 has_buffer, A lr, A decay, A momentum, A old, A fresh, A sign, i64 nesterov) {
        for (i64 i = GLOBAL_ID; i < n; i += GLOBAL_COUNT) {
            A q = READ(p, op + i), d = sign * GREAD(g, og + i) + decay * q;
            if (has_buffer) {
                A b = old == 0 && fresh == 1 ? d : old * READ(buffer, ob + i) + fresh * d;
                WRITE(buffer, ob + i, b);
                d = nesterov ? d + momentum * b : b;
            }
            WRITE(p, op + i, q - lr * d);
        }
    }
    KERNEL void adam(i64 n, GLOBAL S *p, i64 op, GLOBAL const GS *g, i64 og, GLOBAL S *average, i64 oa, GLOBAL S *square, i64 os, GLOBAL S *top, i64 ot, i64 has_top,
                     A keep, A decay, A sign, A weight1, A beta2, A weight2, A eps, A step, A root, i64 near) {
        for (i64 i = GLOBAL_ID; i < n; i += GLOBAL_COUNT) {
            A q = READ(p, op + i) * keep, d = sign * GREAD(g, og + i) + decay * q, m = READ(average, oa + i);
            A a = near ? m + weight1 * (d - m) : d - (d - m) * (1 - weight1);
            A s = READ(square, os + i) * beta2 + weight2 * d * d;
            WRITE(average, oa + i, a);
            WRITE(square, os + i, s);
            if (has_top) {
                A t = READ(top, ot + i);
                s = t > s || t != t ? t : s;
                WRITE(top, ot + i, s);
            }
            WRITE(p, op + i, q - step * a / (sqrt(s) / root + eps));
        }
    }
    KERNEL void rmsprop(i64 n, GLOBAL S *p, i64 op, GLOBAL const GS *g, i64 og, GLOBAL S *square, i64 os, GLOBAL S *buffer, i64 ob, i64 has_buffer, GLOBAL S *average, i64 oa, i64 has_average,
                        A decay, A sign, A alpha, A fresh, A eps, A lr, A momentum, i64 near) {
        for (i64 i = GLOBAL_ID; i < n; i += GLOBAL_COUNT) {
            A q = READ(p, op + i), d = sign * GREAD(g, og + i) + decay * q, s = READ(square, os + i) * alpha + fresh * d * d;
            WRITE(square, os + i, s);
            if (has_average) {
                A m = READ(average, oa + i), a = near ? m + fresh * (d - m) : d - (d - m) * (1 - fresh);
                WRITE(average, oa + i, a);
                s = s - a * a;
            }
            A scale = sqrt(s) + eps;
            if (has_buffer) {
                A b = momentum * READ(buffer, ob + i) + d / scale;
                WRITE(buffer, ob + i, b);
                WRITE(p, op + i, q - lr * b);
            } else {
                WRITE(p, op + i, q - lr * d / scale);
            }
        }
    }
    """#
}
