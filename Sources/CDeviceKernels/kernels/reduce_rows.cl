SPACE(Kept, 1)
SPACE(Along, 1)
// One group per output. `kept` gives the start of an output's elements, `along` their offsets from there. A mean divides by `divisor`. If
// `parts` > 1, an output is reduced in `parts` parts of `chunk` elements; part p of output o is written to o * parts + p.
KERNEL void reduce_rows(i64 outputs, i64 count, i64 divisor, i64 parts, i64 chunk, GLOBAL const S *x, i64 ox, GLOBAL OS *y, i64 oy, Kept kept, Along along) {
    LOCAL A shared[GROUP];
    for (i64 o = GROUP_ID; o < outputs * parts; o += GROUP_COUNT) {
        i64 from = parts == 1 ? 0 : (o % parts) * chunk, to = parts == 1 ? count : from + chunk < count ? from + chunk : count;
        i64 base[1] = {ox};
        places_Kept(o / parts, &kept, base);
        A acc = (A)INIT, lost = 0;
        for (i64 k = from + LOCAL_ID; k < to; k += GROUP) {
            i64 at[1] = {base[0]};
            places_Along(k, &along, at);
            TAKE(acc, lost, READ(x, at[0]))
        }
        shared[LOCAL_ID] = acc;
        BARRIER;
        for (int reach = GROUP / 2; reach > 0; reach /= 2) {
            if (LOCAL_ID < reach) shared[LOCAL_ID] = STEP(shared[LOCAL_ID], shared[LOCAL_ID + reach]);
            BARRIER;
        }
        if (LOCAL_ID == 0) {
            acc = shared[0];
            OWRITE(y, oy + o, FINISH(acc));
        }
        BARRIER;
    }
}
