#!/usr/bin/env python3
"""Records PyTorch's answers to the samples of its own op database: Tests/ApusCoreTests/Database/Recorded/database.{json,safetensors}.

The database (`torch.testing._internal.common_methods_invocations.op_db`) is what PyTorch tests its functions by: for each one arguments that it must
take, and arguments that it must refuse. Kept are, for each function and variant that `SKIPPED` does not name, a few samples of different kinds with
the results, the gradients of Σ w·result, and the gradients of Σ w·gradient, w by `weights`; and those that PyTorch refuses.
`Database….swift` have the functions in Swift, by the same names.

Run with torch 2.13 (CPU) and expecttest: python3 Tests/ApusCoreTests/Database/record_database.py
"""
import json
import math
import pathlib
import random
import re
import struct
import sys
import warnings

import numpy
import torch
from torch.testing._internal.common_methods_invocations import op_db

sys.dont_write_bytecode = True
torch.set_num_threads(1)
warnings.simplefilter("ignore")

FOLDER = pathlib.Path(__file__).resolve().parent / "Recorded"
# At most this many samples of a function and dtype, and elements of all tensors of a sample.
SAMPLES = {torch.float64: 20, torch.int64: 6, torch.bool: 3}
ELEMENTS = 640

# Functions without an answer that could be compared, and the reason, of which the first holds.
SKIPPED = {
    r"nn\.functional\..*": "recorded with the layers",
    r"fft\..*|stft|istft|complex|polar|view_as_(real|complex)|imag|real|cdouble|cfloat|chalf|linalg\.eig(vals)?|conj|conj_physical|resolve_.*|angle|sgn|isreal":
        "complex numbers come later",
    r"sparse\..*|to_sparse": "sparse layouts come later",
    r"masked\..*": "prototypes of masked tensors",
    r"bernoulli|cauchy|exponential|geometric|log_normal|multinomial|normal|randn?.*|uniform": "random",
    r"empty.*|new_empty.*": "memory that is not set",
    r"(?!index_).*_copy|unsafe_.*|resize_.*|nonzero_static": "forms for compilers",
    r"geqrf|ormqr|lu|lu_unpack|triangular_solve|trapz|svd|qr": "old names and packed forms of what is in torch.linalg",
    r"_segment_reduce": "PyTorch crashes on its own samples of it",
    r"__getitem__": "subscripts have cases of their own",
    r"_.*|torch\..*|jiterator_.*|native_.*|.*_backward|grid_sampler_.*|max_pool2d_with.*|hash_tensor|constant_pad_nd": "inner parts of PyTorch",
    r"to|slice_scatter": "samples of other devices, or of thousands of elements",
}

# Variants for other devices, of memory that no tensor shows, and of numbers within tensors, which Swift takes by `item()`.
FORMS = {"as_strided.partial_views", "bmm.triton_optimized", "linspace.tensor_overload", "logspace.tensor_overload"}

# What of a result is the same whatever the sign or phase of vectors, where a result is not unique.
UNIQUE = {
    "linalg.svd": lambda r: (r[0].abs(), r[1], r[2].abs()),
    "linalg.eigh": lambda r: (r[0], r[1].abs()),
    "svd_lowrank": lambda r: r[1],
    "pca_lowrank": lambda r: r[1],
    "linalg.lstsq": lambda r: r[0],
    "linalg.lstsq.grad_oriented": lambda r: r[0],
}


# Operands as the function reads them; PyTorch's derivatives run into the other half.
TRIANGULAR = {"cholesky_inverse": 0, "cholesky_solve": 1}

# Gradients of PyTorch that are wrong: x gets some where it is overwritten.
WRONG_GRADIENTS = {"as_strided_scatter", "index_reduce.amax", "index_reduce.amin"}

# What PyTorch refuses and Apus takes: numbers as operands, windows of narrow floats.
TAKEN = re.compile("must be Tensor, not (int|float)|expects float32 or float64 dtypes")


class Unfit(Exception):
    """A sample with arguments that no other program has."""


def rounded(make):
    """`make_tensor` with few digits, so that they take little space."""

    def result(*arguments, **named):
        tensor = make(*arguments, **named)
        if tensor.dtype.is_floating_point:
            with torch.no_grad():
                tensor.copy_(tensor.to(torch.bfloat16).to(tensor.dtype))
        return tensor

    return result


def patch():
    for name, module in list(sys.modules.items()):
        if name.startswith("torch.testing"):
            if hasattr(module, "make_tensor"):
                module.make_tensor = rounded(module.make_tensor)
            # The extents that samples are made of: 20 and 10.
            for size, extent in {"L": 7, "M": 6}.items():
                if isinstance(getattr(module, size, None), int):
                    setattr(module, size, extent)


def seed():
    """The database draws from three generators."""
    torch.manual_seed(0)
    numpy.random.seed(0)
    random.seed(0)


