#!/usr/bin/env python3
"""Records runs of PyTorch as files that hold a whole run after 30 steps, its data, and the losses of its next 50 steps.

    record_runs.py                   writes Recorded/NAME.pt anew
    record_runs.py --resume FOLDER   goes on from FOLDER/NAME.pt, which Apus has written, and compares the losses with those in the file

Networks, optimizers and schedules are those of RunTests.swift, by the same names."""
import itertools
import math
import pathlib
import sys

import torch
from torch import nn, optim

HERE = pathlib.Path(__file__).parent
NETWORKS = {
    "mlp": lambda: nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1)),
    "conv": lambda: nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Tanh(), nn.Flatten(), nn.Linear(48, 3)),
}
OPTIMIZERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "adam": lambda p: optim.Adam(p, lr=0.01, amsgrad=True),
    "adamw": lambda p: optim.AdamW(p, lr=0.01),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.003, momentum=0.5, centered=True),
    "adagrad": lambda p: optim.Adagrad(p, lr=0.05, lr_decay=1e-3),
}
SCHEDULES = {
    "step": lambda o: optim.lr_scheduler.StepLR(o, 3, gamma=0.5),
    "cosine": lambda o: optim.lr_scheduler.CosineAnnealingLR(o, 12),
    "onecycle": lambda o: optim.lr_scheduler.OneCycleLR(
        o, o.param_groups[0]["lr"] * 2, total_steps=100, cycle_momentum="momentum" in o.defaults or "betas" in o.defaults),
    "plateau": lambda o: optim.lr_scheduler.ReduceLROnPlateau(o, factor=0.5, patience=1, threshold=1e-2),
}


def data(network, dtype):
    numbers = torch.arange(16 * (4 if network == "mlp" else 36), dtype=torch.float64)
    x = torch.sin(numbers * 0.7 + 0.3).reshape([16, 4] if network == "mlp" else [16, 1, 6, 6])
    y = torch.cos(x.flatten(1).sum(1, keepdim=True)) if network == "mlp" else (torch.arange(16) * 7 % 3)
    return x.to(dtype), y.to(dtype) if network == "mlp" else y


def steps(network, model, optimizer, schedule, x, y, first, count):
    losses = []
    for step in range(first, first + count):
        rows = slice(step % 4 * 4, step % 4 * 4 + 4)
        optimizer.zero_grad()
        out = model(x[rows])
        loss = nn.functional.mse_loss(out, y[rows]) if network == "mlp" else nn.functional.cross_entropy(out, y[rows])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if isinstance(schedule, optim.lr_scheduler.OneCycleLR):
            schedule.step()
        elif step % 5 == 4:
            schedule.step(loss.item()) if isinstance(schedule, optim.lr_scheduler.ReduceLROnPlateau) else schedule.step()
    return losses


def cases():
    for network, optimizer, schedule in itertools.product(NETWORKS, OPTIMIZERS, SCHEDULES):
        yield network, optimizer, schedule, "float64"
    for i, (network, optimizer) in enumerate(itertools.product(NETWORKS, OPTIMIZERS)):
        yield network, optimizer, list(SCHEDULES)[i % 4], "float32"


def make(network, optimizer, schedule, dtype):
    model = NETWORKS[network]().to(getattr(torch, dtype))
    made = OPTIMIZERS[optimizer](model.parameters())
    return model, made, SCHEDULES[schedule](made)


def record():
    for number, case in enumerate(cases()):
        torch.manual_seed(number)
        network, dtype = case[0], getattr(torch, case[3])
        model, optimizer, schedule = make(*case)
        x, y = data(network, dtype)
        steps(network, model, optimizer, schedule, x, y, 0, 30)
        clone = lambda value: {k: clone(v) for k, v in value.items()} if isinstance(value, dict) else [clone(v) for v in value] \
            if isinstance(value, list) else value.clone() if isinstance(value, torch.Tensor) else value
        saved = {"model_state_dict": clone(dict(model.state_dict())), "optimizer_state_dict": clone(optimizer.state_dict()),
                 "scheduler_state_dict": clone(schedule.state_dict()), "step": 30, "x": x, "y": y}
        saved["losses"] = steps(network, model, optimizer, schedule, x, y, 30, 50)
        torch.save(saved, HERE / "Recorded" / f"{'-'.join(case)}.pt")


def resume(folder):
    bad = 0
    for case in cases():
        saved = torch.load(folder / f"{'-'.join(case)}.pt", weights_only=True)
        mapped = torch.load(folder / f"{'-'.join(case)}.pt", weights_only=True, mmap=True)
        assert all(torch.equal(a, mapped["model_state_dict"][k]) for k, a in saved["model_state_dict"].items())
        model, optimizer, schedule = make(*case)
        model.load_state_dict(saved["model_state_dict"])
        optimizer.load_state_dict(saved["optimizer_state_dict"])
        schedule.load_state_dict(saved["scheduler_state_dict"])
        losses = steps(case[0], model, optimizer, schedule, saved["x"], saved["y"], saved["step"], 50)
        error = max(abs(a - b) / max(abs(b), 1e-12) for a, b in zip(losses, saved["losses"]))
        good = error <= (1e-10 if case[3] == "float64" else 1e-4) and math.isfinite(error)
        bad += not good
        print(f"{'ok ' if good else 'BAD'} {'-'.join(case):32} {error:.1e}")
    sys.exit(f"{bad} runs differ" if bad else 0)


if __name__ == "__main__":
    resume(pathlib.Path(sys.argv[2])) if len(sys.argv) == 3 and sys.argv[1] == "--resume" else record()
