extension KernelDialect {
    /// Functions of the gamma family and the inverse of erf, in the widest type that the device has; the formulas are those of `math_special.h`.
    static func special(hasFloat64: Bool) -> String {
        func list(_ name: String, _ numbers: [Double]) -> String {
            "const @ \(name)[] = {" + numbers.map { "(@)\($0)" }.joined(separator: ", ") + "};"
        }
        typealias C = SpecialCoefficients
        let arrays: [(String, String)] = [
            ("ERFINV_LISTS", list("inner", C.erfinvInner) + list("inner_divisor", C.erfinvInnerDivisor) + list("tail", C.erfinvTail) + list("tail_divisor", C.erfinvTailDivisor)
                + list("far", C.erfinvFar) + list("far_divisor", C.erfinvFarDivisor)),
            ("DIGAMMA_LISTS", list("near", C.digammaNear) + list("near_divisor", C.digammaNearDivisor) + list("series", C.digammaSeries)),
            ("BERNOULLI_LIST", list("bernoulli", C.eulerMaclaurin)),
            ("EXPONENT_LIST", list("logarithm", C.gammaExponent)),
            ("STIRLING_LIST", list("stirling", C.stirling)),
            ("TEMME_LISTS", list("temme0", C.temme0) + list("temme1", C.temme1)),
            ("DIGAMMA_ZERO", "(@)\(C.digammaZero.0)"), ("DIGAMMA_REST", "(@)\(C.digammaZero.1)"), ("PI", "(@)\(Double.pi)"),
        ]
        let text = arrays.reduce(specialFunctions) { $0.replacing($1.0, with: $1.1) }
        return text.replacing("@", with: hasFloat64 ? "f64" : "f32").replacing("EPSILON", with: hasFloat64 ? "1e-17" : "1e-8f")
    }

