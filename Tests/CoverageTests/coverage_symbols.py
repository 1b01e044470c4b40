"""The public declarations of Sources, and Symbols.swift made of them, for `Tests/CoverageTests/coverage`."""
import functools
import pathlib
import re
import typing

from coverage_arguments import closing, split

ROOT = pathlib.Path(__file__).resolve().parents[2]

# An argument for each parameter type.
ARGUMENTS = {
    "Tensor": "x", "[Tensor]": "[x]", "Tensor?": "x", "some Sequence<Tensor>": "[x]", "Tensor...": "x", "Int": "1", "Int...": "1", "Double": "1",
    "Bool": "true", "String": "\"weight\"", "[Int]": "[1]", "Shape": "[1]", "some Collection<Int>": "[1]", "some Sequence<Int>": "[1]",
    "UInt64": "1", "DType": ".float32", "Device": ".cpu", "ScatterReduction": ".sum",
    "any ExtentsConvertible": "1", "any OutputExtentsConvertible": "1", "some ScalarConvertible": "1", "Layer": "m", "Module": "m", "PackedSequence": "packed",
    "BatchNorm": "bn", "Linear": "m", "Init.Nonlinearity": ".relu", "Nonlinearity": ".relu", "ConvolutionLayer": "conv",
}
SPECIAL = {"fuseConvBNEval": {"Layer": "conv"}}

PARAMETERS = "_ x: Tensor, _ y: Tensor, _ m: Linear, _ conv: Conv1d, _ bn: BatchNorm1d, _ packed: PackedSequence"
USED_AT_ONCE = 60


class Declaration(typing.NamedTuple):
    #: The parameter list as written; None for a property.
    parameters: str | None
    returns: bool
    isStatic: bool


@functools.cache
def declarations():
    """The public functions and properties, by name with the type that they are members of (`Tensor.exp`, `F.relu`, `noGrad`), and the types at
    the top of files, without declarations."""
    found = {}
    member = re.compile(r"( {4}|)(?:@\w+(?:\([^)]*\))? )*(?:public|open) ((?:\w+(?:\(\w+\))? )*?)(func|var|let|class|struct|enum|protocol|typealias) `?(\w+)`?")
    for path in sorted((ROOT / "Sources").rglob("*.swift")):
        text, owner, at = path.read_text(), None, 0
        for line in text.splitlines(keepends=True):
            start, at = at, at + len(line)
            if match := re.match(r"(?:@[^ ]+ )*(?:(?:public|package|open|final|indirect) )*(?:class|struct|enum|extension|protocol|actor) (\w+)", line):
                owner = match.group(1)
            if not (match := member.match(line)):
                continue
            indent, modifiers, kind, name = match.groups()
            full = f"{owner}.{name}" if indent else name
            if kind not in ("func", "var", "let"):
                found.setdefault(full, [])
                continue
            declared = Declaration(None, True, "static" in modifiers)
            if kind == "func":
                opening = text.index("(", start + match.end())
                end = closing(text, opening + 1)
                declared = Declaration(text[opening + 1:end - 1], "->" in text[end:text.index("{", end)], "static" in modifiers)
            found.setdefault(full, []).append(declared)
    return found


def isPlain(name):
    """Whether a counterpart is a name; otherwise it is an expression that uses what there is."""
    return re.fullmatch(r"(?!x\.)[\w.]+", name) is not None


def isType(name):
    return isPlain(name) and name != "Tensor.T" and name.split(".")[-1][:1].isupper()


def call(name, calls):
    """Swift code that uses a function or a property: a call with the arguments that have no default. Of a method and a static function with one
    name, both."""
    if name in calls:
        return [calls[name]]
    if not isPlain(name):
        words = name.split(" ")
        assigns = len(words) == 3 and words[1].endswith("=") and words[1] not in ("==", "!=", "<=", ">=", ".==")
        return [name if assigns else f"_ = {name}"]
    owner, _, member = name.rpartition(".")
    found = {}
    for declared in declarations().get(name, []):
        target = f"x.{member}" if owner == "Tensor" and not declared.isStatic else name
        if declared.isStatic in found:
            continue
        if declared.parameters is None:
            found[declared.isStatic] = f"_ = {target}"
            continue
        arguments = []
        for parameter in split(declared.parameters):
            head, type_ = [part.strip() for part in parameter.split(":", 1)]
            if " = " in type_:
                continue
            label = head.split()[0]
            value = {**ARGUMENTS, **SPECIAL.get(name, {})}.get(type_.replace("@escaping ", "").replace("inout ", ""))
            if value is None:
                break
            arguments.append(value if label == "_" else f"{label}: {value}")
        else:
            found[declared.isStatic] = ("_ = " if declared.returns else "") + f"{target}({', '.join(arguments)})"
    if not found:
        raise SystemExit(
            f"Tests/CoverageTests/coverage: no call of {name} can be guessed ({declarations().get(name)}); write one into CALLS, or say why there is none")
    return list(found.values())


def packed(parts, indent, width=150):
    """Lines of parts with commas behind them, as many in a line as fit."""
    lines = []
    for part in parts:
        if not lines or len(lines[-1]) + len(part) > width:
            lines.append(" " * indent + part + ",")
        else:
            lines[-1] += f" {part},"
    return lines


def uses(title, statements):
    """Functions that are never called, each with some of the statements."""
    lines = []
    for i in range(0, len(statements), USED_AT_ONCE):
        lines += ["", f"    static func use{title}{i // USED_AT_ONCE}({PARAMETERS}) {{", *(f"        {s}" for s in statements[i:i + USED_AT_ONCE]), "    }"]
    return lines


def symbols(table, calls, generic):
    """The text of each file that uses every name."""
    names = sorted({apus for _, _, apus, _ in table if apus}, key=lambda n: (n.lower(), n))
    head = [
        "// swift-format-ignore-file",
        "// Written by Tests/CoverageTests/coverage: every name that docs/coverage.md lists, used once. It does not compile where one is missing.",
        "import Apus", "",
    ]
    types = [f"_ = {generic.get(n, n)}.self" for n in names if isType(n)]
    ofTensor = [n for n in names if not isType(n) and (n.startswith("Tensor.") or not isPlain(n))]
    others = [n for n in names if not isType(n) and n not in ofTensor]
    quoted = ['"' + n.replace("\"", "\\\"") + '"' for n in names]
    return {
        "Symbols.swift": [*head, "enum Symbols {", "    static let names: Set<String> = [", *packed(quoted, 8), "    ]", "}", ""],
        "Symbols+Types.swift": [*head, "extension Symbols {", *uses("Types", types)[1:], "}", ""],
        "Symbols+Functions.swift": [*head, "extension Symbols {", *uses("Functions", [c for n in others for c in call(n, calls)])[1:], "}", ""],
        "Symbols+Tensor.swift": [*head, "extension Symbols {", *uses("Tensor", [c for n in ofTensor for c in call(n, calls)])[1:], "}", ""],
    }
