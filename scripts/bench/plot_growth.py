"""Measures the sizes that `apus bench growth` lists, each in its own process, and draws time per unit and memory (docs/growth/NAME.svg).

Proportional growth is flat in the first plot, since time is divided by the work; look for steps upward.
"""

import json
import os
import subprocess
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib import ticker  # noqa: E402

# The divisor of the time: how the work grows with the size.
WORK = {
    "mlp-batch": ("time per image", lambda n: n),
    "mlp-width": ("time per unit of width", lambda n: n),
    "conv-image": ("time per pixel", lambda n: n * n),
    "conv-channels": ("time per pair of channels", lambda n: n * n),
    "chain": ("time per op, forward and backward", lambda n: n),
    "loader": ("time per row", lambda n: n),
}


def measure(apus, name):
    environment = dict(os.environ, APUS_THREADS=os.environ.get("APUS_THREADS", "2"))
    return json.loads(subprocess.run([apus, "bench", name], env=environment, capture_output=True, text=True, check=True).stdout)


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
        axis.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(ticker.EngFormatter(sep=""))
        axis.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 10 else f"{value:g}"))
        for side in (axis.xaxis, axis.yaxis):
            side.set_minor_formatter(ticker.NullFormatter())
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
        # The fastest of several passes, since other processes on the machine only add time.
        passes = [[measure(apus, name) for name in members] for _ in range(int(os.environ.get("ROUNDS", "5")))]
        points = [min(same, key=lambda point: point["median_s"]) for same in zip(*passes)]
        for name, point in zip(members, points):
            print(f"{name:32} {point['median_s'] * 1e3:12.4f} ms {point['bytes'] / 1e6:10.1f} MB", flush=True)
        draw(key, points)


main()
