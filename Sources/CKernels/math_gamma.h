// The gamma family, the zeta function and the inverse of erf, in the language that `math_wide.h` explains. Rational functions were fitted
// with 50 digits. Polynomials begin with the constant term.

// c[0] + c[1]·x + … + c[n − 1]·x^(n − 1)
FUNCTION T W(polynomial)(T x, int n, LISTED T *c) {
    T y = c[n - 1];
    for (int i = n - 2; i >= 0; i--) y = y * x + c[i];
    return y;
}

// MARK: The inverse of erf

// erf⁻¹(x)/x − √π/2 as a function of w = −ln(1 − x²), for w up to 5, divided by w.
LIST T W(erfinv_inner)[] = {(T)0.23201366653465447,   (T)0.0423168100999213,     (T)0.012575325365511276,
                            (T)0.0016444106507909903, (T)0.00020516203955443923, (T)1.6930316703701173e-05,
                            (T)9.526479996882831e-07, (T)3.029555498561203e-08,  0};
LIST T W(erfinv_inner_divisor)[] = {1,
                                    (T)0.13261058506246587,
                                    (T)0.0576641117835918,
                                    (T)0.006103651610351887,
                                    (T)0.0010330809459578403,
                                    (T)7.945178636135804e-05,
                                    (T)5.54187364373264e-06,
                                    (T)2.3569732781067723e-07,
                                    (T)1.945520808426286e-09};
// erf⁻¹(x) − s with s = √−ln((1 − |x|)/2): a function of s − 2.5 up to s = 6.1, and of s − 6.1 beyond.
LIST T W(erfinv_tail)[] = {(T)-0.45695079130632993,    (T)-0.6061360724427372,    (T)-0.32517712547897754,
                           (T)-0.08838803532771562,    (T)-0.012424803285005772,  (T)-0.0008317739077950845,
                           (T)-2.1713985468604415e-05, (T)-1.341263739649769e-07, 0};
LIST T W(erfinv_tail_divisor)[] = {1,
                                   (T)1.5708353128488928,
                                   (T)1.0253357307648325,
                                   (T)0.355305283841375,
                                   (T)0.06902208365444716,
                                   (T)0.007294488710549955,
                                   (T)0.0003774089184498825,
                                   (T)7.626498381653005e-06,
                                   (T)3.397178565630172e-08};
LIST T W(erfinv_far)[] = {(T)-0.25493746901345343,   (T)-0.11305186741087539,    (T)-0.01896702459789505,
                          (T)-0.0015214800242235342, (T)-6.1023164030104625e-05, (T)-1.1722476394881539e-06,
                          (T)-9.39980972144388e-09,  (T)-2.2263362441231365e-11, (T)-2.115738122851049e-15};
LIST T W(erfinv_far_divisor)[] = {1,
                                  (T)0.5570793921970292,
                                  (T)0.12297852615004491,
                                  (T)0.013749851724600406,
                                  (T)0.0008283187145513857,
                                  (T)2.654821079611567e-05,
                                  (T)4.2058801463181244e-07,
                                  (T)2.7964274012907455e-09,
                                  (T)5.2612026896055864e-12};

// erf⁻¹(x), where `below` is 1 − |x| without rounding error.
FUNCTION T W(erfinv_below)(T x, T below) {
    T w = -log(below * (2 - below));
    if (w < 5) {
        T ratio = W(polynomial)(w, 9, W(erfinv_inner)) / W(polynomial)(w, 9, W(erfinv_inner_divisor));
        return x * ((T)0.886226925452758 + w * ratio);
    }
    T s = sqrt(-log(below / 2)), t = s - (s < (T)6.1 ? (T)2.5 : (T)6.1);
    T r = s < (T)6.1 ? W(polynomial)(t, 9, W(erfinv_tail)) / W(polynomial)(t, 9, W(erfinv_tail_divisor))
                     : W(polynomial)(t, 9, W(erfinv_far)) / W(polynomial)(t, 9, W(erfinv_far_divisor));
    return copysign(s + r, x);
}
FUNCTION T W(erfinv)(T x) {
    T m = fabs(x);
    return m < 1 ? W(erfinv_below)(x, 1 - m) : m == 1 ? copysign((T)INFINITY, x) : (T)NAN;
}
// The quantile function of the normal distribution, √2·erf⁻¹(2p − 1).
FUNCTION T W(ndtri)(T p) {
    if (!(p > 0 && p < 1)) return p == 0 ? -(T)INFINITY : p == 1 ? (T)INFINITY : (T)NAN;
    return (T)1.4142135623730951 * W(erfinv_below)(2 * p - 1, p < (T)0.5 ? 2 * p : 2 - 2 * p);
}

