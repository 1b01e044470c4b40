SPACE(Lines, 1)
// Bitonic sort of positions. For each line, `order` holds `padded` positions (a power of two); positions from `length` on are padding and
// come last. Equal elements are ordered by position, which makes the sort stable.
#define BLOCK 2048
FUNCTION int comes_after(GLOBAL const S *x, i64 base, i64 step, i64 length, i32 a, i32 b) {
    if (a >= length || b >= length) return a > b;
    A x_a = READ(x, base + a * step), x_b = READ(x, base + b * step);
    if (x_a != x_a || x_b != x_b) {
        int a_nan = x_a != x_a, b_nan = x_b != x_b;
        if (a_nan != b_nan) return DESCENDING ? b_nan : a_nan;
        return a > b;
    }
    if (x_a == x_b) return a > b;
    return DESCENDING ? x_a < x_b : x_a > x_b;
}
// Runs the stages `first` to `last` of each block in local memory, which covers distances below BLOCK. `fresh` starts with the identity
// order.
KERNEL void sort_block(i64 lines, i64 length, i64 padded, i64 first, i64 last, i64 fresh, GLOBAL const S *x, i64 ox, i64 step, GLOBAL i32 *order, i64 oo, Lines space) {
    LOCAL i32 shared[BLOCK];
    i64 size = padded < BLOCK ? padded : BLOCK, blocks = padded / size;
    for (i64 block = GROUP_ID; block < lines * blocks; block += GROUP_COUNT) {
        i64 base[1] = {ox}, start = (block % blocks) * size;
        places_Lines(block / blocks, &space, base);
        GLOBAL i32 *mine = order + oo + (block / blocks) * padded + start;
        for (i64 i = LOCAL_ID; i < size; i += GROUP) shared[i] = fresh ? (i32)(start + i) : mine[i];
        BARRIER;
        for (i64 stage = first; stage <= last; stage *= 2) {
            for (i64 distance = stage / 2 < size / 2 ? stage / 2 : size / 2; distance > 0; distance /= 2) {
                for (i64 pair = LOCAL_ID; pair < size / 2; pair += GROUP) {
                    i64 i = pair / distance * distance * 2 + pair % distance, j = i + distance;
                    int up = ((start + i) & stage) == 0;
                    if (comes_after(x, base[0], step, length, shared[i], shared[j]) == up) {
                        i32 t = shared[i];
                        shared[i] = shared[j];
                        shared[j] = t;
                    }
                }
                BARRIER;
            }
        }
        for (i64 i = LOCAL_ID; i < size; i += GROUP) mine[i] = shared[i];
        BARRIER;
    }
}
KERNEL void sort_pairs(i64 lines, i64 length, i64 padded, i64 stage, i64 distance, GLOBAL const S *x, i64 ox, i64 step, GLOBAL i32 *order, i64 oo, Lines space) {
    for (i64 g = GLOBAL_ID; g < lines * (padded / 2); g += GLOBAL_COUNT) {
        i64 line = g / (padded / 2), pair = g % (padded / 2);
        i64 base[1] = {ox}, i = pair / distance * distance * 2 + pair % distance, j = i + distance;
        places_Lines(line, &space, base);
        GLOBAL i32 *mine = order + oo + line * padded;
        int up = (i & stage) == 0;
        if (comes_after(x, base[0], step, length, mine[i], mine[j]) == up) {
            i32 t = mine[i];
            mine[i] = mine[j];
            mine[j] = t;
        }
    }
}
KERNEL void sort_gather(i64 lines, i64 length, i64 inner, i64 padded, GLOBAL const S *x, i64 ox, i64 step, GLOBAL const i32 *order, i64 oo, GLOBAL S *values, i64 ov, GLOBAL i64 *indices, i64 oi, Lines space) {
    for (i64 g = GLOBAL_ID; g < lines * length; g += GLOBAL_COUNT) {
        i64 line = g / length, k = g % length;
        i64 base[1] = {ox}, target = (line / inner) * length * inner + k * inner + line % inner;
        places_Lines(line, &space, base);
        i32 place = order[oo + line * padded + k];
        WRITE(values, ov + target, READ(x, base[0] + place * step));
        indices[oi + target] = place;
    }
}
