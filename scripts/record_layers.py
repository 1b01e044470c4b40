#!/usr/bin/env python3
"""Records PyTorch's answers for layers that its module test database leaves out, in the form of Tests/ConformanceTests/cases and errors.

    python3 scripts/record_layers.py Tests/ConformanceTests

needs torch (any 2.x for the processor). One folder a class with cases.json and tensors.safetensors, in `cases` what has an answer, in `forms` what has
one and belongs to a class of the database, in `half` what runs in float16 and bfloat16, in `errors`
what PyTorch refuses; the tests and `apus-conformance` run them like the others. Layers are built after a fixed seed, and what they hold is
recorded, so the numbers depend on nothing but PyTorch.
"""
import json
import math
import os
import struct
import sys
import warnings

# Messages that list sets list them in one order.
if os.environ.get("PYTHONHASHSEED") != "0":
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "PYTHONHASHSEED": "0"})

import torch
from torch import nn

warnings.simplefilter("ignore")
# Sums in one order, on every machine.
torch.set_num_threads(1)


def wave(*shape, k=0.7, scale=1.0):
    """Numbers that look random and are the same everywhere."""
    return (torch.sin(torch.arange(math.prod(shape), dtype=torch.float64) * k + 0.3) * scale).reshape(shape).float()


def ints(*values):
    return torch.tensor(values, dtype=torch.int64)


class Case:
    """`args` and `kwargs` build the layer, `inputs` and `named` call it; `mode` is both, train or eval, `mode_` a layer's argument called mode."""

    def __init__(self, *args, inputs=(), named=None, mode="both", note=None, **kwargs):
        if mode not in ("both", "train", "eval"):
            raise SystemExit(f"mode is '{mode}'; a layer's own argument is written mode_")
        self.args, self.kwargs, self.inputs, self.named, self.mode, self.note = args, kwargs, inputs, named or {}, mode, note


bag = ints(1, 2, 4, 5, 4, 3, 2, 0)
starts = ints(0, 3, 3, 5)
# On the processor PyTorch 2.13 divides by the frequency of another row than the documentation says; where all are equal, that makes no difference.
twice = ints(0, 5, 2, 3, 5, 2, 3, 0)
image, volume, sequence = wave(2, 4, 6, 5), wave(2, 2, 4, 5, 3), wave(2, 4, 7)
channels = wave(2, 9, 2, 3)
samples2, samples3 = wave(2, 4, 2).abs() * 0.99, wave(2, 2, 3).abs() * 0.99
pooled = {n: nn.functional.__dict__[f"max_pool{n}d"](x, 2, return_indices=True) for n, x in [(1, sequence), (2, image), (3, volume)]}
labels = ints(0, 9, 3, 1, 6)
spaces = [(1, sequence), (2, image), (3, volume)]
# For each number of dimensions of space an input that has too few or too many.
wrong = [(1, image), (2, volume), (3, sequence)]


def norms(name, x, unbatched=None):
    return {name: [Case(inputs=[x]), Case(1e-3, 0.3, inputs=[x], affine=True, track_running_stats=True), Case(inputs=[x], bias=False, affine=True)]}


