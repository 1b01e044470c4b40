#!/usr/bin/env python3
"""Records the dtypes that PyTorch's functions give inside torch.autocast("cuda"), and a walk of its GradScaler.

Writes Tests/ApusNNTests/Recorded/autocast.json and Tests/ApusOptimTests/Recorded/scaler.json, which `AutocastDTypeTests.swift` and
`GradScalerTests.swift` read. No GPU is needed: fake tensors know their device and dtype alone. Run with torch 2.13 (CPU):
python3 Tests/ApusOptimTests/record_autocast.py
"""
import json
import math
import pathlib

import torch
import torch.nn.functional as F
from torch._subclasses.fake_tensor import FakeTensorMode

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Functions of a tensor [3, 4] of each dtype, with a float32 weight if there is one.
UNARY = {
    "neg": lambda x: -x, "abs": lambda x: x.abs(), "square": lambda x: x.square(), "reciprocal": lambda x: x.reciprocal(), "sqrt": lambda x: x.sqrt(),
    "rsqrt": lambda x: x.rsqrt(), "exp": lambda x: x.exp(), "exp2": lambda x: x.exp2(), "expm1": lambda x: x.expm1(), "log": lambda x: x.log(),
    "log2": lambda x: x.log2(), "log10": lambda x: x.log10(), "log1p": lambda x: x.log1p(), "sin": lambda x: x.sin(), "cos": lambda x: x.cos(),
    "tan": lambda x: x.tan(), "asin": lambda x: x.asin(), "acos": lambda x: x.acos(), "atan": lambda x: x.atan(), "sinh": lambda x: x.sinh(),
    "cosh": lambda x: x.cosh(), "tanh": lambda x: x.tanh(), "asinh": lambda x: x.asinh(), "acosh": lambda x: x.acosh(), "atanh": lambda x: x.atanh(),
    "erf": lambda x: x.erf(), "erfc": lambda x: x.erfc(), "erfinv": lambda x: x.erfinv(), "lgamma": lambda x: x.lgamma(), "digamma": lambda x: x.digamma(), "polygamma": lambda x: torch.polygamma(1, x),
    "floor": lambda x: x.floor(), "sigmoid": lambda x: x.sigmoid(), "logit": lambda x: x.logit(), "relu": lambda x: x.relu(),
    "logsigmoid": F.logsigmoid, "softsign": F.softsign, "mish": F.mish, "silu": F.silu, "gelu": F.gelu, "elu": F.elu, "softplus": F.softplus,
    "hardswish": F.hardswish, "leakyRelu": F.leaky_relu, "clamp": lambda x: x.clamp(-1, 1), "powNumber": lambda x: x ** 2.0, "numberPow": lambda x: 2.0 ** x,
    "numberDiv": lambda x: 1.0 / x, "divNumber": lambda x: x / 2.0, "add": lambda x: x + 1.0,
    "sum": lambda x: x.sum(), "sumDim": lambda x: x.sum(1), "mean": lambda x: x.mean(), "prod": lambda x: x.prod(), "amax": lambda x: x.amax(1),
    "var": lambda x: x.var(1), "std": lambda x: x.std(1), "norm": lambda x: x.norm(), "norm1": lambda x: x.norm(1, 1), "logsumexp": lambda x: x.logsumexp(1),
    "cumsum": lambda x: x.cumsum(1), "cumprod": lambda x: x.cumprod(1), "softmax": lambda x: x.softmax(1), "logSoftmax": lambda x: x.log_softmax(1),
    "softmaxAsked": lambda x: x.softmax(1, dtype=torch.bfloat16), "softmin": lambda x: F.softmin(x, 1), "normalize": F.normalize, "pdist": F.pdist,
    "glu": F.glu, "dropout": F.dropout, "maxPool": lambda x: F.max_pool1d(x, 2), "avgPool": lambda x: F.avg_pool1d(x, 2),
    "interpolate": lambda x: F.interpolate(x.unsqueeze(0).unsqueeze(0), scale_factor=2), "interpolateBilinear": lambda x: F.interpolate(x.unsqueeze(0).unsqueeze(0), scale_factor=2, mode="bilinear"),
    "interpolateArea": lambda x: F.interpolate(x.unsqueeze(0).unsqueeze(0), size=(2, 2), mode="area"),
}
BINARY = {
    "add2": lambda x, y: x + y, "mul2": lambda x, y: x * y, "div2": lambda x, y: x / y, "pow2": lambda x, y: x ** y, "atan2": torch.atan2, "hypot": torch.hypot,
    "logaddexp": torch.logaddexp, "xlogy": torch.xlogy, "maximum": torch.maximum, "addcmul": lambda x, y: x.addcmul(y, y), "addcdiv": lambda x, y: x.addcdiv(y, y),
    "cat": lambda x, y: torch.cat([x, y]), "stack": lambda x, y: torch.stack([x, y]), "where": lambda x, y: torch.where(x > 0, x, y), "lerp": lambda x, y: x.lerp(y.to(x.dtype), 0.5),
    "matmul": lambda x, y: x @ y.T, "mm": lambda x, y: x.mm(y.T), "bmm": lambda x, y: x.unsqueeze(0).bmm(y.T.unsqueeze(0)), "mv": lambda x, y: x.mv(y.select(0, 0)), "dot": lambda x, y: x.select(0, 0).dot(y.select(0, 0)),
    "addmm": lambda x, y: torch.addmm(y.T, x.T, x @ y.T), "baddbmm": lambda x, y: torch.baddbmm(y.narrow(1, 0, 3).unsqueeze(0), x.narrow(1, 0, 3).unsqueeze(0), y.narrow(1, 0, 3).unsqueeze(0)),
    "outer": lambda x, y: torch.outer(x.select(0, 0), y.select(0, 0)), "einsum": lambda x, y: torch.einsum("ij,kj->ik", x, y), "linear": F.linear,
    "linearBias": lambda x, y: F.linear(x, y, y.select(1, 0)), "conv1d": lambda x, y: F.conv1d(x, y.narrow(1, 0, 3).unsqueeze(2)), "conv1dBias": lambda x, y: F.conv1d(x, y.narrow(1, 0, 3).unsqueeze(2), y.select(1, 0)),
    "convTranspose1d": lambda x, y: F.conv_transpose1d(x, y.unsqueeze(2)), "bilinear": lambda x, y: F.bilinear(x, x, y.unsqueeze(2).expand(3, 4, 4)),
    "prelu": lambda x, y: F.prelu(x, y.select(0, 0)), "scaledDotProductAttention": lambda x, y: F.scaled_dot_product_attention(x.unsqueeze(0), y.unsqueeze(0), y.unsqueeze(0)),
    "layerNorm": lambda x, y: F.layer_norm(x, [4], y.select(0, 0), y.select(0, 0)), "rmsNorm": lambda x, y: F.rms_norm(x, [4], y.select(0, 0)), "groupNorm": lambda x, y: F.group_norm(x, 2, y.select(0, 0), y.select(0, 0)),
    "batchNorm": lambda x, y: F.batch_norm(x, None, None, y.select(0, 0), y.select(0, 0), True), "embedding": lambda x, y: F.embedding(torch.zeros(2, dtype=torch.long, device="cuda"), y),
    "cosineSimilarity": F.cosine_similarity, "pairwiseDistance": F.pairwise_distance,
    "scatterAdd": lambda x, y: x.scatter_add(0, torch.zeros(3, 4, dtype=torch.long, device="cuda"), y),
    "mseLoss": F.mse_loss, "l1Loss": F.l1_loss, "smoothL1Loss": F.smooth_l1_loss, "huberLoss": F.huber_loss, "klDiv": lambda x, y: F.kl_div(x, y),
    "poissonNLLLoss": F.poisson_nll_loss, "binaryCrossEntropyWithLogits": F.binary_cross_entropy_with_logits, "softMarginLoss": F.soft_margin_loss,
    "hingeEmbeddingLoss": F.hinge_embedding_loss, "marginRankingLoss": lambda x, y: F.margin_ranking_loss(x, y, y),
    "cosineEmbeddingLoss": lambda x, y: F.cosine_embedding_loss(x, y, y.select(1, 0)), "tripletMarginLoss": lambda x, y: F.triplet_margin_loss(x, y, y),
    "crossEntropy": lambda x, y: F.cross_entropy(x, torch.zeros(3, dtype=torch.long, device="cuda")),
    "crossEntropyProbabilities": F.cross_entropy, "nllLoss": lambda x, y: F.nll_loss(x, torch.zeros(3, dtype=torch.long, device="cuda")),
    "multiMarginLoss": lambda x, y: F.multi_margin_loss(x, torch.zeros(3, dtype=torch.long, device="cuda")),
    "multilabelMarginLoss": lambda x, y: F.multilabel_margin_loss(x, torch.zeros(3, 4, dtype=torch.long, device="cuda")),
    "binaryCrossEntropy": F.binary_cross_entropy,
    "RNNCell": lambda x, y: torch.rnn_tanh_cell(x, y, y.repeat(2, 1).narrow(0, 0, 4), y.repeat(2, 1).narrow(0, 0, 4)),
}


