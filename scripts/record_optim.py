#!/usr/bin/env python3
"""Records what PyTorch's optimizers, schedules and gradient clipping answer, for Tests/ApusOptimTests.

    python3 scripts/record_optim.py Tests/ApusOptimTests/Recorded

needs torch (any 2.x for the processor). Everything is float64 and starts from numbers written here, so that the answers depend on nothing
but PyTorch. Each optimizer runs 50 steps for each setting on two problems: a quadratic with a strong slope, and a small network.
"""
import json
import math
import os
import sys

import torch

STEPS = 50
torch.set_default_dtype(torch.float64)


def numbers(count, start):
    """Numbers that look random and are the same everywhere."""
    return [math.sin(1.7 * (start + i)) for i in range(count)]


def quadratic():
    """p1 [2, 3] and p2 [4]: sum(a·(p − b)²)."""
    p1 = torch.tensor(numbers(6, 0)).reshape(2, 3).requires_grad_()
    p2 = torch.tensor(numbers(4, 10)).requires_grad_()
    a1 = torch.tensor([0.1, 1.0, 5.0]).expand(2, 3)
    a2 = torch.tensor([0.01, 0.5, 2.0, 10.0])

    def loss():
        return (a1 * (p1 - 0.3) ** 2).sum() + (a2 * (p2 + 0.2) ** 2).sum()

    return [p1, p2], loss


def network():
    """x [5, 3] → tanh → [5, 2]: mean squared error."""
    w1 = torch.tensor(numbers(12, 20)).reshape(4, 3).requires_grad_()
    b1 = torch.tensor(numbers(4, 40)).requires_grad_()
    w2 = torch.tensor(numbers(8, 50)).reshape(2, 4).requires_grad_()
    b2 = torch.tensor(numbers(2, 60)).requires_grad_()
    x = torch.tensor(numbers(15, 70)).reshape(5, 3)
    y = torch.tensor(numbers(10, 90)).reshape(5, 2)

    def loss():
        return ((torch.tanh(x @ w1.T + b1) @ w2.T + b2 - y) ** 2).mean()

    return [w1, b1, w2, b2], loss


PROBLEMS = {"quadratic": quadratic, "network": network}

OPTIMIZERS = {
    "SGD": [
        dict(lr=0.01), dict(lr=0.01, momentum=0.9), dict(lr=0.01, momentum=0.9, dampening=0.3), dict(lr=0.01, weight_decay=0.1),
        dict(lr=0.01, momentum=0.9, nesterov=True), dict(lr=0.01, momentum=0.5, weight_decay=0.05, nesterov=True),
        dict(lr=0.001, momentum=0.5, weight_decay=0.01, maximize=True),
    ],
    "Adam": [
        dict(), dict(lr=0.1), dict(lr=0.05, betas=(0.5, 0.9)), dict(lr=0.05, weight_decay=0.1), dict(lr=0.05, amsgrad=True),
        dict(lr=0.05, eps=1e-3, amsgrad=True, weight_decay=0.01), dict(lr=0.01, maximize=True),
    ],
    "AdamW": [
        dict(), dict(lr=0.1), dict(lr=0.05, betas=(0.5, 0.9)), dict(lr=0.05, weight_decay=0.3), dict(lr=0.05, amsgrad=True),
        dict(lr=0.05, weight_decay=0.0, eps=1e-3), dict(lr=0.01, maximize=True),
    ],
    "RMSprop": [
        dict(), dict(lr=0.05, alpha=0.9), dict(lr=0.01, momentum=0.9), dict(lr=0.01, centered=True), dict(lr=0.01, momentum=0.5, centered=True),
        dict(lr=0.01, weight_decay=0.1, eps=1e-3), dict(lr=0.001, momentum=0.5, maximize=True),
    ],
}

SCHEDULES = [
    ("StepLR", dict(step_size=7)), ("StepLR", dict(step_size=1, gamma=0.9)),
    ("MultiStepLR", dict(milestones=[5, 20, 20, 40], gamma=0.5)), ("MultiStepLR", dict(milestones=[30, 10])),
    ("ExponentialLR", dict(gamma=0.93)), ("ConstantLR", dict()), ("ConstantLR", dict(factor=0.5, total_iters=20)),
    ("LinearLR", dict()), ("LinearLR", dict(start_factor=0.1, end_factor=0.8, total_iters=30)),
    ("CosineAnnealingLR", dict(T_max=60)), ("CosineAnnealingLR", dict(T_max=13, eta_min=0.01)),
    ("OneCycleLR", dict(max_lr=0.5, total_steps=60)), ("OneCycleLR", dict(max_lr=[0.5, 0.2], epochs=6, steps_per_epoch=10, pct_start=0.4)),
    ("OneCycleLR", dict(max_lr=0.5, total_steps=60, anneal_strategy="linear", base_momentum=0.7, max_momentum=0.9)),
    ("OneCycleLR", dict(max_lr=0.5, total_steps=75, three_phase=True, div_factor=10.0, final_div_factor=100.0)),
    ("OneCycleLR", dict(max_lr=0.5, total_steps=60, cycle_momentum=False)),
    ("LambdaLR", dict()),
]


def record_optimizers():
    runs = []
    for name, settings in OPTIMIZERS.items():
        for options in settings:
            for problem, make in PROBLEMS.items():
                parameters, loss = make()
                optimizer = getattr(torch.optim, name)(parameters, **options)
                steps = []
                for _ in range(STEPS):
                    optimizer.zero_grad()
                    loss().backward()
                    optimizer.step()
                    steps.append([v for p in parameters for v in p.detach().flatten().tolist()])
                runs.append({"optimizer": name, "options": options, "problem": problem, "steps": steps})
    return runs


def record_schedules():
    runs = []
    for name, options in SCHEDULES:
        for base in ("SGD", "Adam"):
            a, b = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
            kind = dict(momentum=0.9) if base == "SGD" else {}
            optimizer = getattr(torch.optim, base)([{"params": [a]}, {"params": [b], "lr": 0.03}], lr=0.1, **kind)
            given = dict(options)
            if name == "LambdaLR":
                given["lr_lambda"] = [lambda t: 0.95**t, lambda t: 1 / (1 + t)]
            schedule = getattr(torch.optim.lr_scheduler, name)(optimizer, **given)
            steps = []
            for i in range(60):
                momenta = [g["betas"][0] if "betas" in g else g["momentum"] for g in optimizer.param_groups]
                steps.append([g["lr"] for g in optimizer.param_groups] + momenta)
                optimizer.step()
                schedule.step()
            runs.append({"schedule": name, "options": options, "optimizer": base, "steps": steps})
    return runs


def record_clipping():
    runs = []
    for norm_type in (2.0, 1.0, 3.0, float("inf")):
        for max_norm in (0.5, 100.0):
            a, b = torch.zeros(2, 3, requires_grad=True), torch.zeros(4, requires_grad=True)
            a.grad, b.grad = torch.tensor(numbers(6, 3)).reshape(2, 3), torch.tensor(numbers(4, 30))
            total = torch.nn.utils.clip_grad_norm_([a, b], max_norm, norm_type)
            runs.append({"norm_type": str(norm_type), "max_norm": max_norm, "total": total.item(), "grads": a.grad.flatten().tolist() + b.grad.tolist()})
    return runs


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    for name, record in (("optimizers", record_optimizers), ("schedules", record_schedules), ("clipping", record_clipping)):
        with open(os.path.join(folder, name + ".json"), "w") as file:
            file.write("[\n" + ",\n".join(json.dumps(run) for run in record()) + "\n]\n")


main()