// MARK: ψ and its derivatives

// ψ(x)/(x − x₀) − 1, where x₀ is the zero of ψ, as a function of x − 1 in [0, 1].
LIST T W(digamma_near)[] = {(T)0.2503801375034054,   (T)-0.30957408825968885,  (T)-0.6919409437403516,    (T)-0.35473150019898825,
                            (T)-0.07115493979151359, (T)-0.005519862186036254, (T)-0.00011934204387003062};
LIST T W(digamma_near_divisor)[] = {1,
                                    (T)2.1771665986671342,
                                    (T)1.6630736963665909,
                                    (T)0.5710455727133128,
                                    (T)0.09111902253303285,
                                    (T)0.006100975692434821,
                                    (T)0.00012043151172286901};
// B₂ⱼ/2j
LIST T W(digamma_series)[] = {(T)(1.0 / 12),  (T)(-1.0 / 120),     (T)(1.0 / 252), (T)(-1.0 / 240),
                              (T)(1.0 / 132), (T)(-691.0 / 32760), (T)(1.0 / 12),  (T)(-3617.0 / 8160)};
// B₂ⱼ/(2j)!
LIST T W(bernoulli)[] = {(T)(1.0 / 12),         (T)(-1.0 / 720),     (T)(1.0 / 30240),
                         (T)(-1.0 / 1209600),   (T)(1.0 / 47900160), (T)(-691.0 / 1307674368000),
                         (T)(1.0 / 74724249600)};

// ψ(x + rest) for x ≥ 1, `rest` below one ULP of x. From 10 on by the asymptotic series; below, x is reduced to [1, 2), where the result
// is the distance from the zero times (1 + a small rational function), accurate to all digits.
FUNCTION T W(digamma_positive)(T x, T rest) {
    if (x >= 10) {
        T r = 1 / x, z = r * r;
        return log(x) - r * ((T)0.5 + r * W(polynomial)(z, 8, W(digamma_series))) + rest * r;
    }
    T sum = 0;
    for (; x >= 2; x -= 1) sum += 1 / (x - 1);
    T y = ((x - (T)1.4616321449683622) - (T)9.549995429965697e-17) + rest;
    return sum + (y + y * (W(polynomial)(x - 1, 7, W(digamma_near)) / W(polynomial)(x - 1, 7, W(digamma_near_divisor))));
}

// ψ(x) = d/dx ln Γ(x). For negative x by reflection, ψ(x) = ψ(1 − x) − π/tan πx.
FUNCTION T W(digamma)(T x) {
    if (x == 0) return copysign((T)INFINITY, -x);
    if (x >= 1) return x == (T)INFINITY ? x : W(digamma_positive)(x, 0);
    if (x > 0) {
        T above = x + 1;
        return W(digamma_positive)(above, x - (above - 1)) - 1 / x;
    }
    T whole = rint(x), fraction = x - whole, above = 1 - x, pi = (T)PI;
    if (!(fraction != 0) || x == -(T)INFINITY) return (T)NAN;
    // Near a pole tan is small, near a zero its reciprocal is; each is accurate there.
    T away = (T)0.5 - fabs(fraction);
    T pole = fabs(fraction) < (T)0.25 ? pi / tan(pi * fraction) : copysign(pi * tan(pi * away), fraction);
    return W(digamma_positive)(above, (1 - above) - x) - pole;
}

