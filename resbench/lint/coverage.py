"""How much of what cards state was checked: no problem found means little where nothing could be."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from resbench import units
from resbench.lint.accuracies import confirmed_by_record
from resbench.lint.consistency import holds
from resbench.lint.entry import ModelEntry
from resbench.lint.figure import StatedFigure
from resbench.lint.guestcounts import LIBRARIES, installed
from resbench.lint.parse import Document
from resbench.lint.problem import Level, Problem

_OPEN = {("T012", Level.NOTE), ("T006", Level.WARNING), ("T010", Level.WARNING)}
_FORM_ONLY = ("T003", "T007")  # about how a figure is written, not whether it is true


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The figures of cards, counted by what could be said of them."""

    read: int
    checked: int  # compared with a count, a published figure, a local record, or found impossible
    true: int  # of those checked
    of_unknown_networks: int  # of those read and not checked
    not_understood: int  # seen, but not read
    missing: tuple[str, ...] = ()  # libraries that would know more networks, but are not installed

    @property
    def nothing_checked(self) -> bool:
        """Whether there were figures, and none of them could be checked."""
        return self.checked == 0 and self.read + self.not_understood > 0

    @property
    def text(self) -> str:
        """The counts in one line."""
        if not self.read and not self.not_understood:
            return "no figures"
        unchecked = self.read - self.checked - self.of_unknown_networks
        words = [
            f"{units.count_of(self.read, 'figure')} read",
            f"{self.checked} checked ({self.true} true)",
            f"{self.of_unknown_networks} of unknown networks{self._hint}",
            f"{unchecked} without a known value" if unchecked else "",
            f"{self.not_understood} not understood",
        ]
        return f"{'nothing could be checked: ' if self.nothing_checked else ''}{', '.join(filter(None, words))}"

    @property
    def _hint(self) -> str:
        verb = "are" if len(self.missing) > 1 else "is"
        more = self.of_unknown_networks and self.missing
        return f" ({' and '.join(self.missing)} {verb} not installed)" if more else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedCard:
    """A card, what is to be said about it, and how much of it was checked."""

    path: str
    problems: tuple[Problem, ...]
    coverage: Coverage


def checked_cards(documents: Iterable[Document], problems: Iterable[Problem]) -> Iterator[CheckedCard]:
    """Yield each of `documents` with those of `problems` that are about it."""
    of_cards: dict[str, list[Problem]] = {}
    for problem in problems:
        of_cards.setdefault(problem.path, []).append(problem)
    for document in documents:
        path = str(document.path)
        own = tuple(of_cards.get(path, ()))
        yield CheckedCard(path=path, problems=own, coverage=coverage([document], own))


def coverage(documents: Iterable[Document], problems: Sequence[Problem]) -> Coverage:
    """Return how much of what `documents` state `problems` and silent agreement cover."""
    documents = list(documents)
    judged: dict[tuple[str, int, str, str], set[Level]] = {}
    for problem in problems:
        if problem.quantity and problem.code not in _FORM_ONLY and not _is_open(problem):
            key = (problem.path, problem.line, problem.model, problem.quantity)
            judged.setdefault(key, set()).add(problem.level)
    stated = [(entry, figure) for document in documents for entry in document.entries for figure in entry.figures]
    sized = {id(size) for entry, _ in stated if (size := _fitting_file(entry, judged))}
    agreed = sized | {
        id(figure)
        for entry in {id(entry): entry for entry, _ in stated}.values()
        for figure in confirmed_by_record(entry)
    }
    levels = [
        judged.get(_key(entry, figure), {Level.NOTE} if id(figure) in agreed else None) for entry, figure in stated
    ]
    checked = [level for level in levels if level]
    unknown = [entry for (entry, _), level in zip(stated, levels, strict=True) if not level and entry.network is None]
    return Coverage(
        read=len(stated),
        checked=len(checked),
        true=sum(level == {Level.NOTE} for level in checked),
        of_unknown_networks=len(unknown),
        not_understood=sum(len(document.not_understood) for document in documents),
        missing=tuple(library for library in LIBRARIES if library not in installed()),
    )


def _fitting_file(entry: ModelEntry, judged: Mapping[tuple[str, int, str, str], set[Level]]) -> StatedFigure | None:
    """Return the size of a file that holds just the parameters, where their number is true."""
    params, size = entry.figure("params"), entry.figure("file_size")
    if params is None or size is None or judged.get(_key(entry, params)) != {Level.NOTE}:
        return None
    return size if holds(params, size) else None


def _is_open(problem: Problem) -> bool:
    """Whether a problem compares a figure with no known value, or not with one that must agree."""
    return problem.code == "T013" or (problem.code, problem.level) in _OPEN


def _key(entry: ModelEntry, figure: StatedFigure) -> tuple[str, int, str, str]:
    return str(entry.path), figure.line, entry.name, figure.quantity
