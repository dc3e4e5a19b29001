"""The noun of linting: one thing that a card says, where, and what is wrong with it or right about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from resbench.errors import ExitCode


class Level(StrEnum):
    """How bad it is; in the order in which problems are shown, worst first."""

    UNREADABLE = "unreadable"  # nothing can be said about this file
    FALSE = "false"  # a figure that is not so, or a form that readers of the format refuse
    WARNING = "warning"  # true in a way that misleads, or a form that readers drop or guess at
    NOTE = "note"  # true, and how


# What each code means; the codes are stable, so that they can be looked up, counted and silenced.
RULES = {
    "F001": "not readable as the format that it claims to be",
    "F002": "a required field is missing or empty",
    "F003": "a field has another type than readers expect",
    "F004": "a collection that is named does not exist",
    "F005": "a file that is named does not exist",
    "F006": "a field that readers drop silently",
    "F007": "a name that the format's checker refuses or complains about",
    "F008": "two entries that readers merge into one",
    "F009": "a metafile that the model index does not import",
    "F010": "an internal link that leads nowhere",
    "F011": "no known network: its figures were not checked",
    "T001": "parameters",
    "T002": "operations (FLOPs, MACs)",
    "T003": "a figure without its unit",
    "T004": "top-5 accuracy below top-1",
    "T005": "an accuracy that is not possible",
    "T006": "an accuracy near chance, or that does not fit its top-5",
    "T007": "per cent against fraction",
    "T008": "two places of one card that disagree",
    "T009": "a claim that a local record contradicts",
    "T010": "size of the weights' file",
    "T011": "hash of the weights' file",
    "T012": "a figure that the publisher did not publish",
    "T013": "figures that do not belong together",
    "T014": "a figure against the zoo's own (--counts, --published)",
    "T015": "activations: outputs of convolutions, linear layers and matrix products",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A replacement that is certain: the only occurrence of `old` on a line becomes `new`."""

    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What a linter says about one place of one file."""

    code: str  # a key of RULES
    level: Level
    path: str
    line: int  # from 1
    model: str  # empty: about the file
    message: str  # one line
    fix: str = ""  # what to do
    edit: Edit | None = None  # what --fix would do
    quantity: str = ""  # of the figure that it is about; empty: about none


def lint_exit_code(problems: Iterable[Problem], *, nothing_checked: bool = False) -> ExitCode:
    """Return what `problems` mean to the shell: unreadable, then false; warnings and notes are no failure.

    `nothing_checked` is one where somebody asked for it.
    """
    levels = {problem.level for problem in problems}
    if Level.UNREADABLE in levels:
        return ExitCode.USAGE
    return ExitCode.REGRESSED if Level.FALSE in levels or nothing_checked else ExitCode.OK
