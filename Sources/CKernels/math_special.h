// Special functions in float64, which float32 uses too.
#ifndef APUS_MATH_SPECIAL_H
#define APUS_MATH_SPECIAL_H

#include "math_double.h"

// What devices compute by the same lines.
#define BERNOULLI_LIST                                                                                                                     \
    static const double bernoulli[] = {1.0 / 12,         -1.0 / 720, 1.0 / 30240, -1.0 / 1209600, 1.0 / 47900160, -691.0 / 1307674368000,  \
                                       1.0 / 74724249600};
#define FUNCTION static inline
#define T double
#define WIDE long double
#define W(f) d_##f
#define L(f) f##l
#define REAL(x) x##L
#define PI 3.14159265358979323846264L
#define EPSILON 1e-20L
#include "math_wide.h"
#undef FUNCTION
#undef T
#undef WIDE
#undef W
#undef L
#undef REAL
#undef PI
#undef EPSILON

/// c[0] + c[1]·x + … + c[n − 1]·x^(n − 1)
APUS_INLINE double d_polynomial(double x, int n, const double *c) {
    double y = c[n - 1];
    for (int i = n - 2; i >= 0; i--) y = y * x + c[i];
    return y;
}

/// erf⁻¹(x), where `below` is 1 − |x| without rounding error. Up to w = −ln(1 − x²) = 5 it is x·(√π/2 + w·r(w)); beyond, s + r(s) with s =
/// √−ln(½·below). Each r is a rational function, fitted with 50 digits.
static inline double d_erfinv_below(double x, double below) {
    static const double inner[] = {0.23201366653465447,   0.0423168100999213,     0.012575325365511276,
                                   0.0016444106507909903, 0.00020516203955443923, 1.6930316703701173e-05,
                                   9.526479996882831e-07, 3.029555498561203e-08,  0};
    static const double inner_divisor[] = {1,
                                           0.13261058506246587,
                                           0.0576641117835918,
                                           0.006103651610351887,
                                           0.0010330809459578403,
                                           7.945178636135804e-05,
                                           5.54187364373264e-06,
                                           2.3569732781067723e-07,
                                           1.945520808426286e-09};
    static const double tail[] = {-0.45695079130632993,    -0.6061360724427372,    -0.32517712547897754,
                                  -0.08838803532771562,    -0.012424803285005772,  -0.0008317739077950845,
                                  -2.1713985468604415e-05, -1.341263739649769e-07, 0};
    static const double tail_divisor[] = {1,
                                          1.5708353128488928,
                                          1.0253357307648325,
                                          0.355305283841375,
                                          0.06902208365444716,
                                          0.007294488710549955,
                                          0.0003774089184498825,
                                          7.626498381653005e-06,
                                          3.397178565630172e-08};
    static const double far[] = {-0.25493746901345343,   -0.11305186741087539,    -0.01896702459789505,
                                 -0.0015214800242235342, -6.1023164030104625e-05, -1.1722476394881539e-06,
                                 -9.39980972144388e-09,  -2.2263362441231365e-11, -2.115738122851049e-15};
    static const double far_divisor[] = {1,
                                         0.5570793921970292,
                                         0.12297852615004491,
                                         0.013749851724600406,
                                         0.0008283187145513857,
                                         2.654821079611567e-05,
                                         4.2058801463181244e-07,
                                         2.7964274012907455e-09,
                                         5.2612026896055864e-12};
    double w = -log(below * (2 - below));
    if (w < 5) return x * (0.886226925452758 + w * (d_polynomial(w, 9, inner) / d_polynomial(w, 9, inner_divisor)));
    double s = sqrt(-log(below / 2)), t = s - (s < 6.1 ? 2.5 : 6.1);
    double r =
        s < 6.1 ? d_polynomial(t, 9, tail) / d_polynomial(t, 9, tail_divisor) : d_polynomial(t, 9, far) / d_polynomial(t, 9, far_divisor);
    return copysign(s + r, x);
}
static inline double d_erfinv(double x) {
    double m = fabs(x);
    return m < 1 ? d_erfinv_below(x, 1 - m) : m == 1 ? copysign(INFINITY, x) : NAN;
}
/// The quantile function of the normal distribution, √2·erf⁻¹(2p − 1).
static inline double d_ndtri(double p) {
    if (!(p > 0 && p < 1)) return p == 0 ? -INFINITY : p == 1 ? INFINITY : NAN;
    return 1.4142135623730951 * d_erfinv_below(2 * p - 1, p < 0.5 ? 2 * p : 2 - 2 * p);
}

