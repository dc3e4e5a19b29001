"""Conditions over the columns of a table: "params<30M and top1>79", read by Python's parser and nothing else of it."""

import ast
import operator
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from resbench.bench.columns import Columns, Kind
from resbench.errors import ResbenchError, suggestion

Condition = Callable[[Mapping[str, Any]], bool | None]  # None: what is UNKNOWN decides

UNKNOWN = object()  # a value that is there and not known yet, as opposed to None

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_SUFFIXES = {"k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
# A quoted text, which stays as it is, or a number with a suffix.
_NUMBER = re.compile(r"""("[^"]*"|'[^']*')|(?<![\w.])(\d+\.?\d*|\.\d+)\s*([kKMGT%])(?!\w)""")


def condition(text: str, columns: Columns) -> Condition:
    """Return what `text` asks of a row: comparisons of `columns` with numbers and texts, joined by and, or, not.

    Numbers may end in k, M, G, T, and in % for accuracies. A missing value fulfils no comparison; one that is UNKNOWN
    leaves the answer open unless the rest decides.
    Raises ResbenchError for anything else.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about escapes in texts, which compare as they stand
            tree = ast.parse(_NUMBER.sub(_plain, text.strip()), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _error(text, "cannot be read") from None
    try:
        return _compiled(tree.body, columns)
    except _UnfitError as unfit:
        raise _error(text, str(unfit)) from None


class _UnfitError(Exception):
    """What a condition may not contain, in words."""


def _error(text: str, why: str) -> ResbenchError:
    return ResbenchError(
        f"--where {text!r}: {why}; compare columns by < <= == != > >= with numbers (30M, 4.1G, 79%) or quoted text, "
        "joined by and, or, not"
    )


def no_column(name: str, columns: Iterable[str]) -> str:
    """Return the words for a column that is none of `columns`."""
    return f"there is no column {name!r}; {suggestion(name, columns)}"


def _plain(match: re.Match[str]) -> str:
    quoted, number, suffix = match.groups()
    if quoted:
        return str(quoted)
    return f"percent({number})" if suffix == "%" else f"({number}*{_SUFFIXES[suffix]})"


def _compiled(node: ast.expr, columns: Columns) -> Condition:
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            parts = [_compiled(value, columns) for value in values]
            return lambda row: _all(part(row) for part in parts)
        case ast.BoolOp(values=values):
            parts = [_compiled(value, columns) for value in values]
            return lambda row: _not(_all(_not(part(row)) for part in parts))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = _compiled(operand, columns)
            return lambda row: _not(inner(row))
        case ast.Compare():
            return _comparison(node, columns)
    raise _UnfitError(f"{ast.unparse(node)!r} is not a comparison")


def _all(answers: Iterable[bool | None]) -> bool | None:
    """Return whether all of `answers` are true, by Kleene's logic of three values."""
    open_ = False
    for answer in answers:
        if answer is False:
            return False
        open_ |= answer is None
    return None if open_ else True


def _not(answer: bool | None) -> bool | None:
    return None if answer is None else not answer


def _comparison(node: ast.Compare, columns: Columns) -> Condition:
    """Return a chain of comparisons such as 10e6 < params < 30e6."""
    sides = [_side(side, columns) for side in (node.left, *node.comparators)]
    names = [side for side in sides if isinstance(side, _Column)]
    if not names:
        raise _UnfitError(f"{ast.unparse(node)!r} names no column")
    for name in names:
        _check(name, sides)
    steps = [_COMPARISONS.get(type(step)) for step in node.ops]

    def holds(row: Mapping[str, Any]) -> bool | None:
        values = [row[side.name] if isinstance(side, _Column) else side for side in sides]
        if UNKNOWN in values:
            return None
        triples = zip(values, steps, values[1:], strict=False)
        return None not in values and all(step is not None and step(left, right) for left, step, right in triples)

    if None in steps:
        raise _UnfitError(f"{ast.unparse(node)!r} is none of the comparisons")
    return holds


@dataclass(frozen=True, slots=True)
class _Column:
    """A column, as opposed to a text."""

    name: str
    kind: Kind


class _PerCent(float):
    """A number that was written with a per cent sign."""

    __slots__ = ()


def _side(node: ast.expr, columns: Columns) -> Any:
    match node:
        case ast.Name(id=name) if name in columns:
            return _Column(name, columns[name].kind)
        case ast.Name(id=name):
            raise _UnfitError(no_column(name, columns))
        case ast.Constant(value=int() | float() | str() as value) if not isinstance(value, bool):
            return value
        case ast.Call(func=ast.Name(id="percent"), args=[ast.Constant(value=int() | float() as number)]):
            return _PerCent(number)
        case ast.BinOp(left=ast.Constant(value=int() | float() as number), right=ast.Constant(value=int() as scale)):
            return number * scale
    raise _UnfitError(f"{ast.unparse(node)!r} is neither a column nor a value")


def _check(column: _Column, others: list[Any]) -> None:
    """Refuse what can only be a misunderstanding."""
    for other in others:
        if _is_text(other) != _is_text(column):
            shown = other.name if isinstance(other, _Column) else other
            raise _UnfitError(f"{column.name} is {'a text' if _is_text(column) else 'a number'}, {shown!r} is not")
        if isinstance(other, _PerCent) and column.kind != "per cent":
            raise _UnfitError(f"{column.name} is not in per cent")
        if column.kind == "per cent" and type(other) in (int, float) and 0 < other <= 1:
            raise _UnfitError(f"{column.name} is in per cent: write {100 * other:g}, not {other:g}")


def _is_text(side: Any) -> bool:
    return side.kind == "text" if isinstance(side, _Column) else isinstance(side, str)