def dtype_of(function, *inputs):
    """The dtype of the (first) result, or the error."""
    try:
        result = function(*inputs)
    except (RuntimeError, TypeError) as error:
        return "error" if "autocast" in str(error) or "dtype" in str(error).lower() or "type" in str(error) else f"unexpected: {error}"
    while isinstance(result, tuple):
        result = result[0]
    return str(result.dtype).removeprefix("torch.")


def dtypes():
    found = {}
    torch.set_autocast_enabled("cuda", True)
    torch.set_autocast_dtype("cuda", torch.bfloat16)
    with FakeTensorMode(allow_non_fake_inputs=True):
        for dtype in [torch.float32, torch.bfloat16, torch.float64]:
            kind = str(dtype).removeprefix("torch.")
            x, y = torch.empty(3, 4, dtype=dtype, device="cuda"), torch.empty(3, 4, dtype=torch.float64 if dtype == torch.float64 else torch.float32, device="cuda")
            for name, function in UNARY.items():
                found[f"{name}/{kind}"] = dtype_of(function, x)
            for name, function in BINARY.items():
                found[f"{name}/{kind}"] = dtype_of(function, x, y)
    torch.set_autocast_enabled("cuda", False)
    return found


def scaler():
    """Scale, growth tracker and parameter after each step; gradients are infinite or NaN where the pattern says so."""
    walks = []
    for growth, backoff, interval, pattern in [(2.0, 0.5, 3, "....!..n.......!!..."), (3.0, 0.25, 1, "..!.n.."), (2.0, 0.5, 2, "!" * 4 + "." * 6)]:
        p = torch.tensor([1.0, -2.0], requires_grad=True)
        optimizer = torch.optim.SGD([p], lr=0.125, momentum=0.5)
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_factor=growth, backoff_factor=backoff, growth_interval=interval)
        steps = []
        for i, kind in enumerate(pattern):
            optimizer.zero_grad()
            loss = (p * torch.tensor([0.5, 0.25 * (i % 4)])).sum() * {".": 1.0, "!": math.inf, "n": math.nan}[kind]
            scaler.scale(loss).backward()
            if i % 2:
                scaler.unscale_(optimizer)
            scaler.step(optimizer)
            scaler.update()
            steps.append({"scale": scaler.get_scale(), "tracker": scaler.state_dict()["_growth_tracker"], "p": p.tolist()})
        walks.append({"growth": growth, "backoff": backoff, "interval": interval, "pattern": pattern, "steps": steps, "keys": sorted(scaler.state_dict())})
    return walks


def main():
    found = dtypes()
    for name, value in found.items():
        assert not value.startswith("unexpected"), (name, value)
    (ROOT / "Tests/ApusNNTests/Recorded/autocast.json").write_text(json.dumps(found, indent=0) + "\n")
    (ROOT / "Tests/ApusOptimTests/Recorded/scaler.json").write_text(json.dumps(scaler()) + "\n")


if __name__ == "__main__":
    main()