CASES = {
    "EmbeddingBag": [
        Case(6, 3, inputs=[bag.reshape(2, 4)]),
        Case(6, 3, inputs=[bag, starts], mode_="sum"),
        Case(6, 3, inputs=[bag, starts], mode_="max"),
        Case(6, 3, inputs=[bag, ints(0, 2, 8)], include_last_offset=True),
        Case(6, 3, inputs=[bag, starts], padding_idx=2),
        Case(6, 3, inputs=[bag, starts], mode_="max", padding_idx=-2),
        Case(6, 3, inputs=[bag, starts], mode_="sum", padding_idx=4, named={"per_sample_weights": wave(8)}),
        Case(6, 3, inputs=[bag.reshape(4, 2)], mode_="sum", named={"per_sample_weights": wave(4, 2)}),
        Case(6, 3, inputs=[twice, starts], scale_grad_by_freq=True, norm_type=3.0, max_norm=1.0),
        Case(6, 3, inputs=[twice.int(), starts.int()], mode_="sum", scale_grad_by_freq=True),
        Case(6, 3, inputs=[bag.reshape(2, 4)], mode_="sum", _weight=wave(6, 3, k=1.9)),
    ],
    "FractionalMaxPool2d": [
        Case(2, output_size=(4, 3), _random_samples=samples2, inputs=[image]),
        Case((3, 2), output_ratio=0.5, _random_samples=samples2, return_indices=True, inputs=[image]),
        Case(2, (3, 4), _random_samples=samples2[:1], inputs=[image[0]], note="no_batch_dim"),
        Case(3, output_size=1, _random_samples=samples2, inputs=[image]),
    ],
    "FractionalMaxPool3d": [
        Case(2, output_size=(2, 3, 1), _random_samples=samples3, inputs=[volume]),
        Case((2, 2, 1), output_ratio=(0.7, 0.5, 0.9), _random_samples=samples3, return_indices=True, inputs=[volume]),
        Case((2, 2, 1), 2, _random_samples=samples3[:1], inputs=[volume[0]], note="no_batch_dim"),
    ],
    "AdaptiveLogSoftmaxWithLoss": [
        Case(8, 10, [3, 6], inputs=[wave(5, 8), labels], div_value=2.0),
        Case(8, 10, [2, 5, 7], 2.0, True, inputs=[wave(5, 8), labels]),
        Case(8, 10, [4], inputs=[wave(8), torch.tensor(7)], note="no_batch_dim"),
    ],
    "LazyLinear": [Case(5, inputs=[wave(2, 3, 4)]), Case(5, bias=False, inputs=[wave(4)])],
    **norms("LazyBatchNorm1d", sequence), **norms("LazyBatchNorm2d", image), **norms("LazyBatchNorm3d", volume),
    **norms("LazyInstanceNorm1d", sequence), **norms("LazyInstanceNorm2d", image), **norms("LazyInstanceNorm3d", volume),
    "CrossMapLRN2d": [
        Case(3, inputs=[channels]), Case(5, 1e-5, 0.6, 2.0, inputs=[image]), Case(3, 1.0, inputs=[channels]), Case(5, alpha=1.0, beta=1.0, k=0.5, inputs=[channels]),
        Case(4, 1.0, inputs=[channels]), Case(2, 1, 0.5, 2, inputs=[image]), Case(20, 1.0, inputs=[channels]),
    ],
    "CosineSimilarity": [Case(inputs=[wave(3, 4), wave(3, 4, k=1.3)]), Case(0, 1e-4, inputs=[wave(3, 4), wave(3, 4, k=1.3)])],
    "PairwiseDistance": [Case(inputs=[wave(3, 4), wave(3, 4, k=1.3)]), Case(3.0, 1e-4, True, inputs=[wave(3, 4), wave(3, 4, k=1.3)])],
    "MaxUnpool1d": [Case(2, inputs=pooled[1]), Case(2, inputs=pooled[1], named={"output_size": [7]})],
    "MaxUnpool2d": [Case(2, inputs=pooled[2], named={"output_size": [6, 5]})],
    "MaxUnpool3d": [Case(2, inputs=pooled[3], named={"output_size": [4, 5, 3]})],
    "Unfold": [Case(2, inputs=[image]), Case((3, 2), 1, (1, 0), 2, inputs=[image]), Case(2, dilation=2, padding=1, inputs=[image[0]])],
    "Fold": [Case((6, 5), 2, inputs=[wave(2, 8, 20)]), Case((6, 5), (3, 2), padding=(1, 0), stride=2, inputs=[wave(2, 12, 6)])],
    "PixelShuffle": [Case(2, inputs=[wave(2, 8, 2, 3)])],
    "PixelUnshuffle": [Case(2, inputs=[wave(2, 2, 4, 6)])],
    "ChannelShuffle": [Case(2, inputs=[image])],
    "Upsample": [
        Case(scale_factor=2, inputs=[sequence]), Case((9, 7), mode_="bilinear", align_corners=True, inputs=[image]),
        Case(scale_factor=1.7, mode_="bicubic", inputs=[image]), Case(scale_factor=(1.5, 2.0, 0.8), mode_="trilinear", inputs=[volume]),
        Case(size=11, mode_="linear", inputs=[sequence]), Case(scale_factor=2.0, mode_="nearest-exact", inputs=[image]),
    ],
    "UpsamplingNearest2d": [Case(scale_factor=2, inputs=[image]), Case((7, 9), inputs=[image]), Case(scale_factor=(2, 3), inputs=[image])],
    "UpsamplingBilinear2d": [Case(scale_factor=2, inputs=[image]), Case((7, 9), inputs=[image]), Case(scale_factor=(2, 1.5), inputs=[image])],
    "Flatten": [Case(inputs=[image]), Case(0, 1, inputs=[image])],
    "Unflatten": [Case(1, (2, 2), inputs=[image]), Case(1, (2, -1), inputs=[image])],
    "Identity": [Case(inputs=[image]), Case(54, unused=1, inputs=[image])],
    "Hardsigmoid": [Case(inputs=[wave(4, 5, scale=5)])],
    "RReLU": [Case(inputs=[wave(4, 5)], mode="eval"), Case(0.2, 0.6, inputs=[wave(4, 5)], mode="eval")],
    "Dropout": [Case(inputs=[image], mode="eval"), Case(0.0, inputs=[image])],
    "Dropout1d": [Case(0.2, inputs=[sequence], mode="eval"), Case(0.0, inputs=[sequence])],
    "Dropout2d": [Case(inputs=[image], mode="eval"), Case(0.0, inputs=[image])],
    "Dropout3d": [Case(inputs=[volume], mode="eval"), Case(0.0, inputs=[volume])],
    "AlphaDropout": [Case(inputs=[image], mode="eval"), Case(0.0, inputs=[image])],
    "FeatureAlphaDropout": [Case(inputs=[image], mode="eval"), Case(0.0, inputs=[image])],
    "TripletMarginLoss": [
        Case(inputs=[wave(3, 4), wave(3, 4, k=1.3), wave(3, 4, k=2.1)]),
        Case(0.5, 1.0, swap=True, reduction="none", inputs=[wave(3, 4), wave(3, 4, k=1.3), wave(3, 4, k=2.1)]),
    ],
    "TripletMarginWithDistanceLoss": [Case(margin=0.7, swap=True, inputs=[wave(3, 4), wave(3, 4, k=1.3), wave(3, 4, k=2.1)])],
}

