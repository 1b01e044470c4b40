#!/usr/bin/env python3
"""Records PyTorch's answers for tensor functions: Tests/ApusCoreTests/Recorded/ops.json.

Each case has a name and an expression; `RecordedOpsTests.swift` and the files beside it have the same names with the expressions in Swift.
Run with torch 2.13 (CPU): python3 Tests/ApusCoreTests/record_ops.py
"""
import json
import math
import pathlib
import sys

import torch

sys.dont_write_bytecode = True
import record_linalg
import record_pointwise
import record_shapes
import record_statistics
import record_various

# The order of summation is the same on every machine.
torch.set_num_threads(1)

inf, nan = math.inf, math.nan


def wave(*shape, k=0.7, scale=2.0, dtype=torch.float32):
    n = math.prod(shape)
    return (torch.sin(torch.arange(n, dtype=torch.float64) * k) * scale).reshape(shape).to(dtype)


x = wave(2, 3, 4)
y = wave(3, 1, k=1.3)
v = wave(7, k=2.1)
i = torch.arange(12).reshape(3, 4) * 7 % 11
b = x > 0
s = torch.tensor([3, -7, 7, -3])
t = torch.tensor([2, 2, -2, -2])
z = wave(2, 3, 4, 5)
few = torch.tensor([0, 2, 1, 0, 1, 2, 0])
special = torch.tensor([nan, 1.0, -inf, inf, 0.0, -2.5, 2.5, 1.5])


def assigned(a, index, value):
    """`a` after `a[index] = value`; `value` may be a part of `a`."""
    a = a.clone()
    a[index] = value
    return a


def changed(a, f):
    """`a` after the in-place `f`."""
    a = a.clone()
    f(a)
    return a


def scatter_prod(which):
    """A gradient of scatter_reduce's products, with no, one and two zeros among the factors of an element, and zeros in x."""
    a = torch.tensor([2.0, 0.0, 3.0, 0.0, 5.0], requires_grad=True)
    c = torch.tensor([4.0, 0.0, 0.0, 0.0, 7.0, -2.0, 0.5], requires_grad=True)
    a.scatter_reduce(0, torch.tensor([0, 0, 1, 1, 2, 2, 3]), c, "prod").mul(torch.arange(1.0, 6)).sum().backward()
    return (a, c)[which].grad


def gradient(a, f):
    """The gradient of a sum of the results of f with various weights."""
    a = a.detach().clone().requires_grad_()
    r = f(a)
    (r * (wave(*r.shape, k=0.3, dtype=r.dtype) + 1)).sum().backward()
    return a.grad


