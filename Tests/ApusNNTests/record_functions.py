#!/usr/bin/env python3
"""Records PyTorch's answers for functions and utilities of torch.nn that are no layers: Tests/ApusNNTests/Recorded/functions.json.

`RecordedFunctionTests.swift` and `UtilityTests.swift` compute the same from the same numbers, in float64. Run with torch 2.13 (CPU):
python3 Tests/ApusNNTests/record_functions.py
"""
import itertools
import json
import math
import pathlib
import warnings

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune, rnn

warnings.simplefilter("ignore")
torch.set_default_dtype(torch.float64)
# The order of summation and the random numbers are the same in every run.
torch.set_num_threads(1)
torch.manual_seed(7)
NUMBERS, TEXTS = {}, {}


def wave(*shape, k=0.7, scale=1.0):
    return (torch.sin(torch.arange(math.prod(shape)) * k + 0.3) * scale).reshape(shape)


def record(name, *tensors):
    for i, tensor in enumerate(tensors):
        NUMBERS[f"{name}/{i}"] = {"shape": list(tensor.shape), "values": [float(f"{v:.15g}") for v in tensor.detach().double().flatten().tolist()]}


def differentiated(name, function, *inputs):
    """The output, and the gradients of its sum weighted by wave(k=2.3)."""
    leaves = [x.clone().requires_grad_() for x in inputs]
    output = function(*leaves)
    gradients = torch.autograd.grad((output * wave(*output.shape, k=2.3)).sum(), leaves, allow_unused=True)
    record(name, output, *[torch.zeros_like(x) if g is None else g for x, g in zip(leaves, gradients)])


def text(name, module):
    # From 2.15 on, attention's projection is a plain Linear, as in the recorded layers.
    TEXTS[name + "/repr"] = repr(module).replace("NonDynamicallyQuantizableLinear", "Linear")
    TEXTS[name + "/keys"] = " ".join(module.state_dict())


def functions():
    for mode, padding, corners in itertools.product(["bilinear", "nearest", "bicubic"], ["zeros", "border", "reflection"], [False, True]):
        def sample(x, g):
            return F.grid_sample(x, g, mode, padding, corners)

        differentiated(f"gridSample/{mode}/{padding}/{corners}/2", sample, wave(2, 2, 4, 3), wave(2, 3, 2, 2, k=1.7, scale=1.4))
        if mode != "bicubic":
            differentiated(f"gridSample/{mode}/{padding}/{corners}/3", sample, wave(1, 2, 3, 2, 4), wave(1, 2, 2, 1, 3, k=1.7, scale=1.4))
    for corners in [False, True]:
        differentiated(f"affineGrid/2/{corners}", lambda t: F.affine_grid(t, [2, 1, 3, 4], corners), wave(2, 2, 3))
        differentiated(f"affineGrid/3/{corners}", lambda t: F.affine_grid(t, [2, 1, 2, 1, 3], corners), wave(2, 3, 4))
    rows = torch.cat([wave(3, 3), wave(3, 3)[:1]])
    for p in [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, math.inf]:
        differentiated(f"pdist/{p}", lambda x: F.pdist(x, p), rows)
    differentiated("convTbc", lambda x, w, b: F.conv_tbc(x, w, b, 1), wave(5, 2, 3), wave(3, 3, 4, k=1.3), wave(4))
    record("maxPool/int", *F.max_pool2d(torch.arange(60).reshape(1, 2, 5, 6) * 7 % 31, 3, 2, 1, return_indices=True))


def norms():
    for dim in [0, 1, None]:
        layer = parametrizations.weight_norm(nn.Linear(3, 4), dim=dim)
        with torch.no_grad():
            layer.weight = wave(4, 3)
        start = [layer.parametrizations.weight.original0, layer.parametrizations.weight.original1]
        record(f"weightNorm/{dim}/start", *start)
        with torch.no_grad():
            start[0].mul_(1.5)
        grads = torch.autograd.grad((layer.weight * wave(4, 3, k=2.3)).sum(), start)
        record(f"weightNorm/{dim}", layer.weight, *grads)
        if dim == 0:
            text("weightNorm", layer)
            old = nn.utils.weight_norm(nn.Linear(3, 4))
            TEXTS["weightNorm.old/keys"] = " ".join(old.state_dict())
    for name, layer in [("conv", nn.Conv2d(2, 3, 2)), ("transposed", nn.ConvTranspose1d(2, 3, 2)), ("vector", nn.LayerNorm(4))]:
        parametrizations.spectral_norm(layer)
        list_ = layer.parametrizations.weight
        with torch.no_grad():
            list_.original.copy_(wave(*list_.original.shape))
            layer.bias.zero_()
            for key, buffer in list_[0].named_buffers():
                buffer.copy_(F.normalize(wave(*buffer.shape, k=1.1 if key == "_u" else 1.9), dim=0))
        x = {"conv": wave(1, 2, 3, 3), "transposed": wave(1, 2, 3), "vector": wave(2, 4)}[name]
        for training in [True, False]:
            layer.train(training)
            output = layer(x)
            grad, = torch.autograd.grad((output * wave(*output.shape, k=2.3)).sum(), [list_.original])
            record(f"spectralNorm/{name}/{training}", output, grad, *[b for _, b in list_[0].named_buffers()])
        if name == "conv":
            text("spectralNorm", layer)
    old = nn.utils.spectral_norm(nn.Linear(3, 4), n_power_iterations=2)
    with torch.no_grad():
        old.weight_orig.copy_(wave(4, 3))
        old.bias.zero_()
        old.weight_u.copy_(F.normalize(wave(4, k=1.1), dim=0))
        old.weight_v.copy_(F.normalize(wave(3, k=1.9), dim=0))
    record("spectralNorm.old", old(wave(2, 3)), old.weight_u, old.weight_v)
    TEXTS["spectralNorm.old/keys"] = " ".join(old.state_dict())


