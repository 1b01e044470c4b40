extension KernelDialect {
    /// What an index outside its dimension leaves behind in the call's place of the report: a mark, the index, its place, the number of the call.
    private static let report = #"""
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

    """#

    static let indexSelect = report + #"""
    KERNEL void index_select(i64 count, i64 inner, i64 chosen, i64 extent, i64 step, GLOBAL const S *x, i64 ox, GLOBAL const i64 *index, i64 oi, i64 index_step,
                             GLOBAL S *y, i64 oy, i64 call, GLOBAL i64 *report, Space space) {
        for (i64 g = GLOBAL_ID; g < count; g += GLOBAL_COUNT) {
            i64 j = g / inner % chosen, place = index[oi + j * index_step];
            i64 at[1] = {ox};
            places_Space(g, &space, at);
            if (is_inside(place, extent, j, call, report)) y[oy + g] = x[at[0] + place * step];
        }
    }
    """#

    /// Each line of the output is one item's, which adds the source's elements in their order.
    static let indexAdd = report + compensatedSum + #"""
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
    // From the index in order (`sorted`, with the places `order` that it had): the first of equal ones adds up all of them.
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
    """#

    static let gather = report + #"""
    KERNEL void gather(i64 count, i64 extent, i64 step, GLOBAL const S *x, i64 ox, GLOBAL const i64 *index, i64 oi, GLOBAL S *y, i64 oy, i64 call, GLOBAL i64 *report, Space space) {
        for (i64 g = GLOBAL_ID; g < count; g += GLOBAL_COUNT) {
            i64 at[2] = {oi, ox};
            places_Space(g, &space, at);
            i64 place = index[at[0]];
            if (is_inside(place, extent, g, call, report)) y[oy + g] = x[at[1] + place * step];
        }
    }
    """#

    /// One item for each line of the index along the dimension, which goes through it in order: repeated places come out the same each time.
    static let scatter = report + compensatedSum + #"""
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
    // Sums in contiguous y, with what rounding loses of them beside it, in contiguous `lost`.
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
    """#

    /// Places of the elements that are not zero, from the running count of them.
    static let nonzero = #"""
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
    """#

    /// Philox 4x32-10: an item makes one block and the elements that it has (`Philox.swift`).
    static let random = #"""
    typedef struct { u32 word[4]; } Block;
    FUNCTION Block philox(u64 key, u64 counter) {
        u32 k0 = (u32)key, k1 = (u32)(key >> 32), c0 = (u32)counter, c1 = (u32)(counter >> 32), c2 = 0, c3 = 0;
        for (int round = 0; round < 10; round++) {
            u32 high0 = mul_high32(c0, 0xD2511F53u), low0 = c0 * 0xD2511F53u, high1 = mul_high32(c2, 0xCD9E8D57u), low1 = c2 * 0xCD9E8D57u;
            c0 = high1 ^ c1 ^ k0;
            c1 = low1;
            c2 = high0 ^ c3 ^ k1;
            c3 = low0;
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        Block b;
        b.word[0] = c0; b.word[1] = c1; b.word[2] = c2; b.word[3] = c3;
        return b;
    }
    FUNCTION u64 wide_word(Block b, int which) { return (u64)b.word[2 * which] | (u64)b.word[2 * which + 1] << 32; }
    KERNEL void random_fill(i64 n, GLOBAL S *y, i64 oy, u64 seed, u64 offset, A first, A second, A below, i64 low, u64 range) {
        for (i64 block = GLOBAL_ID; block * PER_BLOCK < n; block += GLOBAL_COUNT) {
            Block b = philox(seed, offset + (u64)block);
            A made[PER_BLOCK];
            MAKE
            for (int i = 0; i < PER_BLOCK && block * PER_BLOCK + i < n; i++) WRITE(y, oy + block * PER_BLOCK + i, made[i]);
        }
    }
    """#

    static func make(_ kind: RandomKind, _ dtype: DType) -> String {
        switch (kind, dtype) {
        case (.integers, _): "for (int i = 0; i < 2; i++) made[i] = (i64)((u64)low + mul_high64(wide_word(b, i), range));"
        case (.bernoulli, _): "for (int i = 0; i < 4; i++) made[i] = b.word[i] >> 8 < (u32)range ? first : 0;"
        case (.uniform, .float64):
            "for (int i = 0; i < 2; i++) { f64 u = (f64)(wide_word(b, i) >> 11) * 0x1p-53; u = second * u; u = first + u; made[i] = u > below ? below : u; }"
        case (.uniform, _):
            "for (int i = 0; i < 4; i++) { f32 u = (f32)(b.word[i] >> \(dtype == .float16 ? 21 : dtype == .bfloat16 ? 24 : 8)) * \(dtype == .float16 ? "0x1p-11f" : dtype == .bfloat16 ? "0x1p-8f" : "0x1p-24f");"
                + " u = second * u; u = first + u; made[i] = u > below ? below : u; }"
        case (.normal, .float64):
            "f64 r = sqrt(-2 * log((f64)(wide_word(b, 0) >> 11) * 0x1p-53 + 0x1p-54)), s = (f64)((i64)wide_word(b, 1) >> 11) * 0x1p-52;"
                + " f64 x = r * cospi(s), z = r * sinpi(s); x = second * x; z = second * z; made[0] = first + x; made[1] = first + z;"
        case (.normal, _):
            "for (int i = 0; i < 2; i++) { f32 u = (f32)b.word[2 * i] * 0x1p-32f; u = u + 0x1p-33f; f32 r = sqrt(-2.0f * log(u)), s = (f32)(i32)b.word[2 * i + 1] * 0x1p-31f;"
                + " f32 x = r * cospi(s), z = r * sinpi(s); x = second * x; z = second * z; made[2 * i] = first + x; made[2 * i + 1] = first + z; }"
        }
    }
}