CASES = {
    "promote.int+float": lambda: i + 1.5,
    "promote.int*int": lambda: i * 2,
    "promote.bool+int": lambda: b + 1,
    "promote.bool+bool": lambda: b + b,
    "promote.float16+float32 scalar": lambda: x.half() + torch.tensor(1.0),
    "promote.bfloat16+float16": lambda: x.bfloat16() + x.half(),
    "promote.uint8+int8": lambda: i.to(torch.uint8) + i.to(torch.int8),
    "promote.int/int": lambda: i / 3,
    "promote.int64 scalar tensor + int32": lambda: i.int() + torch.tensor(5),
    "promote.float64 scalar tensor + float32": lambda: x + torch.tensor(5.0, dtype=torch.float64),
    "promote.float scalar tensor + int": lambda: i + torch.tensor(2.5, dtype=torch.float64),
    "floorDivide.int": lambda: torch.div(s, t, rounding_mode="floor"),
    "truncDivide.int": lambda: torch.div(s, t, rounding_mode="trunc"),
    "remainder.int": lambda: s % t,
    "fmod.int": lambda: torch.fmod(s, t),
    "remainder.float": lambda: x % 0.75,
    "fmod.float": lambda: torch.fmod(x, -0.75),
    "floorDivide.float": lambda: torch.floor_divide(x, 0.75),
    "pow.int": lambda: i**3,
    "pow.tensor": lambda: x.abs().pow(y),
    "pow.base": lambda: torch.pow(2, x),
    "minimum.nan": lambda: torch.minimum(special, torch.zeros(8)),
    "maximum.nan": lambda: torch.maximum(special, torch.zeros(8)),
    "round": lambda: special.round(),
    "trunc": lambda: special.trunc(),
    "sign": lambda: special.sign(),
    "clamp": lambda: special.clamp(-1, 2),
    "isfinite": lambda: special.isfinite(),
    "atan2": lambda: torch.atan2(x, y),
    "heaviside": lambda: torch.heaviside(x.round(), y),
    "lerp": lambda: torch.lerp(x, y.expand(2, 3, 4), 0.3),
    "bitwise": lambda: (i & 6) ^ (i | 1),
    "shift": lambda: (i << 2) >> 1,
    "logical": lambda: b.logical_xor(i > 4),
    "where": lambda: torch.where(b, x, y),
    "sum.all": lambda: x.sum(),
    "sum.dims": lambda: x.sum((0, 2), keepdim=True),
    "sum.bool": lambda: b.sum(1),
    "mean": lambda: x.mean(-1),
    "prod": lambda: x.prod(1),
    "prod.int": lambda: (i + 1).prod(),
    "amax": lambda: x.amax((0, 1)),
    "max.values": lambda: x.max(1).values,
    "max.indices": lambda: x.max(1).indices,
    "max.nan": lambda: special.max(0).indices,
    "min.indices": lambda: x.min(2, keepdim=True).indices,
    "argmax": lambda: x.argmax(),
    "argmin": lambda: x.argmin(0),
    "any": lambda: b.any(2),
    "all": lambda: (i > 0).all(0),
    "var": lambda: x.var(1),
    "var.all": lambda: x.var(correction=0),
    "std": lambda: x.std((0, 2)),
    "norm": lambda: x.norm(),
    "norm.1": lambda: x.norm(p=1, dim=1),
    "norm.inf": lambda: x.norm(p=inf, dim=(0, 2)),
    "norm.3": lambda: x.norm(p=3, dim=2, keepdim=True),
    "logsumexp": lambda: x.logsumexp(1),
    "cumsum": lambda: x.cumsum(1),
    "cumprod": lambda: x.cumprod(-1),
    "cumsum.int": lambda: i.cumsum(0),
    "median": lambda: v.median(),
    "median.dim": lambda: x.median(1).values,
    "median.nan": lambda: special.median(),
    "quantile": lambda: v.quantile(0.3),
    "quantile.dim": lambda: x.quantile(torch.tensor([0.0, 0.5, 0.9]), dim=2),
    "sort": lambda: x.sort(1, descending=True).values,
    "sort.nan": lambda: special.sort().values,
    "argsort.stable": lambda: torch.argsort(i % 3, dim=1, stable=True),
    "topk": lambda: x.topk(2, dim=2).values,
    "topk.smallest": lambda: x.topk(2, dim=1, largest=False).indices,
    "kthvalue": lambda: v.kthvalue(3).values,
    "unique": lambda: (i % 4).unique(),
    "unique.inverse": lambda: (i % 4).unique(return_inverse=True)[1],
    "unique.counts": lambda: (i % 4).unique(return_counts=True)[1],
    "gather": lambda: x.gather(1, torch.tensor([[[0, 2, 1, 1]], [[2, 2, 0, 1]]])),
    "scatter": lambda: torch.zeros(2, 3, 4).scatter(1, torch.tensor([[[0, 2, 1, 1]], [[2, 2, 0, 1]]]), x[:, :1]),
    "scatterAdd": lambda: x.scatter_add(2, torch.tensor([[[0, 0, 3]], [[1, 1, 1]]]), x),
    "indexSelect": lambda: x.index_select(2, torch.tensor([3, 0, 0])),
    "indexAdd": lambda: x.index_add(1, torch.tensor([2, 2]), x[:, :2]),
    "indexFill": lambda: x.index_fill(2, torch.tensor([1, 3]), 9.0),
    "maskedFill": lambda: x.masked_fill(b, -1.0),
    "maskedSelect": lambda: x.masked_select(b),
    "nonzero": lambda: b.nonzero(),
    "flip": lambda: x.flip(0, 2),
    "roll": lambda: x.roll((1, -2), (0, 2)),
    "roll.flat": lambda: x.roll(5),
    "repeat": lambda: x.repeat(2, 1, 1, 2),
    "repeatInterleave": lambda: x.repeat_interleave(2, dim=1),
    "tril": lambda: x.tril(1),
    "triu": lambda: x.triu(-1),
    "pad": lambda: torch.nn.functional.pad(x, (1, -2, 0, 3), value=7.0),
    "cat": lambda: torch.cat([x, x[:, :1]], 1),
    "stack": lambda: torch.stack([x, x * 2], -1),
    "chunk": lambda: x.chunk(2, dim=1)[1],
    "split": lambda: x.split([1, 3], dim=2)[1],
    "unbind": lambda: x.unbind(1)[2],
    "diagonal": lambda: x.diagonal(1, 1, 2),
    "unfold": lambda: x.unfold(2, 2, 1),
    "movedim": lambda: x.movedim(0, 2),
    "unflatten": lambda: x.unflatten(2, (2, -1)),
    "expand": lambda: y.expand(2, 3, 4),
    "asStrided": lambda: x.as_strided((3, 3), (4, 2), 1),
    "matmul.vv": lambda: v @ v,
    "matmul.mv": lambda: x[0] @ x[1, 0],
    "matmul.vm": lambda: x[1, :, 0] @ x[0],
    "matmul.batch": lambda: x @ x.transpose(1, 2),
    "matmul.batch broadcast": lambda: x.unsqueeze(1) @ x.transpose(1, 2).unsqueeze(0),
    "matmul.3x2": lambda: x @ x[0].t(),
    "matmul.2x3": lambda: x[0].t() @ x,
    "matmul.1x3": lambda: x[0, :, 0] @ x,
    "matmul.3x1": lambda: x @ x[0, 0],
    "matmul.int": lambda: i @ i.t(),
    "addmm": lambda: torch.addmm(y, x[0], x[1].t(), beta=0.5, alpha=2),
    "einsum.batch": lambda: torch.einsum("bij,bkj->bik", x, x),
    "einsum.trace": lambda: torch.einsum("ii->i", x[0, :, :3]),
    "einsum.implicit": lambda: torch.einsum("bij,kj", x, x[0]),
    "einsum.ellipsis": lambda: torch.einsum("...ij,...kj->...ki", x, x),
    "einsum.sum": lambda: torch.einsum("bij->j", x),
    "einsum.outer": lambda: torch.einsum("i,j->ij", v, v[:2]),
    "einsum.three": lambda: torch.einsum("bij,bj,i->b", x, x[:, 0], x[0, :, 0]),
    "index.int": lambda: x[1, -1],
    "index.range": lambda: x[:, 1:, ::2],
    "index.negative range": lambda: x[..., -3:-1],
    "index.newaxis": lambda: x[:, None, 1],
    "index.tensor": lambda: x[torch.tensor([1, 0, 1])],
    "index.two tensors": lambda: x[:, torch.tensor([0, 2]), torch.tensor([1, -1])],
    "index.separated tensors": lambda: x[torch.tensor([0, 1]), :, torch.tensor([1, 3])],
    "index.broadcast tensors": lambda: x[torch.tensor([[0], [1]]), torch.tensor([0, 2])],
    "index.mask": lambda: x[b],
    "index.partial mask": lambda: x[torch.tensor([True, False]), 1:],
    "index.range beyond": lambda: x[:, 2:100],
    "index.slice": lambda: x[:, 1:-1, ::3],
    "index.tensors around an integer": lambda: z[:, few, 0, few],
    "index.an integer before": lambda: z[0, :, few],
    "index.an integer behind": lambda: z[:, few, :, 0],
    "index.tensors around a new axis": lambda: z[:, few, None, few],
    "index.tensors around an ellipsis of nothing": lambda: z[:, :, few, ..., few],
    "index.tensors around a range": lambda: z[0, few, :, few],
    "index.mask around an integer": lambda: z[:, few[:3] > 0, 0][:, :, few[:5] > 0],
    "assign.int": lambda: assigned(x, 1, x[0] * 2),
    "assign.number": lambda: assigned(x, (0, -1), 1.5),
    "assign.number to int": lambda: assigned(i, 0, 1.5),
    "assign.range": lambda: assigned(x, (slice(None), slice(1, 3)), y[:2]),
    "assign.step": lambda: assigned(x, (Ellipsis, slice(None, -1, 2)), -x[..., :2]),
    "assign.slice": lambda: assigned(x, (slice(None), slice(1, -1)), 7),
    "assign.ellipsis": lambda: assigned(x, (Ellipsis, 0), y[:, 0]),
    "assign.newAxis": lambda: assigned(x, (slice(None), None, 1), x[:, :1, :] * 3),
    "assign.mask": lambda: assigned(x, b, 0),
    "assign.mask values": lambda: assigned(x, b, torch.arange(float(x[b].numel()))),
    "assign.partial mask": lambda: assigned(x, (slice(None), torch.tensor([True, False, True])), x[:, :2] * 5),
    "assign.tensor": lambda: assigned(x, (slice(None), torch.tensor([2, 0])), x[:, :1] + 1),
    "assign.tensor number": lambda: assigned(x, torch.tensor([1]), -2),
    "assign.two tensors": lambda: assigned(x, (slice(None), torch.tensor([0, 2]), torch.tensor([1, -1])), x[:, 0, :2]),
    "assign.separated tensors": lambda: assigned(x, (torch.tensor([0, 1]), slice(None), torch.tensor([1, 3])), y.t()),
    "assign.tensors around an integer": lambda: assigned(z, (slice(None), few, 0, few + 1), few * 10.0),
    "assign.overlapping": lambda: assigned(v, slice(1, None), v[:-1]),
    "assign.overlapping the other way": lambda: assigned(v, slice(None, -1), v[1:]),
    "softplus": lambda: torch.nn.functional.softplus(x * 20),
    "erfinv": lambda: (x / 2.1).erfinv(),
    "lgamma": lambda: (x + 3).lgamma(),
    "digamma": lambda: (x + 3).digamma(),
    "polygamma.0": lambda: torch.polygamma(0, x + 3),
    "polygamma.1": lambda: torch.polygamma(1, x + 3),
    "polygamma.2": lambda: torch.polygamma(2, x + 3),
    "polygamma.int": lambda: torch.polygamma(3, i + 1),
    "ndtri": lambda: torch.special.ndtri(x / 4 + 0.5),
    "linspace": lambda: torch.linspace(-1, 2, 7),
    "arange.float": lambda: torch.arange(0.5, 3, 0.75),
    "arange.int": lambda: torch.arange(10, 0, -3),
    "eye": lambda: torch.eye(2, 3),
    "to.int": lambda: (x * 3).to(torch.int32),
    "to.uint8": lambda: (x.abs() * 3).to(torch.uint8),
    "to.half": lambda: (x * 1000).half(),
    "to.bfloat16": lambda: (x * 1000).bfloat16(),
    "bmm": lambda: torch.bmm(x, x.transpose(1, 2)),
    "baddbmm": lambda: torch.baddbmm(y, x, x.transpose(1, 2), beta=0.5, alpha=2),
    "dot": lambda: torch.dot(v, v.flip(0)),
    "addcdiv": lambda: torch.addcdiv(x, y, x.abs() + 1, value=0.5),
    "xlogy": lambda: torch.xlogy(torch.tensor([0.0, 0.0, 2.0, nan]), torch.tensor([0.0, nan, 3.0, 0.5])),
    "ge": lambda: x.ge(y),
    "le": lambda: special.le(0),
    "isnan": lambda: special.isnan(),
    "isinf": lambda: special.isinf(),
    "logicalAnd": lambda: b.logical_and(i % 2),
    "sum.dtype": lambda: i.sum(dtype=torch.float64),
    "sum.dim dtype": lambda: x.half().sum((0, 2), dtype=torch.float32),
    "mean.dtype": lambda: i.mean(1, dtype=torch.float32),
    "prod.dtype": lambda: (i + 1).prod(dtype=torch.float64),
    "prod.dim dtype": lambda: (i + 1).prod(1, dtype=torch.float32),
    "cumsum.dtype": lambda: i.cumsum(1, dtype=torch.float32),
    "cumprod.dtype": lambda: i.cumprod(0, dtype=torch.float64),
    "any.dims": lambda: b.any((0, 2)),
    "all.dims": lambda: (x > -1.99).all((1, 2), keepdim=True),
    "view": lambda: x.view([4, -1]),
    "tile": lambda: y.tile(2, 2),
    "zeros.separate": lambda: torch.zeros(2, 3, dtype=torch.int16),
    "ones.separate": lambda: torch.ones(2, 3),
    "unique.dim": lambda: (i % 2).repeat(2, 2).unique(dim=0),
    "unique.dim columns": lambda: (i % 2).unique(dim=1, return_inverse=True)[1],
    "unique.dim counts": lambda: (x > 0).long().unique(dim=-1, return_counts=True)[1],
    "norm.half": lambda: torch.full((3,), 300.0, dtype=torch.float16).norm(),
    "norm.3 half": lambda: (x.half() * 100).norm(p=3, dim=1),
    "var.half": lambda: (x * 300).half().var(1),
    "std.half": lambda: (x * 300).half().std(),
    "logsumexp.half": lambda: torch.zeros(60000, dtype=torch.float16).logsumexp(0),
    "mean.half": lambda: torch.full((100000,), 3.0, dtype=torch.float16).mean(),
    "sub_": lambda: changed(x, lambda a: a.sub_(y)),
    "div_": lambda: changed(x, lambda a: a.div_(y.abs() + 1)),
    "neg_": lambda: changed(i, lambda a: a.neg_()),
    "pow_": lambda: changed(x, lambda a: a.pow_(3)),
    "exp_": lambda: changed(x, lambda a: a.exp_()),
    "log_": lambda: changed(x, lambda a: a.log_()),
    "abs_": lambda: changed(x, lambda a: a.abs_()),
    "sqrt_": lambda: changed(x, lambda a: a.sqrt_()),
    "sigmoid_": lambda: changed(x, lambda a: a.sigmoid_()),
    "tanh_": lambda: changed(x, lambda a: a.tanh_()),
    "clamp_": lambda: changed(x, lambda a: a.clamp_(-0.5, 1)),
    "maskedFill_": lambda: changed(x, lambda a: a.masked_fill_(b, -1.0)),
    "lerp_": lambda: changed(x, lambda a: a.lerp_(y.expand(2, 3, 4), 0.3)),
    "lerp_.weights": lambda: changed(x, lambda a: a.lerp_(-x, y.abs().expand(2, 3, 4))),
    "scatter_": lambda: changed(i, lambda a: a.scatter_(1, torch.tensor([[0, 2], [3, 1], [1, 0]]), -i)),
    "scatter_.number": lambda: changed(x, lambda a: a.scatter_(2, torch.tensor([[[1, 3]]]), 9.0)),
    "scatterAdd_": lambda: changed(x, lambda a: a.scatter_add_(2, torch.tensor([[[0, 0, 3]], [[1, 1, 1]]]), x)),
    "indexAdd_": lambda: changed(x, lambda a: a.index_add_(1, torch.tensor([2, 2]), x[:, :2])),
    "scatterReduce.prod gradient of x": lambda: scatter_prod(0),
    "scatterReduce.prod gradient of source": lambda: scatter_prod(1),
    "isclose": lambda: torch.isclose(x, x + 1e-5 * b),
}
CASES |= record_statistics.cases(x, y, z, v, i, b, few, special, wave, changed, gradient)
CASES |= record_linalg.cases(i, wave)
CASES |= record_pointwise.cases(x, y, i, b, s, t, special, changed)
CASES |= record_shapes.cases(x, y, v, i, b, s, t, few, special, changed)
CASES |= record_various.cases(x, i, b, s, wave, changed)

