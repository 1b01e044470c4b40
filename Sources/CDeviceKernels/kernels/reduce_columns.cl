SPACE(Kept, 1)
SPACE(Along, 1)
// One item per output.
KERNEL void reduce_columns(i64 outputs, i64 count, i64 divisor, GLOBAL const S *x, i64 ox, GLOBAL OS *y, i64 oy, Kept kept, Along along) {
    for (i64 o = GLOBAL_ID; o < outputs; o += GLOBAL_COUNT) {
        i64 base[1] = {ox};
        places_Kept(o, &kept, base);
        A acc = (A)INIT, lost = 0;
        for (i64 k = 0; k < count; k++) {
            i64 at[1] = {base[0]};
            places_Along(k, &along, at);
            TAKE(acc, lost, READ(x, at[0]))
        }
        OWRITE(y, oy + o, FINISH(acc));
    }
}
