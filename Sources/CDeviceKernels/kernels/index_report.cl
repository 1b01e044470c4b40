// For an index out of range, writes to this call's slot of the report: a flag, the index, its position, the number of the call.
FUNCTION int is_inside(i64 index, i64 extent, i64 place, i64 call, GLOBAL i64 *report) {
    if (index >= 0 && index < extent) return 1;
    GLOBAL i64 *mine = report + call % 64 * 4;
    if (take_flag((GLOBAL int *)mine)) {
        mine[1] = index;
        mine[2] = place;
        mine[3] = call;
    }
    return 0;
}
