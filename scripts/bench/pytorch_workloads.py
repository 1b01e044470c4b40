"""PyTorch's side of `apus bench`: the same workloads with the same names. Usage: pytorch_workloads.py [NAME ...]; APUS_BENCH_S as in
Apus. With APUS_BENCH_DEVICE (cuda:0) and APUS_BENCH_PRECISION (float32, tf32, bfloat16) it runs those of `apus bench --device`. --serve
reads lines of PRECISION NAME... from standard input and measures them; --kernels prints the times of a step's kernels by name."""
import json
import os
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(int(os.environ.get("APUS_THREADS", "2")))
BUDGET = float(os.environ.get("APUS_BENCH_S", "1"))


def measure(f):
    """The median time of a run, and the number of runs. Runs shorter than 20 µs are timed in groups, against the clock's own cost."""

    def timed(count):
        before = time.perf_counter()
        for _ in range(count):
            f()
        return time.perf_counter() - before

    timed(3)
    together = 1
    while together < 1 << 10 and timed(together) < 20e-6:
        together *= 2
    times, start = [], time.perf_counter()
    while time.perf_counter() - start < BUDGET or len(times) < 5:
        times.append(timed(together) / together)
    times.sort()
    return times[len(times) // 2], len(times) * together


def labels(n):
    return torch.randint(0, 10, (n,))


def mlp():
    return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))


def cnn():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10))


class Last(nn.Module):
    """A recurrent layer, and a linear layer on its last step."""

    def __init__(self, rnn):
        super().__init__()
        self.rnn, self.out = rnn, nn.Linear(256, 10)

    def forward(self, x):
        return self.out(self.rnn(x)[0][:, -1])


class Block(nn.Module):
    """A residual block of ResNet-18."""

    def __init__(self, i, o, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o)
        self.conv2, self.bn2 = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)
        self.downsample = nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o)) if stride != 1 or i != o else nn.Identity()

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)), inplace=True)))
        return F.relu(y + self.downsample(x), inplace=True)


def resnet18(classes):
    sizes = [(64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1), (256, 512, 2), (512, 512, 1)]
    return nn.Sequential(
        nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1),
        *(Block(*s) for s in sizes), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, classes))


def layout(model, x):
    """The memory format that is faster for deep convolutions in PyTorch."""
    return model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.TransformerEncoder(nn.TransformerEncoderLayer(256, 4, 1024, 0.1, batch_first=True), 4)
        self.out = nn.Linear(256, 10)

    def forward(self, x):
        return self.out(self.layers(x).mean(1))


def step(model, x, y, make=lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9)):
    optimizer = make(model.parameters())

    def f():
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()

    return f


def infer(model, x):
    def f():
        with torch.no_grad():
            model(x)

    return f


def product(n):
    a, b = torch.randn(n, n), torch.randn(n, n)
    return lambda: torch.mm(a, b.t())


def add(n, grad):
    a, b = torch.randn(n, requires_grad=grad), torch.randn(n, requires_grad=grad)
    return lambda: a + b


def chain():
    a, b = torch.randn(8, requires_grad=True), torch.randn(8, requires_grad=True)

    def f():
        x = a
        for _ in range(100):
            x = x * b + b
        x.sum().backward()

    return f


def unary(op):
    x = torch.randn(1 << 22)
    return lambda: op(x)


def matrices(shape, f):
    """Of symmetric matrices."""
    a = torch.randn(shape)
    symmetric = a + a.mT
    return lambda: f(symmetric)


def loader():
    data = torch.utils.data.TensorDataset(torch.randn(60000, 784), labels(60000))
    return torch.utils.data.DataLoader(data, batch_size=64, shuffle=True)


def loader_epoch():
    batches = loader()

    def f():
        for _ in batches:
            pass

    return f


def mlp_epoch():
    batches, model = loader(), mlp()
    optimizer = torch.optim.Adam(model.parameters())

    def f():
        for x, y in batches:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()

    return f


