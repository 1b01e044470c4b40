// The same in float64, by the formulas of `math_double.h`: what an exponent's rounding lost is put back.
FUNCTION f64 times_exp_f64(f64 a, f64 t) {
    if (t > -700) return a * exp(t);
    f64 half_way = exp(t / 2);
    return a * half_way * half_way;
}
FUNCTION f64 exp_difference_f64(f64 x, f64 y) {
    f64 d = x - y, part = d + y, lost = (x - part) - (y - (part - d)), e = exp(d);
    return d > -800 ? e + e * lost : e;
}
FUNCTION f64 times_exp_product_f64(f64 a, f64 b, f64 x) {
    f64 t = b * x, y = times_exp_f64(a, t);
    return fabs(t) < 800 ? y + y * fma(b, x, -t) : y;
}
FUNCTION f64 softplus_f64(f64 x, f64 b) {
    return b * x < -700 ? times_exp_product_f64(1 / b, b, x) : log1p(times_exp_product_f64(1, b, x)) / b;
}
FUNCTION f64 sigmoid_product_f64(f64 b, f64 x) {
    f64 e = times_exp_product_f64(1, b * x < 0 ? b : -b, x);
    return (b * x < 0 ? e : 1) / (1 + e);
}
FUNCTION f64 silu_f64(f64 x) {
    if (x < -700) return times_exp_f64(x, x);
    f64 e = exp(-fabs(x));
    return (x < 0 ? x * e : x) / (1 + e);
}
FUNCTION f64 mish_f64(f64 x) {
    if (x < -700) return times_exp_f64(x, x);
    f64 e = exp(-fabs(x)), n = x < 0 ? e * (e + 2) : 1 + 2 * e;
    return x * (n / (n + 2 * (x < 0 ? 1 : e * e)));
}
FUNCTION f64 silu_slope_f64(f64 x) {
    x = clamp_f64(x, -1e4, 1e4);
    f64 e = exp(-fabs(x)), factor = 1 + x * ((x < 0 ? 1 : e) / (1 + e));
    if (x < -700) return times_exp_f64(factor, x);
    return (x < 0 ? factor * e : factor) / (1 + e);
}
FUNCTION f64 normal_cdf_f64(f64 x) {
    x = clamp_f64(x, -40, 40);
    f64 z = x * -0.7071067811865476, lost = fma(x, -0.7071067811865476, -z) + x * 4.833646656726457e-17;
    return 0.5 * (erfc(z) - lost * 1.1283791670955126 * exp(-z * z));
}
FUNCTION f64 times_normal_density_f64(f64 a, f64 x) {
    f64 square = x * x, y = times_exp_f64(a * 0.3989422804014327, -0.5 * square);
    return y - y * (0.5 * fma(x, x, -square));
}
FUNCTION f64 gelu_f64(f64 x) {
    if (!(x < -36) || x < -40) return x * normal_cdf_f64(x);
    f64 r = 1 / (x * x);
    return -times_normal_density_f64(1 - r * (1 - 3 * r * (1 - 5 * r * (1 - 7 * r * (1 - 9 * r * (1 - 11 * r))))), x);
}
FUNCTION f64 gelu_slope_f64(f64 x) {
    x = clamp_f64(x, -40, 40);
    return normal_cdf_f64(x) + times_normal_density_f64(x, x);
}
FUNCTION f64 gelu_exponent_f64(f64 x, f64 *lost) {
    f64 s = x * x, s_lost = fma(x, x, -s);
    f64 q = 0.07135481627260025 * s, q_lost = fma(0.07135481627260025, s, -q) + (0.07135481627260025 * s_lost - 6.175149918155315e-19 * s);
    f64 p = 1.5957691216057308 + q, part = p - 1.5957691216057308;
    f64 p_lost = (1.5957691216057308 - (p - part)) + (q - part) + (q_lost - 9.96930880911092e-17);
    f64 u = x * p;
    *lost = fma(x, p, -u) + x * p_lost;
    return u;
}
FUNCTION f64 gelu_tanh_f64(f64 x) {
    f64 lost, u = gelu_exponent_f64(clamp_f64(x, -40, 40), &lost);
    if (u < -700) {
        f64 y = times_exp_f64(x, u);
        return y + y * lost;
    }
    f64 e = exp(-fabs(u));
    e += e * (u < 0 ? lost : -lost);
    return (u < 0 ? x * e : x) / (1 + e);
}
FUNCTION f64 gelu_tanh_slope_f64(f64 x) {
    x = clamp_f64(x, -40, 40);
    f64 lost, u = gelu_exponent_f64(x, &lost), e = exp(-fabs(u)), e_lost = u < 0 ? lost : -lost;
    f64 linear = -2 * 1.5957691216057308 * x, linear_lost = fma(-2 * 1.5957691216057308, x, -linear) + (3 * lost + 2 * 9.96930880911092e-17 * x);
    f64 t = fma(3.0, u, linear), t_lost = (fma(3.0, u, -t) + linear) + linear_lost;
    f64 d = 1 + e, d_lost = (e - (d - 1)) + e * e_lost;
    f64 g = u < 0 ? t : t * e, g_lost = u < 0 ? t_lost : fma(t, e, -g) + (t_lost * e + g * e_lost);
    f64 sum = d + g, part = sum - d, sum_lost = (d - (sum - part)) + (g - part) + (g_lost + d_lost - 2 * sum * d_lost / d);
    if (u > 0) return (sum + sum_lost) / (d * d);
    sum_lost += sum * e_lost;
    if (u > -700) return (e * sum + e * sum_lost) / (d * d);
    return times_exp_f64(sum + sum_lost, u);
}
