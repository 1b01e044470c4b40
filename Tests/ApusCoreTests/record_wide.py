"""Exact values of what `math_wide.h` and part of `math_gamma.h` compute, for `record_special.py`, whose conventions these functions follow."""
from mpmath import mp, mpf


def asymptotic(ratio):
    """1 + r(1) + r(1)*r(2) + ..., up to terms that are nothing."""
    term, total, k = mpf(1), mpf(1), 0
    while abs(term) > mpf(2) ** -(mp.prec + 5):
        k += 1
        term *= ratio(k)
        total += term
    return total


def scaled_i(order, x):
    m = abs(x)
    if m < 1000:
        y = mp.besseli(order, m) * mp.exp(-m)
    else:
        y = asymptotic(lambda k: ((2 * k - 1) ** 2 - 4 * order) / (8 * k * m)) / mp.sqrt(2 * mp.pi * m)
    return -y if order and x < 0 else y


def bessel_i(order, x):
    return scaled_i(order, x) * mp.exp(abs(x)) if abs(x) < 800 else mpf("inf") * (-1 if order and x < 0 else 1)


def scaled_k(order, x):
    if x < mpf(10) ** -40:
        return mp.exp(x) * (1 / x if order else -mp.log(x / 2) - mp.euler)
    if x < 1000:
        return mp.besselk(order, x) * mp.exp(x)
    return asymptotic(lambda k: (4 * order - (2 * k - 1) ** 2) / (8 * k * x)) * mp.sqrt(mp.pi / (2 * x))


def bessel_k(order, x):
    return scaled_k(order, x) * mp.exp(-x) if x < 1000 else mpf(0)


def bessel(kind, x):
    """J0, J1, Y0, Y1. From 1 on errors are measured beside the amplitude."""
    m, order = abs(x), kind % 2
    if m < mpf(10) ** -40 and kind > 1:
        return -2 / (mp.pi * m) if order else 2 / mp.pi * (mp.log(m / 2) + mp.euler)
    if m < 1000:
        y = mp.bessely(order, m) if kind > 1 else mp.besselj(order, m)
    else:
        p = q = mpf(0)
        term, k = mpf(1), 0
        while abs(term) > mpf(2) ** -(mp.prec + 5):
            p, q = (p + term * (-1) ** (k // 2), q) if k % 2 == 0 else (p, q + term * (-1) ** (k // 2))
            k += 1
            term *= (4 * order - (2 * k - 1) ** 2) / (8 * k * m)
        c, s = mp.cos(m), mp.sin(m)
        y = {0: p * (c + s) - q * (s - c), 1: p * (s - c) + q * (s + c), 2: p * (s - c) + q * (s + c), 3: q * (s - c) - p * (s + c)}[kind]
        y /= mp.sqrt(mp.pi * m)
    y = -y if kind == 1 and x < 0 else y
    amplitude = mp.sqrt(2 / (mp.pi * m)) if m > 1 else 0
    return [amplitude, y - amplitude] if amplitude else y


def airy(x):
    if x > 200:
        return mpf(0)
    y = mp.airyai(x)
    amplitude = 1 / mp.sqrt(mp.pi * mp.sqrt(-x)) if x < -1 else 0
    return [amplitude, y - amplitude] if amplitude else y


def erfcx(x):
    if x < -30:
        return mpf("inf")
    if x < 40:
        return mp.exp(x * x) * mp.erfc(x)
    return asymptotic(lambda k: -(2 * k - 1) / (2 * x * x)) / (x * mp.sqrt(mp.pi))


def zeta(s, q):
    if q > 0:
        return mp.zeta(s, q)
    count = int(mp.ceil(-q))
    return [(q + k) ** -int(s) for k in range(count)] + [mp.zeta(s, q + count)]


def gammaincc(a, x):
    """1 - P with as many digits as that takes."""
    term, total, n = 1 / a, 1 / a, 0
    while term > total * mpf(2) ** -(mp.prec + 5):
        n += 1
        term *= x / (a + n)
        total += term
    return 1 - total * mp.exp(a * mp.log(x) - x - mp.loggamma(a))


def polynomial(first, terms):
    """The polynomial of the order n by its recurrence, as the terms of its last step; errors are measured beside the polynomial before too."""
    def f(x, n):
        before, p, last = mpf(1), first(x), None
        if n < 2:
            return [p if n == 1 else before]
        for k in range(1, int(n)):
            last = terms(k, x, p, before)
            before, p = p, sum(last)
        return [*last, before, -before]
    return f


def chebyshev(first):
    return polynomial(first, lambda k, x, p, before: (2 * x * p, -before))


def shifted(f):
    return lambda x, n: f(2 * x - 1, n)


CHEBYSHEV = {"T": chebyshev(lambda x: x), "U": chebyshev(lambda x: 2 * x), "V": chebyshev(lambda x: 2 * x - 1), "W": chebyshev(lambda x: 2 * x + 1)}
