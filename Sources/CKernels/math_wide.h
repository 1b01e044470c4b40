// Bessel functions, Airy's, erfcx and families of polynomials: by series, recurrences and continued fractions, without fitted coefficients.
// The processor's C and the device kernels include this file and `math_gamma.h`. Both define
//
// - T, the widest float of the tables, and WIDE, in which what loses digits is computed: on the processor long double, since its further
//   digits take up the rounding errors, on a device T;
// - W(f), the name of a function of this kind, L(f), the elementary function f of WIDE, REAL(x), a constant of WIDE;
// - PI, EPSILON, below one unit in the last place of 1, T_EPSILON, the same for T, FUNCTION, LIST, which begins the declaration of a list
//   of constants, and LISTED, before the type of what is listed where a function takes a list.
//
// Where a function oscillates, errors are small beside the numbers around, not beside a value next to a zero.

// MARK: Bessel functions of the orders 0 and 1

// The power series of J and Y (sign −1) and of I and K (sign 1), for x up to 2. With t = (sign·x²/4)^k/k!² and H(k) = 1 + 1/2 + … + 1/k
// these are the sums over k ≥ 0 of t, t/(k + 1), H(k)·t and (H(k) + H(k + 1))·t/(k + 1).
FUNCTION void W(bessel_series)(WIDE x, int sign, WIDE sums[4]) {
    WIDE z = sign * x * x / 4, t = 1, harmonic = 0;
    sums[0] = 1;
    sums[1] = 1;
    sums[2] = 0;
    sums[3] = 1;
    for (int k = 1; k < 18; k++) {
        t *= z / (k * k);
        harmonic += (WIDE)1 / k;
        WIDE next = t / (k + 1);
        sums[0] += t;
        sums[1] += next;
        sums[2] += harmonic * t;
        sums[3] += (2 * harmonic + (WIDE)1 / (k + 1)) * next;
    }
}
// J of the orders μ and μ + 1, for x from 1.8 to 25: by the recurrence J(m − 1) = 2m/x·J(m) − J(m + 1) from an order on where J is nothing
// beside J(μ), scaled so that the sum over k of (μ + 2k)·Γ(μ + k)/k!·J(μ + 2k) is (x/2)^μ; `total` is this divided by Γ(1 + μ). The other
// two are for μ = 0: the sums over k ≥ 1 of (−1)^k·J(2k)/k and of (−1)^k·(2k + 1)/(k·(k + 1))·J(2k + 1).
FUNCTION void W(bessel_recurrence)(WIDE mu, WIDE x, WIDE total, WIDE sums[4]) {
    int n = 2 * ((int)(REAL(0.8) * x) + 15);
    // weight is Γ(μ + k)/(k!·Γ(1 + μ)).
    WIDE weight = 1, above = 0, here = REAL(1e-20), sum = 0, even = 0, uneven = 0;
    for (int k = 1; k < n / 2; k++) weight *= (mu + k) / (k + 1);
    for (int m = n; m > 0; m--) {
        int k = m / 2;
        WIDE alternating = k % 2 ? -here : here;
        if (m % 2 == 0) {
            sum += (mu + m) * weight * here;
            even += alternating / k;
            if (k > 1) weight *= k / (mu + k - 1);
        } else if (k > 0) {
            uneven += alternating * m / (k * (k + 1));
        }
        WIDE below = 2 * (mu + m) / x * here - above;
        above = here;
        here = below;
    }
    WIDE scale = total / (sum + here);
    sums[0] = here * scale;
    sums[1] = above * scale;
    sums[2] = even * scale;
    sums[3] = uneven * scale;
}
// Hankel's asymptotic series for x from 25 on, where 4μ² is `square`: J is √(2/πx)·(p·cos a − q·sin a), Y the same with p·sin a + q·cos a,
// at the angle a = x − μπ/2 − π/4.
FUNCTION void W(hankel_series)(WIDE square, WIDE x, WIDE *p, WIDE *q) {
    WIDE t = 1;
    *p = 1;
    *q = 0;
    for (int k = 1; k < 40 && L(fabs)(t) > EPSILON; k++) {
        t *= (square - (2 * k - 1) * (2 * k - 1)) / (8 * k * x);
        WIDE alternating = k & 2 ? -t : t;
        if (k % 2) {
            *q += alternating;
        } else {
            *p += alternating;
        }
    }
}
// J₀, J₁, Y₀ and Y₁ (kind 0 … 3).
FUNCTION T W(bessel)(int kind, T argument) {
    if (kind > 1 && !(argument > 0)) return argument == 0 ? -(T)INFINITY : (T)NAN;
    WIDE x = L(fabs)(argument), sums[4];
    if (!(x < (WIDE)INFINITY)) return argument != argument ? argument : (T)0;
    int is_odd = kind == 1 && argument < 0;
    if (x >= 25) {
        // cos a and sin a are sums and differences of c and s, divided by √2; order 1 is order 0 a quarter of a turn later.
        WIDE p, q, c = L(cos)(x), s = L(sin)(x);
        W(hankel_series)(kind % 2 ? 4 : 0, x, &p, &q);
        WIDE y = kind == 1 || kind == 2 ? p * (s - c) + q * (s + c) : p * (s + c) - q * (s - c);
        y /= L(sqrt)(x) * L(sqrt)(PI);
        return (T)(kind == 3 || is_odd ? -y : y);
    }
    if (x < 2) {
        W(bessel_series)(x, -1, sums);
        sums[1] *= x / 2;
    } else {
        W(bessel_recurrence)(0, x, 1, sums);
    }
    if (kind < 2) return (T)(is_odd ? -sums[1] : sums[kind]);
    // ln ½x + γ
    WIDE logarithm = L(log)(x) - REAL(0.11593151565841244881);
    if (kind == 2) return (T)(2 / PI * (logarithm * sums[0] - (x < 2 ? sums[2] : 2 * sums[2])));
    if (x < 2) return (T)(2 / PI * (logarithm * sums[1] - x / 4 * sums[3]) - 2 / PI / x);
    return (T)(2 / PI * ((logarithm - 1) * sums[1] - sums[0] / x - sums[3]));
}

