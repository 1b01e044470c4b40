#!/usr/bin/env python3
"""Records a log folder that PyTorch's SummaryWriter writes, what it was given, and what TensorBoard's EventAccumulator and Pillow read of it.

Writes Tests/ApusFormatsTests/Recorded/tensorboard/ and tensorboard.json, which `TensorBoardTests.swift` reads. Run with torch 2.13 (CPU),
tensorboard 2.21 and pillow: python3 Tests/ApusFormatsTests/record_tensorboard.py
"""
import io
import json
import math
import pathlib
import shutil

import numpy as np
import PIL.Image
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

FOLDER = pathlib.Path(__file__).resolve().parent / "Recorded"
LOG = FOLDER / "tensorboard"

shutil.rmtree(LOG, ignore_errors=True)
torch.manual_seed(7)
weights = torch.randn(100)

HISTOGRAMS = {
    "weights": (weights, {}),
    "positive": (torch.rand(50, dtype=torch.float64) * 1e3, {}),
    "one": (torch.tensor([3.5]), {}),
    "zeros": (torch.zeros(4), {}),
    "tiny": (torch.tensor([1e-13, -1e-13, 0.0, 1e-12, -1e-12, 1.1e-12], dtype=torch.float64), {}),
    "integers": (torch.arange(-5, 20), {}),
    "equal": (weights, {"bins": 10}),
    "equalOfOne": (torch.tensor([2.0, 2.0]), {"bins": 4}),
    "edges": (weights, {"bins": [-3.0, -1.0, 0.0, 0.25, 3.0]}),
    "maxBins": (weights, {"max_bins": 50}),
    "maxBinsOfEqual": (weights, {"bins": 10, "max_bins": 4}),
}
IMAGES = {
    "CHW": torch.randint(0, 256, (3, 8, 10), dtype=torch.uint8),
    "HW": torch.rand(5, 4),
    "WH": torch.rand(5, 4),
    "HWC": torch.rand(4, 6, 3) * 1.4 - 0.2,
    "CHW1": torch.rand(1, 4, 4, dtype=torch.float64),
    "NCHW": torch.rand(10, 1, 3, 4),
    "NHWC": torch.randint(0, 256, (3, 2, 2, 3), dtype=torch.uint8),
}
SCALARS = [1.0, 0.5, 1 / 3, math.nan, math.inf, -math.inf, 1e300, -0.0, 0.0]

with SummaryWriter(str(LOG)) as w:
    for step, value in enumerate(SCALARS):
        w.add_scalar("loss/train", value, step, walltime=1e9 + step)
    w.add_scalar("new", 1 / 3, 2, walltime=1e9, new_style=True)
    w.add_scalar("double", 1 / 3, 2, walltime=1e9, new_style=True, double_precision=True)
    w.add_scalars("both/of", {"a": 1.0, "b": 2.0}, 3, walltime=1e9)
    for name, (values, options) in HISTOGRAMS.items():
        w.add_histogram(name, values, 4, walltime=1e9, **options)
    for name, tensor in IMAGES.items():
        (w.add_images if len(name) == 4 and name[0] == "N" else w.add_image)(name, tensor, 5, walltime=1e9, dataformats=name.rstrip("1"))
    w.add_text("note", "**bold** | täble", 6, walltime=1e9)
    w.add_hparams(
        {"bias": True, "lr": 0.1, "opt": "sgd"}, {"hp/acc": 0.9}, hparam_domain_discrete={"opt": ["sgd", "adam"]}, run_name="hp", global_step=7)
    w.add_graph(torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2)), torch.zeros(1, 3))
with SummaryWriter(str(LOG / "purged"), purge_step=3) as w:
    w.add_scalar("x", 1.0, 3, walltime=1e9)

# Names without time, host and process.
for path in LOG.rglob("events.out.tfevents.*"):
    path.rename(path.parent / "events.out.tfevents.recorded")

def numbers(values):
    return [x if math.isfinite(x) else str(x) for x in map(float, values)]

read = EventAccumulator(str(LOG), size_guidance={"scalars": 0, "images": 0, "histograms": 0, "tensors": 0})
read.Reload()
histograms = {}
for name, (values, options) in HISTOGRAMS.items():
    # The accumulator changes them; the file's own are what PyTorch wrote.
    histograms[name] = {"values": numbers(values.flatten().tolist()), "dtype": str(values.dtype)[6:], **options}
images = {}
for name, tensor in IMAGES.items():
    picture = PIL.Image.open(io.BytesIO(read.Images(name)[0].encoded_image_string))
    images[name] = {
        "shape": list(tensor.shape), "dtype": str(tensor.dtype)[6:], "values": numbers(tensor.flatten().tolist()),
        "width": picture.width, "height": picture.height, "pixels": np.asarray(picture.convert("RGB")).flatten().tolist()}
(FOLDER / "tensorboard.json").write_text(json.dumps({
    "scalars": numbers(SCALARS), "read": [[e.step, *numbers([e.wall_time, e.value])] for e in read.Scalars("loss/train")],
    "histograms": histograms, "images": images, "graph": [[n.name, n.op, list(n.input)] for n in read.Graph().node],
}, separators=(",", ":")) + "\n")