PRINTED = {
    "vector": lambda: v,
    "cube": lambda: x,
    "ints": lambda: i,
    "bools": lambda: b,
    "scalar": lambda: torch.tensor(3.25),
    "whole": lambda: torch.tensor([1.0, 2.0, 300.0]),
    "wide": lambda: torch.tensor([1e-5, 1.0, 2.0]),
    "large": lambda: torch.tensor([1.0, 123456789.0]),
    "special": lambda: special,
    "empty": lambda: torch.zeros(0, 3),
    "double": lambda: torch.tensor([1.5], dtype=torch.float64),
    "int32": lambda: torch.tensor([1, -20], dtype=torch.int32),
    "half": lambda: v.half(),
    "long": lambda: torch.arange(1001),
    "big": lambda: torch.arange(2000.0).reshape(40, 50),
    "big cube": lambda: wave(11, 12, 13),
    "requires": lambda: torch.tensor([1.0, 2.0], requires_grad=True),
    "lines": lambda: torch.arange(40) * 1000,
    "zeros": lambda: torch.zeros(2, 2),
}


def encode(value):
    kind = "inf" if value == inf else "-inf" if value == -inf else "nan" if value != value else None
    return kind or value


def main():
    out = {"torch": torch.__version__.split("+")[0], "cases": {}, "printed": {}}
    for name, f in CASES.items():
        r = f()
        flat = r.detach().flatten().to(torch.float64 if r.is_floating_point() else torch.int64).tolist()
        out["cases"][name] = {"shape": list(r.shape), "dtype": str(r.dtype)[6:], "values": [encode(e) for e in flat]}
    for name, f in PRINTED.items():
        out["printed"][name] = repr(f())
    for name, f in record_various.prints(x, v, i).items():
        out["printed"][name] = f()
    path = pathlib.Path(__file__).parents[2] / "Tests/ApusCoreTests/Recorded/ops.json"
    path.write_text(json.dumps(out, indent=0).replace("\n", "").replace('}, "', '},\n"'))


main()
