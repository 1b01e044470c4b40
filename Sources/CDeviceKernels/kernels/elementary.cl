// Functions of type T, named M(f), that devices compute differently from the CPU.
FUNCTION T M(power)(T x, T a) {
    return a == 2 ? x * x : a == 3 ? x * x * x : a == 1 ? x : a == 0 ? (T)1 : a == -1 ? 1 / x : a == -2 ? (1 / x) * (1 / x) : pow(x, a);
}
// Φ, the cumulative distribution function of the normal distribution
FUNCTION T M(plain_cdf)(T x) { return (T)0.5 * erfc(x * (T)-0.70710678118654752440); }
