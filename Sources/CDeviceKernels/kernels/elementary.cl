// Functions of the type T by the name M(f) that a device computes its own way.
FUNCTION T M(power)(T x, T a) {
    return a == 2 ? x * x : a == 3 ? x * x * x : a == 1 ? x : a == 0 ? (T)1 : a == -1 ? 1 / x : a == -2 ? (1 / x) * (1 / x) : pow(x, a);
}
// Φ, the distribution function of normal numbers
FUNCTION T M(plain_cdf)(T x) { return (T)0.5 * erfc(x * (T)-0.70710678118654752440); }
