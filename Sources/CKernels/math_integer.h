// Integer functions in the dialect of the device kernels, which include this file too; the including file defines FUNCTION, i64 and u64.
// Division by −1 is negation, which may wrap. The op has rejected a divisor of 0, but a 0 must not crash the program.

FUNCTION i64 truncated_quotient(i64 x, i64 y) { return y == 0 ? 0 : y == -1 ? (i64)(0 - (u64)x) : x / y; }
FUNCTION i64 truncated_remainder(i64 x, i64 y) { return y == 0 || y == -1 ? 0 : x % y; }
FUNCTION i64 floored_remainder(i64 x, i64 y) {
    i64 r = truncated_remainder(x, y);
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}
FUNCTION i64 floored_quotient(i64 x, i64 y) {
    i64 q = truncated_quotient(x, y), r = truncated_remainder(x, y);
    return r != 0 && (r < 0) != (y < 0) ? q - 1 : q;
}
// x^y, wrapping. For negative y the result is truncated, so only x = ±1 gives a non-zero result.
FUNCTION i64 integer_power(i64 x, i64 y) {
    if (y < 0) return x == 1 ? 1 : x == -1 ? (y & 1 ? -1 : 1) : 0;
    u64 result = 1, base = (u64)x;
    for (u64 e = (u64)y; e; e >>= 1, base *= base)
        if (e & 1) result *= base;
    return (i64)result;
}
// The greatest common divisor by Euclid's algorithm; 0 only for two zeros. The smallest integer's magnitude wraps.
FUNCTION i64 common_divisor(i64 x, i64 y) {
    u64 a = x < 0 ? 0 - (u64)x : (u64)x, b = y < 0 ? 0 - (u64)y : (u64)y;
    while (b != 0) {
        u64 rest = a % b;
        a = b;
        b = rest;
    }
    return (i64)a;
}
// The least common multiple, wrapping; 0 if one of the two is 0.
FUNCTION i64 common_multiple(i64 x, i64 y) {
    i64 divisor = common_divisor(x, y);
    i64 product = (i64)((u64)truncated_quotient(x, divisor) * (u64)y);
    return product < 0 ? (i64)(0 - (u64)product) : product;
}
