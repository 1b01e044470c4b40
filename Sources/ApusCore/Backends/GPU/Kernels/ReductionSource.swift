// Reductions. A sum's order is fixed by the shapes: items of a group take elements GROUP apart, and their parts are added as a tree.

extension KernelDialect {
    /// INIT, STEP(acc, value), FINISH(acc) of each kind, and TAKE(acc, lost, value) for one item's elements: sums of floats keep what rounding loses.
    static func reduction(_ kind: ReduceKind, _ dtype: DType) -> String {
        let float = dtype.isFloatingPoint
        let (start, step, finish): (String, String, String) = switch kind {
        case .sum: ("0", float ? "(acc) + (value)" : "(i64)((u64)(acc) + (u64)(value))", "acc")
        case .mean: ("0", float ? "(acc) + (value)" : "(i64)((u64)(acc) + (u64)(value))", float ? "(acc) / (A)divisor" : "divisor ? (acc) / divisor : 0")
        case .prod: ("1", float ? "(acc) * (value)" : "(i64)((u64)(acc) * (u64)(value))", "acc")
        case .min: (float ? "(A)INFINITY" : "I64_MAX", "((acc) < (value) || (acc) != (acc) ? (acc) : (value))", "acc")
        case .max: (float ? "-(A)INFINITY" : "I64_MIN", "((acc) > (value) || (acc) != (acc) ? (acc) : (value))", "acc")
        case .any: ("0", "(A)((acc) != 0 || (value) != 0)", "acc")
        case .all: ("1", "(A)((acc) != 0 && (value) != 0)", "acc")
        }
        let take = float && (kind == .sum || kind == .mean) ? "ADD_EXACTLY(acc, lost, value)" : "acc = STEP(acc, value);"
        return compensatedSum + "#define INIT \(start)\n#define STEP(acc, value) (\(step))\n#define FINISH(acc) (\(finish))\n#define TAKE(acc, lost, value) \(take)\n"
    }

    /// One group for each output: `space` says where an output's elements begin, `along` where they lie from there.
    /// A mean divides by `divisor`. With `parts` > 1 each output is made of so many parts of `chunk` elements, and part p of output o is written to o·parts + p.
    static let reduceRows = #"""
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
    """#

    /// One item for each output.
    static let reduceColumns = #"""
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
    """#

    /// The first largest or smallest element of each line; NaN wins. `space` says where a line begins.
    static let argReduce = #"""
    FUNCTION int wins(A value, i64 at, A best, i64 best_at) {
        if (best != best || value != value) return value != value && (best == best || at < best_at);
        return BETTER(value, best) || (value == best && at < best_at);
    }
    KERNEL void arg_reduce(i64 lines, i64 length, GLOBAL const S *x, i64 ox, i64 step, GLOBAL i64 *indices, i64 oi, GLOBAL S *values, i64 ov, i64 writes_values, Lines space) {
        LOCAL A best[GROUP];
        LOCAL i64 place[GROUP];
        for (i64 line = GROUP_ID; line < lines; line += GROUP_COUNT) {
            i64 base[1] = {ox};
            places_Lines(line, &space, base);
            i64 first = LOCAL_ID < length ? LOCAL_ID : 0;
            A top = READ(x, base[0] + first * step);
            i64 at = first;
            for (i64 k = first + GROUP; k < length; k += GROUP) {
                A value = READ(x, base[0] + k * step);
                if (wins(value, k, top, at)) { top = value; at = k; }
            }
            best[LOCAL_ID] = top;
            place[LOCAL_ID] = at;
            BARRIER;
            for (int reach = GROUP / 2; reach > 0; reach /= 2) {
                if (LOCAL_ID < reach && wins(best[LOCAL_ID + reach], place[LOCAL_ID + reach], best[LOCAL_ID], place[LOCAL_ID])) {
                    best[LOCAL_ID] = best[LOCAL_ID + reach];
                    place[LOCAL_ID] = place[LOCAL_ID + reach];
                }
                BARRIER;
            }
            if (LOCAL_ID == 0) {
                indices[oi + line] = place[0];
                if (writes_values) WRITE(values, ov + line, best[0]);
            }
            BARRIER;
        }
    }
    """#

    /// Running sums or products of each line: a group takes GROUP elements at a time, doubling the distance of what is joined.
    static let scan = #"""
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
    """#

    /// One item for each line: joining parts as `scan` does would multiply factors that overflow where the steps do not.
    static let linearScan = #"""
    KERNEL void linear_scan(i64 lines, i64 length, i64 inner, GLOBAL const S *a, i64 oa, GLOBAL const S *b, i64 ob, GLOBAL S *y, i64 oy) {
        for (i64 line = GLOBAL_ID; line < lines; line += GLOBAL_COUNT) {
            i64 at = (line / inner) * length * inner + line % inner;
            A carry = READ(b, ob + at);
            WRITE(y, oy + at, carry);
            for (i64 k = 1; k < length; k++) {
                at += inner;
                carry = READ(a, oa + at) * carry + READ(b, ob + at);
                WRITE(y, oy + at, carry);
            }
        }
    }
    """#

    /// Bitonic sorting of places: `order` holds for each line `padded` places (a power of two), those from `length` on being no element
    /// and last. Equal elements go by their places, which makes the order stable.
    static let sort = #"""
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
    // Stages `first` to `last` of each block, in local memory: distances below BLOCK only. `fresh` starts from the places in order.
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
    """#
}