scores, truth, row = wave(3, 4), wave(3, 4, k=1.3), wave(3, 4, k=0.9).abs()
old = [dict(size_average=False), dict(reduce=False), dict(size_average=True, reduce=True), dict(size_average=False, reduce=False, reduction="mean"), dict(reduce=True, reduction="none")]
# Arguments that PyTorch's module test database does not use, of classes that it has.
FORMS = {
    "MSELoss": [Case(inputs=[scores, truth], **o) for o in old], "L1Loss": [Case(False, inputs=[scores, truth]), Case(None, False, inputs=[scores, truth])],
    "SmoothL1Loss": [Case(False, inputs=[scores, truth], beta=0.5)], "KLDivLoss": [Case(False, inputs=[scores, row]), Case(reduce=False, inputs=[scores, row])],
    "CrossEntropyLoss": [Case(None, False, inputs=[scores, ints(0, 3, 1)]), Case(reduce=False, inputs=[scores, ints(0, 3, 1)])],
    "NLLLoss": [Case(None, False, inputs=[scores, ints(0, 3, 1)]), Case(reduce=False, inputs=[scores, ints(0, 3, 1)])],
    "BCEWithLogitsLoss": [Case(None, False, inputs=[scores, row])], "HingeEmbeddingLoss": [Case(1.0, False, inputs=[scores, truth.sign()])],
    "MultiMarginLoss": [Case(1, 1.0, None, False, inputs=[scores, ints(0, 3, 1)])], "SoftMarginLoss": [Case(None, False, inputs=[scores, truth.sign().long()])],
    "PoissonNLLLoss": [Case(True, False, False, inputs=[scores, row]), Case(reduce=False, named={"log_input": scores, "target": row})],
    "GaussianNLLLoss": [Case(inputs=[scores, truth, 0.5]), Case(full=True, inputs=[scores, truth], named={"var": 2.0})],
    "RMSNorm": [Case(4, named={"x": scores})], "Hardtanh": [Case(min_value=-0.3, inputs=[scores]), Case(-2.0, 2.0, max_value=0.5, min_value=-0.1, inputs=[scores])],
    **{f"InstanceNorm{n}d": [Case(x.shape[1], momentum=None, track_running_stats=True, affine=True, inputs=[x]), Case(x.shape[1], 1e-3, None, inputs=[x])] for n, x in spaces},
    **{f"LazyConvTranspose{n}d": [Case(3, 2, 2, inputs=[x], named={"output_size": [2 * e + 1 for e in x.shape[2:]]}), Case(3, 2, 2, inputs=[x, list(2 * e for e in x.shape[2:])])] for n, x in spaces},
}