// I₀ or I₁, times e^−|x| if `is_scaled`: by the power series, from 25 on by the asymptotic one.
FUNCTION T W(modified_bessel_i)(int order, int is_scaled, T argument) {
    WIDE x = L(fabs)(argument), t = 1, sum = 1;
    if (!(x < (WIDE)INFINITY)) return argument != argument || !is_scaled ? (order ? argument : argument * argument) : (T)0;
    if (x < 25) {
        WIDE z = x * x / 4;
        for (int k = 1; t > EPSILON * sum; k++) {
            t *= z / (k * (k + order));
            sum += t;
        }
        if (order) sum *= x / 2;
        if (is_scaled) sum *= L(exp)(-x);
    } else {
        for (int k = 1; L(fabs)(t) > EPSILON; k++) {
            t *= ((2 * k - 1) * (2 * k - 1) - 4 * order) / (8 * k * x);
            sum += t;
        }
        sum /= L(sqrt)(x) * L(sqrt)(2 * PI);
        // e^x alone would be infinite before the result is.
        WIDE root = is_scaled ? (WIDE)1 : L(exp)(x / 2);
        sum = root * sum * root;
    }
    return (T)(order && argument < 0 ? -sum : sum);
}
// √(π/2x)·e^−x/K(x) of the order μ between −½ and ½, for x ≥ 1, and by `ratio` K of the order μ + 1 in terms of it. With the function U of
// the confluent equation, u = (n − ½ − μ)·(n − ½ + μ)·U(n)/U(n − 1) follows from the next u, and the result is a sum of their products
// (Temme, 1975).
FUNCTION WIDE W(temme_sum)(WIDE mu, WIDE x, WIDE *ratio) {
    WIDE u = 0, sum = 1;
    for (int n = 20 + (int)(280 / x); n > 0; n--) {
        WIDE m = n - REAL(0.5);
        u = (m - mu) * (m + mu) / (2 * (n + x) - u);
        sum = 1 + u / n * sum;
    }
    *ratio = (mu + REAL(0.5) + x - u) / x;
    return sum;
}
// K₀ or K₁, times e^x if `is_scaled`.
FUNCTION T W(modified_bessel_k)(int order, int is_scaled, T argument) {
    if (!(argument > 0)) return argument == 0 ? (T)INFINITY : (T)NAN;
    if (argument == (T)INFINITY) return 0;
    WIDE x = argument, y;
    if (x < REAL(1.5)) {
        WIDE sums[4], logarithm = L(log)(x) - REAL(0.11593151565841244881);
        W(bessel_series)(x, 1, sums);
        y = order ? x / 2 * logarithm * sums[1] - x / 4 * sums[3] + 1 / x : sums[2] - logarithm * sums[0];
        return (T)(is_scaled ? L(exp)(x) * y : y);
    }
    WIDE ratio, sum = W(temme_sum)(0, x, &ratio);
    y = L(sqrt)(PI / 2) / (L(sqrt)(x) * sum);
    if (order) y *= ratio;
    return (T)(is_scaled ? y : y * L(exp)(-x));
}
FUNCTION T W(spherical_bessel)(T x) {
    if (x == 0) return 1;
    return x - x == 0 ? (T)(L(sin)(x) / x) : x != x ? x : (T)0;
}

