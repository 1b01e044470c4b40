"""Alternates `apus bench` and pytorch_workloads.py, and prints a table of ratios. Called by bench-vs-pytorch."""
import json
import os
import pathlib
import statistics
import subprocess
import sys

apus, names = sys.argv[1], sys.argv[2:]
rounds = int(os.environ.get("ROUNDS", "5"))
env = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
env.setdefault("APUS_THREADS", "2")
torch_side = [sys.executable, str(pathlib.Path(__file__).parent / "pytorch_workloads.py")]


def run(command):
    result = subprocess.run(command, env=env, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{result.stderr}")
    return {o["name"]: o["median_s"] for o in map(json.loads, result.stdout.splitlines())}


def text(seconds):
    return f"{seconds * 1e6:.2f} µs" if seconds < 1e-3 else f"{seconds * 1e3:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"


pairs = {}
for _ in range(rounds):
    ours, theirs = run([apus, "bench", "--json", *names]), run(torch_side + (names or []))
    for name in ours.keys() & theirs.keys():
        pairs.setdefault(name, []).append((ours[name], theirs[name]))

print("| workload | Apus | PyTorch | ratio | spread |")
print("| --- | --- | --- | --- | --- |")
for name in names or pairs:
    ratios = [t / o for o, t in pairs[name]]
    a, t = (statistics.median(x[i] for x in pairs[name]) for i in (0, 1))
    print(f"| {name} | {text(a)} | {text(t)} | {statistics.median(ratios):.2f} | {min(ratios):.2f} – {max(ratios):.2f} |")
