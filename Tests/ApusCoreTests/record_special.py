#!/usr/bin/env python3
"""Records exact values of functions of real numbers: Tests/ApusCoreTests/Recorded/special.safetensors.

For each function some 2,000 arguments in float64 over the binades of its domain, closer where it bends, next to its zeros, poles and the ends of its
domain, and the values by mpmath, rounded once. Where large terms cancel (beside a zero), NAME.scale has the largest of them: errors are measured in
its units there. `SpecialFunctionTests.swift` has the same names with the functions in Swift.

needs mpmath: python3 Tests/ApusCoreTests/record_special.py [NAME ...]
"""
import json
import math
import pathlib
import random
import struct
import sys

from mpmath import mp, mpf

sys.dont_write_bytecode = True
from record_wide import (CHEBYSHEV, airy, bessel, bessel_i, bessel_k, erfcx, gammaincc, polynomial, scaled_i, scaled_k, shifted, zeta)

PATH = pathlib.Path(__file__).resolve().parents[2] / "Tests/ApusCoreTests/Recorded/special.safetensors"
COUNT = 2000
TINY, HUGE = 5e-324, 1.7976931348623157e308
inf, nan = math.inf, math.nan


# MARK: Exact functions. Each is evaluated with more and more digits until two evaluations agree.

def erfc(x):
    # Beyond 40 the result is 0 in float64, and mpmath overflows.
    return mp.erfc(max(x, mpf(-40))) if x < 40 else mpf(0)


def sigmoid(x):
    # Beyond 10^4 the result is that at infinity.
    e = mp.exp(-min(abs(x), mpf(10000)))
    if x < -9999:
        return mpf(0)
    return (e if x < 0 else 1) / (1 + e)


def softplus(x):
    return max(x, mpf(0)) + mp.log1p(mp.exp(-abs(x)))


def phi(x):
    return erfc(-x / mp.sqrt(2)) / 2


def density(x):
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def gelu_inner(x):
    return 2 * mp.sqrt(2 / mp.pi) * (x + mpf("0.044715") * x**3)


def gelu_tanh_slope(x):
    s, other = sigmoid(gelu_inner(x)), sigmoid(-gelu_inner(x))
    return s, x * s * other * 2 * mp.sqrt(2 / mp.pi) * (1 + 3 * mpf("0.044715") * x * x)


def mish(x):
    n = mp.exp(x) * (mp.exp(x) + 2) if x < 0 else 1 + 2 * mp.exp(-x)
    return x * n / (n + 2 * (1 if x < 0 else mp.exp(-2 * x)))


def ndtri(p):
    """By Newton's method on the logarithm of the smaller tail probability."""
    q = min(p, 1 - p)
    if q > 0.3:
        return mp.sqrt(2) * mp.erfinv(2 * p - 1)
    goal = mp.log(2 * q)
    y = mp.sqrt(-goal)
    while True:
        tail = mp.erfc(y)
        step = (mp.log(tail) - goal) * tail * mp.sqrt(mp.pi) / 2 * mp.exp(y * y)
        y += step
        if abs(step) < y * mpf(2) ** (10 - mp.prec):
            return -mp.sqrt(2) * y if p < 0.5 else mp.sqrt(2) * y


def lgamma_terms(x):
    if x > 0:
        return [mp.loggamma(x)]
    if x == mp.floor(x):
        return [mpf("inf")]
    return [mp.log(mp.pi / abs(mp.sinpi(x))), -mp.loggamma(1 - x)]


def polygamma_positive(n, x):
    """From 2^200 on by the first terms of the asymptotic series."""
    if x < mpf(2) ** 200:
        return mp.psi(n, x)
    return mp.log(x) - 1 / (2 * x) if n == 0 else (-1) ** (n + 1) * mp.factorial(n - 1) * (1 + n / (2 * x)) / x**n


def polygamma_terms(n, x):
    """psi^(n) by reflection. Beside zeros terms cancel: the reflection's two where n = 0, the term next to a pole and the others where n = 2.
    At the poles as PyTorch, where the limits from both sides differ."""
    if x > 0:
        return [polygamma_positive(n, x)]
    if x == mp.floor(x):
        return [mpf("nan" if n == 0 else "inf" if n % 2 else "-inf")]
    s, c = mp.sinpi(x), mp.cospi(x)
    pole = {0: lambda: -mp.pi * c / s, 1: lambda: (mp.pi / s) ** 2, 2: lambda: -2 * mp.pi**3 * c / s**3,
            3: lambda: 2 * mp.pi**4 * (1 / s**2 + 3 * c**2 / s**4)}[n]()
    rest = (-1) ** n * polygamma_positive(n, 1 - x)
    if n == 0:
        return [pole, rest]
    nearest = (-1) ** (n + 1) * mp.factorial(n) / (x - mp.nint(x)) ** (n + 1) if n % 2 == 0 else 0
    return [nearest, pole + rest - nearest]


