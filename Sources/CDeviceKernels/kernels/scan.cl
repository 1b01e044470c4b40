SPACE(Lines, 1)
// Cumulative sums or products of each line (Hillis and Steele's scan): a group takes GROUP elements at a time and doubles the distance in
// each round.
KERNEL void scan(i64 lines, i64 length, i64 inner, GLOBAL const S *x, i64 ox, i64 step, GLOBAL S *y, i64 oy, Lines space) {
    LOCAL A shared[2 * GROUP];
    for (i64 line = GROUP_ID; line < lines; line += GROUP_COUNT) {
        i64 base[1] = {ox};
        places_Lines(line, &space, base);
        i64 target = oy + (line / inner) * length * inner + line % inner;
        A carry = (A)INIT;
        for (i64 from = 0; from < length; from += GROUP) {
            i64 k = from + LOCAL_ID;
            int side = 0;
            shared[LOCAL_ID] = k < length ? READ(x, base[0] + k * step) : (A)INIT;
            BARRIER;
            for (int distance = 1; distance < GROUP; distance *= 2) {
                A here = shared[side * GROUP + LOCAL_ID];
                if (LOCAL_ID >= distance) here = STEP(shared[side * GROUP + LOCAL_ID - distance], here);
                shared[(1 - side) * GROUP + LOCAL_ID] = here;
                side = 1 - side;
                BARRIER;
            }
            if (k < length) WRITE(y, target + k * inner, STEP(carry, shared[side * GROUP + LOCAL_ID]));
            carry = STEP(carry, shared[side * GROUP + GROUP - 1]);
            BARRIER;
        }
    }
}
