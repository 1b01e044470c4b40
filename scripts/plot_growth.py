"""Measures the sizes that `apus bench growth` lists, each in a process of its own, and draws docs/growth/NAME.svg: time a unit and memory.

A line of proportional growth is flat in the first plot, since time is divided by size; a step upward is what to look for.
"""

import json
import os
import subprocess
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

# What time is divided by: the work that grows with the size.
WORK = {
    "mlp-batch": ("time per image", lambda n: n),
    "mlp-width": ("time per unit of width", lambda n: n),
    "conv-image": ("time per pixel", lambda n: n * n),
    "conv-channels": ("time per channel", lambda n: n),
    "chain": ("time per op, forward and backward", lambda n: n),
    "loader": ("time per row", lambda n: n),
}


def measure(apus, name):
    environment = dict(os.environ, APUS_THREADS=os.environ.get("APUS_THREADS", "2"))
    lines = []
    for _ in range(int(os.environ.get("ROUNDS", "3"))):
        out = subprocess.run([apus, "bench", name], env=environment, capture_output=True, text=True, check=True).stdout
        lines.append(json.loads(out))
    return sorted(lines, key=lambda line: line["median_s"])[len(lines) // 2]


def draw(series, points):
    title, work = WORK[series]
    sizes = [point["size"] for point in points]
    plt.rcParams.update({"font.size": 9, "svg.fonttype": "path", "svg.hashsalt": series, "axes.spines.top": False, "axes.spines.right": False})
    figure, axes = plt.subplots(1, 2, figsize=(9, 3))
    axes[0].loglog(sizes, [point["median_s"] / work(point["size"]) * 1e6 for point in points], "o-", color="#2a6fdb", markersize=4)
    axes[0].set_ylabel("µs")
    axes[0].set_title(title, loc="left")
    axes[1].loglog(sizes, [max(point["bytes"], 1) / 1e6 for point in points], "o-", color="#d9622b", markersize=4)
    axes[1].set_ylabel("MB")
    axes[1].set_title("memory at its highest", loc="left")
    for axis in axes:
        axis.set_xlabel(points[0]["axis"])
        axis.grid(True, which="major", alpha=0.3)
    figure.tight_layout()
    os.makedirs("docs/growth", exist_ok=True)
    figure.savefig(f"docs/growth/{series}.svg", metadata={"Date": None})
    plt.close(figure)


def main():
    apus, wanted = sys.argv[1], sys.argv[2:]
    names = subprocess.run([apus, "bench", "growth"], capture_output=True, text=True, check=True).stdout.split()
    series = {}
    for name in names:
        series.setdefault(name.split("/")[1], []).append(name)
    for unknown in set(wanted) - set(series):
        sys.exit(f"there is no series '{unknown}'; known are {', '.join(series)}")
    for key, members in series.items():
        if wanted and key not in wanted:
            continue
        points = []
        for name in members:
            points.append(measure(apus, name))
            print(f"{name:32} {points[-1]['median_s'] * 1e3:12.4f} ms {points[-1]['bytes'] / 1e6:10.1f} MB", flush=True)
        draw(key, points)


main()
