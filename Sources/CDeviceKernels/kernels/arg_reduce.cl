SPACE(Lines, 1)
#if KIND == KIND_max
#define BETTER(a, b) ((a) > (b))
#elif KIND == KIND_min
#define BETTER(a, b) ((a) < (b))
#else
#error "no such kind"
#endif
// The index of the first largest or smallest element of each line; NaN wins. `space` gives the start of each line.
FUNCTION int wins(A value, i64 at, A best, i64 best_at) {
    if (best != best || value != value) return value != value && (best == best || at < best_at);
    return BETTER(value, best) || (value == best && at < best_at);
}
KERNEL void arg_reduce(i64 lines, i64 length, GLOBAL const S *x, i64 ox, i64 step, GLOBAL i64 *indices, i64 oi, GLOBAL S *values, i64 ov, Lines space) {
    LOCAL A best[GROUP];
    LOCAL i64 place[GROUP];
    for (i64 line = GROUP_ID; line < lines; line += GROUP_COUNT) {
        i64 base[1] = {ox};
        places_Lines(line, &space, base);
        i64 first = LOCAL_ID < length ? LOCAL_ID : 0;
        A top = READ(x, base[0] + first * step);
        i64 at = first;
        for (i64 k = first + GROUP; k < length; k += GROUP) {
            A value = READ(x, base[0] + k * step);
            if (wins(value, k, top, at)) { top = value; at = k; }
        }
        best[LOCAL_ID] = top;
        place[LOCAL_ID] = at;
        BARRIER;
        for (int reach = GROUP / 2; reach > 0; reach /= 2) {
            if (LOCAL_ID < reach && wins(best[LOCAL_ID + reach], place[LOCAL_ID + reach], best[LOCAL_ID], place[LOCAL_ID])) {
                best[LOCAL_ID] = best[LOCAL_ID + reach];
                place[LOCAL_ID] = place[LOCAL_ID + reach];
            }
            BARRIER;
        }
        if (LOCAL_ID == 0) {
            indices[oi + line] = place[0];
            WRITE(values, ov + line, best[0]);
        }
        BARRIER;
    }
}