def weights(n, k, shape):
    return torch.cos(torch.arange(n, dtype=torch.float64) * 0.7 + k).reshape(shape)


class Tensors:
    """All tensors, each once, in the smallest dtype that holds them; answers in float32."""

    def __init__(self):
        self.kept, self.keys = [], {}

    def add(self, tensor, isAnswer=False):
        tensor = tensor.detach().contiguous()
        small = tensor
        if tensor.dtype in (torch.float64, torch.float32):
            half = tensor.to(torch.float16)
            if torch.equal(half.to(tensor.dtype).nan_to_num(12345.0), tensor.nan_to_num(12345.0)):
                small = half
            elif isAnswer:
                single = tensor.to(torch.float32)
                if torch.equal(single.isfinite(), tensor.isfinite()) and torch.equal(single == 0, tensor == 0):
                    small = single
        elif tensor.dtype == torch.int64 and tensor.numel() and tensor.abs().max() < 100:
            small = tensor.to(torch.int8)
        elif tensor.is_complex():
            raise Unfit()
        code = {torch.float16: "F16", torch.float32: "F32", torch.float64: "F64", torch.bfloat16: "BF16", torch.int64: "I64", torch.int32: "I32",
                torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL"}.get(small.dtype)
        if code is None:
            raise Unfit()
        data = small.reshape(-1).clone(memory_format=torch.contiguous_format).view(torch.uint8).numpy().tobytes() if small.numel() else b""
        key = (code, tuple(small.shape), data)
        if key not in self.keys:
            self.keys[key] = len(self.kept)
            self.kept.append(key)
        return self.keys[key]

    def write(self, path):
        header, offset = {}, 0
        for i, (code, shape, data) in enumerate(self.kept):
            header[str(i)] = {"dtype": code, "shape": shape, "data_offsets": [offset, offset + len(data)]}
            offset += len(data)
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data for _, _, data in self.kept))


TENSORS = Tensors()


def number(x):
    return x if math.isfinite(x) else {math.inf: "inf", -math.inf: "-inf"}.get(x, "nan")


def name_of(dtype):
    return str(dtype).removeprefix("torch.")


def described(value):
    """An argument as JSON."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return number(value) if math.isfinite(value) else {"number": number(value)}
    if isinstance(value, torch.Tensor):
        if value.layout != torch.strided or value.is_conj() or value.is_neg() or value.device.type != "cpu" or value.dim() >= 64:
            raise Unfit()
        made = {"tensor": TENSORS.add(value), "dtype": name_of(value.dtype)}
        if not value.is_contiguous():
            made["strides"] = list(value.stride())
        if value.requires_grad:
            made["differentiated"] = True
        return made
    if isinstance(value, torch.dtype):
        if value.is_complex:
            raise Unfit()
        return {"dtype": name_of(value)}
    if isinstance(value, (list, tuple)):
        return [described(part) for part in value]
    raise Unfit()


def tensors(value):
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from tensors(part)
    elif isinstance(value, dict):
        yield from tensors(list(value.values()))


def kind(value):
    """What samples of one kind have in common."""
    if isinstance(value, torch.Tensor):
        return ("T", value.dim(), value.numel() == 0, value.is_contiguous(), str(value.dtype))
    if isinstance(value, (list, tuple)):
        return tuple(kind(part) for part in value)
    if isinstance(value, dict):
        return tuple((key, kind(part)) for key, part in sorted(value.items()))
    return str(value)


def results(value):
    """A result as a list of tensors."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, float):
        return [torch.tensor(value, dtype=torch.float64)]
    if isinstance(value, (bool, int)):
        return [torch.tensor(value)]
    if isinstance(value, torch.Size):
        return [torch.tensor(list(value), dtype=torch.int64)]
    return [tensor for part in value for tensor in results(part)]


def gradients(outputs, inputs):
    """Gradients of Σ w·output by the inputs that are differentiated, and of Σ w·gradient; None is nothing but zeros."""
    outputs = [(k, o) for k, o in enumerate(outputs) if o.requires_grad]
    if not outputs:
        return {}
    total = sum((o * weights(o.numel(), k, o.shape)).sum() for k, o in outputs)
    try:
        first = torch.autograd.grad(total, inputs, create_graph=True, allow_unused=True)
    except (RuntimeError, NotImplementedError):
        return {}
    found = {"first": [None if g is None else TENSORS.add(g, True) for g in first]}
    again = [(k, g) for k, g in enumerate(first) if g is not None and g.requires_grad]
    try:
        if again:
            total = sum((g * weights(g.numel(), k + 2, g.shape)).sum() for k, g in again)
            second = torch.autograd.grad(total, inputs, allow_unused=True)
        else:
            second = [None] * len(inputs)
        found["second"] = [None if g is None else TENSORS.add(g, True) for g in second]
    except (RuntimeError, NotImplementedError):
        pass
    return found


