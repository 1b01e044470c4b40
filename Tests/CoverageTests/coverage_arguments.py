"""Compares the parameters of PyTorch's functions and classes with those of the Swift declarations, for `Tests/CoverageTests/coverage`.
A parameter has a counterpart if Swift has one with the same name in Swift spelling, or an unlabelled one at the same place. For the others,
GLOBAL (for every function) and ARGUMENTS (for one) give `=label`, another label, or the reason why there is none.
"""
import inspect
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = ["ApusCore/Transforms", "ApusNN", "ApusOptim", "ApusDistributions", "ApusDistributed"]

# PyTorch shows no signature, or the counterpart is an enumeration, a protocol, or made from a tensor.
UNCOMPARED = {
    # A context manager in PyTorch; here a function that takes a closure. An abstract class, whose initialiser is not public.
    "torch.amp.autocast", "torch.distributions.Distribution",
    "torch.nn.Buffer", "torch.nn.Parameter", "torch.nn.functional.conv_tbc", "torch.nn.utils.rnn.PackedSequence", "torch.nn.utils.prune.BasePruningMethod",
    # Custom optimizers conform to `TypedOptimizer`, whose settings are a struct.
    "torch.optim.Optimizer",
    *(f"torch.optim.swa_utils.get_{kind}_fn" for kind in ["ema_avg", "ema_multi_avg", "swa_avg", "swa_multi_avg"]),
}
KERNELS = "chooses among PyTorch's kernels; there is one here"
AUX = "the closure assigns to a variable that it captures"
GLOBAL = {
    "size_average": "replaced by `reduction` in PyTorch too; the table of names takes it",
    "reduce": "replaced by `reduction` in PyTorch too; the table of names takes it",
    "foreach": KERNELS,
    "fused": KERNELS,
    "capturable": "for CUDA graphs",
    "differentiable": "steps are outside the graph; differentiate updates that are written with tensors",
    "return_indices": "a function of its own, `…WithIndices`, since its result has another type",
    "has_aux": AUX,
    "_stacklevel": "of PyTorch's warnings",
    "keepdim": "=keepDim",
    "min_lr": "=minLR",
    "bn_eps": "=eps",
    "options": "chooses how a computation is cut into chunks; there is one way here",
    "chunk_size": "slices are computed one by one",
    "tie_weights": "a tensor that several modules share is one here, and is replaced in all of them",
}
_BASE = "an abstract class here; its subclasses have the arguments"
ARGUMENTS = {
    **{("torch.nn.RNNBase", name): _BASE for name in [
        "mode", "input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional", "proj_size", "device", "dtype"]},
    **{("torch.nn.RNNCellBase", name): _BASE for name in ["input_size", "hidden_size", "bias", "num_chunks", "device", "dtype"]},
    ("torch.nn.Embedding", "_weight"): "`Embedding.fromPretrained`",
    ("torch.nn.Embedding", "_freeze"): "`Embedding.fromPretrained(freeze:)`",
    ("torch.nn.EmbeddingBag", "_weight"): "`EmbeddingBag.fromPretrained`",
    ("torch.nn.Hardtanh", "min_value"): "an old name of `minVal`; the table of names takes it",
    ("torch.nn.Hardtanh", "max_value"): "an old name of `maxVal`; the table of names takes it",
    ("torch.nn.LinearCrossEntropyLoss", "device"): "`.to(device)`",
    ("torch.nn.LinearCrossEntropyLoss", "dtype"): "`.to(dtype)`",
    ("torch.nn.SyncBatchNorm", "process_group"): "=in",
    ("torch.nn.TransformerEncoder", "enable_nested_tensor"): "there are no nested tensors; numbers are those of `False`",
    ("torch.nn.TransformerEncoder", "mask_check"): "checks whether nested tensors can be used; there are none",
    ("torch.nn.functional.gumbel_softmax", "eps"): "PyTorch ignores it, and will take it out",
    ("torch.nn.functional.normalize", "out"): "results are new tensors",
    ("torch.nn.functional.multi_head_attention_forward", "use_separate_proj_weight"): "follows from `inProjWeight` nil",
    ("torch.nn.utils.parametrize.ParametrizationList", "original"): "made by `registerParametrization`, not by hand",
    ("torch.nn.utils.parametrize.ParametrizationList", "unsafe"): "an argument of `registerParametrization`",
    ("torch.nn.utils.parametrize.transfer_parametrizations_and_params", "from_module"): "=from",
    ("torch.nn.utils.parametrize.transfer_parametrizations_and_params", "to_module"): "=to",
    **{(f"{n}.functional_call", name): "=body" for n in ["torch.nn.utils.stateless", "torch.func"] for name in ["args", "kwargs"]},
    ("torch.optim.Muon", "adjust_lr_fn"): "=adjustLRFn",
    ("torch.optim.lr_scheduler.CosineAnnealingWarmRestarts", "T_mult"): "=tMult",
    ("torch.optim.lr_scheduler.CyclicLR", "scale_fn"): "=scale",
    ("torch.optim.lr_scheduler.CyclicLR", "scale_mode"): "=scale",
    ("torch.optim.lr_scheduler.SequentialLR", "last_epoch"): "its schedules have their own; it goes on from a saved state",
    ("torch.optim.swa_utils.AveragedModel", "device"): "`.to(device)`",
    ("torch.optim.swa_utils.AveragedModel", "avg_fn"): "=average",
    ("torch.optim.swa_utils.AveragedModel", "multi_avg_fn"): "=average",
    ("torch.amp.GradScaler", "device"): "gradients are unscaled where they are",
    ("torch.optim.swa_utils.update_bn", "device"): "batches must be on the model's device",
    ("torch.func.jacfwd", "randomness"): "the function runs once, and all columns see the same draws",
    ("torch.func.jacrev", "_preallocate_and_copy"): KERNELS,
    ("torch.func.jvp", "strict"): "a result that does not depend on an argument has zeros",
    ("torch.func.vmap", "func"): "=f",
}