    private static let specialFunctions = #"""
    FUNCTION @ polynomial_wide(@ x, int n, const @ *c) {
        @ y = c[n - 1];
        for (int i = n - 2; i >= 0; i--) y = y * x + c[i];
        return y;
    }
    FUNCTION @ erfinv_below(@ x, @ below) {
        ERFINV_LISTS
        @ w = -log(below * (2 - below));
        if (w < 5) return x * ((@)0.886226925452758 + w * (polynomial_wide(w, 9, inner) / polynomial_wide(w, 9, inner_divisor)));
        @ s = sqrt(-log(below / 2)), r;
        if (s < (@)6.1) {
            @ t = s - (@)2.5;
            r = polynomial_wide(t, 9, tail) / polynomial_wide(t, 9, tail_divisor);
        } else {
            @ t = s - (@)6.1;
            r = polynomial_wide(t, 9, far) / polynomial_wide(t, 9, far_divisor);
        }
        return copysign(s + r, x);
    }
    FUNCTION @ erfinv_wide(@ x) {
        @ m = fabs(x);
        return m < 1 ? erfinv_below(x, 1 - m) : m == 1 ? copysign((@)INFINITY, x) : (@)NAN;
    }
    FUNCTION @ ndtri_wide(@ p) {
        if (!(p > 0 && p < 1)) return p == 0 ? -(@)INFINITY : p == 1 ? (@)INFINITY : (@)NAN;
        return (@)1.4142135623730951 * erfinv_below(2 * p - 1, p < (@)0.5 ? 2 * p : 2 - 2 * p);
    }
    // digamma(x + rest), x at least 1.
    FUNCTION @ digamma_positive(@ x, @ rest) {
        DIGAMMA_LISTS
        if (x >= 10) {
            @ r = 1 / x, z = r * r;
            return log(x) - r * ((@)0.5 + r * polynomial_wide(z, 8, series)) + rest * r;
        }
        @ sum = 0;
        for (; x >= 2; x -= 1) sum += 1 / (x - 1);
        @ y = ((x - DIGAMMA_ZERO) - DIGAMMA_REST) + rest;
        return sum + (y + y * (polynomial_wide(x - 1, 7, near) / polynomial_wide(x - 1, 7, near_divisor)));
    }
    FUNCTION @ digamma_wide(@ x) {
        if (x == 0) return copysign((@)INFINITY, -x);
        if (x >= 1) return x == (@)INFINITY ? x : digamma_positive(x, 0);
        if (x > 0) {
            @ above = x + 1;
            return digamma_positive(above, x - (above - 1)) - 1 / x;
        }
        @ fraction = x - rint(x), above = 1 - x;
        if (!(fraction != 0) || x == -(@)INFINITY) return (@)NAN;
        @ away = (@)0.5 - fabs(fraction);
        @ pole = fabs(fraction) < (@)0.25 ? PI / tan(PI * fraction) : copysign(PI * tan(PI * away), fraction);
        return digamma_positive(above, (1 - above) - x) - pole;
    }
    FUNCTION @ factorial_over_power(int n, @ x) {
        @ factorial = 1, product = 1;
        if (n == 1) return 1 / x;
        for (int i = 2; i <= n; i++) {
            factorial *= i;
            product *= i / x;
        }
        return n <= 20 ? factorial * pow(x, (@)-n) : product / x;
    }
    FUNCTION @ polygamma_sum(int n, @ x) {
        BERNOULLI_LIST
        int count = x < 2 * n + 16 ? (int)ceil(2 * n + 16 - x) : 0;
        @ y = x + count, r = 1 / y, scale = r, sum = 0;
        for (int j = 0; j < 7; j++) {
            scale *= (j == 0 ? r : (n + 2 * j) * r * r) * (n + 2 * j + 1);
            sum += bernoulli[j] * scale;
        }
        sum = factorial_over_power(n, y) * ((@)1 / n + ((@)0.5 * r + sum));
        for (int k = count - 1; k >= 0; k--) sum += factorial_over_power(n, x + k) / (x + k);
        return sum;
    }
    FUNCTION @ polygamma_wide(int n, @ x) {
        if (n == 0) return digamma_wide(x);
        @ sign = n % 2 ? 1 : -1;
        if (x == (@)INFINITY) return copysign((@)0, sign);
        if (x > 0) return sign * polygamma_sum(n, x);
        @ f = x - rint(x);
        if (f != f) return (@)NAN;
        if (f == 0) return sign * (@)INFINITY;
        @ pole = factorial_over_power(n, fabs(f)) / fabs(f);
        @ right = polygamma_sum(n, 1 + f), left = polygamma_sum(n, 1 - f) - polygamma_sum(n, 1 - x);
        return n % 2 ? pole + right + left : left - (f < 0 ? -pole : pole) - right;
    }
    FUNCTION @ gamma_exponent(@ a, @ x) {
        EXPONENT_LIST
        @ mu = (x - a) / a;
        return fabs(mu) > (@)0.1 ? (x - a) - a * log(x / a) : a * (mu * mu * polynomial_wide(mu, 17, logarithm));
    }
    FUNCTION @ gamma_factor(@ a, @ x) {
        STIRLING_LIST
        if (a < 10) return exp(a * log(x) - x - lgamma(a + 1));
        @ r = 1 / a;
        return exp(-gamma_exponent(a, x) - r * polynomial_wide(r * r, 8, stirling)) / sqrt(2 * PI * a);
    }
    FUNCTION @ gammainc_wide(@ a, @ x) {
        TEMME_LISTS
        if (!(a >= 0) || !(x >= 0)) return (@)NAN;
        if (a == 0) return x == 0 ? (@)NAN : (@)1;
        if (x == 0) return 0;
        if (x == (@)INFINITY) return a == (@)INFINITY ? (@)NAN : (@)1;
        if (a == (@)INFINITY) return 0;
        if (a >= (@)1e6f) {
            if (fabs(x - a) > 45 * sqrt(a)) return x < a ? 0 : 1;
            @ exponent = gamma_exponent(a, x), root = sqrt(exponent), eta = copysign(sqrt(2 * exponent / a), x - a);
            @ rest = polynomial_wide(eta, 8, temme0) + polynomial_wide(eta, 3, temme1) / a;
            return erfc(x < a ? root : -root) / 2 - exp(-exponent) / sqrt(2 * PI * a) * rest;
        }
        @ factor = gamma_factor(a, x);
        if (x < a + 1) {
            @ term = 1, sum = 1;
            for (int n = 1; term > EPSILON * sum; n++) {
                term *= x / (a + n);
                sum += term;
            }
            return factor * sum;
        }
        @ b = x + 1 - a, c = (@)1e30f, d = 1 / b, h = d;
        for (int i = 1; i < 100000; i++) {
            @ an = -(@)i * ((@)i - a);
            b += 2;
            d = 1 / (an * d + b);
            c = b + an / c;
            h *= d * c;
            if (fabs(d * c - 1) < 10 * EPSILON) break;
        }
        return 1 - factor * a * h;
    }
    // -(dP/da)/f of the gamma distribution, by the derivative of the power series or of the continued fraction.
    FUNCTION @ gamma_sample_grad_wide(@ a, @ x) {
        if (!(a > 0) || !(x > 0)) return x == 0 ? (@)0 : (@)NAN;
        if (a >= (@)1e6f && fabs(x - a) < 45 * sqrt(a)) {
            @ root = sqrt(a), z = (x - a) / root;
            for (int i = 0; i < 6; i++) z = (x - a - (z * z - 1) / 3 - z * (z * z - 7) / (36 * root)) / root;
            return 1 + z / (2 * root) - z * (z * z - 7) / (72 * a * root) + (z * z * (3 * z * z + 7) - 16) / (810 * a * a);
        }
        @ log_x = log(x);
        if (x < a + 1) {
            @ term = x / a, psi = digamma_wide(a + 1), sum = term, derivative = term * (log_x - psi);
            for (int n = 1; n < 100000; n++) {
                term *= x / (a + n);
                psi += 1 / (a + n);
                sum += term;
                derivative += term * (log_x - psi);
                if (term * (1 + fabs(log_x - psi)) <= EPSILON * fabs(derivative) && term <= EPSILON * sum) break;
            }
            return -derivative;
        }
        @ b = x + 1 - a, c = (@)1e30f, c1 = 0, d = 1 / b, d1 = d * d, h = d, h1 = d1;
        for (int i = 1; i < 100000; i++) {
            @ an = -(@)i * ((@)i - a), an1 = i;
            b += 2;
            @ e = an * d + b, e1 = an1 * d + an * d1 - 1;
            @ g = b + an / c, g1 = -1 + an1 / c - an * c1 / (c * c);
            c = g;
            c1 = g1;
            d = 1 / e;
            d1 = -e1 * d * d;
            @ factor = d * c, factor1 = d1 * c + d * c1;
            h1 = h1 * factor + h * factor1;
            h *= factor;
            if (fabs(factor - 1) < 10 * EPSILON && fabs(factor1) < 10 * EPSILON) break;
        }
        return x * (h1 + h * (log_x - digamma_wide(a)));
    }

    """#
}
