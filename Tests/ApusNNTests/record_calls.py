#!/usr/bin/env python3
"""Records PyTorch's answers for the functions of torch.nn.functional, torch.func, torch.nn.init and swa_utils: Tests/ApusNNTests/Recorded/calls.json.

Each call has its inputs, its outputs, and the gradients of the outputs' sum weighted by wave(k=2.3), all in float64. `RecordedCallTests.swift`
makes the same calls by name. Fails where a public function of torch.nn.functional is neither here nor in ELSEWHERE. Run with torch 2.13 (CPU):
python3 Tests/ApusNNTests/record_calls.py
"""
import json
import math
import pathlib
import warnings

import torch
import torch.func as tf
import torch.nn.functional as F
from torch import nn
from torch.optim import swa_utils

warnings.simplefilter("ignore")
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
CALLS = {}


def wave(*shape, k=0.7, scale=1.0):
    return (torch.sin(torch.arange(math.prod(shape)) * k + 0.3) * scale).reshape(shape)


def ints(*values):
    return torch.tensor(values)


def written(tensor, digits=12):
    tensor = tensor.detach()
    kind = {torch.float64: "float64", torch.int64: "int64", torch.bool: "bool"}[tensor.dtype]
    values = [float(f"{v:.{digits}g}") for v in tensor.flatten().tolist()] if kind == "float64" else [int(v) for v in tensor.flatten().tolist()]
    # JSON has no infinities.
    return {"dtype": kind, "shape": list(tensor.shape), "values": [v if math.isfinite(v) else str(v) for v in values]}


def call(name, function, *inputs, fixed=()):
    """`fixed` are the positions of inputs without a gradient in PyTorch."""
    leaves = [x.clone().requires_grad_(x.is_floating_point() and i not in fixed) for i, x in enumerate(inputs)]
    outputs = function(*leaves)
    outputs = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
    total = sum((y * wave(*y.shape, k=2.3)).sum() for y in outputs if y.requires_grad)
    wanted = [i for i, x in enumerate(leaves) if x.requires_grad] if isinstance(total, torch.Tensor) else []
    found = torch.autograd.grad(total, [leaves[i] for i in wanted], allow_unused=True) if wanted else []
    assert name not in CALLS, name
    CALLS[name] = {
        "inputs": [written(x, 17) for x in inputs], "outputs": [written(y) for y in outputs],
        "gradients": {str(i): written(torch.zeros_like(leaves[i]) if g is None else g) for i, g in zip(wanted, found)},
    }


a, b, positive, bits = wave(3, 4), wave(3, 4, k=1.3), wave(3, 4, k=0.9).abs() + 0.1, (wave(3, 4, k=1.7) > 0).double()
labels, signs = ints(0, 3, 1), torch.tensor([1.0, -1.0, 1.0])
sequence, image, volume = wave(2, 4, 7), wave(2, 4, 6, 5), wave(1, 2, 4, 5, 4)
spaces = [(1, sequence), (2, image), (3, volume)]


def activations():
    wide = wave(3, 4, scale=4)
    for name in ["relu", "relu6", "elu", "selu", "celu", "leaky_relu", "silu", "mish", "sigmoid", "tanh", "softplus", "softsign", "hardtanh", "hardswish",
                 "hardsigmoid", "hardshrink", "softshrink", "tanhshrink", "logsigmoid", "gelu", "glu", "rrelu"]:
        call(name, getattr(F, name), wide)
    call("elu/alpha", lambda x: F.elu(x, 0.4), wide)
    call("celu/alpha", lambda x: F.celu(x, 0.4), wide)
    call("leaky_relu/slope", lambda x: F.leaky_relu(x, 0.3), wide)
    call("softplus/beta", lambda x: F.softplus(x, 2.0, 3.0), wide)
    call("hardtanh/bounds", lambda x: F.hardtanh(x, -0.5, 2.0), wide)
    call("hardshrink/lambd", lambda x: F.hardshrink(x, 1.5), wide)
    call("softshrink/lambd", lambda x: F.softshrink(x, 1.5), wide)
    call("gelu/tanh", lambda x: F.gelu(x, approximate="tanh"), wide)
    call("glu/dim", lambda x: F.glu(x, 0), wave(4, 3))
    call("threshold", lambda x: F.threshold(x, 0.1, 20.0), wide)
    call("prelu", F.prelu, image, wave(4, k=0.4))
    call("prelu/one", F.prelu, a, torch.tensor([0.3]))
    for name in ["softmax", "log_softmax", "softmin"]:
        for dim in [0, -1]:
            call(f"{name}/{dim}", lambda x: getattr(F, name)(x, dim=dim), wide)
        call(f"{name}/usual", getattr(F, name), sequence)


