"""What can go wrong in a way that the user can mend, and the exit codes that scripts may rely on."""

import difflib
import os
import sys
from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """What the process says to the shell; the highest-ranking finding decides (`rank`)."""

    OK = 0
    REGRESSED = 1  # a regression, a stale card, a false claim
    USAGE = 2  # anything the user can fix: a wrong name, file, option
    INCONCLUSIVE = 3  # only on request: the data cannot tell
    NOT_COMPARABLE = 4  # other device, settings, library build, or no baseline
    INVALID = 5  # the measurement itself failed
    BUG = 70  # something that resbench did not foresee


class ResbenchError(Exception):
    """One line for the user: the thing, what is wrong with it, the next step. Shown without a traceback."""

    exit_code = ExitCode.USAGE


class NotComparableError(ResbenchError):
    """Two records that do not measure the same thing under the same conditions."""

    exit_code = ExitCode.NOT_COMPARABLE


class InvalidMeasurementError(ResbenchError):
    """A measurement that ran but must not be believed."""

    exit_code = ExitCode.INVALID


def show_traceback(error: BaseException) -> None:
    """Print the traceback of `error` to stderr when the variable RESBENCH_TRACEBACK is 1."""
    if os.environ.get("RESBENCH_TRACEBACK") == "1":
        import traceback

        traceback.print_exception(error, file=sys.stderr)


def suggestion(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return "did you mean latency?" for a misspelt `name`, else `otherwise` or all that is `known`."""
    known = list(known)
    near = difflib.get_close_matches(name, known)
    return f"did you mean {', '.join(near)}?" if near else otherwise or f"choose from {', '.join(known)}"


def first_line(error: BaseException) -> str:
    """Return the first line of what a library says, for a message of one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".")[:200] if lines else type(error).__name__