// n!/x^n, n ≥ 1
FUNCTION T W(factorial_over_power)(int n, T x) {
    T factorial = 1, product = 1;
    if (n == 1) return 1 / x;
    for (int i = 2; i <= n; i++) {
        factorial *= i;
        product *= i / x;
    }
    // For large n each factor is scaled, since n! would overflow.
    return n <= 20 ? factorial * pow(x, (T)-n) : product / x;
}
// n!·Σ 1/(x + k)^(n + 1) over k ≥ 0, for x > 0: single terms up to x + k = 2n + 16, then the Euler–Maclaurin formula.
FUNCTION T W(polygamma_sum)(int n, T x) {
    int count = x < 2 * n + 16 ? (int)ceil(2 * n + 16 - x) : 0;
    T y = x + count, r = 1 / y, scale = r, sum = 0;
    for (int j = 0; j < 7; j++) {
        scale *= (j == 0 ? r : (n + 2 * j) * r * r) * (n + 2 * j + 1);
        sum += W(bernoulli)[j] * scale;
    }
    sum = W(factorial_over_power)(n, y) * ((T)1 / n + ((T)0.5 * r + sum));
    for (int k = count - 1; k >= 0; k--) sum += W(factorial_over_power)(n, x + k) / (x + k);
    return sum;
}
// ψ⁽ⁿ⁾(x), the n-th derivative of ψ: (−1)^(n+1)·n!·Σ 1/(x + k)^(n + 1). A negative x is f − m with integer m: its terms are those of f, 1
// + f, …, and, with mirrored signs, those of 1 − f … m − f.
FUNCTION T W(polygamma)(T order, T x) {
    int n = (int)order;
    if (n == 0) return W(digamma)(x);
    T sign = n % 2 ? 1 : -1;
    if (x == (T)INFINITY) return copysign((T)0, sign);
    if (x > 0) return sign * W(polygamma_sum)(n, x);
    T f = x - rint(x);
    if (f != f) return (T)NAN;
    if (f == 0) return sign * (T)INFINITY;
    T pole = W(factorial_over_power)(n, fabs(f)) / fabs(f);
    T right = W(polygamma_sum)(n, 1 + f), left = W(polygamma_sum)(n, 1 - f) - W(polygamma_sum)(n, 1 - x);
    return n % 2 ? pole + right + left : left - (f < 0 ? -pole : pole) - right;
}

// MARK: The zeta function

// The sum over k ≥ 0 of 1/(q + k)^s, for s > 1 and q > 0: single terms up to q + k = 2s + 14, then the Euler–Maclaurin formula.
FUNCTION WIDE W(zeta_sum)(WIDE s, WIDE q) {
    if (q == (WIDE)INFINITY) return 0;
    WIDE y = q, sum = 0;
    for (; y < 2 * s + 14; y += 1) {
        WIDE term = L(pow)(y, -s);
        sum += term;
        if (term <= EPSILON * sum) return sum;
    }
    WIDE power = L(pow)(y, -s), t = s * power / y;
    // y^(1 − s) may be a number where y^−s is 0.
    WIDE rest = power / 2 + (power > 0 ? y * power : L(pow)(y, 1 - s)) / (s - 1);
    for (int j = 0; j < 7; j++) {
        rest += W(bernoulli)[j] * t;
        t *= (s + 2 * j + 1) * (s + 2 * j + 2) / (y * y);
    }
    return sum + rest;
}
// Hurwitz's zeta function. A negative q is f − m with integer m: its terms are those of f, 1 + f, …, and, for odd s with the other sign,
// those of 1 − f … m − f.
FUNCTION T W(zeta)(T s, T q) {
    if (s == 1) return (T)INFINITY;
    if (!(s > 1) || q != q) return (T)NAN;
    if (q > 0) return (T)W(zeta_sum)(s, q);
    if (q == L(floor)(q)) return (T)INFINITY;
    if (s != L(floor)(s)) return (T)NAN;
    WIDE f = q - L(rint)(q), pole = L(pow)(L(fabs)(f), -(WIDE)s);
    WIDE right = W(zeta_sum)(s, 1 + f), left = W(zeta_sum)(s, 1 - f) - W(zeta_sum)(s, 1 - (WIDE)q);
    return (T)(L(fmod)(s, (WIDE)2) == 1 ? (f < 0 ? -pole : pole) + right - left : pole + right + left);
}
// MARK: The incomplete gamma function

// ζ(8), ζ(7), …, ζ(2)
LIST WIDE W(zeta_values)[] = {REAL(1.0040773561979443394), REAL(1.0083492773819228268), REAL(1.0173430619844491397),
                              REAL(1.0369277551433699263), REAL(1.0823232337111381915), REAL(1.2020569031595942854),
                              REAL(1.6449340668482264365)};
