// Longer functions of two floats, in the language of `binary.def`. The processor's C and the device kernels include this file for each type
// T and define FUNCTION.

// The remainder, with the divisor's sign.
FUNCTION T M(floor_mod)(T x, T y) {
    T r = M(fmod)(x, y);
    return r != 0 && (y < 0) != (r < 0) ? r + y : r;
}
// ⌊x/y⌋ from the remainder, as in Python and PyTorch: the rounded quotient alone may be one too large.
FUNCTION T M(floor_divide)(T x, T y) {
    if (y == 0) return x / y;
    T r = M(fmod)(x, y), q = (x - r) / y;
    if (r != 0 && (y < 0) != (r < 0)) q -= 1;
    if (q == 0) return M(copysign)((T)0, x / y);
    T whole = M(floor)(q);
    return q - whole > (T)0.5 ? whole + 1 : whole;
}
// ln(e^x + e^y) = max + ln(1 + e^−|x − y|); equal infinities are returned as they are, since their difference is NaN.
FUNCTION T M(log_add_exp)(T x, T y) {
    T larger = x > y ? x : y, smaller = x > y ? y : x;
    T sum = larger + M(log1p)(M(exp_difference)(smaller, larger));
    return x == y && M(abs)(x) == (T)INFINITY ? x : sum;
}
