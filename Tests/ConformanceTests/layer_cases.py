"""What `record_layers.py` records: CASES of classes that PyTorch's module test database leaves out, FORMS of arguments that it does not use, HALF in
float16 and bfloat16, and ERRORS, which PyTorch refuses."""
import math

import torch
from torch import nn


def wave(*shape, k=0.7, scale=1.0):
    """Numbers that look random and are the same on every machine."""
    return (torch.sin(torch.arange(math.prod(shape), dtype=torch.float64) * k + 0.3) * scale).reshape(shape).float()


def ints(*values):
    return torch.tensor(values, dtype=torch.int64)


class Case:
    """`args` and `kwargs` build the layer, `inputs` and `named` call it; `mode` is both, train or eval, `mode_` an argument `mode`."""

    def __init__(self, *args, inputs=(), named=None, mode="both", note=None, **kwargs):
        if mode not in ("both", "train", "eval"):
            raise SystemExit(f"mode is '{mode}'; a layer's own argument is written mode_")
        self.args, self.kwargs, self.inputs, self.named, self.mode, self.note = args, kwargs, inputs, named or {}, mode, note


bag = ints(1, 2, 4, 5, 4, 3, 2, 0)
starts = ints(0, 3, 3, 5)
# PyTorch 2.13's CPU kernel divides by the frequency of another row than documented; if all frequencies are equal, it makes no difference.
twice = ints(0, 5, 2, 3, 5, 2, 3, 0)
image, volume, sequence = wave(2, 4, 6, 5), wave(2, 2, 4, 5, 3), wave(2, 4, 7)
channels = wave(2, 9, 2, 3)
samples2, samples3 = wave(2, 4, 2).abs() * 0.99, wave(2, 2, 3).abs() * 0.99
pooled = {n: nn.functional.__dict__[f"max_pool{n}d"](x, 2, return_indices=True) for n, x in [(1, sequence), (2, image), (3, volume)]}
labels = ints(0, 9, 3, 1, 6)
spaces = [(1, sequence), (2, image), (3, volume)]
# For each number of spatial dimensions, an input that has too few or too many.
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
# Layers with a `dtype` argument.
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
    # Activations accept every shape; they refuse only dtypes or dimensions.
    **{name: [Case(inputs=[labels])] for name in [
        "CELU", "ELU", "GELU", "Hardsigmoid", "Hardswish", "LeakyReLU", "LogSigmoid", "Mish", "SELU", "SiLU", "Softplus", "Softshrink", "Hardshrink", "RReLU"]},
    "RReLU": [Case(inputs=[labels]), Case(0.6, 0.2, inputs=[wave(3)])],
    **{name: [Case(inputs=[labels > 2])] for name in ["ReLU", "ReLU6", "Hardtanh", "Softsign", "Tanhshrink"]},
    "Threshold": [Case(0.1, 20, inputs=[labels > 2])],
    **{name: [Case(2, inputs=[wave(3, 4)]), Case(-3, inputs=[wave(3, 4)]), Case(0, inputs=[labels])] for name in ["Softmax", "LogSoftmax", "Softmin"]},
}