// 1 − P(a, x) for x up to 1.1 and small a, where P is next to 1. With t = a·ln x − ln Γ(a + 1): 1 − e^t − a·e^t·(the sum over n ≥ 1 of
// (−x)^n/(n!·(a + n))).
FUNCTION WIDE W(gamma_rest)(WIDE a, WIDE x) {
    WIDE logarithm;
    if (a < REAL(0.01)) {
        // −γ + ζ(2)·a/2 − ζ(3)·a²/3 + …
        WIDE sum = 0;
        for (int k = 8; k > 1; k--) sum = W(zeta_values)[8 - k] / k - a * sum;
        logarithm = a * (a * sum - REAL(0.57721566490153286061));
    } else {
        logarithm = L(log)(L(tgamma)(a + 1));
    }
    WIDE t = a * L(log)(x) - logarithm, power = 1, sum = 0;
    for (int n = 1; L(fabs)(power) > EPSILON; n++) {
        power *= -x / n;
        sum += power / (a + n);
    }
    return -L(expm1)(t) - a * L(exp)(t) * sum;
}
// a·φ(x/a − 1) with φ(μ) = μ − ln(1 + μ): the negated logarithm of (x/a)^a·e^(a − x).
FUNCTION WIDE W(gamma_exponent)(WIDE a, WIDE x) {
    WIDE mu = (x - a) / a;
    if (L(fabs)(mu) > REAL(0.1)) return (x - a) - a * L(log)(x / a);
    WIDE sum = 0;
    for (int k = 18; k >= 2; k--) sum = (k % 2 ? REAL(-1.0) : REAL(1.0)) / k + mu * sum;
    return a * (mu * mu * sum);
}
// x^a·e^−x/Γ(a + 1)
FUNCTION WIDE W(gamma_factor)(WIDE a, WIDE x) {
    if (a < 10) return L(exp)(a * L(log)(x) - x) / L(tgamma)(a + 1);
    // Stirling's series, whose logarithms are small: the logarithms of x^a and Γ(a) nearly cancel, which would lose digits.
    WIDE r = 1 / a, z = r * r, series = 1 / REAL(156.0) - z * 3617 / REAL(122400.0);
    series = 1 / REAL(1188.0) - z * (691 / REAL(360360.0) - z * series);
    series = 1 / REAL(360.0) - z * (1 / REAL(1260.0) - z * (1 / REAL(1680.0) - z * series));
    series = r * (1 / REAL(12.0) - z * series);
    return L(exp)(-W(gamma_exponent)(a, x) - series) / L(sqrt)(2 * PI * a);
}
// The first function in Temme's uniform expansion, a polynomial in η.
LIST WIDE W(temme)[] = {REAL(-1.0) / 3,   REAL(1.0) / 12,        REAL(-2.0) / 135,  REAL(1.0) / 864,
                        REAL(1.0) / 2835, REAL(-139.0) / 777600, REAL(1.0) / 25515, REAL(-571.0) / 261273600};