// MARK: Airy's function

// Ai(x) by Bessel functions of the orders ±⅓ of ζ = ⅔·|x|^(3/2), around 0 by its power series.
FUNCTION T W(airy)(T argument) {
    const WIDE at_zero = REAL(0.35502805388781723926), slope = REAL(0.25881940379280679841);
    WIDE x = argument;
    if (x != x) return argument;
    if (x >= -2 && x <= REAL(1.32)) {
        WIDE z = x * x * x, f = 1, g = x, even = 1, uneven = x;
        for (int k = 1; k < 20; k++) {
            even *= z / ((3 * k - 1) * (3 * k));
            uneven *= z / ((3 * k) * (3 * k + 1));
            f += even;
            g += uneven;
        }
        return (T)(at_zero * f - slope * g);
    }
    WIDE m = L(fabs)(x), root = L(sqrt)(m), product = m * root, zeta = product / REAL(1.5);
    if (!(zeta < (WIDE)INFINITY)) return 0;
    // What rounding has taken from ζ; its errors would be those of e^−ζ and of the phase.
    WIDE lost = L(fma)(m, root, -product) - root / 2 * L(fma)(root, root, -m);
    lost = (lost - L(fma)(zeta, REAL(1.5), -product)) / REAL(1.5);
    if (x > 0) {
        WIDE ratio, sum = W(temme_sum)(REAL(1.) / 3, zeta, &ratio);
        WIDE y = L(exp)(-zeta) / (2 * L(sqrt)(PI) * L(sqrt)(root) * sum);
        return (T)(y - y * lost);
    }
    if (zeta >= 25) {
        WIDE p, q, c = L(cos)(zeta), s = L(sin)(zeta);
        W(hankel_series)(REAL(4.) / 9, zeta, &p, &q);
        WIDE cosine = c * L(cos)(lost) - s * L(sin)(lost), sine = s * L(cos)(lost) + c * L(sin)(lost);
        return (T)((p * (sine + cosine) - q * (sine - cosine)) / (L(sqrt)(2 * PI) * L(sqrt)(root)));
    }
    // J of the order −⅓ follows from ⅔ and 5/3. The totals are powers of ½ζ over Γ(4/3) and Γ(5/3), in terms of Ai and its slope at 0.
    WIDE third[4], two_thirds[4];
    W(bessel_recurrence)(REAL(1.) / 3, zeta, 3 * slope * root, third);
    W(bessel_recurrence)(REAL(2.) / 3, zeta, REAL(1.5) * at_zero * m, two_thirds);
    return (T)(root / 3 * (third[0] + REAL(4.) / 3 / zeta * two_thirds[0] - two_thirds[1]));
}

// MARK: e^(x²)·erfc x

