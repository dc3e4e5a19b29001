"""Sweeps that begin, and those that go on."""

import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resbench.errors import ResbenchError
from resbench.sweep.drive import OnEnding, cancel_all, drive
from resbench.sweep.engines import Here, SweepEngine
from resbench.sweep.jobs import Job, split_by_images
from resbench.sweep.ledger import Ending, EngineName, EngineOptions, Ledger, StoredSweep, code_sha256, open_jobs
from resbench.sweep.processes import Processes, visible_gpus
from resbench.sweep.ray_cluster import RayCluster
from resbench.sweep.script import script_of
from resbench.sweep.slurm import Slurm

AT_ONCE = 100  # jobs on a cluster


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A sweep that this process is to run."""

    ledger: Ledger
    stored: StoredSweep
    engine: SweepEngine
    is_new: bool
    cancel: bool = False  # on Ctrl-C, what would go on

    def open(self) -> Sequence[Job]:
        """Return the jobs that are to be brought to an end."""
        return self.stored.jobs if self.is_new else open_jobs(self.ledger, self.stored.jobs)

    def ended(self) -> list[tuple[Job, Ending]]:
        """Return the other jobs, and how they ended before."""
        is_open = {job.key for job in self.open()}
        endings = ((job, self.ledger.ending(job)) for job in self.stored.jobs if job.key not in is_open)
        return [(job, ending) for job, ending in endings if ending]

    def run(self, on_ending: OnEnding) -> None:
        """Bring every open job to its end. Raises ResbenchError when another process runs a sweep into this folder."""
        with self.ledger.owned():
            if self.is_new:
                begin(self.ledger, self.stored)
            drive(self.ledger, self.engine, self.stored, on_ending, cancel=self.cancel)


def begin(ledger: Ledger, stored: StoredSweep) -> None:
    """Write the plan of a new sweep. Raises ResbenchError when jobs of an earlier one may still run."""
    if ledger.tickets() and not _forgotten(ledger):
        raise ResbenchError(
            f"{ledger.root}: jobs of an earlier sweep may still run; wait for them with `resbench sweep resume -o "
            f"{ledger.root}`, or stop them with `resbench sweep cancel -o {ledger.root}`"
        )
    ledger.begin(stored)


def refuse_with_json(against: str | None, *, as_json: bool) -> None:
    """Raise ResbenchError where two things would be printed as JSON."""
    if against is not None and as_json:
        raise ResbenchError("--against with --json: would print two documents; run `resbench check --json` afterwards")


def engine_options(
    name: EngineName,
    *,
    workers: int | None,
    ranks: int,
    minutes: int | None,
    gpus: int,
    partition: str | None,
    slurm: Sequence[tuple[str, Any]],
) -> EngineOptions:
    """Return what runs the jobs. Raises ResbenchError for options of a cluster without one."""
    if name in ("here", "processes") and (gpus or partition or slurm):
        raise ResbenchError(
            "--gpus, --partition, --slurm: are of a cluster; give --on slurm or ray, or --print-script, too"
        )
    if name == "ray" and (minutes or partition or slurm):
        raise ResbenchError("--time-limit, --partition, --slurm: Ray has nothing of the kind; leave them out")
    if name == "here" and (workers or minutes):
        raise ResbenchError("--workers, --time-limit: jobs run one after another here; give --on processes too")
    at_once = workers or (1 if name in ("here", "processes") else AT_ONCE)
    return EngineOptions(
        name=name,
        workers=at_once,
        ranks=ranks,
        minutes=minutes,
        gpus=gpus,
        local_gpus=len(visible_gpus()) if name == "processes" else 0,
        partition=partition,
        slurm=dict(slurm),
    )


def scripted(stored: StoredSweep, root: Path) -> str:
    """Write the plan of a sweep that a script runs into `root`, and return the script."""
    ledger, text = Ledger(root), script_of(stored, root)
    with ledger.owned():
        begin(ledger, stored)
        (ledger.folder / "logs").mkdir(exist_ok=True)
    return text


def stored_sweep(
    jobs: Sequence[Job], engine: EngineOptions, *, retries: int, together: int | None, split: int | None = None
) -> StoredSweep:
    """Return a sweep of `jobs` as it is to be written down. Raises ResbenchError for what cannot be shared as asked."""
    if (split or engine.ranks > 1) and not any(job.kind == "validate" for job in jobs):
        raise ResbenchError("--split, --ranks: are of validations, and there are none; give --data, or leave them out")
    return StoredSweep(
        jobs=tuple(split_by_images(jobs, split) if split else jobs),
        engine=engine,
        retries=retries,
        code=code_sha256(),
        command=tuple(sys.argv),
        together=together,
        id=uuid.uuid4().hex,
    )


def new_sweep(stored: StoredSweep, root: Path, *, cancel: bool) -> Sweep:
    """Return a sweep into the folder of records `root` that is to begin."""
    ledger = Ledger(root)
    engine = _engine(stored.engine, ledger, stored.code)
    return Sweep(ledger=ledger, stored=stored, engine=engine, is_new=True, cancel=cancel)


def earlier_sweep(root: Path, *, cancel: bool) -> Sweep:
    """Return the sweep that was started into `root`. Raises ResbenchError when there is none."""
    ledger = Ledger(root)
    stored = ledger.stored()
    engine = _engine(stored.engine, ledger, code_sha256())  # a later version may go on
    return Sweep(ledger=ledger, stored=stored, engine=engine, is_new=False, cancel=cancel)


def cancel_sweep(root: Path) -> int:
    """Stop what was left running of the sweep into `root`, and return how many workers that were."""
    sweep = earlier_sweep(root, cancel=True)
    with sweep.ledger.owned():
        return cancel_all(sweep.ledger, sweep.engine, sweep.stored)


def _forgotten(ledger: Ledger) -> bool:
    """Tell whether an earlier sweep ran in this machine's own process, with which its jobs have ended."""
    return ledger.stored().engine.name in ("here", "script")


def _engine(options: EngineOptions, ledger: Ledger, code: str) -> SweepEngine:
    """Return the engine that `options` name. Raises ResbenchError when what it needs is not installed."""
    match options.name:
        case "here":
            return Here(ledger, code)
        case "processes":
            return Processes(options, ledger, code)
        case "slurm":
            return Slurm(options, ledger, code)
        case "ray":
            return RayCluster(options, ledger, code)
        case "script":
            raise ResbenchError(
                "this sweep is run by a script: submit it to sbatch again; what is done is not done again"
            )