def recorded(op, name, sample, dtype):
    arguments = [sample.input, *sample.args]
    described_sample = {"arguments": [described(a) for a in arguments]}
    if sample.kwargs:
        described_sample["named"] = {key: described(value) for key, value in sample.kwargs.items()}
    if name in ("sort", "argsort", "topk", "kthvalue") and not sample.kwargs.get("stable") and sample.input.unique().numel() < sample.input.numel():
        # Which of equal elements comes first is not told.
        raise Unfit()
    if name == "svd_lowrank" and sample.kwargs["M"] is not None:
        # Of a matrix of full rank random numbers decide.
        raise Unfit()
    inputs = [t for t in tensors([arguments, sample.kwargs]) if t.requires_grad]
    # What changes its arguments gets others.
    fresh = {id(t): t.clone() for t in inputs}

    def renewed(value):
        if isinstance(value, torch.Tensor):
            return fresh.get(id(value), value)
        if isinstance(value, (list, tuple)):
            return type(value)(renewed(part) for part in value) if type(value) in (list, tuple) else value
        return value

    given = [renewed(a) for a in arguments]
    if name in TRIANGULAR:
        place, upper = TRIANGULAR[name], sample.kwargs.get("upper", False)
        given[place] = given[place].triu() if upper else given[place].tril()
    found = op.op(*given, **{key: renewed(value) for key, value in sample.kwargs.items()})
    found = results(UNIQUE.get(name, lambda r: r)(found))
    if sum(t.numel() for t in found) > 2 * ELEMENTS:
        raise Unfit()
    described_sample["results"] = [{"tensor": TENSORS.add(o, True), "dtype": name_of(o.dtype)} for o in found]
    # Gradients of float32 beside others of float64 have too few digits.
    if inputs and name not in WRONG_GRADIENTS and all(t.dtype == inputs[0].dtype for t in inputs):
        described_sample |= gradients(found, inputs)
        if name == "linalg.norm.subgradients_at_zero":
            # PyTorch's are NaN.
            described_sample.pop("second", None)
    return described_sample


def samples(op, name, dtype):
    differentiated = dtype.is_floating_point and op.supports_autograd
    seed()
    kinds = {}
    for sample in op.sample_inputs("cpu", dtype, requires_grad=differentiated):
        sizes = [t.numel() for t in tensors([sample.input, sample.args, sample.kwargs])]
        if sum(sizes) <= ELEMENTS:
            kinds.setdefault((kind(sample.input), kind(sample.args), kind(sample.kwargs)), sample)
    kept, count = [], SAMPLES.get(dtype, 7)
    # Spread over the list, which goes from the plain to the odd.
    chosen = list(kinds.values())
    order = sorted(range(len(chosen)), key=lambda i: (i * 0.618034) % 1) if len(chosen) > count else range(len(chosen))
    for i in order:
        if len(kept) == count:
            break
        try:
            kept.append(recorded(op, name, chosen[i], dtype))
        except Unfit:
            pass
    return kept


def errors(op):
    kept = []
    if op.error_inputs_func is None:
        return kept
    seed()
    for wrong in op.error_inputs("cpu"):
        sample = wrong.sample_input
        if "out" in sample.kwargs:
            continue
        try:
            entry = {"arguments": [described(a) for a in [sample.input, *sample.args]]}
            if sample.kwargs:
                entry["named"] = {key: described(value) for key, value in sample.kwargs.items()}
        except Unfit:
            continue
        try:
            op.op(sample.input, *sample.args, **sample.kwargs)
        except Exception as error:
            entry["message"] = str(error).split("\n")[0][:160]
            if not TAKEN.search(entry["message"]):
                kept.append(entry)
    return kept


def main():
    patch()
    found = {}
    for op in op_db:
        name = op.name + ("." + op.variant_test_name if op.variant_test_name else "")
        if any(re.fullmatch(pattern, op.name) for pattern in SKIPPED) or name in FORMS:
            continue
        entry = {"samples": [], "errors": []}
        dtypes = [dtype for dtype in SAMPLES if op.supports_dtype(dtype, "cpu")] or [torch.float32]
        for dtype in dtypes:
            try:
                entry["samples"] += samples(op, name, dtype)
            except Exception as error:
                print(name, name_of(dtype), type(error).__name__, str(error)[:200], file=sys.stderr)
        try:
            entry["errors"] = errors(op)
        except Exception as error:
            print(name, "errors", type(error).__name__, str(error)[:200], file=sys.stderr)
        if not entry["samples"]:
            print(name, "has no samples", file=sys.stderr)
        found[name] = entry
    TENSORS.write(FOLDER / "database.safetensors")
    lines = [f"{json.dumps(name)}:{json.dumps(entry, separators=(',', ':'))}" for name, entry in found.items()]
    (FOLDER / "database.json").write_text("{" + ",\n".join(lines) + "}\n")


main()
