// The functions of `math_exact.h` in plain form, for float32. Φ is `plain_cdf`.

FUNCTION T M(times_exp_product)(T a, T b, T x) { return a * M(exp)(b * x); }
FUNCTION T M(softplus)(T x, T b) { return M(log1p)(M(exp)(b * x)) / b; }
FUNCTION T M(sigmoid_product)(T b, T x) { return M(sigmoid)(b * x); }
FUNCTION T M(exp_difference)(T x, T y) { return M(exp)(x - y); }
FUNCTION T M(silu)(T x) { return x * M(sigmoid)(x); }
FUNCTION T M(mish)(T x) {
    T e = M(exp)(-M(abs)(x)), n = x < 0 ? e * (e + 2) : 1 + 2 * e;
    return x * (n / (n + 2 * (x < 0 ? 1 : e * e)));
}
FUNCTION T M(silu_slope)(T x) {
    T s = M(sigmoid)(x);
    return s * (1 + M(clamp)(x, -1e4f, 1e4f) * (1 - s));
}
FUNCTION T M(times_normal_density)(T a, T x) { return a * 0.39894228040143267794f * M(exp)(-0.5f * x * x); }
FUNCTION T M(gelu)(T x) { return x * M(plain_cdf)(x); }
FUNCTION T M(gelu_slope)(T x) {
    x = M(clamp)(x, -1e4f, 1e4f);
    return M(plain_cdf)(x) + M(times_normal_density)(x, x);
}
FUNCTION T M(gelu_exponent)(T x) { return 1.5957691216057307117f * (x + 0.044715f * x * x * x); }
FUNCTION T M(gelu_tanh)(T x) { return x * M(sigmoid)(M(gelu_exponent)(x)); }
FUNCTION T M(gelu_tanh_slope)(T x) {
    x = M(clamp)(x, -40, 40);
    T s = M(sigmoid)(M(gelu_exponent)(x));
    return s + x * s * (1 - s) * 1.5957691216057307117f * (1 + 0.134145f * x * x);
}
