SPACE(Space, 1)
KERNEL void index_select(i64 count, i64 inner, i64 chosen, i64 extent, i64 step, GLOBAL const S *x, i64 ox, GLOBAL const i64 *index, i64 oi, i64 index_step,
                         GLOBAL S *y, i64 oy, i64 call, GLOBAL i64 *report, Space space) {
    for (i64 g = GLOBAL_ID; g < count; g += GLOBAL_COUNT) {
        i64 j = g / inner % chosen, place = index[oi + j * index_step];
        i64 at[1] = {ox};
        places_Space(g, &space, at);
        if (is_inside(place, extent, j, call, report)) y[oy + g] = x[at[0] + place * step];
    }
}