// The regularised lower incomplete gamma function P(a, x), or the upper one, 1 − P: P by its power series for x < a + 1, else 1 − P by
// Lentz's continued fraction; from a = 10⁶ on by the first two terms of Temme's uniform expansion. In WIDE, since hundreds of terms
// accumulate errors, and in a tail the relative error of the factor is hundreds of times that of its exponent.
FUNCTION T W(incomplete_gamma)(T a, T x, int is_upper) {
    if (!(a >= 0) || !(x >= 0)) return (T)NAN;
    T all = is_upper ? 0 : 1;
    if (a == 0) return x == 0 ? (T)NAN : all;
    if (x == 0) return 1 - all;
    if (x == (T)INFINITY) return a == (T)INFINITY ? (T)NAN : all;
    if (a == (T)INFINITY) return 1 - all;
    if (a >= (T)1e6) {
        if (fabs(x - a) > 45 * sqrt(a)) return x < a ? 1 - all : all;
        WIDE exponent = W(gamma_exponent)(a, x), root = L(sqrt)(exponent), eta = L(copysign)(L(sqrt)(2 * exponent / a), x - a);
        WIDE c0 = 0, c1 = REAL(-1.0) / 540 + eta * (REAL(-1.0) / 288 + eta / 378);
        for (int k = 7; k >= 0; k--) c0 = c0 * eta + W(temme)[k];
        WIDE rest = L(exp)(-exponent) / L(sqrt)(2 * PI * a) * (c0 + c1 / a);
        return (T)(L(erfc)((x < a) == is_upper ? -root : root) / 2 + (is_upper ? rest : -rest));
    }
    if (is_upper && x <= (T)1.1 && a < (x <= (T)0.5 ? (T)-0.4 / log(x) : (T)1.1 * x)) return (T)W(gamma_rest)(a, x);
    WIDE factor = W(gamma_factor)(a, x), wide = a;
    if (x < a + 1) {
        WIDE term = 1, sum = 1;
        for (int n = 1; term > EPSILON * sum; n++) {
            term *= x / (wide + n);
            sum += term;
        }
        return (T)(is_upper ? 1 - factor * sum : factor * sum);
    }
    WIDE b = x + 1 - wide, c = (WIDE)INFINITY, d = 1 / b, h = d;
    for (int i = 1; i < 100000; i++) {
        WIDE an = -i * (i - wide);
        b += 2;
        d = 1 / (an * d + b);
        c = b + an / c;
        h *= d * c;
        if (L(fabs)(d * c - 1) < 10 * EPSILON) break;
    }
    return (T)(is_upper ? factor * wide * h : 1 - factor * wide * h);
}
FUNCTION T W(gammainc)(T a, T x) { return W(incomplete_gamma)(a, x, 0); }
FUNCTION T W(gammaincc)(T a, T x) { return W(incomplete_gamma)(a, x, 1); }

// −(dP/da)/f, where f(x) = x^(a−1)·e^−x/Γ(a) is the density of the gamma distribution and P its integral from 0. By the derivative of the
// power series for x < a + 1, else of the continued fraction for (1 − P)/f (Abramowitz and Stegun 6.5.29 and 6.5.31).
FUNCTION T W(gamma_slope)(T a, T x) {
    T log_x = log(x);
    if (x < a + 1) {
        T term = x / a, psi = W(digamma)(a + 1), sum = term, derivative = term * (log_x - psi);
        for (int n = 1; n < 100000; n++) {
            term *= x / (a + n);
            psi += 1 / (a + n);
            sum += term;
            derivative += term * (log_x - psi);
            if (term * (1 + fabs(log_x - psi)) <= T_EPSILON * fabs(derivative) && term <= T_EPSILON * sum) break;
        }
        return -derivative;
    }
    // x1 is the derivative of each quantity x with respect to a.
    T b = x + 1 - a, c = (T)INFINITY, c1 = 0, d = 1 / b, d1 = d * d, h = d, h1 = d1;
    for (int i = 1; i < 100000; i++) {
        T an = -(T)i * ((T)i - a), an1 = i;
        b += 2;
        T e = an * d + b, e1 = an1 * d + an * d1 - 1;
        T g = b + an / c, g1 = -1 + an1 / c - an * c1 / (c * c);
        c = g;
        c1 = g1;
        d = 1 / e;
        d1 = -e1 * d * d;
        T factor = d * c, factor1 = d1 * c + d * c1;
        h1 = h1 * factor + h * factor1;
        h *= factor;
        if (fabs(factor - 1) < 10 * T_EPSILON && fabs(factor1) < 10 * T_EPSILON) break;
    }
    return x * (h1 + h * (log_x - W(digamma)(a)));
}
// dx/da of a gamma variate x at constant P: −(dP/da)/f.
FUNCTION T W(gamma_sample_grad)(T a, T x) {
    if (!(a > 0) || !(x > 0)) return x == 0 ? (T)0 : (T)NAN;
    if (a >= (T)1e6 && fabs(x - a) < 45 * sqrt(a)) {
        // For large a the loops would need √a steps; here Cornish and Fisher's expansion is used: x = a + z·√a + (z² − 1)/3 + (z³ −
        // 7z)/(36·√a) + …, where z is the normal variate with the same P.
        T root = sqrt(a), z = (x - a) / root;
        for (int i = 0; i < 6; i++) z = (x - a - (z * z - 1) / 3 - z * (z * z - 7) / (36 * root)) / root;
        return 1 + z / (2 * root) - z * (z * z - 7) / (72 * a * root) + (z * z * (3 * z * z + 7) - 16) / (810 * a * a);
    }
    return W(gamma_slope)(a, x);
}