def losses():
    for reduction in ["mean", "sum", "none"]:
        for name in ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"]:
            call(f"{name}/{reduction}", lambda x, y: getattr(F, name)(x, y, reduction=reduction), a, b)
        for name in ["mse_loss", "l1_loss", "huber_loss"]:
            call(f"{name}/weight {reduction}", lambda x, y, w: getattr(F, name)(x, y, reduction=reduction, weight=w), a, b, positive)
        call(f"binary_cross_entropy/{reduction}", lambda x, y, w: F.binary_cross_entropy(x, y, w, reduction=reduction), b.sigmoid(), bits, positive, fixed=(2,))
        call(f"binary_cross_entropy_with_logits/{reduction}", lambda x, y, w, p: F.binary_cross_entropy_with_logits(x, y, w, reduction=reduction, pos_weight=p), a, bits, positive, wave(4).abs(), fixed=(2, 3))
        call(f"cross_entropy/{reduction}", lambda x, w: F.cross_entropy(x, labels, w, reduction=reduction, label_smoothing=0.2, ignore_index=1), a, wave(4).abs() + 0.2, fixed=(1,))
        call(f"nll_loss/{reduction}", lambda x, w: F.nll_loss(x, labels, w, reduction=reduction, ignore_index=1), a, wave(4).abs() + 0.2, fixed=(1,))
        call(f"linear_cross_entropy/{reduction}", lambda x, w, c: F.linear_cross_entropy(x, w, labels, linear_bias=c, reduction=reduction), a, wave(5, 4, k=1.1), wave(5))
        call(f"kl_div/{reduction}", lambda x, y: F.kl_div(x, y, reduction=reduction), a, positive)
        call(f"poisson_nll_loss/{reduction}", lambda x, y: F.poisson_nll_loss(x, y * 3, full=True, reduction=reduction), a, positive)
        call(f"gaussian_nll_loss/{reduction}", lambda x, y, v: F.gaussian_nll_loss(x, y, v, full=True, reduction=reduction), a, b, positive)
        call(f"hinge_embedding_loss/{reduction}", lambda x: F.hinge_embedding_loss(x, bits * 2 - 1, margin=0.5, reduction=reduction), a)
        call(f"soft_margin_loss/{reduction}", lambda x: F.soft_margin_loss(x, bits * 2 - 1, reduction=reduction), a)
        call(f"multilabel_soft_margin_loss/{reduction}", lambda x, w: F.multilabel_soft_margin_loss(x, bits, w, reduction=reduction), a, wave(4).abs(), fixed=(1,))
        call(f"multilabel_margin_loss/{reduction}", lambda x: F.multilabel_margin_loss(x, torch.tensor([[3, 0, -1, 1], [1, -1, 0, 0], [2, 1, 0, 3]]), reduction=reduction), a)
        call(f"multi_margin_loss/{reduction}", lambda x, w: F.multi_margin_loss(x, labels, p=2, margin=0.7, weight=w, reduction=reduction), a, wave(4).abs(), fixed=(1,))
        call(f"margin_ranking_loss/{reduction}", lambda x, y: F.margin_ranking_loss(x, y, signs, margin=0.3, reduction=reduction), a[:, 0], b[:, 0])
        call(f"cosine_embedding_loss/{reduction}", lambda x, y: F.cosine_embedding_loss(x, y, signs, margin=-0.5, reduction=reduction), a, b)
        call(f"triplet_margin_loss/{reduction}", lambda x, y, z: F.triplet_margin_loss(x, y, z, margin=0.7, p=3, swap=True, reduction=reduction), a, b, positive)
        call(f"triplet_margin_with_distance_loss/{reduction}", lambda x, y, z: F.triplet_margin_with_distance_loss(
            x, y, z, distance_function=lambda u, v: (u - v).abs().sum(-1), margin=0.7, reduction=reduction), a, b, positive)
        for blank, targets, lengths in [(0, torch.tensor([[1, 2, 2], [3, 1, 0]]), (3, 2)), (2, ints(1, 1, 3, 0), (2, 2))]:
            call(f"ctc_loss/{blank} {reduction}", lambda x: F.ctc_loss(x.log_softmax(-1), targets, (6, 5), lengths, blank=blank, reduction=reduction), wave(6, 2, 4, scale=2))
    call("smooth_l1_loss/beta", lambda x, y: F.smooth_l1_loss(x, y, beta=0.3), a, b)
    call("huber_loss/delta", lambda x, y: F.huber_loss(x, y, delta=0.3), a, b)
    call("kl_div/batchmean", lambda x, y: F.kl_div(x, y, reduction="batchmean", log_target=True), a, b)
    call("poisson_nll_loss/plain", lambda x, y: F.poisson_nll_loss(x, y, log_input=False), positive, bits)
    call("gaussian_nll_loss/number", lambda x, y: F.gaussian_nll_loss(x, y, 0.7), a, b)
    call("cross_entropy/shares", lambda x, y: F.cross_entropy(x, y), a, positive)
    call("ctc_loss/infinite", lambda x: F.ctc_loss(x.log_softmax(-1), torch.tensor([[1, 1, 1]]), (4,), (3,), zero_infinity=True), wave(4, 1, 3))


