SPACE(Space, 2)
KERNEL void gather(i64 count, i64 extent, i64 step, GLOBAL const S *x, i64 ox, GLOBAL const i64 *index, i64 oi, GLOBAL S *y, i64 oy, i64 call, GLOBAL i64 *report, Space space) {
    for (i64 g = GLOBAL_ID; g < count; g += GLOBAL_COUNT) {
        i64 at[2] = {oi, ox};
        places_Space(g, &space, at);
        i64 place = index[at[0]];
        if (is_inside(place, extent, g, call, report)) y[oy + g] = x[at[1] + place * step];
    }
}
