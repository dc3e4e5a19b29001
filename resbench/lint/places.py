"""Problems at their places: where an entry says a figure, or on a line of a document."""

from collections.abc import Iterator
from pathlib import Path

from resbench.lint.entry import ModelEntry
from resbench.lint.figure import StatedFigure
from resbench.lint.parse import Document
from resbench.lint.problem import Edit, Level, Problem
from resbench.lint.trees import Tree

_LONGEST = 400  # characters of a card that are quoted


def about(
    entry: ModelEntry,
    code: str,
    level: Level,
    stated: StatedFigure | None,
    message: str,
    fix: str = "",
    edit: Edit | None = None,
) -> Problem:
    """Return a problem at the place where `entry` says `stated`."""
    return Problem(
        code=code,
        level=level,
        path=str(entry.path),
        line=stated.line if stated else entry.line,
        model=entry.name[:_LONGEST],
        message=_line(message),
        fix=fix,
        edit=edit,
        quantity=stated.quantity if stated else "",
    )


def within(
    document: Document, code: str, level: Level, line: int, message: str, fix: str, model: str = "",
    edit: Edit | None = None,
) -> Problem:  # fmt: skip
    """Return a problem on a line of `document`."""
    return Problem(
        code=code,
        level=level,
        path=str(document.path),
        line=line,
        model=model[:_LONGEST],
        message=_line(message),
        fix=fix,
        edit=edit,
    )


def _line(message: str) -> str:
    words = " ".join(message.split())
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"


def lacking(document: Document, tree: Tree, kind: str, *paths: tuple[str, ...], model: str = "") -> Iterator[Problem]:
    """Yield a problem for each of `paths`, keys one inside the other, under which `tree` holds no plain value."""
    for keys in paths:
        if not tree.say(*keys):
            field = ".".join(keys)
            yield within(document, "F002", Level.FALSE, tree.line, f"{kind} without {field}", f"add {field}", model)


def absent(document: Document, line: int, name: str, what: str, level: Level = Level.WARNING) -> Iterator[Problem]:
    """Yield when the file called `name` exists neither beside `document` nor below a folder above it."""
    if not name or str(document.path) == "-" or "://" in name:
        return
    folders = document.path.resolve().parents[:5]
    if not any(exists(folder / name) if "*" not in name else _matches(folder, name) for folder in folders):
        yield within(document, "F005", level, line, f"{what} {name!r}: no such file", "correct the path")


def exists(path: Path) -> bool:
    """Whether there is something at `path`."""
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _matches(folder: Path, pattern: str) -> bool:
    """Whether a pattern fits a file of `folder`; never through all folders below one."""
    try:
        return "**" not in pattern and any(folder.glob(pattern))
    except (OSError, ValueError, NotImplementedError):
        return False
