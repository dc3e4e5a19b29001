"""Sweeps that begin, and those that go on."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from resbench.sweep.drive import OnEnding, drive
from resbench.sweep.engines import SweepEngine, engine_of
from resbench.sweep.jobs import Job
from resbench.sweep.ledger import EngineOptions, Ledger, StoredSweep, code_sha256, open_jobs


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A sweep that this process is to run."""

    ledger: Ledger
    stored: StoredSweep
    engine: SweepEngine
    is_new: bool

    def open(self) -> int:
        """Return how many jobs are to be brought to an end."""
        return len(self.stored.jobs if self.is_new else open_jobs(self.ledger, self.stored.jobs))

    def run(self, on_ending: OnEnding) -> None:
        """Bring every open job to its end. Raises ResbenchError when another process runs a sweep into this folder."""
        with self.ledger.owned():
            if self.is_new:
                self.ledger.begin(self.stored)
            drive(self.ledger, self.engine, self.stored, on_ending)


def new_sweep(jobs: Sequence[Job], root: Path, *, retries: int) -> Sweep:
    """Return a sweep of `jobs` into the folder of records `root`."""
    ledger, options = Ledger(root), EngineOptions()
    stored = StoredSweep(jobs=tuple(jobs), engine=options, retries=retries, code=code_sha256(), command=tuple(sys.argv))
    return Sweep(ledger=ledger, stored=stored, engine=engine_of(options, ledger, stored.code), is_new=True)


def earlier_sweep(root: Path) -> Sweep:
    """Return the sweep that was started into `root`. Raises ResbenchError when there is none."""
    ledger = Ledger(root)
    stored = ledger.stored()
    engine = engine_of(stored.engine, ledger, code_sha256())  # a later version may go on
    return Sweep(ledger=ledger, stored=stored, engine=engine, is_new=False)