# MARK: Arguments.

def signed(rng, x):
    return x if rng.random() < 0.5 else -x


def in_binade(rng, e):
    """A number with the exponent e; one in four is a power of two or next to one."""
    kind = rng.randrange(8)
    m = 1.0 if kind == 0 else 2 - 2.0**-52 if kind == 1 else 1 + rng.random()
    return math.ldexp(m, e)


def binades(rng, count, low=-1074, high=1023):
    """`count` numbers, evenly spread over the exponents from `low` to `high`."""
    return [in_binade(rng, low + int((i + rng.random()) * (high - low + 1) / count)) for i in range(count)]


def beside(rng, point, count, side=0):
    """Numbers around `point`, from its neighbours to a distance of a quarter of it."""
    result = []
    for i in range(count):
        unit = math.ulp(point) if point else TINY
        reach = 50 if point else 1070
        step = unit * math.floor(2.0 ** (reach * (i + rng.random()) / count))
        result.append(point + step if side > 0 or side == 0 and i % 2 else point - step)
    return result


def between(rng, low, high, count):
    return [low + (high - low) * rng.random() for _ in range(count)]


def line(rng, *parts):
    """Both signs: a third over all binades, a third over those around 1, the rest from `parts`."""
    special = [x for part in parts for x in part]
    rest = COUNT - len(special)
    x = [signed(rng, v) for v in binades(rng, rest // 2)] + [signed(rng, v) for v in binades(rng, rest - rest // 2, -56, 12)]
    return x + special


def half_line(rng, *parts):
    return [abs(x) for x in line(rng)[: COUNT - sum(map(len, parts))]] + [x for part in parts for x in part]


def unit(rng, *parts):
    """Within (-1, 1), including numbers close to both ends."""
    special = [x for part in parts for x in part]
    ends = [signed(rng, x) for x in beside(rng, 1.0, 600, -1)]
    rest = COUNT - len(special) - len(ends)
    return [signed(rng, x) for x in binades(rng, rest // 2, -1074, -1) + binades(rng, rest - rest // 2, -30, -1)] + ends + special


def near_integers(rng, low, high, count):
    """Numbers next to the integers low ... high, and halfway between them."""
    result = []
    for i in range(count):
        n = rng.randint(low, high)
        away = 2.0 ** -rng.uniform(0, 30) * rng.choice([-1, 1])
        result.append(n + away if i % 3 else n + 0.5 + away / 8)
    return result


def to_double(v):
    """Rounded once, also to subnormal numbers."""
    if mp.isnan(v) or mp.isinf(v):
        return float(v)
    if abs(v) < mpf(2) ** -1022:
        return float(int(mp.nint(v * mpf(2) ** 1074))) * TINY if v >= 0 else -float(int(mp.nint(-v * mpf(2) ** 1074))) * TINY
    with mp.workprec(53):
        rounded = +v
    return math.copysign(inf, rounded) if abs(rounded) > mpf(HUGE) else float(rounded)


def exact(f, *x):
    """f(x) and its largest term, with precision doubled until nothing changes. f may return a list of terms."""
    x = [mpf(v) for v in x]
    last = None
    for bits in (160, 320, 640, 2600, 5200):
        with mp.workprec(bits):
            terms = f(*x)
            terms = terms if isinstance(terms, (list, tuple)) else [terms]
            value = mp.fsum(terms)
            scale = max(abs(t) for t in terms)
        if mp.isnan(value) or mp.isinf(value):
            return float(value), float(scale)
        if last is not None and abs(value - last) <= abs(value) * mpf(2) ** -80 and (value != 0 or bits > 2000):
            return to_double(value), to_double(scale)
        last = value
    raise ValueError(f"no agreement at {x}")


# MARK: Functions: arguments, exact value.

def near(rng, low, high):
    """Two numbers of similar size, as usual for atan2, hypot and logaddexp."""
    a = between(rng, low, high, COUNT // 2)
    return a, [x * (1 + signed(rng, 2.0 ** -rng.uniform(0, 50))) for x in a]


def two_lines(rng):
    """Numbers from any binades, and pairs of similar size."""
    a = [signed(rng, v) for v in binades(rng, COUNT // 4) + binades(rng, COUNT // 4, -30, 30)]
    b = [signed(rng, v) for v in binades(rng, COUNT // 4) + binades(rng, COUNT // 4, -30, 30)]
    rng.shuffle(b)
    c, d = near(rng, -30, 30)
    return list(zip(a + c, b + d))


def power_pairs(rng):
    """Bases over all binades with exponents that leave the result finite; whole exponents with negative bases."""
    result = []
    for x in binades(rng, COUNT // 2) + binades(rng, COUNT // 4, -3, 3):
        result.append((x, signed(rng, rng.random() * 745 / max(abs(math.log(x)), 1e-3))))
    for x in binades(rng, COUNT - len(result), -40, 40):
        result.append((-x, float(rng.randint(-20, 20))))
    return result


def quotients(rng):
    a, b = binades(rng, COUNT, -200, 200), binades(rng, COUNT, -200, 200)
    return [(signed(rng, x), signed(rng, y)) for x, y in zip(a, rng.sample(b, COUNT))]


def gamma_pairs(rng):
    """Shapes from 1e-10 to 1e7; arguments from far below to far above, most within ten standard deviations."""
    result = []
    for i in range(COUNT):
        a = 10 ** rng.uniform(-10, 4 if i % 10 else 7)
        spread = a + rng.gauss(0, 3) * math.sqrt(a) if i % 2 else a * 2.0 ** rng.uniform(-20, 5)
        x = abs(spread) if i % 4 < 3 else 10 ** rng.uniform(-10, 2.5)
        result.append((a, max(x, 1e-300)))
    return result


def gammainc(a, x):
    """P by its power series; 1 where it is 1 to 100 digits."""
    if a < 40 or x < a + 30 * mp.sqrt(a):
        term, total, n = 1 / a, 1 / a, 0
        while term > total * mpf(2) ** -(mp.prec + 5):
            n += 1
            term *= x / (a + n)
            total += term
        return total * mp.exp(a * mp.log(x) - x - mp.loggamma(a))
    return mpf(1)


def gamma_sample_grad(a, x):
    """-(dP/da)/(dP/dx), term by term; for large x the terms cancel, which more digits compensate."""
    psi, log_x = mp.psi(0, a + 1), mp.log(x)
    term, total, n = x / a, x / a * (log_x - psi), 0
    while n < x or abs(term) * (1 + abs(log_x - psi)) > abs(total) * mpf(2) ** -(mp.prec + 5):
        n += 1
        term *= x / (a + n)
        psi += 1 / (a + n)
        total += term * (log_x - psi)
    return -total


def zeta_pairs(rng):
    """Exponents from next to 1 up; some q are negative, with whole exponents."""
    result = []
    for i in range(COUNT // 2):
        s = float(rng.randint(2, 12)) if i % 4 == 0 else 1 + 2.0 ** rng.uniform(-30, 6)
        q = 2.0 ** rng.uniform(-30, 12) if i % 8 else -rng.uniform(0, 30)
        result.append((s, q))
    return result


def upper_gamma_pairs(rng):
    return [(a, x) for a, x in gamma_pairs(rng)[: COUNT // 2] if a < 3000 and x < a + 60 * math.sqrt(a) + 60]


def polynomial_pairs(low, high, top):
    """Arguments between two numbers and next to the ends of -1 ... 1, with orders up to `top`."""
    def make(rng):
        x = between(rng, low, high, 300) + [signed(rng, v) for v in beside(rng, 1.0, 100)] + [0.0, 1.0, -1.0, 0.5]
        return [(v, float(rng.randint(0, top) if i % 3 else rng.randint(0, 9))) for i, v in enumerate(x)]
    return make


GELU_ZERO, SILU_ZERO, GELU_TANH_ZERO = -0.7517915246935645, -1.2784645427610738, -0.7524614220710162

UNARY = {
    "rsqrt": (half_line, lambda x: 1 / mp.sqrt(x)),
    "exp": (lambda r: line(r, between(r, -745.2, 709.8, 300)), mp.exp),
    "exp2": (lambda r: line(r, between(r, -1075, 1024, 300)), lambda x: mpf(2) ** x),
    "expm1": (lambda r: line(r, between(r, -40, 709.8, 300), between(r, -1, 1, 300)), mp.expm1),
    "log": (lambda r: half_line(r, beside(r, 1.0, 300)), mp.log),
    "log2": (lambda r: half_line(r, beside(r, 1.0, 300)), lambda x: mp.log(x) / mp.log(2)),
    "log10": (lambda r: half_line(r, beside(r, 1.0, 300)), mp.log10),
    "log1p": (lambda r: half_line(r, beside(r, -1.0, 300, 1), between(r, -0.9, 1, 300)), mp.log1p),
    "sin": (lambda r: line(r, between(r, -30, 30, 300), [signed(r, k * math.pi / 2) for k in range(1, 200)]), mp.sin),
    "cos": (lambda r: line(r, between(r, -30, 30, 300), [signed(r, k * math.pi / 2) for k in range(1, 200)]), mp.cos),
    "tan": (lambda r: line(r, between(r, -30, 30, 300), [signed(r, k * math.pi / 2) for k in range(1, 200)]), mp.tan),
    "asin": (unit, mp.asin),
    "acos": (unit, mp.acos),
    "atan": (line, mp.atan),
    "sinh": (lambda r: line(r, between(r, -710.4, 710.4, 300)), mp.sinh),
    "cosh": (lambda r: line(r, between(r, -710.4, 710.4, 300)), mp.cosh),
    "tanh": (lambda r: line(r, between(r, -20, 20, 500)), mp.tanh),
    "asinh": (lambda r: line(r, between(r, -3, 3, 300)), mp.asinh),
    "acosh": (lambda r: [x for x in half_line(r) if x >= 1] + beside(r, 1.0, 500, 1) + binades(r, 500, 0, 1023) + between(r, 1, 3, 300), mp.acosh),
    "atanh": (unit, mp.atanh),
    "erf": (lambda r: line(r, between(r, -6, 6, 500)), mp.erf),
    "erfc": (lambda r: line(r, between(r, -6, 27.3, 800)), erfc),
    "erfinv": (lambda r: unit(r, between(r, -1, 1, 400)), mp.erfinv),
    "ndtri": (lambda r: binades(r, 700, -1074, -1) + binades(r, 500, -60, -1) + beside(r, 1.0, 400, -1) + between(r, 0, 1, 400), ndtri),
    "logit": (lambda r: [abs(x) for x in unit(r)] + beside(r, 0.5, 200), lambda x: [mp.log(x), -mp.log(1 - x)]),
    "lgamma": (lambda r: line(r, beside(r, 1.0, 150), beside(r, 2.0, 150), between(r, 0, 20, 300), near_integers(r, -40, 0, 500)), lgamma_terms),
    "digamma": (lambda r: line(r, beside(r, 1.4616321449683622, 200), between(r, 0, 20, 300), near_integers(r, -40, 0, 500)), lambda x: polygamma_terms(0, x)),
    "polygamma(1)": (lambda r: line(r, between(r, 0, 20, 300), near_integers(r, -40, 0, 500)), lambda x: polygamma_terms(1, x)),
    "polygamma(2)": (lambda r: line(r, between(r, 0, 20, 300), near_integers(r, -40, 0, 500)), lambda x: polygamma_terms(2, x)),
    "polygamma(3)": (lambda r: line(r, between(r, 0, 20, 300), near_integers(r, -40, 0, 500)), lambda x: polygamma_terms(3, x)),
    "i0": (lambda r: [signed(r, x) for x in binades(r, 500, -1074, 9) + between(r, 0, 714, 500)], lambda x: bessel_i(0, x)),
    "i1": (lambda r: [signed(r, x) for x in binades(r, 500, -1074, 9) + between(r, 0, 714, 500)], lambda x: bessel_i(1, x)),
    "i0e": (lambda r: [signed(r, x) for x in binades(r, 500) + between(r, 0, 50, 500)], lambda x: scaled_i(0, x)),
    "i1e": (lambda r: [signed(r, x) for x in binades(r, 500) + between(r, 0, 50, 500)], lambda x: scaled_i(1, x)),
    "modifiedBesselK0": (lambda r: binades(r, 300, -1074, 9) + between(r, 0, 4, 300) + between(r, 0, 745, 200), lambda x: bessel_k(0, x)),
    "modifiedBesselK1": (lambda r: binades(r, 300, -1074, 9) + between(r, 0, 4, 300) + between(r, 0, 745, 200), lambda x: bessel_k(1, x)),
    "scaledModifiedBesselK0": (lambda r: binades(r, 300) + between(r, 0, 4, 300) + between(r, 0, 100, 200), lambda x: scaled_k(0, x)),
    "scaledModifiedBesselK1": (lambda r: binades(r, 300) + between(r, 0, 4, 300) + between(r, 0, 100, 200), lambda x: scaled_k(1, x)),
    "besselJ0": (lambda r: [signed(r, x) for x in binades(r, 300, -1074, 40) + between(r, 0, 30, 500) + between(r, 0, 1000, 100)], lambda x: bessel(0, x)),
    "besselJ1": (lambda r: [signed(r, x) for x in binades(r, 300, -1074, 40) + between(r, 0, 30, 500) + between(r, 0, 1000, 100)], lambda x: bessel(1, x)),
    "besselY0": (lambda r: binades(r, 300, -1074, 40) + between(r, 0, 30, 500) + between(r, 0, 1000, 100), lambda x: bessel(2, x)),
    "besselY1": (lambda r: binades(r, 300, -1074, 40) + between(r, 0, 30, 500) + between(r, 0, 1000, 100), lambda x: bessel(3, x)),
    "sphericalBesselJ0": (lambda r: line(r, between(r, -30, 30, 300)), lambda x: mp.sin(x) / x),
    "airyAi": (lambda r: [signed(r, x) for x in binades(r, 200, -1074, 6)] + between(r, -15, 15, 600) + between(r, -200, 110, 200), airy),
    "erfcx": (lambda r: line(r, between(r, -27, 30, 800)), erfcx),
    "sigmoid": (lambda r: line(r, between(r, -745, 40, 300)), sigmoid),
    "logSigmoid": (lambda r: line(r, between(r, -40, 745, 300)), lambda x: -softplus(-x)),
    "softsign": (line, lambda x: x / (1 + abs(x))),
    "mish": (lambda r: line(r, between(r, -745, 40, 500)), mish),
    "silu": (lambda r: line(r, between(r, -745, 40, 500)), lambda x: x * sigmoid(x)),
    "gelu": (lambda r: line(r, between(r, -38.5, 9, 800)), lambda x: x * phi(x)),
    "geluTanh": (lambda r: line(r, between(r, -22, 6, 800)), lambda x: x * sigmoid(gelu_inner(x))),
    "elu(1.6732632423543772,1.0507009873554805,1)": (lambda r: line(r, between(r, -40, 1, 300)), None),
    "elu(1.25,1,0.8)": (lambda r: line(r, between(r, -40, 1, 300)), None),
    "softplus(1,20)": (lambda r: line(r, between(r, -745, 20, 500)), None),
    "softplus(0.7,20)": (lambda r: line(r, between(r, -1064, 28, 500)), None),
    "powScalar(2.5)": (half_line, lambda x: x ** mpf(2.5)),
    "powScalar(3)": (line, lambda x: x**3),
    "powScalar(-0.5)": (half_line, lambda x: 1 / mp.sqrt(x)),
    "powScalar(-2)": (line, lambda x: 1 / (x * x)),
}
BINARY = {
    "pow": (power_pairs, lambda x, y: x ** (int(y) if x < 0 else y)),
    "atan2": (two_lines, mp.atan2),
    "hypot": (two_lines, mp.hypot),
    "logaddexp": (two_lines, lambda x, y: [max(x, y), mp.log1p(mp.exp(-abs(x - y)))]),
    "fmod": (quotients, lambda x, y: (abs(x) - abs(y) * mp.floor(abs(x) / abs(y))) * mp.sign(x)),
    "remainder": (quotients, lambda x, y: x - y * mp.floor(x / y)),
    "gammainc": (gamma_pairs, gammainc),
    "gammaSampleGrad": (lambda r: [(a, x) for a, x in gamma_pairs(r)[:500] if a < 1e4 and x < a + 12 * math.sqrt(a) + 12], gamma_sample_grad),
    "gammaincc": (upper_gamma_pairs, gammaincc),
    "zeta": (zeta_pairs, zeta),
    **{f"chebyshevPolynomial{kind}": (polynomial_pairs(-1.2, 1.2, 60), f) for kind, f in CHEBYSHEV.items()},
    **{f"shiftedChebyshevPolynomial{kind}": (polynomial_pairs(-0.2, 1.2, 60), shifted(f)) for kind, f in CHEBYSHEV.items()},
    "hermitePolynomialH": (polynomial_pairs(-6, 6, 40), polynomial(lambda x: 2 * x, lambda k, x, p, before: (2 * x * p, -2 * k * before))),
    "hermitePolynomialHe": (polynomial_pairs(-6, 6, 40), polynomial(lambda x: x, lambda k, x, p, before: (x * p, -k * before))),
    "laguerrePolynomialL": (polynomial_pairs(-5, 40, 40), polynomial(lambda x: 1 - x, lambda k, x, p, before: ((2 * k + 1 - x) * p / (k + 1), -k * before / (k + 1)))),
    "legendrePolynomialP": (polynomial_pairs(-1.2, 1.2, 60), polynomial(lambda x: x, lambda k, x, p, before: ((2 * k + 1) * x * p / (k + 1), -k * before / (k + 1)))),
    # Derivatives: the first operand is the gradient, here 1.
    "sigmoidGrad": (lambda r: [(1.0, abs(x)) for x in unit(r)], lambda g, y: y * (1 - y)),
    "tanhGrad": (lambda r: [(1.0, x) for x in unit(r)], lambda g, y: 1 - y * y),
    "geluGrad": (lambda r: [(1.0, x) for x in line(r, between(r, -38.5, 9, 800), beside(r, GELU_ZERO, 200))], lambda g, x: [phi(x), x * density(x)]),
    "geluTanhGrad": (lambda r: [(1.0, x) for x in line(r, between(r, -22, 9, 800), beside(r, GELU_TANH_ZERO, 200))], lambda g, x: gelu_tanh_slope(x)),
    "siluGrad": (lambda r: [(1.0, x) for x in line(r, between(r, -745, 40, 800), beside(r, SILU_ZERO, 200))], lambda g, x: [sigmoid(x), x * sigmoid(x) * sigmoid(-x)]),
    "eluGrad(1.25,1,0.8)": (lambda r: [(1.0, x) for x in line(r, between(r, -900, 1, 300))], None),
    "softplusGrad(0.7,20)": (lambda r: [(1.0, x) for x in line(r, between(r, -1064, 28, 500))], None),
}


def with_constants(name):
    """The functions with constants a, b, c, which are float64."""
    kind, _, rest = name.partition("(")
    a, b, c, *_ = [mpf(float(v)) for v in rest.rstrip(")").split(",")] + [0, 0]
    return {
        "elu": lambda x: b * x if x > 0 else a * b * mp.expm1(c * x),
        "eluGrad": lambda g, x: b if x > 0 else a * b * c * mp.exp(c * x),
        "softplus": lambda x: x if a * x > b else mp.log1p(mp.exp(a * x)) / a,
        "softplusGrad": lambda g, x: mpf(1) if a * x > b else sigmoid(a * x),
    }[kind]


def record(name):
    """Arguments, exact values, and largest terms (None where none is larger than the value)."""
    rng = random.Random(name)
    make, f = {**UNARY, **BINARY}[name]
    f = f or with_constants(name)
    arguments = [x if isinstance(x, tuple) else (x,) for x in make(rng)]
    results = [exact(f, *x) for x in arguments]
    values = [v for v, _ in results]
    scales = [s for _, s in results]
    return list(zip(*arguments)), values, scales if any(s > 2 * abs(v) for v, s in results if abs(v) < inf) else None


def main():
    known = read() if PATH.exists() else {}
    names = sys.argv[1:] or [*UNARY, *BINARY]
    for name in names:
        arguments, values, scales = record(name)
        known = {k: v for k, v in known.items() if k.split("/")[0] != name}
        for letter, column in zip("xy", arguments):
            known[f"{name}/{letter}"] = column
        known[f"{name}/value"] = values
        if scales:
            known[f"{name}/scale"] = scales
        print(name, len(values), "scaled" if scales else "", flush=True)
        write(known)


def read():
    data = PATH.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    return {k: struct.unpack(f"<{e['shape'][0]}d", body[e["data_offsets"][0] : e["data_offsets"][1]]) for k, e in header.items()}


def write(columns):
    """Writes the safetensors format."""
    header, body = {}, b""
    for name in sorted(columns):
        data = struct.pack(f"<{len(columns[name])}d", *columns[name])
        header[name] = {"dtype": "F64", "shape": [len(columns[name])], "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    PATH.write_bytes(struct.pack("<Q", len(text)) + text + body)


if __name__ == "__main__":
    main()
