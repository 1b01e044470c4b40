SPACE(Space, 3)
#if KIND == KIND_set
#define COMBINE(a, b) (b)
#elif KIND == KIND_add
#define COMBINE(a, b) ADD(a, b)
#elif KIND == KIND_multiply
#define COMBINE(a, b) MULTIPLY(a, b)
#elif KIND == KIND_min
#define COMBINE(a, b) SMALLER(a, b)
#elif KIND == KIND_max
#define COMBINE(a, b) LARGER(a, b)
#else
#error "no such kind"
#endif
// One item per line of the index along the dimension. It goes through the line in order, so that repeated indices give the same result each
// time.
KERNEL void scatter(i64 lines, i64 inner, i64 chosen, i64 extent, GLOBAL const i64 *index, i64 oi, i64 index_step, GLOBAL const S *source, i64 os, i64 source_step,
                    GLOBAL S *y, i64 oy, i64 step, i64 call, GLOBAL i64 *report, Space space) {
    for (i64 line = GLOBAL_ID; line < lines; line += GLOBAL_COUNT) {
        i64 at[3] = {oi, os, oy};
        places_Space(line, &space, at);
        for (i64 j = 0; j < chosen; j++) {
            i64 place = index[at[0] + j * index_step];
            if (!is_inside(place, extent, (line / inner * chosen + j) * inner + line % inner, call, report)) continue;
            A old = READ(y, at[2] + place * step), value = READ(source, at[1] + j * source_step);
            WRITE(y, at[2] + place * step, COMBINE(old, value));
        }
    }
}
// Sums into contiguous y; their rounding errors are kept in contiguous `all_lost`.
KERNEL void scatter_sums(i64 lines, i64 inner, i64 chosen, i64 extent, GLOBAL const i64 *index, i64 oi, i64 index_step, GLOBAL const S *source, i64 os, i64 source_step,
                         GLOBAL A *y, i64 oy, i64 step, GLOBAL A *all_lost, i64 ol, i64 call, GLOBAL i64 *report, Space space) {
    for (i64 line = GLOBAL_ID; line < lines; line += GLOBAL_COUNT) {
        i64 at[3] = {oi, os, 0};
        places_Space(line, &space, at);
        for (i64 j = 0; j < chosen; j++) {
            i64 place = index[at[0] + j * index_step];
            if (!is_inside(place, extent, (line / inner * chosen + j) * inner + line % inner, call, report)) continue;
            i64 target = at[2] + place * step;
            A sum = y[oy + target], lost = all_lost[ol + target];
            ADD_EXACTLY(sum, lost, READ(source, at[1] + j * source_step))
            y[oy + target] = sum;
            all_lost[ol + target] = lost;
        }
    }
}