/// ln |Γ(x)|. libm's lgamma writes the sign to a global variable, a data race between threads.
static inline double d_lgamma(double x) {
    int sign;
    return lgamma_r(x, &sign);
}

/// ψ(x + rest) for x ≥ 1, `rest` below one ULP of x. From 10 on by the asymptotic series; below, x is reduced to [1, 2), where the result
/// is the distance from the zero times (1 + a small rational function), accurate to all digits.
static inline double d_digamma_positive(double x, double rest) {
    static const double near[] = {0.2503801375034054,   -0.30957408825968885,  -0.6919409437403516,    -0.35473150019898825,
                                  -0.07115493979151359, -0.005519862186036254, -0.00011934204387003062};
    static const double divisor[] = {
        1, 2.1771665986671342, 1.6630736963665909, 0.5710455727133128, 0.09111902253303285, 0.006100975692434821, 0.00012043151172286901};
    static const double series[] = {1.0 / 12, -1.0 / 120, 1.0 / 252, -1.0 / 240, 1.0 / 132, -691.0 / 32760, 1.0 / 12, -3617.0 / 8160};
    if (x >= 10) {
        double r = 1 / x, z = r * r;
        return log(x) - r * (0.5 + r * d_polynomial(z, 8, series)) + rest * r;
    }
    double sum = 0;
    for (; x >= 2; x -= 1) sum += 1 / (x - 1);
    double y = ((x - 1.4616321449683622) - 9.549995429965697e-17) + rest;
    return sum + (y + y * (d_polynomial(x - 1, 7, near) / d_polynomial(x - 1, 7, divisor)));
}

/// ψ(x) = d/dx ln Γ(x). For negative x by reflection, ψ(x) = ψ(1 − x) − π/tan πx.
static inline double d_digamma(double x) {
    if (x == 0) return copysign(INFINITY, -x);
    if (x >= 1) return x == INFINITY ? x : d_digamma_positive(x, 0);
    if (x > 0) {
        double above = x + 1;
        return d_digamma_positive(above, x - (above - 1)) - 1 / x;
    }
    double whole = rint(x), fraction = x - whole, above = 1 - x;
    if (!(fraction != 0) || x == -INFINITY) return NAN;
    // Near a pole tan is small, near a zero its reciprocal is; each is accurate there.
    double away = 0.5 - fabs(fraction);
    double pole = fabs(fraction) < 0.25 ? M_PI / tan(M_PI * fraction) : copysign(M_PI * tan(M_PI * away), fraction);
    return d_digamma_positive(above, (1 - above) - x) - pole;
}

