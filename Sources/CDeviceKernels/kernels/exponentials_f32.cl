// Exponentials of products and squares, and what activations make of them, in float32: plainly.
FUNCTION f32 exp_difference_f32(f32 x, f32 y) { return exp(x - y); }
FUNCTION f32 times_exp_product_f32(f32 a, f32 b, f32 x) { return a * exp(b * x); }
FUNCTION f32 softplus_f32(f32 x, f32 b) { return log1p(exp(b * x)) / b; }
FUNCTION f32 sigmoid_product_f32(f32 b, f32 x) { return sigmoid_f32(b * x); }
FUNCTION f32 silu_f32(f32 x) { return x * sigmoid_f32(x); }
FUNCTION f32 mish_f32(f32 x) {
    f32 e = exp(-fabs(x)), n = x < 0 ? e * (e + 2) : 1 + 2 * e;
    return x * (n / (n + 2 * (x < 0 ? 1 : e * e)));
}
FUNCTION f32 silu_slope_f32(f32 x) {
    f32 s = sigmoid_f32(x);
    return s * (1 + clamp_f32(x, -1e4f, 1e4f) * (1 - s));
}
FUNCTION f32 gelu_f32(f32 x) { return x * (0.5f * erfc(x * -0.70710678118654752440f)); }
FUNCTION f32 gelu_slope_f32(f32 x) {
    x = clamp_f32(x, -1e4f, 1e4f);
    return 0.5f * erfc(x * -0.70710678118654752440f) + x * 0.39894228040143267794f * exp(-0.5f * x * x);
}
FUNCTION f32 gelu_tanh_f32(f32 x) { return x * sigmoid_f32(1.5957691216057307117f * (x + 0.044715f * x * x * x)); }
FUNCTION f32 gelu_tanh_slope_f32(f32 x) {
    x = clamp_f32(x, -40, 40);
    f32 s = sigmoid_f32(1.5957691216057307117f * (x + 0.044715f * x * x * x));
    return s + x * s * (1 - s) * 1.5957691216057307117f * (1 + 0.134145f * x * x);
}
