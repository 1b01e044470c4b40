#!/usr/bin/env python3
"""Records what PyTorch's optimizers, schedules and gradient clipping answer, for Tests/ApusOptimTests.

    python3 Tests/ApusOptimTests/record_optim.py Tests/ApusOptimTests/Recorded

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
# The order of summation is the same on every machine.
torch.set_num_threads(1)


def numbers(count, start):
    """Numbers that look random and are the same on every machine."""
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

OPTIMIZERS |= {
    "Adadelta": [
        dict(), dict(lr=0.5), dict(rho=0.5), dict(lr=2.0, eps=1e-3), dict(weight_decay=0.1), dict(lr=0.1, maximize=True),
    ],
    "Adafactor": [
        dict(), dict(lr=0.1), dict(beta2_decay=-0.5), dict(eps=(1e-6, 1e-2), weight_decay=0.1), dict(d=2.0, lr=0.05), dict(lr=0.01, maximize=True),
    ],
    "Adagrad": [
        dict(), dict(lr=0.1), dict(lr=0.1, lr_decay=0.05), dict(lr=0.1, weight_decay=0.1), dict(lr=0.1, initial_accumulator_value=0.5, eps=1e-3),
        dict(maximize=True),
    ],
    "Adamax": [
        dict(), dict(lr=0.1), dict(lr=0.05, betas=(0.5, 0.9)), dict(lr=0.05, weight_decay=0.1), dict(lr=0.05, eps=1e-2), dict(lr=0.01, maximize=True),
    ],
    "ASGD": [
        dict(), dict(lambd=0.1), dict(alpha=0.3, lambd=0.5), dict(t0=10.0), dict(t0=5.0, weight_decay=0.1), dict(lr=0.001, maximize=True, t0=20.0),
    ],
    "LBFGS": [
        dict(), dict(lr=0.5, max_iter=4), dict(lr=0.5, history_size=3), dict(line_search_fn="strong_wolfe"),
        dict(line_search_fn="strong_wolfe", max_iter=3, history_size=2), dict(line_search_fn="strong_wolfe", max_eval=5, tolerance_change=1e-12),
        # These settings do not amplify rounding errors.
        dict(lr=0.05, max_iter=2), dict(lr=0.1, max_iter=2, history_size=2), dict(lr=0.3, max_iter=1, history_size=5), dict(lr=0.1, max_iter=1, tolerance_grad=1e-3),
        dict(line_search_fn="strong_wolfe", max_iter=1, history_size=1), dict(line_search_fn="strong_wolfe", max_iter=1, history_size=1, lr=0.3),
    ],
    "NAdam": [
        dict(), dict(lr=0.05), dict(lr=0.05, betas=(0.5, 0.9), momentum_decay=0.1), dict(lr=0.05, weight_decay=0.1),
        dict(lr=0.05, weight_decay=0.1, decoupled_weight_decay=True), dict(lr=0.01, eps=1e-3, maximize=True),
    ],
    "RAdam": [
        dict(), dict(lr=0.05), dict(lr=0.05, betas=(0.5, 0.9)), dict(lr=0.05, weight_decay=0.1), dict(lr=0.05, weight_decay=0.1, decoupled_weight_decay=True),
        dict(lr=0.01, eps=1e-3, maximize=True),
    ],
    "Rprop": [
        dict(), dict(lr=0.1), dict(etas=(0.3, 1.5)), dict(step_sizes=(1e-3, 0.05)), dict(lr=0.001, etas=(0.7, 1.1)), dict(maximize=True, step_sizes=(1e-6, 0.1)),
    ],
    # Only matrices; rounds to bfloat16 internally.
    "Muon": [
        dict(), dict(lr=0.02), dict(lr=0.02, momentum=0.5, weight_decay=0.0), dict(lr=0.02, nesterov=False), dict(lr=0.02, adjust_lr_fn="match_rms_adamw"),
        dict(lr=0.02, ns_steps=2, ns_coefficients=(2.0, -1.5, 0.5)),
    ],
    # Only two rows of the first parameter of these problems have a gradient.
    "SparseAdam": [
        dict(), dict(lr=0.1), dict(lr=0.05, betas=(0.5, 0.9)), dict(lr=0.05, eps=1e-3), dict(lr=0.01, maximize=True), dict(lr=0.02, betas=(0.8, 0.8)),
    ],
}


def rows():
    """A table [6, 2]; each step reads two of its rows, one of them twice: sum((row − target)²)."""
    table = torch.tensor(numbers(12, 5)).reshape(6, 2).requires_grad_()
    step = [0]

    def loss():
        step[0] += 1
        picked = torch.tensor([step[0] % 6, (2 * step[0]) % 6, step[0] % 6])
        return (torch.nn.functional.embedding(picked, table, sparse=True) - 0.5).square().sum()

    return [table], loss


def matrices():
    """Only the weights of the network."""
    w1 = torch.tensor(numbers(12, 20)).reshape(4, 3).requires_grad_()
    w2 = torch.tensor(numbers(8, 50)).reshape(2, 4).requires_grad_()
    x = torch.tensor(numbers(15, 70)).reshape(5, 3)
    y = torch.tensor(numbers(10, 90)).reshape(5, 2)
    return [w1, w2], lambda: ((torch.tanh(x @ w1.T) @ w2.T - y) ** 2).mean()


def matrix():
    """Only the matrix of the quadratic."""
    (p1, _), loss = quadratic()
    return [p1], loss


def embedded():
    """A table [6, 2]; each step reads three of its rows, one of them twice, into the layers of the network: mean squared error."""
    table = torch.tensor(numbers(12, 5)).reshape(6, 2).requires_grad_()
    w1, w2 = torch.tensor(numbers(6, 20)).reshape(3, 2), torch.tensor(numbers(6, 50)).reshape(2, 3)
    y = torch.tensor(numbers(8, 90)).reshape(4, 2)
    step = [0]

    def loss():
        step[0] += 1
        picked = torch.tensor([step[0] % 6, (2 * step[0]) % 6, step[0] % 6, (step[0] + 1) % 6])
        return ((torch.tanh(torch.nn.functional.embedding(picked, table, sparse=True) @ w1.T) @ w2.T - y) ** 2).mean()

    return [table], loss


PROBLEMS |= {"rows": rows, "matrices": matrices, "matrix": matrix, "embedded": embedded}
SUITED = {"SparseAdam": ["rows", "embedded"], "Muon": ["matrix", "matrices"]}
SPARSE = [("SGD", dict(lr=0.1)), ("SGD", dict(lr=0.1, maximize=True)), ("Adagrad", dict(lr=0.1)), ("Adagrad", dict(lr=0.1, lr_decay=0.1))]

SCHEDULES = [
    ("StepLR", dict(step_size=7)), ("StepLR", dict(step_size=1, gamma=0.9)),
    ("MultiStepLR", dict(milestones=[5, 20, 20, 40], gamma=0.5)), ("MultiStepLR", dict(milestones=[30, 10])),
    ("ExponentialLR", dict(gamma=0.93)), ("ExponentialLR", dict(gamma=0.5)), ("ExponentialLR", dict(gamma=1.02)), ("ConstantLR", dict()), ("ConstantLR", dict(factor=0.5, total_iters=20)),
    ("LinearLR", dict()), ("LinearLR", dict(start_factor=0.1, end_factor=0.8, total_iters=30)),
    ("CosineAnnealingLR", dict(T_max=60)), ("CosineAnnealingLR", dict(T_max=13, eta_min=0.01)),
    ("OneCycleLR", dict(max_lr=0.5, total_steps=60)), ("OneCycleLR", dict(max_lr=[0.5, 0.2], epochs=6, steps_per_epoch=10, pct_start=0.4)),
    ("OneCycleLR", dict(max_lr=0.5, total_steps=60, anneal_strategy="linear", base_momentum=0.7, max_momentum=0.9)),
    ("OneCycleLR", dict(max_lr=0.5, total_steps=75, three_phase=True, div_factor=10.0, final_div_factor=100.0)),
    ("OneCycleLR", dict(max_lr=0.5, total_steps=60, cycle_momentum=False)),
    ("LambdaLR", dict(which=0)), ("LambdaLR", dict(which=1)), ("LambdaLR", dict(which=2)),
    ("MultiplicativeLR", dict(which=0)), ("MultiplicativeLR", dict(which=1)), ("MultiplicativeLR", dict(which=2)),
    ("PolynomialLR", dict()), ("PolynomialLR", dict(total_iters=40, power=2.5)),
    ("CosineAnnealingWarmRestarts", dict(T_0=7)), ("CosineAnnealingWarmRestarts", dict(T_0=5, T_mult=2, eta_min=0.01)),
    ("CyclicLR", dict(base_lr=0.01, max_lr=0.2, step_size_up=7)), ("CyclicLR", dict(base_lr=[0.01, 0.02], max_lr=[0.2, 0.1], step_size_up=5, step_size_down=9, mode="triangular2")),
    ("CyclicLR", dict(base_lr=0.01, max_lr=0.2, step_size_up=10, mode="exp_range", gamma=0.97, base_momentum=0.7, max_momentum=0.95)),
    ("CyclicLR", dict(base_lr=0.01, max_lr=0.2, step_size_up=10, cycle_momentum=False)),
    ("CyclicLR", dict(base_lr=0.01, max_lr=0.2, step_size_up=4, step_size_down=3, scale_fn=0, scale_mode="cycle")),
    ("CyclicLR", dict(base_lr=0.01, max_lr=0.2, step_size_up=6, scale_fn=0, scale_mode="iterations")),
    ("CyclicLR", dict(base_lr=0.01, max_lr=0.2, step_size_up=5, mode="triangular2", scale_fn=1, scale_mode="iterations")),
    ("SWALR", dict(swa_lr=0.02)), ("SWALR", dict(swa_lr=[0.02, 0.5], anneal_epochs=20, anneal_strategy="linear")), ("SWALR", dict(swa_lr=0.02, anneal_epochs=0)),
    ("ReduceLROnPlateau", dict(patience=3)), ("ReduceLROnPlateau", dict(factor=0.5, patience=1, cooldown=2, threshold=0.1)),
    ("ReduceLROnPlateau", dict(mode="max", patience=2, threshold_mode="abs", threshold=0.05, min_lr=0.001)),
    ("SequentialLR", dict(which=0)), ("SequentialLR", dict(which=1)), ("ChainedScheduler", dict(which=0)), ("ChainedScheduler", dict(which=1)), ("ChainedScheduler", dict(which=2)),
]
# The functions that numbers among the options denote, one for each of the two groups.
FUNCTIONS = {
    "LambdaLR": [
        [lambda t: 0.95**t, lambda t: 1 / (1 + t)], [lambda t: 1.0, lambda t: min(1.0, (t + 1) / 20)], [lambda t: math.cos(t / 7) ** 2, lambda t: 0.5 if t < 30 else 0.0],
    ],
    "MultiplicativeLR": [
        [lambda t: 0.95, lambda t: 1 - 1 / (10 + t)], [lambda t: 1.0 if t % 5 else 0.5, lambda t: 1.03], [lambda t: 1 + math.sin(t) / 10, lambda t: 0.0 if t == 40 else 1.0],
    ],
    "CyclicLR": [lambda x: 1 / (1 + x), lambda x: 0.9**x],
}


def combined(name, which, optimizer):
    s = torch.optim.lr_scheduler
    if name == "ChainedScheduler" and which == 1:
        return s.ChainedScheduler([s.StepLR(optimizer, step_size=9, gamma=0.5), s.LinearLR(optimizer, start_factor=0.2, total_iters=15), s.MultiStepLR(optimizer, milestones=[30, 44])])
    if name == "ChainedScheduler" and which == 2:
        return s.ChainedScheduler([s.CosineAnnealingLR(optimizer, T_max=25), s.ExponentialLR(optimizer, gamma=0.98)])
    if name == "ChainedScheduler":
        return s.ChainedScheduler([s.ConstantLR(optimizer, factor=0.1, total_iters=12), s.ExponentialLR(optimizer, gamma=0.95)])
    if which == 0:
        return s.SequentialLR(optimizer, [s.ConstantLR(optimizer, factor=0.1, total_iters=10), s.ExponentialLR(optimizer, gamma=0.9)], milestones=[10])
    return s.SequentialLR(
        optimizer, [s.LinearLR(optimizer, total_iters=8), s.CosineAnnealingLR(optimizer, T_max=20), s.StepLR(optimizer, step_size=5)], milestones=[8, 30])


def metric(i):
    """Falls, stays, rises, falls again."""
    return math.cos(i / 9) + 0.01 * math.sin(3 * i)


def record_optimizers():
    runs = []
    for name, settings in OPTIMIZERS.items():
        for options in settings:
            for problem in SUITED.get(name, ["quadratic", "network"]):
                runs.append(run(name, options, problem))
    return runs + [run(name, options, "rows") for name, options in SPARSE]


def run(name, options, problem):
    """The parameters after each step. For LBFGS, whose line search is chaotic, also the effect of a start that differs by rounding."""
    record = {"optimizer": name, "options": options, "problem": problem, "steps": trajectory(name, options, problem, 0)}
    if name == "LBFGS":
        other, noise = trajectory(name, options, problem, 1e-15), []
        for a, b in zip(record["steps"], other):
            noise.append(max(noise[-1] if noise else 0.0, *(abs(x - y) for x, y in zip(a, b))))
        record["noise"] = noise
    return record


def trajectory(name, options, problem, change):
    parameters, loss = PROBLEMS[problem]()
    with torch.no_grad():
        for p in parameters:
            p.mul_(1 + change)
    optimizer = getattr(torch.optim, name)(parameters, **options)

    def closure():
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    steps = []
    for _ in range(STEPS):
        optimizer.step(closure)
        steps.append([float(f"{v:.11g}") for p in parameters for v in p.detach().flatten().tolist()])
    return steps


def record_schedules():
    runs = []
    for name, options in SCHEDULES:
        for base in ("SGD", "Adam"):
            a, b = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
            kind = dict(momentum=0.9) if base == "SGD" else {}
            optimizer = getattr(torch.optim, base)([{"params": [a]}, {"params": [b], "lr": 0.03}], lr=0.1, **kind)
            given = dict(options)
            if "scale_fn" in given:
                given["scale_fn"] = FUNCTIONS[name][given["scale_fn"]]
            if name in ("LambdaLR", "MultiplicativeLR"):
                given["lr_lambda"] = FUNCTIONS[name][given.pop("which")]
            if "which" in given:
                schedule = combined(name, given["which"], optimizer)
            else:
                schedule = getattr(torch.optim.swa_utils if name == "SWALR" else torch.optim.lr_scheduler, name)(optimizer, **given)
            steps = []
            for i in range(60):
                momenta = [g["betas"][0] if "betas" in g else g["momentum"] for g in optimizer.param_groups]
                steps.append([g["lr"] for g in optimizer.param_groups] + momenta)
                optimizer.step()
                schedule.step(metric(i)) if name == "ReduceLROnPlateau" else schedule.step()
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