/// n!/x^n, n ≥ 1
static inline double d_factorial_over_power(int n, double x) {
    double factorial = 1, product = 1;
    if (n == 1) return 1 / x;
    for (int i = 2; i <= n; i++) {
        factorial *= i;
        product *= i / x;
    }
    // For large n each factor is scaled, since n! would overflow.
    return n <= 20 ? factorial * pow(x, -n) : product / x;
}
/// n!·Σ 1/(x + k)^(n + 1) over k ≥ 0, for x > 0: single terms up to x + k = 2n + 16, then the Euler–Maclaurin formula.
static inline double d_polygamma_sum(int n, double x) {
    BERNOULLI_LIST
    int count = x < 2 * n + 16 ? (int)ceil(2 * n + 16 - x) : 0;
    double y = x + count, r = 1 / y, scale = r, sum = 0;
    for (int j = 0; j < 7; j++) {
        scale *= (j == 0 ? r : (n + 2 * j) * r * r) * (n + 2 * j + 1);
        sum += bernoulli[j] * scale;
    }
    sum = d_factorial_over_power(n, y) * (1.0 / n + (0.5 * r + sum));
    for (int k = count - 1; k >= 0; k--) sum += d_factorial_over_power(n, x + k) / (x + k);
    return sum;
}
/// ψ⁽ⁿ⁾(x), the n-th derivative of ψ: (−1)^(n+1)·n!·Σ 1/(x + k)^(n + 1). A negative x is f − m with integer m: its terms are those of f, 1
/// + f, …, and, with mirrored signs, those of 1 − f … m − f.
static inline double d_polygamma(double order, double x) {
    int n = (int)order;
    if (n == 0) return d_digamma(x);
    double sign = n % 2 ? 1 : -1;
    if (x == INFINITY) return copysign(0, sign);
    if (x > 0) return sign * d_polygamma_sum(n, x);
    double f = x - rint(x);
    if (f != f) return NAN;
    if (f == 0) return sign * INFINITY;
    double pole = d_factorial_over_power(n, fabs(f)) / fabs(f);
    double right = d_polygamma_sum(n, 1 + f), left = d_polygamma_sum(n, 1 - f) - d_polygamma_sum(n, 1 - x);
    return n % 2 ? pole + right + left : left - (f < 0 ? -pole : pole) - right;
}

/// −(dP/da)/f, where f(x) = x^(a−1)·e^−x/Γ(a) is the density of the gamma distribution and P its integral from 0. By the derivative of the
/// power series for x < a + 1, else of the continued fraction for (1 − P)/f (Abramowitz and Stegun 6.5.29 and 6.5.31).
static inline double d_gamma_slope(double a, double x) {
    double log_x = log(x);
    if (x < a + 1) {
        double term = x / a, psi = d_digamma(a + 1), sum = term, derivative = term * (log_x - psi);
        for (int n = 1; n < 100000; n++) {
            term *= x / (a + n);
            psi += 1 / (a + n);
            sum += term;
            derivative += term * (log_x - psi);
            if (term * (1 + fabs(log_x - psi)) <= 1e-17 * fabs(derivative) && term <= 1e-17 * sum) break;
        }
        return -derivative;
    }
    // x1 is the derivative of each quantity x with respect to a.
    double b = x + 1 - a, c = 1e300, c1 = 0, d = 1 / b, d1 = d * d, h = d, h1 = d1;
    for (int i = 1; i < 100000; i++) {
        double an = -(double)i * ((double)i - a), an1 = i;
        b += 2;
        double e = an * d + b, e1 = an1 * d + an * d1 - 1;
        double g = b + an / c, g1 = -1 + an1 / c - an * c1 / (c * c);
        c = g;
        c1 = g1;
        d = 1 / e;
        d1 = -e1 * d * d;
        double factor = d * c, factor1 = d1 * c + d * c1;
        h1 = h1 * factor + h * factor1;
        h *= factor;
        if (fabs(factor - 1) < 1e-16 && fabs(factor1) < 1e-16) break;
    }
    return x * (h1 + h * (log_x - d_digamma(a)));
}

