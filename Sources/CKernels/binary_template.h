// The binary kernels of one float type: included by `binary.c` with T the type, M(f) its elementary function f, N(kind) a kernel's name.
// Expressions are those of `BinaryKind` in Backend.swift; in gradients x is the gradient g.

#define BINARY(KIND, EXPRESSION) APUS_KERNEL_2(N(KIND), T, T, EXPRESSION)
#define BINARY_P(KIND, EXPRESSION) APUS_KERNEL_2P(N(KIND), T, T, APUS_FLOATS, EXPRESSION)

/// The remainder with the divisor's sign.
static inline T M(floor_mod)(T x, T y) {
    T r = M(fmod)(x, y);
    return r != 0 && (y < 0) != (r < 0) ? r + y : r;
}
/// ⌊x/y⌋ from the remainder, as Python and PyTorch do it: the quotient alone may round up to the next whole number.
static inline T M(floor_divide)(T x, T y) {
    if (y == 0) return x / y;
    T r = M(fmod)(x, y), q = (x - r) / y;
    if (r != 0 && (y < 0) != (r < 0)) q -= 1;
    if (q == 0) return f_copysign((T)0, x / y);
    T whole = __builtin_elementwise_floor(q);
    return q - whole > (T)0.5 ? whole + 1 : whole;
}
/// ln(e^x + e^y) = max + ln(1 + e^−|x − y|); equal infinities have no difference.
APUS_INLINE T M(log_add_exp)(T x, T y) {
    T larger = x > y ? x : y, smaller = x > y ? y : x;
    T sum = larger + M(log1p)(M(exp_difference)(smaller, larger));
    return x == y && f_abs(x) == (T)INFINITY ? x : sum;
}

BINARY(add, x + y)
BINARY(sub, x - y)
BINARY(mul, x *y)
BINARY(minimum, ((x < y) | (x != x)) ? x : y)
BINARY(maximum, ((x > y) | (x != x)) ? x : y)
BINARY(floorDivide, M(floor_divide)(x, y))
BINARY(truncDivide, __builtin_elementwise_trunc(x / y))
BINARY(remainder, M(floor_mod)(x, y))
BINARY(fmod, M(fmod)(x, y))
BINARY(pow, M(pow)(x, y))
BINARY(div, x / y)
BINARY(atan2, M(atan2)(x, y))
BINARY(hypot, M(hypot)(x, y))
BINARY(logaddexp, M(log_add_exp)(x, y))
BINARY(copysign, f_copysign(x, y))
BINARY(gammainc, d_gammainc((double)x, (double)y))
BINARY(gammaSampleGrad, d_gamma_sample_grad((double)x, (double)y))
BINARY(reluGrad, y <= 0 ? (T)0 : x)
BINARY(sigmoidGrad, x *y * (1 - y))
BINARY(tanhGrad, x * ((1 - y) * (1 + y)))
BINARY(geluGrad, x *M(gelu_slope)(y))
BINARY(geluTanhGrad, x *M(gelu_tanh_slope)(y))
BINARY(siluGrad, x *M(silu_slope)(y))
BINARY_P(leakyReluGrad, y > 0 ? x : A * x)
BINARY_P(eluGrad, y > 0 ? x * B : M(times_exp_product)(x * A * B * C, C, y))
BINARY_P(softplusGrad, A *y > B ? x : x * M(sigmoid_product)(A, y))
BINARY_P(hardtanhGrad, ((y <= A) | (y >= B)) ? (T)0 : x)
BINARY_P(clampGrad, ((y >= A) & (y <= B)) ? x : (T)0)
BINARY_P(addScaled, x + A * y)

#undef BINARY
#undef BINARY_P
