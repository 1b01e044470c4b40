// Exponentials of products and squares, and activations made of them, accurate to all digits of T: used for float64. Written in the
// language of `math_any.h`.
//
// The relative error of an exponential is the absolute error of its exponent. Where the exponent is a product or a square, its rounding
// error is computed by `fma` and corrected for.

// a·e^t, accurate also if e^t is denormal but the product is not.
FUNCTION T M(times_exp)(T a, T t) {
    if (t > -700) return a * M(exp)(t);
    T half_way = M(exp)(t / 2);
    return a * half_way * half_way;
}
// a·e^(b·x)
FUNCTION T M(times_exp_product)(T a, T b, T x) {
    T t = b * x, y = M(times_exp)(a, t);
    // Beyond this bound the result is 0 or infinite, and the correction may be NaN.
    return M(abs)(t) < 800 ? y + y * fma(b, x, -t) : y;
}
// ln(1 + e^(b·x))/b
FUNCTION T M(softplus)(T x, T b) { return b * x < -700 ? M(times_exp_product)(1 / b, b, x) : M(log1p)(M(times_exp_product)(1, b, x)) / b; }
// σ(b·x)
FUNCTION T M(sigmoid_product)(T b, T x) {
    T e = M(times_exp_product)(1, b * x < 0 ? b : -b, x);
    return (b * x < 0 ? e : 1.0) / (1.0 + e);
}
// e^(x − y) for x ≤ y
FUNCTION T M(exp_difference)(T x, T y) {
    T d = x - y, part = d + y, lost = (x - part) - (y - (part - d));
    T e = M(exp)(d);
    return d > -800 ? e + e * lost : e;
}
// silu is x·σ(x). mish is x·tanh(ln(1 + e^x)); with n = e^x·(e^x + 2) the tanh is n/(n + 2).
FUNCTION T M(silu)(T x) {
    if (x < -700) return M(times_exp)(x, x);
    T e = M(exp)(-M(abs)(x));
    return (x < 0 ? x * e : x) / (1 + e);
}
FUNCTION T M(mish)(T x) {
    if (x < -700) return M(times_exp)(x, x);
    T e = M(exp)(-M(abs)(x)), n = x < 0 ? e * (e + 2) : 1 + 2 * e;
    return x * (n / (n + 2 * (x < 0 ? 1 : e * e)));
}
// σ(x) + x·σ(x)·(1 − σ(x))
FUNCTION T M(silu_slope)(T x) {
    x = M(clamp)(x, -1e4, 1e4);
    T e = M(exp)(-M(abs)(x)), factor = 1 + x * ((x < 0 ? 1 : e) / (1 + e));
    if (x < -700) return M(times_exp)(factor, x);
    return (x < 0 ? factor * e : factor) / (1 + e);
}
// Φ, the cumulative distribution function of the normal distribution, by erfc, which is accurate in the lower tail.
FUNCTION T M(normal_cdf)(T x) {
    x = M(clamp)(x, -40, 40);
    T z = x * -0.7071067811865476, lost = fma(x, -0.7071067811865476, -z) + x * 4.833646656726457e-17;
    return 0.5 * (M(erfc)(z) - lost * 1.1283791670955126 * M(exp)(-z * z));
}
// a·φ(x), φ the density of the normal distribution
FUNCTION T M(times_normal_density)(T a, T x) {
    T square = x * x, y = M(times_exp)(a * 0.39894228040143267794, -0.5 * square);
    return y - y * (0.5 * fma(x, x, -square));
}
// x·Φ(x); for very negative x, where Φ is denormal, by its asymptotic series.
FUNCTION T M(gelu)(T x) {
    if (!(x < -36) || x < -40) return x * M(normal_cdf)(x);
    T r = 1 / (x * x);
    return -M(times_normal_density)(1 - r * (1 - 3 * r * (1 - 5 * r * (1 - 7 * r * (1 - 9 * r * (1 - 11 * r))))), x);
}
// Φ(x) + x·φ(x)
FUNCTION T M(gelu_slope)(T x) {
    x = M(clamp)(x, -40, 40);
    return M(normal_cdf)(x) + M(times_normal_density)(x, x);
}
// u = 2·√(2/π)·(x + 0.044715·x³). The tanh form of GELU is x·σ(u), since ½(1 + tanh ½u) = σ(u). u is computed with its rounding error
// `lost`, as x times the sum of k and 0.044715·k·x², where each constant has two parts too.
FUNCTION T M(gelu_exponent)(T x, T *lost) {
    T s = x * x, s_lost = fma(x, x, -s);
    T q = 0.07135481627260025 * s, q_lost = fma(0.07135481627260025, s, -q) + (0.07135481627260025 * s_lost - 6.175149918155315e-19 * s);
    T p = 1.5957691216057308 + q, part = p - 1.5957691216057308;
    T p_lost = (1.5957691216057308 - (p - part)) + (q - part) + (q_lost - 9.96930880911092e-17);
    T u = x * p;
    *lost = fma(x, p, -u) + x * p_lost;
    return u;
}
// x·σ(u)
FUNCTION T M(gelu_tanh)(T x) {
    T lost, u = M(gelu_exponent)(M(clamp)(x, -40, 40), &lost);
    if (u < -700) {
        T y = M(times_exp)(x, u);
        return y + y * lost;
    }
    T e = M(exp)(-M(abs)(u));
    e += e * (u < 0 ? lost : -lost);
    return (u < 0 ? x * e : x) / (1 + e);
}
// The derivative of x·σ(u): σ(u) + t·σ(u)·σ(−u) with t = x·u'. x is clamped, since beyond the bounds the result is 1 or 0 and squares might
// overflow. With e = e^−|u| and d = 1 + e the result is (d + t·e)/d² for positive u and e·(d + t)/d² for negative u; t = 3u − 2kx. The
// rounding error of each sum is corrected for.
FUNCTION T M(gelu_tanh_slope)(T x) {
    x = M(clamp)(x, -40, 40);
    T lost, u = M(gelu_exponent)(x, &lost), e = M(exp)(-M(abs)(u)), e_lost = u < 0 ? lost : -lost;
    T linear = -2 * 1.5957691216057308 * x,
      linear_lost = fma(-2 * 1.5957691216057308, x, -linear) + (3 * lost + 2 * 9.96930880911092e-17 * x);
    T t = fma(3.0, u, linear), t_lost = (fma(3.0, u, -t) + linear) + linear_lost;
    T d = 1 + e, d_lost = (e - (d - 1)) + e * e_lost;
    T g = u < 0 ? t : t * e, g_lost = u < 0 ? t_lost : fma(t, e, -g) + (t_lost * e + g * e_lost);
    T sum = d + g, part = sum - d, sum_lost = (d - (sum - part)) + (g - part) + (g_lost + d_lost - 2 * sum * d_lost / d);
    if (u > 0) return (sum + sum_lost) / (d * d);
    sum_lost += sum * e_lost;
    if (u > -700) return (e * sum + e * sum_lost) / (d * d);
    return M(times_exp)(sum + sum_lost, u);
}
