"""What runs jobs: each engine takes bundles of jobs, says which of them ended, and can stop them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from resbench.errors import InvalidMeasurementError, ResbenchError
from resbench.running import fresh
from resbench.sweep.jobs import Job
from resbench.sweep.ledger import Ledger
from resbench.sweep.work import work


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Jobs that one process does."""

    jobs: tuple[Job, ...]
    attempt: int = 1

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of its jobs."""
        return tuple(job.key for job in self.jobs)

    @property
    def times(self) -> bool:
        """Whether it takes time, so that nothing else may use its device meanwhile."""
        return self.jobs[0].kind == "profile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What an engine knows of a bundle that is over; how each job ended is in the ledger."""

    reason: str = ""  # why jobs may lack an ending
    lines: tuple[str, ...] = ()  # the last that were printed
    exit_code: int = InvalidMeasurementError.exit_code


class SweepEngine(Protocol):
    """Runs bundles somewhere."""

    outlives: bool  # whether bundles go on when this process ends
    local: bool  # whether they run on this machine

    def has_room(self, busy: Sequence[Bundle], bundle: Bundle) -> bool:
        """Tell whether `bundle` may run beside those that are `busy`."""

    def submit(self, bundles: Sequence[Bundle]) -> list[str]:
        """Start bundles and return a handle of each, by which other processes know it too."""

    def poll(self, handle: str, bundle: Bundle) -> Ended | None:
        """Return what became of a bundle; None: it is not over."""

    def cancel(self, handle: str) -> None:
        """Stop a bundle."""


class Here:
    """One bundle after another, each in a fresh process that ends with this one."""

    outlives = False
    local = True

    def __init__(self, ledger: Ledger, code: str) -> None:
        self._ledger = ledger
        self._code = code

    def has_room(self, busy: Sequence[Bundle], bundle: Bundle) -> bool:  # noqa: ARG002
        """Tell whether nothing runs."""
        return not busy

    def submit(self, bundles: Sequence[Bundle]) -> list[str]:
        """Return handles; a bundle runs when it is polled."""
        return ["" for _ in bundles]

    def poll(self, handle: str, bundle: Bundle) -> Ended | None:  # noqa: ARG002
        """Run `bundle` to its end."""
        return done_fresh(self._ledger, bundle, self._code)

    def cancel(self, handle: str) -> None:
        """Do nothing: the process ended with the one that waited for it."""


def done_fresh(ledger: Ledger, bundle: Bundle, code: str) -> Ended:
    """Do a bundle in a fresh process, which ends with this one, and return why jobs may lack an ending."""
    try:
        fresh.call(work, ledger.root, bundle.keys, code, bundle.attempt)
    except fresh.DiedError as died:
        return Ended(reason=str(died), lines=died.lines)
    except ResbenchError as error:
        return Ended(reason=str(error), exit_code=error.exit_code)
    return Ended(reason="ended without a result")