ALL = {
    "gemm512": lambda: product(512),
    "gemm2048": lambda: product(2048),
    "mlp1": lambda: step(mlp(), torch.randn(1, 784), labels(1)),
    "mlp64": lambda: step(mlp(), torch.randn(64, 784), labels(64)),
    "mlp512": lambda: step(mlp(), torch.randn(512, 784), labels(512)),
    "mlp64-adam": lambda: step(mlp(), torch.randn(64, 784), labels(64), torch.optim.Adam),
    "mlp64-infer": lambda: infer(mlp().eval(), torch.randn(64, 784)),
    "cnn64": lambda: step(cnn(), torch.randn(64, 1, 28, 28), labels(64)),
    "resnet18-train": lambda: step(*layout(resnet18(10), torch.randn(8, 3, 64, 64)), labels(8)),
    "resnet18-infer": lambda: infer(*layout(resnet18(1000).eval(), torch.randn(1, 3, 224, 224))),
    "transformer": lambda: step(Encoder(), torch.randn(8, 128, 256), labels(8)),
    "add8": lambda: add(8, True),
    "chain200": chain,
    "relu4m": lambda: unary(torch.relu),
    "exp4m": lambda: unary(torch.exp),
    "add4m": lambda: add(1 << 22, False),
    "sum4m": lambda: unary(torch.sum),
    "softmax1k": lambda: (lambda x: (lambda: torch.softmax(x, -1)))(torch.randn(1024, 1024)),
    "layernorm": lambda: infer(nn.LayerNorm(768), torch.randn(4096, 768)),
    "batchnorm": lambda: infer(nn.BatchNorm2d(256), torch.randn(64, 256, 28, 28)),
    "lstm": lambda: step(Last(nn.LSTM(64, 256, batch_first=True)), torch.randn(32, 64, 64), labels(32)),
    "gru": lambda: step(Last(nn.GRU(64, 256, batch_first=True)), torch.randn(32, 64, 64), labels(32)),
    "loader": loader_epoch,
    "mlp-epoch": mlp_epoch,
    "solve256": lambda: matrices((256, 256), lambda a: torch.linalg.solve(a, a)),
    "svd256": lambda: matrices((256, 256), torch.linalg.svd),
    "eigh256": lambda: matrices((256, 256), torch.linalg.eigh),
    "solve8x1000": lambda: matrices((1000, 8, 8), lambda a: torch.linalg.solve(a, a)),
    "svd8x1000": lambda: matrices((1000, 8, 8), torch.linalg.svd),
    "eigh8x1000": lambda: matrices((1000, 8, 8), torch.linalg.eigh),
}

TOGETHER = 10


def device_step(name, device, precision):
    """TOGETHER training steps on a device, with one wait at the end. PyTorch gets its faster memory format."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision != "float32"
    model, shape = {
        "mlp512": lambda: (mlp(), (8192, 784)), "cnn64": lambda: (cnn(), (1024, 1, 28, 28)),
        "resnet18-train": lambda: (resnet18(10), (256, 3, 64, 64)), "transformer": lambda: (Encoder(), (64, 128, 256)),
    }[name]()
    model, x, y = model.to(device), torch.randn(shape, device=device), torch.randint(0, 10, shape[:1], device=device)
    if name == "resnet18-train":
        model, x = layout(model, x)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    def f():
        for _ in range(TOGETHER):
            optimizer.zero_grad()
            with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=precision == "bfloat16"):
                scores = model(x)
            F.cross_entropy(scores.float(), y).backward()
            optimizer.step()
        if device != "cpu":
            torch.cuda.synchronize(device)

    return f


def say(name, device, precision):
    median, runs = measure(device_step(name, device, precision))
    print(json.dumps({"name": name, "median_s": median / TOGETHER, "runs": runs * TOGETHER}), flush=True)
    # Free cached memory, which the other side needs.
    torch.cuda.empty_cache()


def say_kernels(name, device, precision):
    """The times of the kernels by name, averaged per step, to compare with `apus bench --kernels`."""
    steps = device_step(name, device, precision)
    steps()
    where = "cpu" if device == "cpu" else "device"
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU if where == "cpu" else torch.profiler.ProfilerActivity.CUDA]) as profile:
        steps()
    rows = sorted(((getattr(e, f"self_{where}_time_total") / TOGETHER, e.count / TOGETHER, e.key) for e in profile.key_averages()), reverse=True)
    print(f"{name}, a step of PyTorch's")
    for microseconds, calls, kernel in rows[:20]:
        print(f"{calls:6.1f}  {microseconds:9.1f}  {kernel[:110]}")
    print(f"kernels took {sum(row[0] for row in rows):.1f} µs a step\n", flush=True)


DEVICE_NAMES = ["mlp512", "cnn64", "resnet18-train", "transformer"]

if __name__ == "__main__":
    device = os.environ.get("APUS_BENCH_DEVICE")
    if device:
        chosen = os.environ.get("APUS_BENCH_PRECISION", "float32")
        if sys.argv[1:] == ["--serve"]:
            for line in sys.stdin:
                precision, *names = line.split()
                for name in names:
                    say(name, device, precision)
        elif sys.argv[1:2] == ["--kernels"]:
            for name in sys.argv[2:] or DEVICE_NAMES:
                say_kernels(name, device, chosen)
        else:
            for name in sys.argv[1:] or DEVICE_NAMES:
                say(name, device, chosen)
        sys.exit()
    if sys.argv[1:] == ["start"]:
        step(mlp(), torch.randn(64, 784), labels(64))()
        sys.exit()
    for name in sys.argv[1:] or ALL:
        median, runs = measure(ALL[name]())
        print(json.dumps({"name": name, "median_s": median, "runs": runs}), flush=True)
