// The coordinates of the elements that are not zero, from the running count of such elements.
typedef struct { i64 extents[16]; } Extents;
KERNEL void nonzero(i64 count, i64 rank, GLOBAL const u8 *marks, i64 om, GLOBAL const i64 *counts, i64 oc, GLOBAL i64 *y, i64 oy, Extents shape) {
    for (i64 g = GLOBAL_ID; g < count; g += GLOBAL_COUNT) {
        if (!marks[om + g]) continue;
        i64 row = counts[oc + g] - 1, rest = g;
        for (i64 d = rank - 1; d >= 0; d--) {
            y[oy + row * rank + d] = rest % shape.extents[d];
            rest /= shape.extents[d];
        }
    }
}
