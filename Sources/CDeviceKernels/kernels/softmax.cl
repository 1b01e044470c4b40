// Softmax over lines of n elements with stride `inner`; one group per line.
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
