// x = mantissa · 2^exponent. For non-finite x, mantissa = x and exponent = 0.
KERNEL void frexp_parts(i64 n, GLOBAL const S *x, i64 ox, GLOBAL S *mantissa, i64 om, GLOBAL i32 *exponent, i64 oe) {
    for (i64 g = GLOBAL_ID; g < n; g += GLOBAL_COUNT) {
        A v = READ(x, ox + g);
        int e = 0;
        A m = v - v == 0 ? frexp(v, &e) : v;
        WRITE(mantissa, om + g, m);
        exponent[oe + g] = e;
    }
}
