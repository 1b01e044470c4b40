// Functions of integers, in the dialect of the devices' kernels, which take in this file as well: FUNCTION, i64 and u64 are the reader's.
// Division by −1 is negation, which may wrap too; the op has refused a divisor of 0, and none may crash the program.

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
// x^y, wrapping; a negative exponent truncates the fraction: 1 and −1 alone have any.
FUNCTION i64 integer_power(i64 x, i64 y) {
    if (y < 0) return x == 1 ? 1 : x == -1 ? (y & 1 ? -1 : 1) : 0;
    u64 result = 1, base = (u64)x;
    for (u64 e = (u64)y; e; e >>= 1, base *= base)
        if (e & 1) result *= base;
    return (i64)result;
}
