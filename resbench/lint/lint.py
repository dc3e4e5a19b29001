"""Anybody's cards, checked: which of their figures are true, and what the readers of their format will make of them."""

import contextlib
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from resbench.errors import ResbenchError
from resbench.lint import claims, form, truth
from resbench.lint.parse import Document, parse
from resbench.lint.problem import Level, Problem
from resbench.records.files import read_exactly, write_text
from resbench.records.store import evaluations, results

_COUNTS = ("T001", "T002")


def read(targets: Sequence[str]) -> list[Document]:
    """Return the cards named by `targets`: files, folders, or "-" for standard input.

    Raises ResbenchError for a file that does not exist or is not text, and for a folder without cards.
    """
    documents: dict[Path, Document] = {}
    for target in targets:
        if target == "-":
            documents[Path("-")] = parse(Path("-"), _standard_input())
        else:
            _add(documents, _files(Path(target)))
    return list(documents.values())


def _add(documents: dict[Path, Document], paths: Iterable[Path]) -> None:
    """Parse `paths` and the files that they import, each once."""
    for path in paths:
        if path not in documents:
            documents[path] = parse(path, read_exactly(path))
            _add(documents, _imported(documents[path]))


def lint(documents: Iterable[Document], weights: Path | None = None, records: Path = Path("results")) -> list[Problem]:
    """Return everything that is to be said about `documents`, by file and line; what is true comes as notes.

    `weights` is a folder of checkpoints to compare sizes and hashes with, `records` one of local validations.
    """
    documents = sorted(documents, key=lambda document: document.path)
    validations = evaluations(results(records))
    found = [problem for document in documents for problem in form.problems(document)]
    for entry in (entry for document in documents for entry in document.entries):
        found += [*truth.counts(entry), *claims.accuracies(entry), *claims.published(entry)]
        found += claims.against_records(entry, validations)
        found += claims.on_disk(entry, weights) if weights else ()
    for _, folder in groupby(documents, key=lambda document: document.path.parent):
        found += claims.disagreements(entry for document in folder for entry in document.entries)
    return sorted(dict.fromkeys(found), key=lambda problem: (problem.path, problem.line, problem.code))


def fixable(problems: Sequence[Problem]) -> list[Problem]:
    """Return those of `problems` whose remedy is certain.

    A false count is, where another count of the same model is true, so that the model is the one that it says.
    """
    confirmed = {
        (problem.path, problem.model)
        for problem in problems
        if problem.code in _COUNTS and problem.level in (Level.NOTE, Level.WARNING)
    }
    return [
        problem
        for problem in problems
        if problem.edit and (problem.code not in _COUNTS or (problem.path, problem.model) in confirmed)
    ]


def fix(problems: Sequence[Problem]) -> Iterator[Problem]:
    """Write the remedies that are certain into their files, line ends kept; yield the problems that this mended."""
    certain = [problem for problem in fixable(problems) if problem.path != "-"]
    for path, group in groupby(sorted(certain, key=lambda problem: problem.path), key=lambda problem: problem.path):
        lines = re.split(r"(?<=\n)", read_exactly(Path(path)))
        mended = [problem for problem in group if _mend(lines, problem)]
        if mended:
            write_text(Path(path).resolve(), "".join(lines))
            yield from mended


def _mend(lines: list[str], problem: Problem) -> bool:
    """Replace the only occurrence of the old text on the problem's line; whether there was exactly one."""
    if problem.edit is None:
        return False
    old = re.compile(rf"(?<![\w.,]){re.escape(problem.edit.old)}(?![\w,]|\.\d)")
    line = lines[problem.line - 1]
    if len(old.findall(line)) != 1:
        return False
    new = problem.edit.new
    lines[problem.line - 1] = old.sub(lambda _: new, line)
    return True


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    hidden = (".git", ".venv", "node_modules")
    found = [file for file in sorted(path.rglob("*")) if _is_card(file) and not set(hidden) & set(file.parts)]
    found = [file for file in found if file.is_file()]
    if not found:
        raise ResbenchError(f"{path}: no cards in it (*.md, metafile.yml, model-index.yml, .eval_results/*.yaml)")
    return found


def _imported(document: Document) -> Iterator[Path]:
    """Yield the files that the model indexes of `document` import and that exist."""
    for index in document.indexes:
        listed = index.find("Import")
        names = [file.text for file in listed.entries()] if listed else []
        names += [value.text for key in ("Models", "Collections") if (value := index.find(key)) and value.is_text]
        for name in names:
            with contextlib.suppress(ValueError, NotImplementedError, OSError):  # a pattern that no file can fit
                yield from (path for path in sorted(document.path.parent.glob(name)) if path.is_file())


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
