// Functions of type T, named M(f): those that the compiler has under a name of its own, and those that devices compute differently from
// the processor.
FUNCTION T M(abs)(T x) { return fabs(x); }
FUNCTION T M(sqrt)(T x) { return sqrt(x); }
FUNCTION T M(floor)(T x) { return floor(x); }
FUNCTION T M(ceil)(T x) { return ceil(x); }
FUNCTION T M(round)(T x) { return rint(x); }
FUNCTION T M(trunc)(T x) { return trunc(x); }
FUNCTION T M(copysign)(T x, T y) { return copysign(x, y); }
FUNCTION T M(fmod)(T x, T y) { return fmod(x, y); }
FUNCTION T M(pow)(T x, T y) { return pow(x, y); }
FUNCTION T M(power)(T x, T a) {
    return a == 2 ? x * x : a == 3 ? x * x * x : a == 1 ? x : a == 0 ? (T)1 : a == -1 ? 1 / x : a == -2 ? (1 / x) * (1 / x) : pow(x, a);
}
// Φ, the cumulative distribution function of the normal distribution
FUNCTION T M(plain_cdf)(T x) { return (T)0.5 * erfc(x * (T)-0.70710678118654752440); }