def orthogonal():
    for map_, (n, m), trivial in itertools.product(["matrix_exp", "cayley", "householder"], [(3, 3), (5, 3), (2, 4)], [False, True]):
        name = f"orthogonal/{map_}/{n}x{m}/{trivial}"
        layer = nn.Linear(m, n)
        with torch.no_grad():
            # A single wave has rank 2.
            layer.weight.copy_(wave(n, m) + wave(n, m, k=1.9))
        parametrizations.orthogonal(layer, orthogonal_map=map_, use_trivialization=trivial)
        list_ = layer.parametrizations.weight
        if trivial:
            # The completion of a basis is random; only the part given by the weight is fixed.
            record(name + "/start", layer.weight)
            side = max(n, m)
            base, _ = torch.linalg.qr(wave(side, side, k=1.3))
            list_[0].base = base
            record(name + "/base", base)
        elif map_ == "householder":
            record(name + "/start", layer.weight)
        diagonal = torch.eye(n, m) if map_ == "householder" else 0
        with torch.no_grad():
            list_.original.copy_(wave(n, m, k=0.9, scale=0.8).tril(-1) + wave(n, m, k=0.9, scale=0.8).triu(1) - diagonal)
        grad, = torch.autograd.grad((layer.weight * wave(n, m, k=2.3)).sum(), [list_.original])
        record(name, layer.weight, grad)
        if map_ == "cayley" and trivial and n == 3:
            text("orthogonal", layer)


class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).transpose(0, 1)


class Skewed(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, x):
        return x * self.scale


def chains():
    layer = nn.Linear(3, 3)
    with torch.no_grad():
        layer.weight.copy_(wave(3, 3))
    parametrize.register_parametrization(layer, "weight", Symmetric())
    parametrize.register_parametrization(layer, "weight", Skewed())
    parametrize.register_parametrization(layer, "bias", Skewed())
    text("chain", layer)
    output = layer.weight
    grads = torch.autograd.grad((output * wave(3, 3, k=2.3)).sum(), [layer.parametrizations.weight.original, layer.parametrizations.weight[1].scale])
    record("chain", output, *grads)
    text("lstm", parametrizations.weight_norm(nn.LSTM(2, 3), "weight_hh_l0"))


def pruning():
    layer = nn.Conv2d(2, 4, 2)
    with torch.no_grad():
        layer.weight.copy_(wave(4, 2, 2, 2))
    prune.l1_unstructured(layer, "weight", amount=0.3)
    record("prune/l1", layer.weight_mask)
    prune.l1_unstructured(layer, "weight", amount=5)
    record("prune/l1 again", layer.weight_mask)
    prune.ln_structured(layer, "weight", amount=1, n=2, dim=0)
    record("prune/ln", layer.weight_mask, layer.weight)
    prune.ln_structured(layer, "weight", amount=0.5, n=math.inf, dim=1)
    record("prune/ln inf", layer.weight_mask)
    x = wave(1, 2, 3, 3)
    output = layer(x)
    grad, = torch.autograd.grad((output * wave(*output.shape, k=2.3)).sum(), [layer.weight_orig])
    record("prune/grad", grad)
    text("prune", layer)
    net = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    with torch.no_grad():
        net[0].weight.copy_(wave(3, 4))
        net[1].weight.copy_(wave(2, 3, k=1.3))
    prune.l1_unstructured(net[0], "weight", amount=2)
    prune.global_unstructured([(net[0], "weight"), (net[1], "weight")], prune.L1Unstructured, amount=0.4)
    record("prune/global", net[0].weight_mask, net[1].weight_mask)
    prune.remove(net[0], "weight")
    record("prune/removed", net[0].weight)


