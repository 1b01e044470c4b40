// Functions for both float types, in the language of `unary.def`. The processor's C and the device kernels include this file for each type
// T and define FUNCTION.

// 1/(1 + e^−x); in float32 2.4 ULP, also for denormal results.
FUNCTION T M(sigmoid)(T x) {
    T e = M(exp)(-M(abs)(x));
    return (x < 0 ? e : (T)1) / (1 + e);
}
// min(max(x, low), high); NaN stays NaN, and high wins over low as in PyTorch.
FUNCTION T M(clamp)(T x, T low, T high) {
    x = x < low ? low : x;
    return x > high ? high : x;
}
