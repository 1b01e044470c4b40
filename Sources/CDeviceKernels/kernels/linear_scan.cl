// One item per line: combining parts as `scan` does would multiply factors, which may overflow where the recurrence does not.
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
