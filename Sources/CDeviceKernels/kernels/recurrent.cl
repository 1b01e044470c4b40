// One item per hidden unit of each row; KIND is one of `RecurrentKind`, which has GATES products and keeps KEPT numbers for its derivative.
#define SIGMOID(x) (1 / (1 + exp(-(x))))
KERNEL void cell(i64 rows, i64 n, GLOBAL const S *input, i64 oi, GLOBAL const S *hidden, i64 oh, GLOBAL const S *state, i64 os, GLOBAL S *gates, i64 og, GLOBAL S *next, i64 on, GLOBAL S *out, i64 oo) {
    for (i64 e = GLOBAL_ID; e < rows * n; e += GLOBAL_COUNT) {
        i64 r = e / n, j = e % n;
#define SUM(i) (READ(input, oi + r * GATES * n + (i) * n + j) + READ(hidden, oh + r * GATES * n + (i) * n + j))
#define KEEP(i, value) WRITE(gates, og + r * KEPT * n + (i) * n + j, value)
#if KIND == KIND_lstm
        A i = SIGMOID(SUM(0)), f = SIGMOID(SUM(1)), g = tanh(SUM(2)), o = SIGMOID(SUM(3));
        A c = f * READ(state, os + e) + i * g;
        KEEP(0, i); KEEP(1, f); KEEP(2, g); KEEP(3, o);
        WRITE(next, on + e, c);
        WRITE(out, oo + e, o * tanh(c));
#elif KIND == KIND_gru
        A reset = SIGMOID(SUM(0)), z = SIGMOID(SUM(1)), from_hidden = READ(hidden, oh + r * GATES * n + 2 * n + j);
        A c = tanh(READ(input, oi + r * GATES * n + 2 * n + j) + reset * from_hidden), h = READ(state, os + e);
        KEEP(0, reset); KEEP(1, z); KEEP(2, c); KEEP(3, from_hidden);
        WRITE(out, oo + e, c + z * (h - c));
#elif KIND == KIND_tanh
        WRITE(out, oo + e, tanh(SUM(0)));
#elif KIND == KIND_relu
        A s = SUM(0);
        WRITE(out, oo + e, s <= 0 ? (A)0 : s);
#else
#error "no such kind"
#endif
    }
}
KERNEL void cell_backward(i64 rows, i64 n, GLOBAL const S *grad, i64 ograd, GLOBAL const S *gates, i64 og, GLOBAL const S *state, i64 os, GLOBAL const S *next, i64 on, GLOBAL const S *out, i64 oo,
                          GLOBAL S *grad_cell, i64 ogc, GLOBAL S *grad_input, i64 ogi, GLOBAL S *grad_hidden, i64 ogh, GLOBAL S *grad_state, i64 ogs) {
    for (i64 e = GLOBAL_ID; e < rows * n; e += GLOBAL_COUNT) {
        i64 r = e / n, j = e % n;
        A d = READ(grad, ograd + e);
#define GATE(i) READ(gates, og + r * KEPT * n + (i) * n + j)
#define GIVE(target, offset, i, value) WRITE(target, offset + r * GATES * n + (i) * n + j, value)
#if KIND == KIND_lstm
        A i = GATE(0), f = GATE(1), g = GATE(2), o = GATE(3), t = tanh(READ(next, on + e));
        A c = READ(grad_cell, ogc + e) + d * o * (1 - t * t);
        GIVE(grad_input, ogi, 0, c * g * i * (1 - i));
        GIVE(grad_input, ogi, 1, c * READ(state, os + e) * f * (1 - f));
        GIVE(grad_input, ogi, 2, c * i * (1 - g * g));
        GIVE(grad_input, ogi, 3, d * t * o * (1 - o));
        WRITE(grad_cell, ogc + e, c * f);
#elif KIND == KIND_gru
        A reset = GATE(0), z = GATE(1), c = GATE(2), from_hidden = GATE(3);
        A dc = d * (1 - z) * (1 - c * c), dz = d * (READ(state, os + e) - c) * z * (1 - z), dr = dc * from_hidden * reset * (1 - reset);
        GIVE(grad_input, ogi, 0, dr); GIVE(grad_input, ogi, 1, dz); GIVE(grad_input, ogi, 2, dc);
        GIVE(grad_hidden, ogh, 0, dr); GIVE(grad_hidden, ogh, 1, dz); GIVE(grad_hidden, ogh, 2, dc * reset);
        WRITE(grad_state, ogs + e, d * z);
#elif KIND == KIND_tanh
        A y = READ(out, oo + e);
        WRITE(grad_input, ogi + e, d * (1 - y * y));
#elif KIND == KIND_relu
        WRITE(grad_input, ogi + e, READ(out, oo + e) <= 0 ? (A)0 : d);
#else
#error "no such kind"
#endif
    }
}
