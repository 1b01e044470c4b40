#!/usr/bin/env python3
"""Records what PyTorch's layers are made from and called with, name by name, with defaults: Tests/ApusNNTests/Recorded/signatures.json.

`DeclaredArgumentTests.swift` holds what the classes declare to it.
Run with torch 2.13: python3 Tests/ApusNNTests/record_signatures.py
"""
import inspect
import json
import pathlib
import typing

import torch

# Abstract, for several processes, or made from other layers, which a file cannot name as an argument.
LEFT_OUT = {
    "Module", "Container", "Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict", "DataParallel", "RNNBase", "RNNCellBase", "NLLLoss2d",
    "TransformerEncoder", "TransformerDecoder", "SyncBatchNorm",
}


def arguments(function):
    # If all arguments are passed to a base class, the overload for type checkers declares them.
    signature = inspect.signature((typing.get_overloads(function) or [function])[0])
    recorded = []
    for name, parameter in list(signature.parameters.items())[1:]:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        default = parameter.default
        text = None if default is parameter.empty else repr(default.__name__ if inspect.isfunction(default) else default)
        recorded.append({"name": name, "fallback": text, "isByName": parameter.kind == parameter.KEYWORD_ONLY})
    return recorded


classes = {}
for name in dir(torch.nn):
    value = getattr(torch.nn, name)
    if inspect.isclass(value) and issubclass(value, torch.nn.Module) and name not in LEFT_OUT:
        classes[name] = {"arguments": arguments(value.__init__), "inputs": arguments(value.forward)}
path = pathlib.Path(__file__).resolve().parents[2] / "Tests/ApusNNTests/Recorded/signatures.json"
path.write_text("{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in sorted(classes.items())) + "\n}\n")