/// a·φ(x/a − 1) with φ(μ) = μ − ln(1 + μ): the negated logarithm of (x/a)^a·e^(a − x).
static inline long double d_gamma_exponent(long double a, long double x) {
    long double mu = (x - a) / a;
    if (fabsl(mu) > 0.1L) return (x - a) - a * logl(x / a);
    long double sum = 0;
    for (int k = 18; k >= 2; k--) sum = (k % 2 ? -1.0L : 1.0L) / k + mu * sum;
    return a * (mu * mu * sum);
}
/// x^a·e^−x/Γ(a + 1)
static inline long double d_gamma_factor(long double a, long double x) {
    if (a < 10) return expl(a * logl(x) - x) / tgammal(a + 1);
    // Stirling's series, whose logarithms are small: the logarithms of x^a and Γ(a) nearly cancel, which would lose digits.
    long double r = 1 / a, z = r * r;
    long double series =
        r *
        (1 / 12.0L -
         z * (1 / 360.0L -
              z * (1 / 1260.0L - z * (1 / 1680.0L - z * (1 / 1188.0L - z * (691 / 360360.0L - z * (1 / 156.0L - z * 3617 / 122400.0L)))))));
    return expl(-d_gamma_exponent(a, x) - series) / sqrtl(2 * 3.14159265358979323846264L * a);
}
/// The regularised lower incomplete gamma function P(a, x), or the upper one, 1 − P: P by its power series for x < a + 1, else 1 − P by
/// Lentz's continued fraction; from a = 10⁶ on by the first two terms of Temme's uniform expansion. In long double, since hundreds of terms
/// accumulate errors, and in a tail the relative error of the factor is hundreds of times that of its exponent.
static inline double d_incomplete_gamma(double a, double x, bool is_upper) {
    if (!(a >= 0) || !(x >= 0)) return NAN;
    double all = is_upper ? 0 : 1;
    if (a == 0) return x == 0 ? NAN : all;
    if (x == 0) return 1 - all;
    if (x == INFINITY) return a == INFINITY ? NAN : all;
    if (a == INFINITY) return 1 - all;
    if (a >= 1e6) {
        if (fabs(x - a) > 45 * sqrt(a)) return x < a ? 1 - all : all;
        long double exponent = d_gamma_exponent(a, x), root = sqrtl(exponent), eta = copysignl(sqrtl(2 * exponent / a), x - a);
        static const long double c[] = {-1 / 3.0L,   1 / 12.0L,        -2 / 135.0L,  1 / 864.0L,
                                        1 / 2835.0L, -139 / 777600.0L, 1 / 25515.0L, -571 / 261273600.0L};
        long double c0 = 0, c1 = -1 / 540.0L + eta * (-1 / 288.0L + eta / 378);
        for (int k = 7; k >= 0; k--) c0 = c0 * eta + c[k];
        long double rest = expl(-exponent) / sqrtl(2 * 3.14159265358979323846264L * a) * (c0 + c1 / a);
        return erfcl((x < a) == is_upper ? -root : root) / 2 + (is_upper ? rest : -rest);
    }
    if (is_upper && x <= 1.1 && a < (x <= 0.5 ? -0.4 / log(x) : 1.1 * x)) return d_gamma_rest(a, x);
    long double factor = d_gamma_factor(a, x), wide = a;
    if (x < a + 1) {
        long double term = 1, sum = 1;
        for (int n = 1; term > 1e-21L * sum; n++) {
            term *= x / (wide + n);
            sum += term;
        }
        return is_upper ? 1 - factor * sum : factor * sum;
    }
    long double b = x + 1 - wide, c = 1e300L, d = 1 / b, h = d;
    for (int i = 1; i < 100000; i++) {
        long double an = -i * (i - wide);
        b += 2;
        d = 1 / (an * d + b);
        c = b + an / c;
        h *= d * c;
        if (fabsl(d * c - 1) < 1e-19L) break;
    }
    return is_upper ? factor * wide * h : 1 - factor * wide * h;
}
static inline double d_gammainc(double a, double x) { return d_incomplete_gamma(a, x, false); }
static inline double d_gammaincc(double a, double x) { return d_incomplete_gamma(a, x, true); }

/// dx/da of a gamma variate x at constant P: −(dP/da)/f.
static inline double d_gamma_sample_grad(double a, double x) {
    if (!(a > 0) || !(x > 0)) return x == 0 ? 0 : NAN;
    if (a >= 1e6 && fabs(x - a) < 45 * sqrt(a)) {
        // For large a the loops would need √a steps; here Cornish and Fisher's expansion is used: x = a + z·√a + (z² − 1)/3 + (z³ −
        // 7z)/(36·√a) + …, where z is the normal variate with the same P.
        double root = sqrt(a), z = (x - a) / root;
        for (int i = 0; i < 6; i++) z = (x - a - (z * z - 1) / 3 - z * (z * z - 7) / (36 * root)) / root;
        return 1 + z / (2 * root) - z * (z * z - 7) / (72 * a * root) + (z * z * (3 * z * z + 7) - 16) / (810 * a * a);
    }
    return d_gamma_slope(a, x);
}

#endif