def spatial():
    for n, x in spaces:
        half = [2] * n
        call(f"max_pool{n}d", lambda x: getattr(F, f"max_pool{n}d")(x, 3, 2, 1, ceil_mode=True), x)
        call(f"max_pool{n}d_with_indices", lambda x: getattr(F, f"max_pool{n}d")(x, 2, 1, dilation=2, return_indices=True), x)
        call(f"max_unpool{n}d", lambda x: getattr(F, f"max_unpool{n}d")(*getattr(F, f"max_pool{n}d")(x, 2, return_indices=True), 2, output_size=list(x.shape[2:])), x)
        call(f"avg_pool{n}d", lambda x: getattr(F, f"avg_pool{n}d")(x, 3, 2, 1, ceil_mode=True, count_include_pad=False), x)
        if n > 1:
            call(f"avg_pool{n}d/divisor", lambda x: getattr(F, f"avg_pool{n}d")(x, 2, divisor_override=3), x)
            samples = wave(x.shape[0], x.shape[1], n, k=1.9).abs() * 0.99
            call(f"fractional_max_pool{n}d", lambda x, s: getattr(F, f"fractional_max_pool{n}d")(x, 2, output_size=2, _random_samples=s), x, samples, fixed=(1,))
            call(f"fractional_max_pool{n}d_with_indices", lambda x, s: getattr(F, f"fractional_max_pool{n}d")(x, 2, output_ratio=[0.5] * n, return_indices=True, _random_samples=s), x, samples, fixed=(1,))
        call(f"adaptive_avg_pool{n}d", lambda x: getattr(F, f"adaptive_avg_pool{n}d")(x, 3), x)
        call(f"adaptive_max_pool{n}d", lambda x: getattr(F, f"adaptive_max_pool{n}d")(x, 3), x)
        call(f"adaptive_max_pool{n}d_with_indices", lambda x: getattr(F, f"adaptive_max_pool{n}d")(x, 2, return_indices=True), x)
        call(f"lp_pool{n}d", lambda x: getattr(F, f"lp_pool{n}d")(x.abs() + 0.1, 3, 2, stride=1), x)
        call(f"conv{n}d", lambda x, w, c: getattr(F, f"conv{n}d")(x, w, c, stride=2, padding=1, groups=2), x, wave(4, x.shape[1] // 2, *half, k=1.3), wave(4))
        call(f"conv{n}d/same", lambda x, w: getattr(F, f"conv{n}d")(x, w, padding="same", dilation=2), x, wave(2, x.shape[1], *half, k=1.3))
        call(f"conv_transpose{n}d", lambda x, w, c: getattr(F, f"conv_transpose{n}d")(x, w, c, 2, 1, 1, 2), x, wave(x.shape[1], 1, *[3] * n, k=1.3), wave(2))
        for mode in ["constant", "reflect", "replicate", "circular"]:
            call(f"pad/{mode} {n}", lambda x: F.pad(x, [1, 2] * n, mode), x)
        call(f"pad/cut {n}", lambda x: F.pad(x, [-1, 2] * n, value=0.7), x)
        call(f"dropout{n}d/off", lambda x: getattr(F, f"dropout{n}d")(x, training=False), x)
        call(f"instance_norm/{n}", lambda x, w, c: F.instance_norm(x, weight=w, bias=c, eps=1e-3), x, wave(x.shape[1], k=1.2), wave(x.shape[1]))
        call(f"batch_norm/{n}", lambda x, w, c: F.batch_norm(x, None, None, w, c, training=True, eps=1e-3), x, wave(x.shape[1], k=1.2), wave(x.shape[1]))
        call(f"batch_norm/running {n}", lambda x, m, v: F.batch_norm(x, m, v), x, wave(x.shape[1]), wave(x.shape[1]).abs() + 0.3, fixed=(1, 2))
        call(f"local_response_norm/{n}", lambda x: F.local_response_norm(x, 2, 0.5, 0.6, 0.8), x)
        call(f"group_norm/{n}", lambda x, w, c: F.group_norm(x, 2, w, c), x, wave(x.shape[1], k=1.2), wave(x.shape[1]))
    for mode, x in [("nearest", sequence), ("nearest", image), ("nearest", volume), ("nearest-exact", sequence), ("nearest-exact", image), ("nearest-exact", volume),
                    ("linear", sequence), ("bilinear", image), ("bicubic", image), ("trilinear", volume), ("area", sequence), ("area", image), ("area", volume)]:
        n = x.dim() - 2
        call(f"interpolate/{mode} {n} size", lambda x: F.interpolate(x, size=[3, 8, 7][:n], mode=mode), x)
        call(f"interpolate/{mode} {n} factor", lambda x: F.interpolate(x, scale_factor=1.7, mode=mode), x)
        call(f"interpolate/{mode} {n} recomputed", lambda x: F.interpolate(x, scale_factor=[0.6, 1.7, 2.3][:n], mode=mode, recompute_scale_factor=True), x)
        if "linear" in mode or mode == "bicubic":
            call(f"interpolate/{mode} {n} corners", lambda x: F.interpolate(x, scale_factor=[2.0, 0.7, 1.3][:n], mode=mode, align_corners=True), x)
        if mode in ("bilinear", "bicubic"):
            for corners in [False, True]:
                call(f"interpolate/{mode} antialias {corners}", lambda x: F.interpolate(x, size=(3, 9), mode=mode, antialias=True, align_corners=corners), x)
    call("upsample", lambda x: F.upsample(x, scale_factor=2), image)
    call("upsample_nearest", lambda x: F.upsample_nearest(x, scale_factor=2), image)
    call("upsample_bilinear", lambda x: F.upsample_bilinear(x, size=(7, 8)), image)
    call("pixel_shuffle", lambda x: F.pixel_shuffle(x, 2), image)
    call("pixel_unshuffle", lambda x: F.pixel_unshuffle(x, 2), wave(1, 2, 4, 6))
    call("channel_shuffle", lambda x: F.channel_shuffle(x, 2), image)
    call("native_channel_shuffle", lambda x: F.native_channel_shuffle(x, 2), image, fixed=(0,))
    call("unfold", lambda x: F.unfold(x, (2, 3), 1, (1, 0), 2), image)
    call("fold", lambda x: F.fold(x, (6, 5), 2, padding=1, stride=(2, 1)), wave(2, 8, 24))


def others():
    call("linear", F.linear, a, wave(5, 4, k=1.1), wave(5))
    call("bilinear", F.bilinear, a, wave(3, 2, k=1.9), wave(5, 4, 2, k=1.1), wave(5))
    call("cosine_similarity", lambda x, y: F.cosine_similarity(x, y, dim=0), a, b)
    call("pairwise_distance", lambda x, y: F.pairwise_distance(x, y, 3.0, keepdim=True), a, b)
    call("normalize", lambda x: F.normalize(x, 3.0, 0), a)
    call("one_hot", lambda i: F.one_hot(i, 5), labels)
    call("layer_norm", lambda x, w, c: F.layer_norm(x, (4,), w, c, 1e-3), a, wave(4), wave(4, k=1.1))
    call("rms_norm", lambda x, w: F.rms_norm(x, (3, 4), w, 1e-3), wave(2, 3, 4), wave(3, 4))
    call("embedding", lambda i, w: F.embedding(i, w, 3, scale_grad_by_freq=True), ints(1, 3, 1, 0), wave(5, 2))
    call("embedding_bag", lambda i, w, p: F.embedding_bag(i, w, ints(0, 3), mode="sum", per_sample_weights=p), ints(1, 3, 1, 0), wave(5, 2), wave(4))
    for name in ["dropout", "alpha_dropout", "feature_alpha_dropout"]:
        call(f"{name}/off", lambda x: getattr(F, name)(x, 0.4, training=False), image)


def attention():
    q, k, v = wave(2, 4, 3, 5), wave(2, 4, 6, 5, k=1.1), wave(2, 4, 6, 2, k=1.3)
    name, f = "scaled_dot_product_attention", F.scaled_dot_product_attention
    call(f"{name}/plain", f, q, k, v)
    call(f"{name}/causal", lambda q, k, v: f(q, k, v, is_causal=True, scale=0.3), q, k, v)
    call(f"{name}/added", lambda q, k, v, m: f(q, k, v, attn_mask=m), q, k, v, wave(4, 3, 6))
    call(f"{name}/bool", lambda q, k, v: f(q, k, v, attn_mask=wave(3, 6, k=1.7) > -0.5), q, k, v)
    call(f"{name}/grouped", lambda q, k, v: f(q, k, v, enable_gqa=True), q, k[:, :2], v[:, :2])
    call(f"{name}/3", f, q[0], k[0], v[0])
    name, f = "multi_head_attention_forward", F.multi_head_attention_forward
    x, y = wave(3, 2, 4), wave(5, 2, 4, k=1.1)
    weights = [wave(12, 4, k=1.3), wave(12), wave(4, 4, k=1.9), wave(4, k=0.4)]

    def attend(x, y, w, c, o, d, *more, **kw):
        return f(x, y, y, 4, 2, w, c, None, None, kw.pop("zero", False), 0.0, o, d, **kw)

    call(f"{name}/plain", attend, x, y, *weights)
    call(f"{name}/zero heads", lambda *t: attend(*t, zero=True, average_attn_weights=False), x, y, *weights)
    call(f"{name}/padding", lambda *t: attend(*t, key_padding_mask=torch.tensor([[False] * 4 + [True], [True] + [False] * 4])), x, y, *weights)
    call(f"{name}/static", lambda x, y, w, c, o, d, k, v: attend(x, y, w, c, o, d, static_k=k, static_v=v), x, y, *weights, wave(4, 5, 2, k=0.9), wave(4, 5, 2, k=1.7))
    call(f"{name}/bias", lambda x, y, w, c, o, d, k, v: f(x, y, y, 4, 2, w, c, k, v, False, 0.0, o, d, attn_mask=wave(3, 5) > 0.9), x, y, *weights, wave(1, 1, 4, k=0.9), wave(1, 1, 4, k=1.7))
    call(f"{name}/separate", lambda x, k, v, c, o, d, qw, kw, vw: f(
        x, k, v, 4, 2, None, c, None, None, False, 0.0, o, d, use_separate_proj_weight=True, q_proj_weight=qw, k_proj_weight=kw, v_proj_weight=vw),
        x, wave(5, 2, 3, k=1.1), wave(5, 2, 2, k=0.8), weights[1], weights[2], weights[3], wave(4, 4, k=1.3), wave(4, 3, k=1.3), wave(4, 2, k=1.3))


def transforms():
    x, y, m = wave(3), wave(3, k=1.3), wave(4, 3, k=1.1)

    def f(x, y):
        return (x.sin() * y.exp()).sum() + (x * y).sum() ** 2

    def g(x, y):
        return (m @ x).tanh() * (y.sum() + x[0])

    call("func.grad", lambda x, y: tf.grad(f)(x, y), x, y)
    call("func.grad/both", lambda x, y: tf.grad(f, argnums=(0, 1))(x, y), x, y)
    call("func.grad_and_value", lambda x, y: tf.grad_and_value(f, argnums=1)(x, y), x, y)
    call("func.vjp", lambda x, y: tf.vjp(g, x, y)[1](wave(4)), x, y)
    call("func.jvp", lambda x, y: tf.jvp(g, (x, y), (wave(3, k=0.2), wave(3, k=0.4))), x, y)
    call("func.linearize", lambda x, y: tf.linearize(g, x, y)[1](wave(3, k=0.2), wave(3, k=0.4)), x, y, fixed=(0, 1))
    call("func.jacrev", lambda x, y: tf.jacrev(g, argnums=(0, 1))(x, y), x, y)
    call("func.jacrev/second", lambda x, y: tf.jacrev(g, argnums=1)(x, y), x, y)
    call("func.jacfwd", lambda x, y: tf.jacfwd(g, argnums=(1, 0))(x, y), x, y)
    call("func.hessian", lambda x, y: [h for row in tf.hessian(f, argnums=(0, 1))(x, y) for h in row], x, y)
    call("func.hessian/first", lambda x, y: tf.hessian(f)(x, y), x, y)
    call("func.vmap", lambda x, y: tf.vmap(lambda u, v: u.cumsum(0) * v, in_dims=(1, None), out_dims=1)(x, y), a, wave(3))
    call("func.vmap/grad", lambda x, y: tf.vmap(tf.grad(lambda u, v: (u * v).sin().sum()), in_dims=(0, None))(x, y), a, wave(4))
    net = nn.Linear(4, 2)
    call("func.functional_call", lambda x, w, c: tf.functional_call(net, {"weight": w, "bias": c}, (x,)), a, wave(2, 4, k=1.9), wave(2))


def initialisers():
    def filled(name, *shape, **options):
        return lambda: getattr(nn.init, name)(torch.empty(*shape), **options)

    call("init.constant_", filled("constant_", 2, 3, val=0.3))
    call("init.ones_", filled("ones_", 2))
    call("init.zeros_", filled("zeros_", 2))
    call("init.eye_", filled("eye_", 3, 5))
    for shape in [(4, 2, 3), (2, 4, 3, 2), (4, 2, 3, 3, 2)]:
        call(f"init.dirac_/{len(shape)}", filled("dirac_", *shape, groups=2))
    gains = [("linear", None), ("sigmoid", None), ("tanh", None), ("relu", None), ("leaky_relu", None), ("leaky_relu", 0.2), ("selu", None)]
    call("init.calculate_gain", lambda: torch.tensor([nn.init.calculate_gain(n, p) for n, p in gains]))


def averages():
    for name, options in [("mean", {}), ("ema", {"multi_avg_fn": swa_utils.get_ema_multi_avg_fn(0.8)}), ("custom", {"avg_fn": lambda a, p, n: torch.maximum(a, p) + n})]:
        for buffers in [False, True]:
            model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
            averaged = swa_utils.AveragedModel(model, use_buffers=buffers, **options)
            for step in range(4):
                with torch.no_grad():
                    for i, p in enumerate(list(model.parameters()) + [model[1].running_mean, model[1].running_var]):
                        p.copy_(wave(*p.shape, k=0.3 + i + 0.7 * step))
                    model[1].num_batches_tracked.fill_([3, 10, 30, 7][step])
                averaged.update_parameters(model)
            call(f"AveragedModel/{name} {buffers}", lambda: [v.detach() for v in averaged.state_dict().values()])


# Recorded in functions.json, random, or in-place (and compared with the other form).
ELSEWHERE = {
    "grid_sample", "affine_grid", "pdist", "conv_tbc", "relu_", "elu_", "selu_", "celu_", "leaky_relu_", "hardtanh_", "threshold_", "rrelu_", "gumbel_softmax",
}
HELPERS = {"assert_int_or_pair", "boolean_dispatch", "handle_torch_function", "has_torch_function", "has_torch_function_unary", "has_torch_function_variadic",
           "grouped_mm", "scaled_mm", "scaled_grouped_mm"}


def main():
    for part in [activations, losses, spatial, others, attention, transforms, initialisers, averages]:
        part()
    public = {n for n in dir(F) if not n.startswith("_") and n[:1].islower() and callable(getattr(F, n)) and (getattr(getattr(F, n), "__module__", None) or "torch").startswith("torch")}
    missing = public - {name.split("/")[0] for name in CALLS} - ELSEWHERE - HELPERS
    if missing:
        raise SystemExit(f"record_calls.py: nothing is recorded of {sorted(missing)}")
    path = pathlib.Path(__file__).parents[2] / "Tests/ApusNNTests/Recorded/calls.json"
    lines = [f"{json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}" for k, v in CALLS.items()]
    path.write_text('{"torch": ' + json.dumps(torch.__version__) + ',\n"calls": {\n' + ",\n".join(lines) + "\n}}\n")


main()
