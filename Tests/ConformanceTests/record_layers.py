#!/usr/bin/env python3
"""Records PyTorch's answers for layers that its module test database leaves out, in the form of Tests/ConformanceTests/cases and errors.

    python3 Tests/ConformanceTests/record_layers.py Tests/ConformanceTests

needs torch (any 2.x for the processor). One folder a class with cases.json and tensors.safetensors, in `cases` what has an answer, in `forms` what has
one and belongs to a class of the database, in `half` what runs in float16 and bfloat16, in `errors`
what PyTorch refuses; the tests and `apus-conformance` run them like the others. Layers are built after a fixed seed, and what they hold is
recorded, so the numbers depend on nothing but PyTorch.
"""
import json
import os
import struct
import sys
import warnings

# The order of sets in messages is the same in every run.
if os.environ.get("PYTHONHASHSEED") != "0":
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"})

import torch
from torch import nn

from layer_cases import CASES, ERRORS, FORMS, HALF, TYPED, Case, wave

warnings.simplefilter("ignore")
# The order of summation is the same on every machine.
torch.set_num_threads(1)


def build(name, case):
    """`mode_` is the layer's argument `mode`."""
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
    """The inputs, with floating-point tensors as leaves; then the named ones."""
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
    """(path, tensor) of each output: `` for one, `/0`, `/1/0` for several."""
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
    # From PyTorch 2.15 on, attention's projection is a plain Linear, as in the database's recorded layers.
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
    """The same case in a 16-bit type."""
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
