"""PyTorch's namespaces and their public names, for `Tests/CoverageTests/coverage` and the tables beside it."""
import fnmatch
import functools
import inspect
import sys

import torch
import torch.amp
import torch.autograd.forward_ad
import torch.autograd.functional
import torch.autograd.grad_mode
import torch.autograd.graph
import torch.distributions
import torch.fft
import torch.func
import torch.linalg
import torch.nn.utils.fusion
import torch.nn.utils.parametrizations
import torch.nn.utils.parametrize
import torch.nn.utils.prune
import torch.nn.utils.rnn
import torch.nn.utils.stateless
import torch.optim.swa_utils
import torch.signal.windows
import torch.special
import torch.utils.checkpoint
import torch.utils.data

# Namespace, and the prefixes of its functions and of its types in Swift. Where there are several, the first that is declared counts.
NAMESPACES = [
    ("torch", ["Tensor.", "", "F.", "Func."], ""), ("torch.Tensor", ["Tensor."], ""), ("torch.linalg", ["Linalg.", "Tensor."], ""),
    ("torch.fft", ["Tensor."], ""),
    ("torch.special", ["Tensor."], ""), ("torch.signal.windows", ["SignalWindows."], ""), ("torch.autograd", [""], ""), ("torch.autograd.functional", ["Func."], ""),
    ("torch.autograd.grad_mode", [""], ""), ("torch.autograd.graph", [""], ""), ("torch.autograd.forward_ad", ["Func."], ""),
    ("torch.nn", [""], ""), ("torch.nn.functional", ["F."], "F."), ("torch.nn.init", ["Init."], "Init."), ("torch.nn.utils", [""], ""),
    ("torch.nn.utils.rnn", [""], ""), ("torch.nn.utils.parametrize", [""], ""),
    ("torch.nn.utils.parametrizations", ["Parametrizations."], "Parametrizations."), ("torch.nn.utils.prune", ["Prune."], "Prune."),
    ("torch.nn.utils.stateless", [""], ""), ("torch.optim", [""], ""), ("torch.optim.lr_scheduler", [""], ""), ("torch.optim.swa_utils", [""], ""),
    ("torch.amp", [""], ""), ("torch.func", ["Func."], "Func."), ("torch.distributions", [""], ""), ("torch.utils.data", [""], ""),
    ("torch.utils.checkpoint", [""], ""),
]

# The methods behind Python's operators, as they are used in Swift; other names with two underscores at both ends are no one's to type.
_SIGNS = {"add": "+", "sub": "-", "mul": "*", "truediv": "/", "mod": "%", "pow": "**", "and": "&", "or": "|", "xor": "^", "lshift": "<<", "rshift": ">>"}
OPERATORS = {
    **{f"__{name}__": f"x {sign} y" for name, sign in _SIGNS.items()},
    **{f"__r{name}__": f"1 {sign} x" for name, sign in _SIGNS.items()},
    **{f"__i{name}__": f"x {sign}= y" for name, sign in _SIGNS.items()},
    "__eq__": "x == y", "__ne__": "x != y", "__lt__": "x < y", "__le__": "x <= y", "__gt__": "x > y", "__ge__": "x >= y",
    "__neg__": "-x", "__pos__": "+x", "__invert__": "~x",
}
# The others that are typed as a sign or a function.
TYPED = ["__getitem__", "__setitem__", "__len__", "__bool__", "__int__", "__float__", "__iter__", "__contains__", "__abs__", "__matmul__", "__rmatmul__",
         "__floordiv__", "__rfloordiv__", "__ifloordiv__", "__deepcopy__", "__reversed__", "__repr__", "__complex__", "__index__"]


def camel(name):
    end = "_" if name.endswith("_") else ""
    head, *tail = name.rstrip("_").split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in tail) + end


def find(namespace, name):
    return getattr(torch.Tensor if namespace == "torch.Tensor" else sys.modules[namespace], name)


@functools.cache
def public(namespace):
    """The names that belong to a namespace: its `__all__`, or what is defined within torch and callable; of `torch` and `torch.Tensor`, all that
    are neither modules nor begin with an underscore."""
    if namespace == "torch.Tensor":
        return sorted([n for n in dir(torch.Tensor) if not n.startswith("_")] + [n for n in [*OPERATORS, *TYPED] if n in dir(torch.Tensor)])
    module = sys.modules[namespace]
    listed = getattr(module, "__all__", None)
    names = listed if listed and namespace not in ("torch", "torch.nn") else dir(module)
    found = []
    for name in names:
        value = getattr(module, name)
        if name.startswith("_") or inspect.ismodule(value):
            continue
        if namespace != "torch":
            home = getattr(value, "__module__", None) or "torch"
            if not callable(value) or value is torch.Tensor or not home.startswith("torch"):
                continue
            if not listed and namespace not in ("torch.nn", "torch.nn.functional", "torch.linalg") and home != namespace:
                continue
        found.append(name)
    return sorted(set(found))


def names(namespaces, patterns):
    """The full names that match one of the patterns in one of the namespaces, both with spaces between; exits if a pattern matches nothing."""
    result = set()
    for pattern in patterns.split():
        found = {f"{n}.{name}" for n in namespaces.split() for name in fnmatch.filter(public(n), pattern)}
        if not found:
            raise SystemExit(f"Tests/CoverageTests/coverage: {namespaces} have no {pattern}")
        result |= found
    return result


def reasons(namespaces, table):
    """A reason for each full name, from patterns for each reason; exits if a name has two."""
    result = {}
    for reason, patterns in table.items():
        for name in names(namespaces, patterns):
            if name in result:
                raise SystemExit(f"Tests/CoverageTests/coverage: {name} has two reasons: {result[name]}; {reason}")
            result[name] = reason
    return result
