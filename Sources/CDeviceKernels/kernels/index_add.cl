SPACE(Space, 1)
#if FLOATS
#define ADD_LONG(sum, lost, value) ADD_EXACTLY(sum, lost, value)
#else
#define ADD_LONG(sum, lost, value) sum = ADD(sum, value);
#endif
// Each item handles one line of the output and adds the source's elements in order.
KERNEL void index_add(i64 lines, i64 inner, i64 length, i64 chosen, GLOBAL const i64 *index, i64 oi, i64 index_step, GLOBAL const S *source, i64 os, i64 step,
                      GLOBAL S *y, i64 oy, i64 call, GLOBAL i64 *report, Space space) {
    for (i64 line = GLOBAL_ID; line < lines; line += GLOBAL_COUNT) {
        i64 at[1] = {os}, base = oy + line / inner * length * inner + line % inner;
        places_Space(line, &space, at);
        for (i64 j = 0; j < chosen; j++) {
            i64 place = index[oi + j * index_step];
            if (!is_inside(place, length, j, call, report)) continue;
            WRITE(y, base + place * inner, ADD(READ(y, base + place * inner), READ(source, at[0] + j * step)));
        }
    }
}
// Takes the sorted index (`sorted`, with the original positions `order`). The item at the first of several equal indices adds up all of
// them.
KERNEL void index_add_sorted(i64 lines, i64 inner, i64 length, i64 chosen, GLOBAL const i64 *sorted, i64 on, GLOBAL const i64 *order, i64 oo, GLOBAL const S *source, i64 os, i64 step,
                             GLOBAL S *y, i64 oy, i64 call, GLOBAL i64 *report, Space space) {
    for (i64 g = GLOBAL_ID; g < lines * chosen; g += GLOBAL_COUNT) {
        i64 line = g % lines, k = g / lines, place = sorted[on + k];
        if (!is_inside(place, length, order[oo + k], call, report) || (k > 0 && sorted[on + k - 1] == place)) continue;
        i64 at[1] = {os}, target = oy + line / inner * length * inner + place * inner + line % inner;
        places_Space(line, &space, at);
        A sum = READ(y, target), lost = 0;
        for (; k < chosen && sorted[on + k] == place; k++) ADD_LONG(sum, lost, READ(source, at[0] + order[oo + k] * step))
        WRITE(y, target, sum);
    }
}