def fusion():
    for name, conv, bn, transpose in [
        ("conv", nn.Conv2d(2, 3, 2, bias=False), nn.BatchNorm2d(3), False), ("transposed", nn.ConvTranspose1d(2, 3, 2), nn.BatchNorm1d(3), True),
        ("linear", nn.Linear(2, 3), nn.BatchNorm1d(3), None),
    ]:
        with torch.no_grad():
            for i, tensor in enumerate(list(conv.parameters()) + list(bn.parameters()) + [bn.running_mean]):
                tensor.copy_(wave(*tensor.shape, k=0.7 + i))
            bn.running_var.copy_(wave(3, k=0.4).abs() + 0.5)
        conv.eval()
        bn.eval()
        fused = nn.utils.fuse_linear_bn_eval(conv, bn) if transpose is None else nn.utils.fuse_conv_bn_eval(conv, bn, transpose)
        record(f"fused/{name}", fused.weight, fused.bias)


def packed():
    for kind in ["RNN", "LSTM", "GRU"]:
        net = getattr(nn, kind)(2, 3, 2, bidirectional=True)
        with torch.no_grad():
            for i, parameter in enumerate(net.parameters()):
                parameter.copy_(wave(*parameter.shape, k=0.5 + 0.1 * i, scale=0.6))
        x = wave(4, 3, 2).requires_grad_()
        hidden = wave(4, 3, 3, k=1.3).requires_grad_()
        states = (hidden, wave(4, 3, 3, k=0.4)) if kind == "LSTM" else hidden
        output, last = net(rnn.pack_padded_sequence(x, torch.tensor([2, 4, 1]), enforce_sorted=False), states)
        last = last if kind == "LSTM" else (last,)
        total = (output.data * wave(*output.data.shape, k=2.3)).sum() + sum((s * wave(*s.shape, k=1.7)).sum() for s in last)
        grads = torch.autograd.grad(total, [x, hidden] + list(net.parameters())[:2])
        record(f"packed/{kind}", output.data, *last, *grads)


def stacks():
    """Encoders and decoders of two layers, with every mask."""
    causal = torch.triu(torch.full((3, 3), -math.inf), 1)
    padding, memory_padding = torch.tensor([[False, False, True], [False, False, False]]), torch.tensor([[False] * 4, [True] + [False] * 3])

    def numbered(net):
        with torch.no_grad():
            for i, parameter in enumerate(net.parameters()):
                parameter.copy_(wave(*parameter.shape, k=0.5 + 0.1 * i, scale=0.6))
        return net

    def ran(name, net, *inputs, **masks):
        leaves = [x.clone().requires_grad_() for x in inputs]
        output = net(*leaves, **masks)
        wanted = leaves + list(net.parameters())
        record(name, output, *torch.autograd.grad((output * wave(*output.shape, k=2.3)).sum(), wanted))

    src, memory = wave(3, 2, 4), wave(4, 2, 4, k=1.3)
    for name, options in [("plain", {}), ("first", dict(norm_first=True, activation="gelu")), ("batch", dict(batch_first=True, bias=False))]:
        flip = (lambda x: x.transpose(0, 1).contiguous()) if "batch_first" in options else (lambda x: x)
        encoder = numbered(nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 6, 0.0, **options), 2, norm=nn.LayerNorm(4) if name == "first" else None))
        decoder = numbered(nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 6, 0.0, **options), 2, norm=nn.LayerNorm(4) if name == "first" else None))
        text(f"encoder/{name}", encoder)
        text(f"decoder/{name}", decoder)
        ran(f"encoder/{name}", encoder, flip(src))
        ran(f"encoder/{name}/causal", encoder, flip(src), mask=causal, is_causal=True)
        ran(f"encoder/{name}/padded", encoder, flip(src), src_key_padding_mask=padding)
        ran(f"decoder/{name}", decoder, flip(src), flip(memory))
        ran(f"decoder/{name}/masked", decoder, flip(src), flip(memory), tgt_mask=causal, tgt_is_causal=True, memory_mask=wave(3, 4, k=1.7) > 0.8,
            tgt_key_padding_mask=padding.double() * -1e9, memory_key_padding_mask=memory_padding)


functions()
norms()
orthogonal()
chains()
pruning()
fusion()
packed()
stacks()
path = pathlib.Path(__file__).parents[2] / "Tests/ApusNNTests/Recorded/functions.json"
path.parent.mkdir(exist_ok=True)
lines = [f"{json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}" for k, v in NUMBERS.items()]
path.write_text('{"torch": ' + json.dumps(torch.__version__) + ',\n"texts": ' + json.dumps(TEXTS, indent=0) + ',\n"numbers": {\n' + ",\n".join(lines) + "\n}}\n")