def camel(name):
    head, *tail = name.strip("_").split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in tail)


def split(parameters):
    """Splits a parameter list at its outer commas."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(parameters):
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(c, 0)
        if c == "," and depth == 0:
            parts.append(parameters[start:i])
            start = i + 1
    return [p.strip() for p in parts + [parameters[start:]] if p.strip()]


def closing(text, start):
    """The position after the parenthesis that closes the one before `start`."""
    depth = 1
    while depth:
        depth += {"(": 1, ")": -1}.get(text[start], 0)
        start += 1
    return start


def labels(parameters):
    """(label or None, name) of each parameter."""
    result = []
    for parameter in split(parameters):
        words = parameter.split(":", 1)[0].replace("`", "").split()
        result.append((None if words[0] == "_" else words[0], words[-1]))
    return result


def declarations(read=labels, folders=SOURCES):
    """Functions by name (`F.relu`, `Func.grad`, `clipGradNorm_`) and types, with what `read` makes of the parameters of all overloads; then
    superclasses."""
    functions, types, supers = {}, {}, {}
    homes = [("Functional/", "F."), ("Initializers/", "Init."), ("Transforms/", "Func."), ("Utilities/Parametrizations", "Parametrizations."), ("Utilities/Prun", "Prune.")]
    for folder in folders:
        for path in sorted((ROOT / "Sources" / folder).rglob("*.swift")):
            text, owners = path.read_text(), []
            pattern = r"^( *)(?:@\w+(?:\([^)]*\))? )*((?:(?:public|open|final|package|override|convenience|static|private|required) )*)(class|struct|protocol|enum|extension|func|init)\b ?(\w*)"
            for match in re.finditer(pattern, text, re.M):
                indent, modifiers, kind, name = len(match.group(1)), match.group(2), match.group(3), match.group(4)
                if kind in ("class", "struct", "protocol", "enum", "extension"):
                    owners = [(i, n) for i, n in owners if i < indent] + [(indent, name)]
                    above = re.match(r"(?:<[^{]*?>)?: *(\w+)", text[match.end():])
                    if kind == "class" and above:
                        supers[name] = above.group(1)
                    continue
                if not re.search(r"public|open", modifiers):
                    continue
                end = text.index("(", match.end())
                found = read(text[end + 1:closing(text, end + 1) - 1])
                inside = [n for i, n in owners if i < indent]
                if kind == "init":
                    types.setdefault(inside[-1], []).append(found)
                    if len(inside) > 1 or inside[0] in ("Prune", "Parametrizations"):
                        types.setdefault(".".join(inside), []).append(found)
                elif "static" in modifiers or not inside:
                    home = next((prefix for place, prefix in homes if place in str(path)), "") if "static" in modifiers else ""
                    functions.setdefault(home + name, []).append(found)
                else:
                    functions.setdefault(f"{inside[-1]}.{name}", []).append(found)
    return functions, types, supers


def overloads(apus, declared):
    functions, types, supers = declared
    if apus in functions:
        return functions[apus]
    name = apus if apus in types else apus.split(".")[-1]
    while name not in types and name in supers:
        name = supers[name]
    return types.get(name)


def parameters(value):
    """The names of the parameters that a caller may pass."""
    try:
        signature = inspect.signature(value.__init__ if inspect.isclass(value) else value)
    except (ValueError, TypeError):
        # Builtins show their signature only in their documentation.
        said = re.search(r"^\s*\w*?(\w+)\((.*?)\) *->", value.__doc__ or "", re.S)
        return [p.split("=")[0].split(":")[0].strip() for p in split(said.group(2)) if p != "*"] if said else None
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    names = [p.name for p in signature.parameters.values() if p.kind not in kinds]
    return [n for n in names if n != "self"]


def compare(rows, find):
    """(PyTorch's full name, parameter, counterpart or reason) of the parameters that differ in Swift; exits if one is unexplained."""
    declared, result, unexplained, used, seen = declarations(), [], [], set(), set()
    for namespace, name, apus, _ in rows:
        if apus is None:
            continue
        full = f"{namespace}.{name}"
        wanted, have = parameters(find(namespace, name)), overloads(apus, declared)
        if wanted is None or have is None:
            if full not in UNCOMPARED:
                unexplained.append(f"{full}: {'PyTorch says no signature' if wanted is None else 'no declaration of ' + apus + ' was found'}")
            seen.add(full)
            continue
        named = {word for overload in have for pair in overload for word in pair if word}
        places = max((next((i for i, (label, _) in enumerate(o) if label is not None), len(o)) for o in have), default=0)
        for i, parameter in enumerate(wanted):
            spelled = camel(parameter)
            if i < places or spelled in named:
                continue
            key = next((k for k in [(full, parameter), parameter] if k in (ARGUMENTS if isinstance(k, tuple) else GLOBAL)), None)
            if key is None:
                unexplained.append(f"{full}({parameter}): Swift has {sorted(named)}")
                continue
            used.add(key)
            said = ARGUMENTS[key] if isinstance(key, tuple) else GLOBAL[key]
            if said.startswith("="):
                if said[1:] not in named:
                    unexplained.append(f"{full}({parameter}): Swift has no {said[1:]}")
                said = f"`{said[1:]}`"
            result.append((full, parameter, said))
    unused = ((set(GLOBAL) | set(ARGUMENTS)) - used) | (UNCOMPARED - seen)
    if unexplained or unused:
        raise SystemExit("Tests/CoverageTests/coverage: parameters without a counterpart or a reason:\n" + "\n".join(unexplained) + ("\nsaid for nothing: " + str(unused) if unused else ""))
    return result
