"""Runs `apus bench` and pytorch_workloads.py alternately, prints a table of the ratios and the ratios required for this kind of
processor, and writes it to docs/performance.md if all workloads were run. Called by scripts/bench/vs-pytorch, and by gpu-drill's archive,
which measures Apus alone where there is no PyTorch."""
import datetime
import importlib.util
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time

# The required ratios, PyTorch's time / Apus's, on processors with AVX-512 and without.
ASKS = {
    "gemm512": (2.2, 1.15), "gemm2048": (2.3, 1.2), "mlp1": (3.5, 3), "mlp64": (2.8, 2.2), "mlp512": (2.5, 1.5), "mlp64-adam": (3, 2.2),
    "mlp64-infer": (2.6, 1.6), "cnn64": (2.2, 2.2), "resnet18-train": (2, 2.2), "resnet18-infer": (2, 1.8), "lstm": (1.3, 1.4), "gru": (3, 2.5),
    "transformer": (3, 2), "add8": (8, 8), "chain200": (8, 8), "relu4m": (1, 1), "exp4m": (2.5, 1.8), "add4m": (1.2, 1.2), "sum4m": (1, 1),
    "softmax1k": (1.3, 1.3), "layernorm": (1.2, 1.2), "batchnorm": (5, 5), "loader": (8, 8), "mlp-epoch": (3, 2.5),
    "solve256": (1, 1), "svd256": (1, 1), "eigh256": (1, 1), "solve8x1000": (1, 1), "svd8x1000": (1, 1), "eigh8x1000": (1, 1), "start": (60, 60), "start memory": (15, 15),
}

# The required ratios on a GPU.
DEVICE_ASKS = {"mlp512": 1.1, "cnn64": 1.1, "resnet18-train": 1.1, "transformer": 1.0}

here = pathlib.Path(__file__).parent
apus, names = sys.argv[1], sys.argv[2:]
device = os.environ.get("APUS_BENCH_DEVICE")
rounds = int(os.environ.get("ROUNDS", "5"))
env = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
env.setdefault("APUS_THREADS", "2")
torch_side = [sys.executable, str(here / "pytorch_workloads.py")]
try:
    cpu = dict(line.split(":", 1) for line in subprocess.run(["lscpu"], capture_output=True, text=True).stdout.splitlines() if ":" in line)
except FileNotFoundError:
    cpu = {}
wide = "avx512f" in cpu.get("Flags", "")


def run(command):
    result = subprocess.run(command, env=env, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{result.stderr}")
    return {o["name"]: o["median_s"] for o in map(json.loads, result.stdout.splitlines())}


def whole(command):
    """Wall time of a process and its peak memory in bytes."""
    before = time.perf_counter()
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed")
    return time.perf_counter() - before, usage.ru_maxrss * 1024


def text(name, value):
    if name.endswith("memory"):
        return f"{value / 1e6:.0f} MB"
    return f"{value * 1e6:.2f} µs" if value < 1e-3 else f"{value * 1e3:.2f} ms" if value < 1 else f"{value:.2f} s"


def row(name, measured, ask):
    ratios = [t / o for o, t in measured]
    a, t = (statistics.median(x[i] for x in measured) for i in (0, 1))
    ratio = statistics.median(ratios)
    bold = "**" if ratio >= ask else ""
    return f"| {name} | {text(name, a)} | {text(name, t)} | {bold}{ratio:.2f}{bold} | {min(ratios):.2f} – {max(ratios):.2f} | {ask} |"


HEAD = ["| workload | Apus | PyTorch | ratio | spread | asked |", "| --- | --- | --- | --- | --- | --- |"]

class Peer:
    """One PyTorch process for all measurements, since starting it takes longer than measuring."""

    def __init__(self):
        self.process = subprocess.Popen(torch_side + ["--serve"], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def measure(self, precision, names):
        print(precision, *names, file=self.process.stdin, flush=True)
        lines = [self.process.stdout.readline() for _ in names]
        if not all(lines):
            sys.exit("pytorch_workloads.py ended")
        return {o["name"]: o["median_s"] for o in map(json.loads, lines)}


def compare_on_device(names):
    """In each round, all workloads of a precision in Apus, then in PyTorch."""
    peer = Peer() if importlib.util.find_spec("torch") else None
    print("\n".join(HEAD), flush=True)
    for precision in ("float32", "tf32", "bfloat16"):
        measured = {name: [] for name in names}
        for _ in range(rounds):
            ours = run([apus, "bench", "--json", "--device", device, "--precision", precision, *names])
            theirs = peer.measure(precision, names) if peer else {}
            for name in names:
                measured[name].append((ours[name], theirs.get(name)))
        for name, pairs in measured.items():
            if peer:
                print(row(f"{name}, {precision}", pairs, DEVICE_ASKS[name]), flush=True)
            else:
                print(f"| {name}, {precision} | {text(name, statistics.median(a for a, _ in pairs))} | no PyTorch | | | {DEVICE_ASKS[name]} |", flush=True)
    if peer:
        peer.process.communicate()


if device:
    compare_on_device(names or list(DEVICE_ASKS))
    sys.exit()

pairs = {}
wanted = names or [name for name in ASKS if name != "start memory"]
for _ in range(rounds):
    # Each workload runs on both sides before the next one, so that other load on the machine affects both.
    for name in wanted:
        if name != "start":
            pairs.setdefault(name, []).append((run([apus, "bench", "--json", name])[name], run(torch_side + [name])[name]))
    if "start" in wanted:
        for name, a, b in zip(("start", "start memory"), whole([apus, "bench", "start"]), whole(torch_side + ["start"])):
            pairs.setdefault(name, []).append((a, b))

lines = HEAD + [row(name, measured, ASKS[name][0 if wide else 1]) for name, measured in pairs.items()]
table = "\n".join(lines)
print(table)

if not names:
    kind = "AVX-512" if wide else "AVX2"
    page = here.parents[1] / "docs" / "performance.md"
    begin, end = f"<!-- {kind} -->", f"<!-- end of {kind} -->"
    machine = f"{cpu.get('Model name', 'a processor').strip()} with {kind}, {os.cpu_count()} cores; medians of {rounds} rounds, {datetime.date.today()}. Bold: what is asked is met."
    block = f"{begin}\n### {kind}\n\n{machine}\n\n{table}\n{end}"
    old = page.read_text()
    if begin in old:
        old = old[:old.index(begin)] + block + old[old.index(end) + len(end):]
    else:
        marker = "## What stands between"
        old = old.replace(marker, block + "\n\n" + marker) if marker in old else old + "\n" + block + "\n"
    page.write_text(old)