// From 9 on by the asymptotic series.
FUNCTION T W(erfcx)(T argument) {
    WIDE x = argument, square = x * x, t = 1, sum = 1;
    if (x < -27) return (T)INFINITY;
    if (x < 9) {
        WIDE y = L(exp)(square) * L(erfc)(x);
        return (T)(y < (WIDE)INFINITY ? y + y * L(fma)(x, x, -square) : y);
    }
    for (int k = 1; L(fabs)(t) > EPSILON; k++) {
        t *= (1 - 2 * k) / (2 * square);
        sum += t;
    }
    return (T)(sum / L(sqrt)(PI) / x);
}

// MARK: Polynomials. The order is cut to an integer; below 0 they are 0.

// The Chebyshev polynomials T, U, V and W (kind 0 … 3), where `below` is 1 − |x|. From the order 8 on, with x the cosine of an angle a, or
// the hyperbolic one: cos na, sin (n + 1)a/sin a, cos (n + ½)a/cos ½a and sin (n + ½)a/sin ½a.
FUNCTION T W(chebyshev)(int kind, WIDE x, WIDE below, T order) {
    WIDE n = L(trunc)(order), y;
    if (!(n >= 0)) return n < 0 ? (T)0 : (T)NAN;
    if (n == 0) return 1;
    // The value at −x is that at x with the sign (−1)^n; V and W change their places.
    int changes_sign = x < 0 && L(fmod)(n, (WIDE)2) != 0;
    if (x < 0) {
        x = -x;
        if (kind > 1) kind = 5 - kind;
    }
    if (x == (WIDE)INFINITY) {
        y = x;
    } else if (n < 8) {
        WIDE before = 1;
        y = kind == 0 ? x : 2 * x + (kind == 1 ? 0 : kind == 2 ? -1 : 1);
        for (int k = 1; k < n && y < (WIDE)INFINITY; k++) {
            WIDE next = 2 * x * y - before;
            before = y;
            y = next;
        }
    } else {
        WIDE multiple = kind == 0 ? 2 * n : kind == 1 ? 2 * n + 2 : 2 * n + 1;
        if (below == 0) {
            y = kind == 0 || kind == 2 ? (WIDE)1 : kind == 1 ? n + 1 : multiple;
        } else if (x > 1) {
            WIDE a = L(asinh)(L(sqrt)(-below / 2));
            y = kind == 0 || kind == 2 ? L(cosh)(multiple * a) : L(sinh)(multiple * a);
            y /= kind == 0 ? (WIDE)1 : kind == 1 ? L(sinh)(2 * a) : kind == 2 ? L(cosh)(a) : L(sinh)(a);
        } else {
            WIDE a = L(asin)(L(sqrt)(below / 2));
            y = kind == 0 || kind == 2 ? L(cos)(multiple * a) : L(sin)(multiple * a);
            y /= kind == 0 ? (WIDE)1 : kind == 1 ? L(sin)(2 * a) : kind == 2 ? L(cos)(a) : L(sin)(a);
        }
    }
    return (T)(changes_sign ? -y : y);
}
FUNCTION T W(chebyshev_polynomial)(int kind, T x, T order) { return W(chebyshev)(kind, x, 1 - L(fabs)(x), order); }
FUNCTION T W(shifted_chebyshev_polynomial)(int kind, T argument, T order) {
    WIDE x = argument;
    return W(chebyshev)(kind, 2 * x - 1, x < REAL(0.5) ? 2 * x : 2 * (1 - x), order);
}
// Hermite's polynomials of physics and of probability, Laguerre's and Legendre's (kind 0 … 3), by their recurrences of up to a million
// steps.
FUNCTION T W(orthogonal_polynomial)(int kind, T argument, T order) {
    WIDE x = argument, n = L(trunc)(order), before = 1, y = kind == 0 ? 2 * x : kind == 2 ? 1 - x : x;
    if (!(n >= 0 && n <= 1000000)) return n < 0 ? (T)0 : (T)NAN;
    if (n == 0) return 1;
    for (int k = 1; k < n && y == y; k++) {
        WIDE factor = kind < 2 ? x : kind == 2 ? 2 * k + 1 - x : (2 * k + 1) * x;
        WIDE next = factor * y - k * before;
        next = kind == 0 ? 2 * next : kind == 1 ? next : next / (k + 1);
        before = y;
        y = next;
    }
    return (T)y;
}
