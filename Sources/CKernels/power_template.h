// x^A for one float type. Included by `unary.c` with T the type, M(f) its elementary function f, N(name) a kernel's name. Exponents that
// need one or a few instructions have their own kernel.
#define POWER(NAME, EXPRESSION) APUS_KERNEL_1(APUS_CLONES, N(NAME), T, ITSELF, T, T, APUS_FLOATS, EXPRESSION)
POWER(powCube, x *x *x)
POWER(powOne, x)
POWER(powZero, (T)1)
// Not 1/x², since x² might overflow where the result is not 0.
POWER(powMinusTwo, (1 / x) * (1 / x))
// Unlike √x, x^½ is infinite at −∞, and 0 at −0.
POWER(powHalf, M(sqrt)(x == (T)-INFINITY ? (T)INFINITY : x + 0))
POWER(powMinusHalf, 1 / M(sqrt)(x == (T)-INFINITY ? (T)INFINITY : x + 0))
static void N(power)(int64_t n, void *out, const void *a, const void *b, const void *c, const apus_parameters *p) {
    apus_kernel *k = p->a == 2      ? N(square)
                     : p->a == 3    ? N(powCube)
                     : p->a == 1    ? N(powOne)
                     : p->a == 0    ? N(powZero)
                     : p->a == 0.5  ? N(powHalf)
                     : p->a == -0.5 ? N(powMinusHalf)
                     : p->a == -1   ? N(reciprocal)
                     : p->a == -2   ? N(powMinusTwo)
                                    : N(powScalar);
    k(n, out, a, b, c, p);
}
#undef POWER