pair = (wave(4, 6, scale=2), wave(4, 6, k=1.3, scale=2))
classes = ints(0, 3, 1, 2)
# Common layers and losses in float16 and bfloat16.
HALF = {
    "Linear": [Case(16, 8, inputs=[wave(5, 16)])],
    "Conv1d": [Case(4, 6, 3, padding=1, inputs=[wave(2, 4, 9)])], "Conv2d": [Case(3, 4, 3, 2, inputs=[wave(2, 3, 7, 7)])], "Conv3d": [Case(2, 3, 2, inputs=[wave(1, 2, 4, 4, 4)])],
    "ConvTranspose2d": [Case(3, 4, 3, inputs=[wave(2, 3, 4, 4)])],
    "BatchNorm2d": [Case(3, inputs=[wave(4, 3, 5, 5)])], "LayerNorm": [Case(12, inputs=[wave(6, 12)])], "GroupNorm": [Case(2, 4, inputs=[wave(3, 4, 6)])],
    "InstanceNorm1d": [Case(4, affine=True, inputs=[wave(3, 4, 9)])], "RMSNorm": [Case(12, inputs=[wave(6, 12)])],
    "LSTM": [Case(6, 4, inputs=[wave(5, 2, 6)])], "GRU": [Case(6, 4, inputs=[wave(5, 2, 6)])],
    "MultiheadAttention": [Case(8, 2, batch_first=True, inputs=[wave(2, 5, 8, k=1.1)] * 3)],
    "TransformerEncoderLayer": [Case(8, 2, 16, 0.0, batch_first=True, inputs=[wave(2, 5, 8, k=1.1)])],
    **{name: [Case(inputs=[wave(40, scale=3)])] for name in ["GELU", "SiLU", "Tanh", "Sigmoid", "ReLU", "ELU", "Softplus"]},
    "Softmax": [Case(-1, inputs=[wave(4, 10, scale=3)])], "LogSoftmax": [Case(-1, inputs=[wave(4, 10, scale=3)])],
    "AvgPool2d": [Case(2, inputs=[wave(2, 2, 6, 6)])], "MaxPool2d": [Case(2, inputs=[wave(2, 2, 6, 6)])],
    "CrossEntropyLoss": [Case(inputs=[pair[0], classes])], "NLLLoss": [Case(inputs=[pair[0], classes])],
    **{name: [Case(inputs=[*pair])] for name in ["MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss"]},
    "BCEWithLogitsLoss": [Case(inputs=[pair[0], pair[1].sigmoid()])], "KLDivLoss": [Case(inputs=[pair[0].log_softmax(1), pair[1].softmax(1)], reduction="batchmean")],
}
# Layers that have a dtype of their own.
TYPED = {"Linear", "Conv1d", "Conv2d", "Conv3d", "ConvTranspose2d", "BatchNorm2d", "LayerNorm", "GroupNorm", "InstanceNorm1d", "RMSNorm", "LSTM", "GRU",
         "MultiheadAttention", "TransformerEncoderLayer"}

