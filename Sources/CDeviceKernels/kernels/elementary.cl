// Functions of the type T, by the name M(f), that the language itself does not have.
FUNCTION T M(sigmoid)(T x) {
    T e = exp(-fabs(x));
    return (x < 0 ? e : (T)1) / (1 + e);
}
FUNCTION T M(clamp)(T x, T low, T high) {
    x = x < low ? low : x;
    return x > high ? high : x;
}
FUNCTION T M(power)(T x, T a) {
    return a == 2 ? x * x : a == 3 ? x * x * x : a == 1 ? x : a == 0 ? (T)1 : a == -1 ? 1 / x : a == -2 ? (1 / x) * (1 / x) : pow(x, a);
}
