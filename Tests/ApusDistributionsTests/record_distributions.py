#!/usr/bin/env python3
"""Records what PyTorch's distributions answer, for Tests/ApusDistributionsTests.

    python3 Tests/ApusDistributionsTests/record_distributions.py Tests/ApusDistributionsTests/Recorded

needs torch (any 2.x for the processor). Everything is float64.
"""
import json
import os
import sys

import torch
import torch.distributions as D

torch.set_default_dtype(torch.float64)
# The order of summation is the same on every machine.
torch.set_num_threads(1)
t = torch.tensor

CASES = [
    ("Normal", dict(loc=[0.0, -1.5, 3.0], scale=[1.0, 0.3, 2.0]), [[0.1, -1.0, 7.0], [-2.0, -1.5, 3.0]]),
    ("Uniform", dict(low=[0.0, -1.5], high=[1.0, 2.5]), [[0.1, -1.0], [0.99, 2.25]]),
    ("Bernoulli", dict(probs=[0.3, 0.9, 0.5, 0.0, 1.0]), [[0.0, 1.0, 1.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0, 1.0]]),
    ("Bernoulli", dict(logits=[-3.0, 0.2, 5.0]), [[0.0, 1.0, 1.0], [1.0, 0.0, 0.0]]),
    ("Categorical", dict(probs=[[0.2, 0.3, 0.5], [4.0, 0.0, 1.0]]), [[0, 2], [2, 0]]),
    ("Categorical", dict(logits=[[-1.0, 2.0, 0.5, 0.1]]), [[3], [0]]),
    ("Poisson", dict(rate=[0.5, 3.0, 40.0]), [[0.0, 2.0, 45.0], [3.0, 3.0, 20.0]]),
    ("Gamma", dict(concentration=[0.4, 1.0, 5.5], rate=[2.0, 0.5, 1.0]), [[0.2, 1.5, 3.0], [0.01, 0.7, 9.0]]),
    ("Beta", dict(concentration1=[0.5, 2.0, 5.0], concentration0=[0.5, 3.0, 1.0]), [[0.2, 0.5, 0.9], [0.01, 0.7, 0.3]]),
    # If all concentrations are below 1, PyTorch's mode is always the first corner; Apus takes the corner of the largest concentration.
    ("Dirichlet", dict(concentration=[[0.5, 2.0, 1.0], [3.0, 3.0, 0.8], [0.5, 0.4, 0.3]]), [[[0.2, 0.5, 0.3], [0.1, 0.1, 0.8], [0.6, 0.3, 0.1]]]),
    ("MultivariateNormal", dict(loc=[1.0, -1.0, 0.5], covariance_matrix=[[2.0, 0.3, -0.4], [0.3, 1.0, 0.2], [-0.4, 0.2, 1.5]]), [[0.0, 0.0, 0.0], [2.0, -1.0, 1.0]]),
    ("MultivariateNormal", dict(loc=[[1.0, -1.0], [0.0, 2.0]], precision_matrix=[[2.0, 0.3], [0.3, 1.0]]), [[[0.0, 0.0], [1.0, 1.0]]]),
    ("MultivariateNormal", dict(loc=[0.0, 0.0], scale_tril=[[[1.5, 0.0], [0.4, 0.7]], [[1.0, 0.0], [-2.0, 3.0]]]), [[[0.3, 0.2], [1.0, 1.0]]]),
]
PAIRS = [
    ("Normal", dict(loc=[0.0, 1.0], scale=[1.0, 2.0])), ("Normal", dict(loc=[-0.5, 3.0], scale=[0.7, 1.0])),
    ("Uniform", dict(low=[0.1, 0.0], high=[0.6, 1.0])), ("Uniform", dict(low=[-1.0, 0.0], high=[2.0, 0.5])),
    ("Bernoulli", dict(probs=[0.3, 1.0])), ("Bernoulli", dict(probs=[0.6, 0.0])),
    ("Categorical", dict(probs=[[0.2, 0.3, 0.5], [0.0, 0.5, 0.5]])), ("Categorical", dict(probs=[[0.6, 0.3, 0.1], [0.5, 0.5, 0.0]])),
    ("Poisson", dict(rate=[0.5, 3.0])), ("Poisson", dict(rate=[2.0, 1.0])),
    ("Gamma", dict(concentration=[0.4, 5.0], rate=[2.0, 1.0])), ("Gamma", dict(concentration=[2.0, 1.0], rate=[0.5, 3.0])),
    ("Beta", dict(concentration1=[0.5, 2.0], concentration0=[0.7, 3.0])), ("Beta", dict(concentration1=[2.0, 1.0], concentration0=[1.5, 4.0])),
    ("Dirichlet", dict(concentration=[[0.5, 2.0, 1.0], [3.0, 3.0, 0.8]])), ("Dirichlet", dict(concentration=[[1.5, 1.0, 1.0], [0.3, 2.0, 2.8]])),
    ("MultivariateNormal", dict(loc=[1.0, -1.0], covariance_matrix=[[2.0, 0.3], [0.3, 1.0]])),
    ("MultivariateNormal", dict(loc=[[0.0, 0.0], [2.0, 1.0]], scale_tril=[[1.5, 0.0], [0.4, 0.7]])),
]


def number(x):
    """JSON has no infinities and NaN."""
    return x if x == x and abs(x) != float("inf") else str(x)


def flat(x):
    return [number(v) for v in torch.as_tensor(x).double().flatten().tolist()]


def make(name, arguments):
    return getattr(D, name)(**{k: t(v) for k, v in arguments.items()})


def record(name, arguments, values):
    p = make(name, arguments)
    value = t(values)
    case = {"name": name, "arguments": arguments, "values": values, "repr": repr(p), "log_prob": flat(p.log_prob(value))}
    for what in ("mean", "variance", "mode", "entropy", "cdf", "icdf"):
        try:
            answer = getattr(p, what)
            if what == "entropy":
                answer = answer()
            elif what == "cdf":
                answer = answer(value)
            elif what == "icdf":
                answer = answer(torch.full(p.batch_shape, 0.3))
            case[what] = flat(answer)
        except NotImplementedError:
            pass
    return case


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    divergences = []
    for a, first in PAIRS:
        for b, second in PAIRS:
            try:
                divergences.append({"p": [a, first], "q": [b, second], "kl": flat(D.kl_divergence(make(a, first), make(b, second)))})
            except NotImplementedError:
                pass
    gradients = []
    for a in (0.05, 0.3, 1.0, 2.5, 9.0, 40.0, 300.0):
        for scale in (0.1, 0.7, 1.0, 1.6):
            gradients.append([a, a * scale, torch._standard_gamma_grad(t([a]), t([a * scale])).item(), torch.special.gammainc(t([a]), t([a * scale])).item()])
    for name, rows in (("cases", [record(*c) for c in CASES]), ("divergences", divergences), ("gamma", gradients)):
        with open(os.path.join(folder, name + ".json"), "w") as file:
            file.write("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")


main()
