#!/usr/bin/env python3
"""Records PyTorch's values and gradients where functions bend, tie, end or leave the finite numbers: Tests/ApusCoreTests/Recorded/kinks.json.

`KinkTests.swift` has the same names with the functions in Swift.
Run with torch 2.13 (CPU): python3 Tests/ApusCoreTests/record_kinks.py
"""
import json
import math
import pathlib

import torch
import torch.nn.functional as F

torch.set_num_threads(1)
inf, nan = math.inf, math.nan

NUMBERS = [nan, -inf, -20.5, -6.0, -3.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 3.0, 6.0, 20.5, inf]
PAIRS = [nan, -inf, -2.0, -1.0, -0.0, 0.0, 0.5, 1.0, 2.0, inf]

UNARY = {name: getattr(torch, name) for name in (
    "neg abs sign square reciprocal sqrt rsqrt exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh "
    "erf erfc erfinv lgamma digamma floor ceil round trunc frac sigmoid relu").split()}
UNARY |= {
    "logSigmoid": F.logsigmoid, "softsign": F.softsign, "mish": F.mish, "silu": F.silu, "hardsigmoid": F.hardsigmoid, "hardswish": F.hardswish,
    "gelu": F.gelu, "gelu tanh": lambda x: F.gelu(x, approximate="tanh"), "leakyRelu": lambda x: F.leaky_relu(x, 0.2), "elu": lambda x: F.elu(x, 1.3),
    "selu": F.selu, "celu": lambda x: F.celu(x, 1.5), "softplus": lambda x: F.softplus(x, 1.5, 20), "hardtanh": F.hardtanh, "relu6": F.relu6,
    "clamp": lambda x: x.clamp(-1, 3), "hardshrink": F.hardshrink, "softshrink": F.softshrink, "tanhshrink": F.tanhshrink,
    "threshold": lambda x: F.threshold(x, 0.5, 7), "pow 0": lambda x: x.pow(0), "pow 0.5": lambda x: x.pow(0.5), "pow 1": lambda x: x.pow(1),
    "pow 2": lambda x: x.pow(2), "pow 3": lambda x: x.pow(3), "pow -1": lambda x: x.pow(-1), "pow 1.5": lambda x: x.pow(1.5),
    "logit": torch.logit, "logit eps": lambda x: torch.logit(x, 0.1), "2 ** x": lambda x: torch.pow(2, x), "0 ** x": lambda x: torch.pow(0, x),
    "1 / x": lambda x: 1 / x, "x / 0.5": lambda x: x / 0.5, "remainder 2": lambda x: x.remainder(2), "fmod 2": lambda x: x.fmod(2),
}
BINARY = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "pow": torch.pow, "minimum": torch.minimum, "maximum": torch.maximum,
    "remainder": torch.remainder, "fmod": torch.fmod, "atan2": torch.atan2, "hypot": torch.hypot, "logaddexp": torch.logaddexp, "copysign": torch.copysign,
    "xlogy": torch.xlogy, "lerp": lambda a, b: torch.lerp(a, b, 1.0), "lerp tensor": lambda a, b: torch.lerp(a, b, torch.full((), 0.25, dtype=a.dtype)),
    "clamp min": lambda a, b: torch.clamp(a, min=b), "clamp max": lambda a, b: torch.clamp(a, max=b), "where": lambda a, b: torch.where(a > b, a, b),
    "floorDivide": lambda a, b: torch.div(a, b, rounding_mode="floor"), "truncDivide": lambda a, b: torch.div(a, b, rounding_mode="trunc"),
    "addScaled": lambda a, b: torch.add(a, b, alpha=2),
}
VECTORS = [
    [], [0.0], [2.0], [nan], [inf], [-inf], [0.0, 0.0, 0.0], [2.0, 2.0, 2.0], [1.0, 0.0, 3.0], [0.0, 2.0, 0.0], [-1.0, 2.0, -2.0, 1.0], [1.0, inf, 2.0],
    [1.0, -inf, 2.0], [inf, inf], [-inf, -inf], [nan, 1.0, 2.0], [1e200, -1e200], [3e-200, 4e-200], [-0.0, 0.0], [1.0, 1.0, 3.0, 3.0],
]
NOT_OF_NOTHING = {"amax", "amin", "max", "min", "median", "medianDim", "norm inf", "norm -inf", "kthvalue", "topk", "aminmax"}
VECTOR = {
    "sum": torch.sum, "mean": torch.mean, "prod": torch.prod, "amax": torch.amax, "amin": torch.amin, "max": lambda x: x.max(0).values, "min": lambda x: x.min(0).values,
    "var": torch.var, "std": torch.std, "std biased": lambda x: x.std(correction=0), "norm": torch.norm, "norm 0": lambda x: torch.linalg.vector_norm(x, 0),
    "norm 1": lambda x: torch.linalg.vector_norm(x, 1), "norm 3": lambda x: torch.linalg.vector_norm(x, 3), "norm 1.5": lambda x: torch.linalg.vector_norm(x, 1.5),
    "norm 0.5": lambda x: torch.linalg.vector_norm(x, 0.5), "norm inf": lambda x: torch.linalg.vector_norm(x, inf), "norm -inf": lambda x: torch.linalg.vector_norm(x, -inf),
    "logsumexp": lambda x: torch.logsumexp(x, 0), "softmax": lambda x: x.softmax(0), "logSoftmax": lambda x: x.log_softmax(0), "cumsum": lambda x: x.cumsum(0),
    "cumprod": lambda x: x.cumprod(0), "median": torch.median, "medianDim": lambda x: x.median(0).values, "sort": lambda x: x.sort(stable=True, dim=0).values,
    "topk": lambda x: x.topk(1).values, "kthvalue": lambda x: x.kthvalue(1).values, "normalize": lambda x: F.normalize(x, dim=0),
    "normalize 3": lambda x: F.normalize(x, p=3, dim=0), "normalize 1": lambda x: F.normalize(x, p=1, dim=0),
    "pairwiseDistance": lambda x: F.pairwise_distance(x, x.detach().clone(), eps=0), "pairwiseDistance 3": lambda x: F.pairwise_distance(x, x.detach().clone(), p=3, eps=0),
    "cosineSimilarity": lambda x: F.cosine_similarity(x, torch.ones_like(x), dim=0),
}


