"""Networks outside the table, by where they live: `mine.py:build(width=2)`, `package.module:Class`, `timm:NAME`.

`resbench:resnet(...)` is built of the blocks of this package.

Nothing is imported or run here: a name is taken apart, and its arguments are read as literals.
"""

import ast
import re
from pathlib import PurePath
from typing import Any

from resbench.errors import ResbenchError
from resbench.zoo.papers import LIBRARIES, UNPUBLISHED
from resbench.zoo.spec import Elsewhere, Variant
from resbench.zoo.topologies import PACKAGE, spec_of

OWN_FAMILY = "Own network"
FORMS = "path/to/mine.py:build, package.module:Class, timm:NAME, torchvision:NAME or resbench:resnet(...)"
LONGEST = 4096  # characters of a name with its arguments
_FILE = re.compile(r"(?P<place>.+\.py):(?P<name>[^:(]*)(?P<call>\(.*\))?", re.DOTALL)
_OTHER = re.compile(r"(?P<place>[^:(]+):(?P<name>[^(]*)(?P<call>\(.*\))?", re.DOTALL)
_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def is_place(name: str) -> bool:
    """Tell whether `name` says where a network lies, instead of being the name of one in the table."""
    return ":" in name


def network_at(name: str, *, folder: str = "") -> Variant:
    """Return the network at the place that `name` gives; a relative path begins in `folder` (empty: the current one).

    Whether there is such a network, building it shows. Raises ResbenchError for what is not the name of a place.
    """
    found = (_FILE.fullmatch(name) or _OTHER.fullmatch(name)) if len(name) <= LONGEST else None
    if not found:
        raise ResbenchError(f"{name[:100]}: not the place of a network; write {FORMS}")
    place, builder = found["place"], found["name"].strip()
    if place == PACKAGE:
        return _of_own_blocks(name, builder, found["call"] or "()")
    library = place in LIBRARIES
    if place.endswith(".py"):
        place = PurePath(place).as_posix()
    elif not library and not _DOTTED.fullmatch(place):
        raise ResbenchError(f"{name}: {place!r} is neither a .py file nor a module nor a library; write {FORMS}")
    if not builder or not (library or _DOTTED.fullmatch(builder)):
        raise ResbenchError(f"{name}: no function or class given; name one after the colon: {FORMS}")
    spec = Elsewhere(place=place, name=builder, arguments=_canonical(name, found["call"]), folder=folder)
    return Variant(
        name=str(spec),
        family=place if library else OWN_FAMILY,
        spec=spec,
        paper=LIBRARIES[place] if library else UNPUBLISHED,
    )


def _of_own_blocks(name: str, topology: str, call: str) -> Variant:
    positional, named = _literals(name, call)
    try:
        if positional:
            raise ValueError("arguments have names")
        spec = spec_of(topology, named)
    except ValueError as error:
        raise ResbenchError(f"{name}: {error}; docs/networks.md has an example") from None
    place = f"{PACKAGE}:{topology}({_written([], named)})"
    return Variant(name=place, family=OWN_FAMILY, spec=spec, paper=UNPUBLISHED, builder=place)


def arguments_of(spec: Elsewhere) -> tuple[list[Any], dict[str, Any]]:
    """Return the positional and the named arguments that the builder is called with."""
    return _literals(str(spec), f"({spec.arguments})")


def with_argument(spec: Elsewhere, **named: Any) -> dict[str, str]:
    """Return the field `arguments` with `named` added, for `dataclasses.replace`."""
    positional, known = arguments_of(spec)
    return {"arguments": _written(positional, known | named)}


def _canonical(name: str, call: str | None) -> str:
    return _written(*_literals(name, call)) if call else ""


def _written(positional: list[Any], named: dict[str, Any]) -> str:
    return ", ".join([*map(repr, positional), *(f"{key}={named[key]!r}" for key in sorted(named))])


def _literals(name: str, call: str) -> tuple[list[Any], dict[str, Any]]:
    """Read "(3, width=2)" without evaluating anything."""
    try:
        tree = ast.parse(f"f{call}", mode="eval").body
        if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name):
            raise ValueError(call)
        named = {str(word.arg): ast.literal_eval(word.value) for word in tree.keywords if word.arg}
        if len(named) < len(tree.keywords):
            raise ValueError(call)
        return [ast.literal_eval(value) for value in tree.args], named
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        raise ResbenchError(
            f"{name}: arguments are plain values such as (width=2) or ('small', depths=[2, 2]), and are not evaluated"
        ) from None