ERRORS = {
    "EmbeddingBag": [
        Case(6, 3, inputs=[bag]), Case(6, 3, inputs=[bag.reshape(2, 4), starts]), Case(6, 3, inputs=[bag, ints(1, 3)]), Case(6, 3, inputs=[bag, ints(0, 9)]),
        Case(6, 3, inputs=[bag + 1, starts]), Case(6, 3, inputs=[bag.float(), starts]),
        Case(6, 3, inputs=[bag, starts], named={"per_sample_weights": wave(8)}), Case(6, 3, inputs=[bag, starts], mode_="sum", named={"per_sample_weights": wave(7)}),
        Case(6, 3, inputs=[bag, starts], mode_="max", scale_grad_by_freq=True), Case(6, 3, padding_idx=6), Case(6, 3, padding_idx=-7),
        Case(6, 3, _weight=wave(3, 6)), Case(6, 3, inputs=[bag.reshape(2, 2, 2)]),
    ],
    "FractionalMaxPool2d": [
        Case(2), Case(2, 3, 0.5), Case(2, output_ratio=1.5), Case(2, output_size=6, inputs=[image]), Case(2, output_size=3, inputs=[image[0, 0]]),
        Case(2, output_size=3, _random_samples=samples2[:, :3], inputs=[image]),
    ],
    "FractionalMaxPool3d": [Case(2), Case(0, output_size=2), Case(2, output_size=4, inputs=[volume]), Case(2, output_size=2, _random_samples=samples2[..., :1], inputs=[volume])],
    "AdaptiveLogSoftmaxWithLoss": [
        Case(8, 10, []), Case(8, 10, [6, 3]), Case(8, 10, [3, 10]), Case(8, 10, [0, 3]), Case(8, 10, [3, 3]),
        Case(8, 10, [3], inputs=[wave(5, 8), labels + 1]), Case(8, 10, [3], inputs=[wave(4, 8), labels]), Case(8, 10, [3], inputs=[wave(5, 2, 8), ints(1, 2).reshape(2, 1)]),
    ],
    "MaxUnpool1d": [Case(2, inputs=[pooled[1][0], pooled[1][1][..., :2]]), Case(2, inputs=[*pooled[1]], named={"output_size": [30]})],
    "MaxUnpool2d": [Case(2, inputs=[pooled[2][0], pooled[2][1][:, :, :2]]), Case(2, inputs=[*pooled[2]], named={"output_size": [60, 5]}), Case(2, inputs=[pooled[2][0], pooled[2][1] + 100])],
    "MaxUnpool3d": [Case(2, inputs=[pooled[3][0], pooled[3][1][..., :0]]), Case(2, inputs=[*pooled[3]], named={"output_size": [4, 5]})],
    "Fold": [Case((6, 5), 2, inputs=[wave(2, 7, 20)]), Case((6, 5), 2, inputs=[wave(2, 8, 19)]), Case((6, 5), 0, inputs=[wave(2, 8, 20)]), Case((6, 5), 2, inputs=[wave(20)])],
    "Unfold": [Case(9, inputs=[image]), Case(2, inputs=[wave(4)]), Case(2, stride=0, inputs=[image]), Case(2, dilation=0, inputs=[image])],
    "PixelShuffle": [Case(2, inputs=[wave(2, 6, 2, 3)]), Case(0, inputs=[wave(2, 4, 2, 3)]), Case(2, inputs=[wave(4, 3)])],
    "PixelUnshuffle": [Case(2, inputs=[wave(2, 6, 3, 3)]), Case(0, inputs=[wave(2, 4, 2, 3)]), Case(2, inputs=[wave(4, 4)])],
    "ChannelShuffle": [Case(3, inputs=[image]), Case(0, inputs=[image]), Case(2, inputs=[wave(4, 3)])],
    "CrossMapLRN2d": [Case(3, inputs=[sequence])],
    "LocalResponseNorm": [Case(3, inputs=[wave(2, 3)])],
    "CosineSimilarity": [Case(inputs=[wave(3, 4), wave(3, 5)]), Case(3, inputs=[wave(3, 4), wave(3, 4)]), Case(inputs=[ints(1, 2), wave(2)])],
    "PairwiseDistance": [Case(inputs=[wave(3, 4), wave(3, 5)]), Case(inputs=[wave(3, 4), wave(2, 4)])],
    "Flatten": [Case(2, 1, inputs=[image]), Case(0, 4, inputs=[image]), Case(-5, inputs=[image])],
    "Unflatten": [Case(1, (2, 3), inputs=[image]), Case(4, (2, 2), inputs=[image]), Case(1, (-1, -1), inputs=[image]), Case(1, (3, -1), inputs=[image])],
    "Upsample": [
        Case(inputs=[image]), Case(3, 2.0, inputs=[image]), Case((2, 3), inputs=[sequence]), Case(scale_factor=(2.0, 2.0), inputs=[sequence]),
        Case(scale_factor=2.0, mode_="bilinear", inputs=[sequence]), Case(scale_factor=2.0, mode_="trilinear", inputs=[image]), Case(scale_factor=2.0, align_corners=True, inputs=[image]),
        Case(0, inputs=[image]), Case(scale_factor=-1.0, inputs=[image]), Case(3, inputs=[wave(3, 4)]), Case(3, mode_="bicubic", inputs=[volume]),
    ],
    "UpsamplingNearest2d": [Case(inputs=[image]), Case(3, 2.0, inputs=[image]), Case((2, 3, 4), inputs=[image]), Case((2, 0), inputs=[image])],
    "UpsamplingBilinear2d": [Case(inputs=[image]), Case(3, 2.0, inputs=[image]), Case((2, 3), inputs=[volume]), Case(3, inputs=[sequence])],
    "TripletMarginLoss": [
        Case(inputs=[wave(3, 4), wave(3, 5), wave(3, 4)]), Case(inputs=[wave(3, 4), wave(3, 4), wave(4)]), Case(-1.0), Case(reduction="some", inputs=[wave(3, 4)] * 3),
    ],
    "TripletMarginWithDistanceLoss": [Case(inputs=[wave(3, 4), wave(3, 5), wave(3, 4)]), Case(margin=-1.0), Case(inputs=[wave(3, 4), wave(3, 4), wave(4)])],
    **{f"ConstantPad{n}d": [Case([-9] * 2 * n, 0.5, inputs=[x]), Case([1] * (2 * n - 1), 0.5, inputs=[x])] for n, x in spaces},
    **{f"ZeroPad{n}d": [Case([-9] * 2 * n, inputs=[x]), Case([1] * (2 * n - 1), inputs=[x])] for n, x in spaces},
    **{f"LazyBatchNorm{n}d": [Case(inputs=[y]), Case(inputs=[wave(4)])] for n, y in wrong},
    **{f"LazyInstanceNorm{n}d": [Case(inputs=[y]), Case(inputs=[wave(4)])] for n, y in wrong},
    **{f"LazyConv{n}d": [Case(6, 2, groups=3, inputs=[x]), Case(4, 2, inputs=[wave(4)]), Case(4, 9, inputs=[x]), Case(4, 0, inputs=[x]), Case(4, 2, stride=0, inputs=[x]), Case(4, 2, padding_mode="some"), Case(4, 2, padding="some")] for n, x in spaces},
    **{f"LazyConvTranspose{n}d": [Case(6, 2, groups=3, inputs=[x]), Case(4, 2, inputs=[wave(4)]), Case(4, 2, output_padding=3, inputs=[x]), Case(4, 2, padding_mode="reflect"), Case(4, 2, inputs=[x], named={"output_size": [90] * n})] for n, x in spaces},
    "LazyLinear": [Case(3, inputs=[torch.tensor(1.0)]), Case(3, inputs=[labels])],
    **{name: [Case(-0.1), Case(1.5)] for name in ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"]},
    # Activations take every shape; what they refuse is a dtype or a dimension.
    **{name: [Case(inputs=[labels])] for name in [
        "CELU", "ELU", "GELU", "Hardsigmoid", "Hardswish", "LeakyReLU", "LogSigmoid", "Mish", "SELU", "SiLU", "Softplus", "Softshrink", "Hardshrink", "RReLU"]},
    "RReLU": [Case(inputs=[labels]), Case(0.6, 0.2, inputs=[wave(3)])],
    **{name: [Case(inputs=[labels > 2])] for name in ["ReLU", "ReLU6", "Hardtanh", "Softsign", "Tanhshrink"]},
    "Threshold": [Case(0.1, 20, inputs=[labels > 2])],
    **{name: [Case(2, inputs=[wave(3, 4)]), Case(-3, inputs=[wave(3, 4)]), Case(0, inputs=[labels])] for name in ["Softmax", "LogSoftmax", "Softmin"]},
}

def build(name, case):
    """`mode_` stands for a layer's argument called mode."""
    kwargs = {("mode" if key == "mode_" else key): value for key, value in case.kwargs.items()}
    torch.manual_seed(7)
    return getattr(nn, name)(*case.args, **kwargs), kwargs


def written(value, name, tensors):
    if isinstance(value, torch.Tensor):
        tensors[name] = value.detach().clone().contiguous()
        return {"tensor": name}
    if isinstance(value, (tuple, list)):
        return [written(v, f"{name}/{i}", tensors) for i, v in enumerate(value)]
    if isinstance(value, torch.dtype):
        return {"dtype": str(value).removeprefix("torch.")}
    return value


def leaves(case):
    """The inputs, floating-point ones as leaves; and by name."""
    def leaf(value):
        return value.clone().requires_grad_(value.is_floating_point()) if isinstance(value, torch.Tensor) else value

    return [leaf(x) for x in case.inputs], {key: leaf(x) for key, x in case.named.items()}


def header(name, case, key, kwargs, tensors):
    return {
        "module": name,
        "args": [written(a, f"{key}/ctor/{i}", tensors) for i, a in enumerate(case.args)],
        "kwargs": {k: written(v, f"{key}/ctor/{k}", tensors) for k, v in kwargs.items()},
        "inputs": [written(x, f"{key}/input/{i}", tensors) for i, x in enumerate(case.inputs)],
        "input_kwargs": {k: written(v, f"{key}/input/{k}", tensors) for k, v in case.named.items()},
        "key": key,
        **({"note": case.note} if case.note else {}),
    }


def named_outputs(value, place):
    """(place, tensor) of each output: `` for one, `/0`, `/1/0` for several."""
    if isinstance(value, torch.Tensor):
        return [(place, value)]
    return [pair for i, v in enumerate(value) for pair in named_outputs(v, f"{place}/{i}")] if isinstance(value, (tuple, list)) else []


def answer(name, case, key, training, tensors):
    module, kwargs = build(name, case)
    module.train(training)
    inputs, named = leaves(case)
    if name.startswith("Lazy"):
        with torch.no_grad():
            module(*inputs, **named)
        for parameter in module.parameters():
            torch.nn.init.uniform_(parameter, -1, 1)
    result = header(name, case, key, kwargs, tensors)
    result["training"] = training
    state = module.state_dict()
    result["state"] = list(state)
    for k, v in state.items():
        tensors[f"{key}/state/{k}"] = v.detach().clone().contiguous()
    output = module(*inputs, **named)
    # Its projection in attention is a plain Linear from 2.15 on, which the database's layers were recorded with.
    result["repr"] = repr(module).replace("NonDynamicallyQuantizableLinear", "Linear")
    result["output"] = written(tuple(output) if isinstance(output, tuple) else output, f"{key}/output", tensors)
    total, wanted = 0, []
    for place, y in named_outputs(output, ""):
        if y.requires_grad:
            cotangent = (wave(*y.shape, k=2.3) if y.dim() else torch.tensor(0.7)).to(y.dtype)
            tensors[f"{key}/cotangent{place}"] = cotangent
            total = total + (y * cotangent).sum()
    result["grad"] = []
    if isinstance(total, torch.Tensor):
        total.backward()
        for i, x in list(enumerate(inputs)) + list(named.items()):
            if isinstance(x, torch.Tensor) and x.grad is not None:
                wanted.append((f"input/{i}", x.grad))
        wanted += [(f"state/{k}", p.grad) for k, p in module.named_parameters() if p.grad is not None]
        for leaf, grad in wanted:
            tensors[f"{key}/grad/{leaf}"] = grad.contiguous()
            result["grad"].append(leaf)
    result["after"] = [k for k, _ in module.named_buffers()]
    for k, v in module.named_buffers():
        tensors[f"{key}/after/{k}"] = v.detach().clone().contiguous()
    return result


def failure(name, case, key, tensors):
    on, module, kwargs = "construct", None, {("mode" if k == "mode_" else k): v for k, v in case.kwargs.items()}
    try:
        module, kwargs = build(name, case)
        on = "forward"
        inputs, named = leaves(case)
        if case.inputs:
            module(*inputs, **named)
        raise SystemExit(f"{name} {key}: PyTorch raises nothing")
    except (ValueError, RuntimeError, IndexError, AssertionError, NotImplementedError) as error:
        message = str(error).split("\n")[0]
    result = header(name, case, key, kwargs, tensors)
    result["training"] = True
    # A lazy layer has no state yet.
    state = module.state_dict() if module is not None and not name.startswith("Lazy") else {}
    result["state"] = list(state)
    for k, v in state.items():
        tensors[f"{key}/state/{k}"] = v.detach().clone().contiguous()
    result["error"] = {"on": on, "message": message}
    return result


TYPES = {torch.float32: "F32", torch.float64: "F64", torch.int64: "I64", torch.int32: "I32", torch.bool: "BOOL", torch.float16: "F16", torch.bfloat16: "BF16"}


def save(path, tensors):
    """A safetensors file: the length of the header, the header, the bytes."""
    table, data = {}, b""
    for name in sorted(tensors):
        tensor = tensors[name]
        raw = (tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor).numpy().tobytes()
        table[name] = {"dtype": TYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    head = json.dumps(table, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(head)) + head + data)


def folder(path, name, cases, tensors):
    if not cases:
        raise SystemExit(f"{name} has no cases")
    os.makedirs(f"{path}/{name}", exist_ok=True)
    with open(f"{path}/{name}/cases.json", "w") as file:
        json.dump({"torch": torch.__version__, "cases": cases}, file, indent=1)
        file.write("\n")
    save(f"{path}/{name}/tensors.safetensors", tensors)


def halved(name, case, dtype):
    """The same case in a half type."""
    kwargs = {**case.kwargs, "dtype": dtype} if name in TYPED else case.kwargs
    return Case(*case.args, inputs=[x.to(dtype) if x.is_floating_point() else x for x in case.inputs], mode="train", **kwargs)


def main(path):
    for place, table in [("cases", CASES), ("forms", FORMS)]:
        for name in sorted(table):
            tensors, cases = {}, []
            for i, case in enumerate(table[name]):
                for mode in ["train", "eval"]:
                    if case.mode in ("both", mode):
                        cases.append(answer(name, case, f"{mode}{i}", mode == "train", tensors))
            folder(f"{path}/{place}", name, cases, tensors)
    for name in sorted(HALF):
        tensors, cases = {}, []
        for dtype in [torch.float16, torch.bfloat16]:
            cases += [answer(name, halved(name, case, dtype), f"{str(dtype)[6:]}-{i}", True, tensors) for i, case in enumerate(HALF[name])]
        folder(f"{path}/half", name, cases, tensors)
    for name in sorted(ERRORS):
        tensors = {}
        folder(f"{path}/errors", name, [failure(name, case, f"error{i}", tensors) for i, case in enumerate(ERRORS[name])], tensors)


if __name__ == "__main__":
    main(sys.argv[1])
