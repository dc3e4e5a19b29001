"""The page of the public functions and of what they return, from their source: nothing heavy is imported."""

import ast
import importlib.util
import re
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import resbench
from docs.reference.markdown import GENERATED, cell, markdown, table

# What people get back from public functions, where it is defined.
TYPES = {
    "Profile": "resbench.records.record",
    "Evaluation": "resbench.records.record",
    "Counts": "resbench.records.counts",
    "Terms": "resbench.records.counts",
    "Variant": "resbench.zoo.spec",
}
# Names of this package for plain types.
SHORT = {
    "Natural": "int",
    "Positive": "int",
    "Pixel": "int",
    "NotNegative": "float",
    "Pair": "tuple[int, int]",
    "speeds.": "",
}
HEAD = """\
The functions of the package `resbench`, and the records that they return.
They do what the commands of the same names do; importing the package imports neither torch nor pandas.

```python
import resbench

counts = resbench.count("resnet50")
assert (counts.params, counts.terms.macs) == (25_557_032, 4_089_184_256)
```

[Your own networks](networks.md#from-python) shows them with modules of your own, \
[Results](results.md#pandas) the data frame."""


def python_page() -> str:
    """Return the page with the public functions, and what they return."""
    parts = [
        "# Python",
        GENERATED,
        HEAD,
        "## Functions",
        *(part for name in resbench.__all__ for part in function_section(name)),
        "## What they return",
        *(part for name, module in TYPES.items() for part in type_section(name, module)),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def definition(name: str, module: str) -> tuple[Any, list[str]]:
    """Return the syntax tree of a function or class, and the lines of its module."""
    tree, lines = parsed(module)
    return next(own for own in tree.body if getattr(own, "name", None) == name), lines


@cache
def parsed(module: str) -> tuple[ast.Module, list[str]]:
    """Return the syntax tree and the lines of a module, which is not imported."""
    found = importlib.util.find_spec(module)
    assert found is not None
    assert found.origin is not None
    text = Path(found.origin).read_text(encoding="utf-8")
    return ast.parse(text), text.splitlines()


def function_section(name: str) -> Iterator[str]:
    """Yield what the page says of a public function."""
    function, _ = definition(name, resbench._HOME[name])
    yield f"### resbench.{name}"
    yield f"```py\n{signature(function)}\n```"
    yield described(function)


def signature(function: ast.FunctionDef) -> str:
    """Return a function's name, parameters and result, a parameter per line."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + list(arguments.defaults)
    lines = [declared(*pair) for pair in zip(positional, defaults, strict=True)]
    if arguments.kwonlyargs:
        lines += ["*", *(declared(*pair) for pair in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True))]
    result = annotated(function.returns)
    short = f"{function.name}({', '.join(lines)}) -> {result}"
    if len(short) <= 80:
        return short
    return "\n".join([f"{function.name}(", *(f"    {line}," for line in lines), f") -> {result}"])


def declared(argument: ast.arg, default: ast.expr | None) -> str:
    """Return a parameter with its type and default."""
    kind = f": {annotated(argument.annotation)}" if argument.annotation else ""
    equals = " = " if kind else "="
    return f"{argument.arg}{kind}" + ("" if default is None else f"{equals}{ast.unparse(default)}")


def annotated(kind: ast.expr | None) -> str:
    """Return a type as it is written, but for quotes, bounds and names of this package for plain types."""
    if isinstance(kind, ast.Constant) and isinstance(kind.value, str):  # what is not imported at run time
        return kind.value
    if isinstance(kind, ast.Subscript) and ast.unparse(kind.value) == "Annotated":
        assert isinstance(kind.slice, ast.Tuple)
        return annotated(kind.slice.elts[0])
    written = "None" if kind is None else ast.unparse(kind)
    return re.sub(rf"\b(?:{'|'.join(SHORT)})\b", lambda found: SHORT[found[0]], written)


def described(documented: Any) -> str:
    """Return a docstring as Markdown; what is indented is code."""
    text = ast.get_docstring(documented) or ""
    parts = (
        f"```py\n{textwrap.dedent(part)}\n```" if part.startswith("    ") else markdown(part)
        for part in text.split("\n\n")
    )
    return "\n\n".join(parts)


def type_section(name: str, module: str) -> Iterator[str]:
    """Yield what the page says of a class: its fields, properties and methods."""
    kind, lines = definition(name, module)
    yield f"### {name}"
    yield described(kind)
    fields = [own for own in kind.body if isinstance(own, ast.AnnAssign)]
    yield table(("field", "what it is"), ((f"`{own.target.id}`", field_meaning(own, lines)) for own in fields))
    functions = [own for part in (kind, *bases(kind, module)) for own in part.body if isinstance(own, ast.FunctionDef)]
    public = [own for own in functions if not own.name.startswith("_")]
    yield table(("property or method", "what it gives"), ((member(own), cell(described(own))) for own in public))


def bases(kind: ast.ClassDef, module: str) -> Iterator[ast.ClassDef]:
    """Yield the classes that a class takes over from, where its module imports them from this package."""
    wanted = {own.id for own in kind.bases if isinstance(own, ast.Name)}
    for statement in parsed(module)[0].body:
        if isinstance(statement, ast.ImportFrom) and statement.module and statement.module.startswith("resbench"):
            for name in wanted.intersection(own.name for own in statement.names):
                yield definition(name, statement.module)[0]


def field_meaning(field: ast.AnnAssign, lines: list[str]) -> str:
    """Return the type of a field, and the comment beside it."""
    _, _, comment = lines[(field.end_lineno or field.lineno) - 1].partition("  # ")
    kind = annotated(field.annotation).replace(" | ", " or ")
    return f"`{kind}`" + (f": {cell(comment)}" if comment else "")


def member(function: ast.FunctionDef) -> str:
    """Return the name of a property, or of a method with its parameters."""
    if any(isinstance(own, ast.Name) and own.id == "property" for own in function.decorator_list):
        return f"`{function.name}`"
    names = [own.arg for own in [*function.args.args, *function.args.kwonlyargs] if own.arg != "self"]
    return f"`{function.name}({', '.join(names)})`"
