#!/usr/bin/env python3
"""Records the states of PyTorch's optimizers and schedules, each in the middle of its way, and where they go from there.

    record_states.py                 writes Recorded/states.pt anew
    record_states.py --resume FILE   goes on from FILE, which Apus has written, and compares where it comes to with what the file says

Optimizers and schedules are those of StateTests.swift, by the same names."""
import math
import pathlib
import sys

import torch
from torch import optim
from torch.optim import lr_scheduler
from torch.optim.swa_utils import SWALR

HERE = pathlib.Path(__file__).parent
OPTIMIZERS = {
    "SGD": lambda p: optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True), "Adam": lambda p: optim.Adam(p, lr=0.05, amsgrad=True),
    "AdamW": lambda p: optim.AdamW(p, lr=0.05), "RMSprop": lambda p: optim.RMSprop(p, lr=0.05, momentum=0.5, centered=True),
    "Adagrad": lambda p: optim.Adagrad(p, lr=0.05), "Adadelta": lambda p: optim.Adadelta(p, lr=0.5),
    "Adafactor": lambda p: optim.Adafactor(p, lr=0.05), "Adamax": lambda p: optim.Adamax(p, lr=0.05),
    "NAdam": lambda p: optim.NAdam(p, lr=0.05), "RAdam": lambda p: optim.RAdam(p, lr=0.05),
    "SparseAdam": lambda p: optim.SparseAdam(p, lr=0.05), "Rprop": lambda p: optim.Rprop(p, lr=0.05),
    "ASGD": lambda p: optim.ASGD(p, lr=0.05, t0=2), "Muon": lambda p: optim.Muon(p, lr=0.05),
}
SCHEDULES = {
    "StepLR": lambda o: lr_scheduler.StepLR(o, 3), "MultiStepLR": lambda o: lr_scheduler.MultiStepLR(o, [2, 7, 7]),
    "ExponentialLR": lambda o: lr_scheduler.ExponentialLR(o, 0.9), "ConstantLR": lambda o: lr_scheduler.ConstantLR(o, total_iters=6),
    "LinearLR": lambda o: lr_scheduler.LinearLR(o, total_iters=9), "PolynomialLR": lambda o: lr_scheduler.PolynomialLR(o, 15, 2),
    "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, 7, 0.001),
    "CosineAnnealingWarmRestarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 4, 2),
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, lambda t: 1 / (1 + t)),
    "MultiplicativeLR": lambda o: lr_scheduler.MultiplicativeLR(o, lambda t: 1 - 1 / (9 + t)),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, [2.5, 0.75], total_steps=30),
    "CyclicLR": lambda o: lr_scheduler.CyclicLR(o, [0.1, 0.03], [0.4, 0.12], 4, 5), "SWALR": lambda o: SWALR(o, [0.05, 0.015], 8),
    "ChainedScheduler": lambda o: lr_scheduler.ChainedScheduler(
        [lr_scheduler.LinearLR(o, total_iters=9), lr_scheduler.ExponentialLR(o, 0.9)]),
    "SequentialLR": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o, total_iters=5), lr_scheduler.CosineAnnealingLR(o, 7)], [8]),
}


def parameters(name):
    shapes = [[3, 2], [2, 2] if name in ("Muon", "SparseAdam") else [4], [2, 3]]
    return [torch.sin(torch.arange(math.prod(s), dtype=torch.float64) + i).reshape(s).requires_grad_() for i, s in enumerate(shapes)]


def run(optimizer, tensors, steps):
    """The last tensor never has a gradient."""
    for _ in range(steps):
        for p in tensors[:-1]:
            values = p.detach() * 0.5 + 0.1
            p.grad = torch.sparse_coo_tensor([[0, 1]], values[:2], p.shape) if isinstance(optimizer, optim.SparseAdam) else values
        optimizer.step()
    return [p.detach().clone() for p in tensors]


def groups():
    made = [torch.zeros(1, requires_grad=True) for _ in range(2)]
    return optim.SGD([{"params": [made[0]], "lr": 0.1}, {"params": [made[1]], "lr": 0.03}], lr=0.1, momentum=0.9)


def rates(optimizer, schedule, steps):
    found = []
    for _ in range(steps):
        optimizer.step()
        schedule.step()
        found += [number for group in optimizer.param_groups for number in (group["lr"], group["momentum"])]
    return found


def clone(value):
    if isinstance(value, dict):
        return type(value)({k: clone(v) for k, v in value.items()})
    return [clone(v) for v in value] if isinstance(value, list) else value.clone() if isinstance(value, torch.Tensor) else value


def record():
    saved = {}
    for name, make in OPTIMIZERS.items():
        tensors = parameters(name)
        optimizer = make(tensors)
        saved[f"{name}.before"] = run(optimizer, tensors, 3)
        saved[name] = clone(optimizer.state_dict())
        saved[f"{name}.after"] = run(optimizer, tensors, 2)
    for name, make in SCHEDULES.items():
        optimizer = groups()
        schedule = make(optimizer)
        rates(optimizer, schedule, 4)
        saved[name], saved[f"{name}.optimizer"] = clone(schedule.state_dict()), clone(optimizer.state_dict())
        saved[f"{name}.after"] = rates(optimizer, schedule, 8)
    torch.save(saved, HERE / "Recorded" / "states.pt")


def resume(path):
    saved = torch.load(path, weights_only=True)
    bad = 0
    for name in [*OPTIMIZERS, *SCHEDULES]:
        if name in OPTIMIZERS:
            tensors = [t.clone().requires_grad_() for t in saved[f"{name}.before"]]
            optimizer = OPTIMIZERS[name](tensors)
            optimizer.load_state_dict(saved[name])
            found, wanted = [torch.cat([t.flatten() for t in all]) for all in (run(optimizer, tensors, 2), saved[f"{name}.after"])]
        else:
            optimizer = groups()
            schedule = SCHEDULES[name](optimizer)
            optimizer.load_state_dict(saved[f"{name}.optimizer"])
            schedule.load_state_dict(saved[name])
            found, wanted = torch.tensor(rates(optimizer, schedule, 8)), torch.tensor(saved[f"{name}.after"])
        error = (found - wanted).abs().max().item()
        good = error <= (1e-3 if name == "Muon" else 1e-7)
        bad += not good
        print(f"{'ok ' if good else 'BAD'} {name:32} {error:.1e}")
    sys.exit(f"{bad} states differ" if bad else 0)


if __name__ == "__main__":
    resume(pathlib.Path(sys.argv[2])) if len(sys.argv) == 3 and sys.argv[1] == "--resume" else record()
