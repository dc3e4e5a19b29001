"""Anybody's cards, checked: which of their figures are true, and what the readers of their format will make of them."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from resbench.lint import accuracies, claims, form, ownfigures, truth
from resbench.lint.certain import names_of_several, stated_on
from resbench.lint.consistency import inconsistencies
from resbench.lint.entry import ModelEntry
from resbench.lint.ownfigures import OwnFigures
from resbench.lint.parse import Document
from resbench.lint.problem import Level, Problem
from resbench.records.files import read_exactly, write_text
from resbench.records.store import evaluations, stored_records

_COUNTS = ("T001", "T002")


def lint(
    documents: Iterable[Document],
    weights: Path | None = None,
    records: Path = Path("results"),
    *,
    mmpretrain: bool = False,
    own: OwnFigures | None = None,
    following: Callable[[list[ModelEntry]], Iterable[ModelEntry]] = iter,
) -> list[Problem]:
    """Return everything that is to be said about `documents`, by file and line; what is true comes as notes.

    `weights` is a folder of checkpoints to compare sizes and hashes with, `records` one of local validations.
    `mmpretrain` holds metafiles to MMPretrain's rules wherever they lie; `own` are a zoo's own figures.
    `following` yields the models that it is given, and may show how far the work has come.
    """
    documents = sorted(documents, key=lambda document: document.path)
    validations = evaluations(stored_records(records))
    problems = [problem for document in documents for problem in form.problems(document, mmpretrain=mmpretrain)]
    classes = {document.path: stated_on(document.entries) for document in documents}
    several = {document.path: names_of_several(document.entries) for document in documents}
    for entry in following([entry for document in documents for entry in document.entries]):
        judged = [*truth.counts(entry, classes[entry.path]), *accuracies.published_problems(entry)]
        owned = list(ownfigures.judged(entry, own or {}))
        judged = _without(judged, owned)
        is_several = (entry.section, entry.network) in several[entry.path]
        problems += map(_one_of_several, judged) if is_several else judged
        problems += [*owned, *accuracies.possible(entry)]
        problems += accuracies.against_records(entry, validations)
        problems += claims.on_disk(entry, weights) if weights else ()
    for document in documents:
        problems += inconsistencies(document.entries)
    for _, folder in groupby(documents, key=lambda document: document.path.parent):
        problems += claims.disagreements(entry for document in folder for entry in document.entries)
    return sorted(dict.fromkeys(problems), key=lambda problem: (problem.path, problem.line, problem.code))


def _without(judged: Iterable[Problem], owned: Sequence[Problem]) -> list[Problem]:
    """Return what was judged less what a zoo's own figures decide."""
    decided = {problem.quantity for problem in owned}
    known = [problem for problem in judged if problem.quantity not in decided or not problem.quantity]
    return [problem for problem in known if problem.code != "F011"] if owned else known


def _one_of_several(problem: Problem) -> Problem:
    """Return what is to be said about a count of a row whose network has other counts in other rows."""
    if problem.level is not Level.FALSE:
        return problem
    message = f"{problem.message.replace(': false, ', ': ', 1)}; other rows give this network another count"
    return replace(problem, level=Level.WARNING, message=message, fix="say how the rows differ", edit=None)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A file that was corrected, before and after."""

    path: str
    before: str
    after: str


def fix(problems: Sequence[Problem]) -> Iterator[Correction]:
    """Write the remedies that are certain into their files, line ends kept; yield the files that this corrected."""
    certain = [problem for problem in fixable(problems) if problem.path != "-"]
    for path, group in groupby(sorted(certain, key=lambda problem: problem.path), key=lambda problem: problem.path):
        before = read_exactly(Path(path))
        lines = re.split(r"(?<=\n)", before)
        for problem in group:
            _correct(lines, problem)
        if (after := "".join(lines)) != before:
            write_text(Path(path).resolve(), after)
            yield Correction(path=path, before=before, after=after)


def _correct(lines: list[str], problem: Problem) -> None:
    """Replace the old text on the problem's line, where it occurs exactly once."""
    if problem.edit is None:
        return
    old = re.compile(rf"(?<![\w.,]){re.escape(problem.edit.old)}(?![\w,]|\.\d)")
    line = lines[problem.line - 1]
    if len(old.findall(line)) == 1:
        new = problem.edit.new
        lines[problem.line - 1] = old.sub(lambda _: new, line)