def number(v):
    return v if math.isfinite(v) else "nan" if math.isnan(v) else "inf" if v > 0 else "-inf"


def derivative(f, *arguments, weighted=False):
    """The value and the gradients for each argument of the sum of the elements, or of 1·first + 2·second + …"""
    inputs = [torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in arguments]
    y = f(*inputs)
    weights = torch.arange(1, y.numel() + 1, dtype=torch.float64).reshape(y.shape) if weighted else torch.ones_like(y)
    gradients = torch.autograd.grad(y, inputs, weights, allow_unused=True) if y.requires_grad else [None] * len(inputs)
    flat = lambda t: [number(v) for v in t.detach().reshape(-1).tolist()]
    return {"y": flat(y), "g": [flat(g if g is not None else torch.zeros_like(x)) for g, x in zip(gradients, inputs)]}


def main():
    pairs = [list(t) for t in zip(*[(x, y) for x in PAIRS for y in PAIRS])]
    result = {
        "numbers": [number(v) for v in NUMBERS], "pairs": [[number(v) for v in side] for side in pairs], "vectors": [[number(v) for v in x] for x in VECTORS],
        "unary": {name: derivative(f, NUMBERS) for name, f in UNARY.items()},
        "binary": {name: derivative(f, *pairs) for name, f in BINARY.items()},
        "vector": {name: [derivative(f, x, weighted=True) if x or name not in NOT_OF_NOTHING else None for x in VECTORS] for name, f in VECTOR.items()},
    }
    path = pathlib.Path(__file__).parents[2] / "Tests/ApusCoreTests/Recorded/kinks.json"
    path.write_text(json.dumps(result, separators=(",", ":")) + "\n")
    print(f"{path.name}: {len(UNARY)} functions of a number, {len(BINARY)} of two, {len(VECTOR)} of vectors, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
