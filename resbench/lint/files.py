"""The files that hold cards: those that are named, those in folders, and those that a model index imports."""

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from resbench.errors import ResbenchError
from resbench.lint.parse import Document, parse
from resbench.records.files import read_exactly

_MOST_BYTES = 20_000_000


def read_cards(targets: Sequence[str]) -> list[Document]:
    """Return the cards named by `targets`: files, folders, or "-" for standard input.

    A file that cannot be read is a document that says why. Raises ResbenchError for a folder without cards.
    """
    documents: dict[Path, Document] = {}
    for target in targets:
        if target == "-":
            documents[Path("-")] = parse(Path("-"), _standard_input())
        else:
            _add(documents, _files(Path(target)))
    return list(documents.values())


def _add(documents: dict[Path, Document], paths: Iterable[Path]) -> None:
    """Parse `paths` and the files that they import, each once under whichever name comes first."""
    waiting = list(paths)
    while waiting:
        path = waiting.pop(0)
        if path.resolve() not in documents:
            documents[path.resolve()] = document = _read(path)
            waiting = [*imported(document), *waiting]


def _read(path: Path) -> Document:
    try:
        if path.exists() and not path.is_file():
            raise ResbenchError(f"{path}: not a regular file")
        if path.exists() and path.stat().st_size > _MOST_BYTES:
            raise ResbenchError(f"{path}: longer than {_MOST_BYTES:,} bytes, too long for a card; give another file")
        return parse(path, read_exactly(path))
    except (ResbenchError, OSError) as error:
        reason = str(error).removeprefix(f"{path}: ").partition("; give")[0]
        return Document(path=path, text="", errors=((1, reason),))


def imported(document: Document) -> Iterator[Path]:
    """Yield the files below the folder of `document` that its model indexes import."""
    for name in imports(document):
        if not leads_outside(document, name) and name.count("**") < 2:
            with contextlib.suppress(ValueError, NotImplementedError, OSError):  # a pattern that no file can fit
                paths = sorted(document.path.parent.glob(name)) if "*" in name else [document.path.parent / name]
                yield from (path for path in paths if path.is_file() and _is_below(document.path.parent, path))


def imports(document: Document) -> list[str]:
    """Return the names of the files that the model indexes of `document` import, each once."""
    names: list[str] = []
    for index in document.indexes:
        listed = index.find("Import")
        names += [file.text for file in listed.entries()] if listed else []
        names += [value.text for key in ("Models", "Collections") if (value := index.find(key)) and value.is_text]
    return list(dict.fromkeys(name for name in names if name))


def leads_outside(document: Document, name: str) -> bool:
    """Whether a path leaves the folder of `document`, by its own words or through a link."""
    return not _is_below(document.path.parent, document.path.parent / os.path.normpath(name))


def _is_below(folder: Path, path: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):  # a name that no file can have, links in a circle
        return False


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    hidden = (".git", ".venv", "node_modules")
    files = [file for file in sorted(path.rglob("*")) if _is_card(file) and not set(hidden) & set(file.parts)]
    files = [file for file in files if file.is_file()]
    if not files:
        raise ResbenchError(f"{path}: no cards in it (*.md, metafile.yml, model-index.yml, .eval_results/*.yaml)")
    return files


def _is_card(path: Path) -> bool:
    """Whether a file of this name in a folder is looked at."""
    if path.suffix in (".md", ".mdx"):
        return True
    named = path.stem in ("metafile", "model-index")
    return path.suffix in (".yml", ".yaml") and (named or path.parent.name == ".eval_results")


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError:
        raise ResbenchError("-: not UTF-8 text; give a Markdown or YAML card") from None
