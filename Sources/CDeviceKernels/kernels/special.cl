// The gamma family and the inverse of erf in T, the widest floating-point type of the device. The formulas are those of `math_special.h`;
// the names in capitals are defined from ApusCore's SpecialCoefficients.swift.
FUNCTION T lgamma_wide(T x) { return lgamma(x); }
FUNCTION T polynomial_wide(T x, int n, const T *c) {
    T y = c[n - 1];
    for (int i = n - 2; i >= 0; i--) y = y * x + c[i];
    return y;
}
FUNCTION T erfinv_below(T x, T below) {
    ERFINV_LISTS
    T w = -log(below * (2 - below));
    if (w < 5) return x * ((T)0.886226925452758 + w * (polynomial_wide(w, 9, inner) / polynomial_wide(w, 9, inner_divisor)));
    T s = sqrt(-log(below / 2)), r;
    if (s < (T)6.1) {
        T t = s - (T)2.5;
        r = polynomial_wide(t, 9, tail) / polynomial_wide(t, 9, tail_divisor);
    } else {
        T t = s - (T)6.1;
        r = polynomial_wide(t, 9, far) / polynomial_wide(t, 9, far_divisor);
    }
    return copysign(s + r, x);
}
FUNCTION T erfinv_wide(T x) {
    T m = fabs(x);
    return m < 1 ? erfinv_below(x, 1 - m) : m == 1 ? copysign((T)INFINITY, x) : (T)NAN;
}
FUNCTION T ndtri_wide(T p) {
    if (!(p > 0 && p < 1)) return p == 0 ? -(T)INFINITY : p == 1 ? (T)INFINITY : (T)NAN;
    return (T)1.4142135623730951 * erfinv_below(2 * p - 1, p < (T)0.5 ? 2 * p : 2 - 2 * p);
}
// digamma(x + rest) for x >= 1.
FUNCTION T digamma_positive(T x, T rest) {
    DIGAMMA_LISTS
    if (x >= 10) {
        T r = 1 / x, z = r * r;
        return log(x) - r * ((T)0.5 + r * polynomial_wide(z, 8, series)) + rest * r;
    }
    T sum = 0;
    for (; x >= 2; x -= 1) sum += 1 / (x - 1);
    T y = ((x - DIGAMMA_ZERO) - DIGAMMA_REST) + rest;
    return sum + (y + y * (polynomial_wide(x - 1, 7, near) / polynomial_wide(x - 1, 7, near_divisor)));
}
FUNCTION T digamma_wide(T x) {
    if (x == 0) return copysign((T)INFINITY, -x);
    if (x >= 1) return x == (T)INFINITY ? x : digamma_positive(x, 0);
    if (x > 0) {
        T above = x + 1;
        return digamma_positive(above, x - (above - 1)) - 1 / x;
    }
    T fraction = x - rint(x), above = 1 - x;
    if (!(fraction != 0) || x == -(T)INFINITY) return (T)NAN;
    T away = (T)0.5 - fabs(fraction);
    T pole = fabs(fraction) < (T)0.25 ? PI / tan(PI * fraction) : copysign(PI * tan(PI * away), fraction);
    return digamma_positive(above, (1 - above) - x) - pole;
}
FUNCTION T factorial_over_power(int n, T x) {
    T factorial = 1, product = 1;
    if (n == 1) return 1 / x;
    for (int i = 2; i <= n; i++) {
        factorial *= i;
        product *= i / x;
    }
    return n <= 20 ? factorial * pow(x, (T)-n) : product / x;
}
FUNCTION T polygamma_sum(int n, T x) {
    BERNOULLI_LIST
    int count = x < 2 * n + 16 ? (int)ceil(2 * n + 16 - x) : 0;
    T y = x + count, r = 1 / y, scale = r, sum = 0;
    for (int j = 0; j < 7; j++) {
        scale *= (j == 0 ? r : (n + 2 * j) * r * r) * (n + 2 * j + 1);
        sum += bernoulli[j] * scale;
    }
    sum = factorial_over_power(n, y) * ((T)1 / n + ((T)0.5 * r + sum));
    for (int k = count - 1; k >= 0; k--) sum += factorial_over_power(n, x + k) / (x + k);
    return sum;
}
FUNCTION T polygamma_wide(int n, T x) {
    if (n == 0) return digamma_wide(x);
    T sign = n % 2 ? 1 : -1;
    if (x == (T)INFINITY) return copysign((T)0, sign);
    if (x > 0) return sign * polygamma_sum(n, x);
    T f = x - rint(x);
    if (f != f) return (T)NAN;
    if (f == 0) return sign * (T)INFINITY;
    T pole = factorial_over_power(n, fabs(f)) / fabs(f);
    T right = polygamma_sum(n, 1 + f), left = polygamma_sum(n, 1 - f) - polygamma_sum(n, 1 - x);
    return n % 2 ? pole + right + left : left - (f < 0 ? -pole : pole) - right;
}
FUNCTION T gamma_exponent(T a, T x) {
    EXPONENT_LIST
    T mu = (x - a) / a;
    return fabs(mu) > (T)0.1 ? (x - a) - a * log(x / a) : a * (mu * mu * polynomial_wide(mu, 17, logarithm));
}
FUNCTION T gamma_factor(T a, T x) {
    STIRLING_LIST
    if (a < 10) return exp(a * log(x) - x - lgamma(a + 1));
    T r = 1 / a;
    return exp(-gamma_exponent(a, x) - r * polynomial_wide(r * r, 8, stirling)) / sqrt(2 * PI * a);
}
FUNCTION T incomplete_gamma(T a, T x, int is_upper) {
    TEMME_LISTS
    if (!(a >= 0) || !(x >= 0)) return (T)NAN;
    T all = is_upper ? 0 : 1;
    if (a == 0) return x == 0 ? (T)NAN : all;
    if (x == 0) return 1 - all;
    if (x == (T)INFINITY) return a == (T)INFINITY ? (T)NAN : all;
    if (a == (T)INFINITY) return 1 - all;
    if (a >= (T)1e6f) {
        if (fabs(x - a) > 45 * sqrt(a)) return x < a ? 1 - all : all;
        T exponent = gamma_exponent(a, x), root = sqrt(exponent), eta = copysign(sqrt(2 * exponent / a), x - a);
        T rest = exp(-exponent) / sqrt(2 * PI * a) * (polynomial_wide(eta, 8, temme0) + polynomial_wide(eta, 3, temme1) / a);
        return erfc((x < a) == is_upper ? -root : root) / 2 + (is_upper ? rest : -rest);
    }
    if (is_upper && x <= (T)1.1 && a < (x <= (T)0.5 ? (T)-0.4 / log(x) : (T)1.1 * x)) return gamma_rest_wide(a, x);
    T factor = gamma_factor(a, x);
    if (x < a + 1) {
        T term = 1, sum = 1;
        for (int n = 1; term > EPSILON * sum; n++) {
            term *= x / (a + n);
            sum += term;
        }
        return is_upper ? 1 - factor * sum : factor * sum;
    }
    T b = x + 1 - a, c = (T)1e30f, d = 1 / b, h = d;
    for (int i = 1; i < 100000; i++) {
        T an = -(T)i * ((T)i - a);
        b += 2;
        d = 1 / (an * d + b);
        c = b + an / c;
        h *= d * c;
        if (fabs(d * c - 1) < 10 * EPSILON) break;
    }
    return is_upper ? factor * a * h : 1 - factor * a * h;
}
FUNCTION T gammainc_wide(T a, T x) { return incomplete_gamma(a, x, 0); }
FUNCTION T gammaincc_wide(T a, T x) { return incomplete_gamma(a, x, 1); }
// -(dP/da)/f of the gamma distribution, from the derivative of the power series or of the continued fraction.
FUNCTION T gamma_sample_grad_wide(T a, T x) {
    if (!(a > 0) || !(x > 0)) return x == 0 ? (T)0 : (T)NAN;
    if (a >= (T)1e6f && fabs(x - a) < 45 * sqrt(a)) {
        T root = sqrt(a), z = (x - a) / root;
        for (int i = 0; i < 6; i++) z = (x - a - (z * z - 1) / 3 - z * (z * z - 7) / (36 * root)) / root;
        return 1 + z / (2 * root) - z * (z * z - 7) / (72 * a * root) + (z * z * (3 * z * z + 7) - 16) / (810 * a * a);
    }
    T log_x = log(x);
    if (x < a + 1) {
        T term = x / a, psi = digamma_wide(a + 1), sum = term, derivative = term * (log_x - psi);
        for (int n = 1; n < 100000; n++) {
            term *= x / (a + n);
            psi += 1 / (a + n);
            sum += term;
            derivative += term * (log_x - psi);
            if (term * (1 + fabs(log_x - psi)) <= EPSILON * fabs(derivative) && term <= EPSILON * sum) break;
        }
        return -derivative;
    }
    T b = x + 1 - a, c = (T)1e30f, c1 = 0, d = 1 / b, d1 = d * d, h = d, h1 = d1;
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
        if (fabs(factor - 1) < 10 * EPSILON && fabs(factor1) < 10 * EPSILON) break;
    }
    return x * (h1 + h * (log_x - digamma_wide(a)));
}
