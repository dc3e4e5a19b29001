"""A script for sbatch, for people whose cluster forbids programs that submit jobs."""

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from resbench.errors import ExitCode, ResbenchError
from resbench.sweep.jobs import Job, together
from resbench.sweep.ledger import Ledger, StoredSweep
from resbench.sweep.slurm import AS_MANY_CPUS, MOST_QUEUED, sbatch_parameters
from resbench.sweep.work import work


def bundles_of(stored: StoredSweep) -> list[tuple[Job, ...]]:
    """Return the jobs of a sweep in the groups that one task of the array does, in their order."""
    return list(together(stored.jobs, stored.together))


def script_of(stored: StoredSweep, root: Path) -> str:
    """Return the script that runs a sweep into `root`. Raises ResbenchError for what an array of tasks cannot do."""
    if any(job.part for job in stored.jobs):
        raise ResbenchError("--print-script with --split: tasks of an array do not wait for one another; leave one out")
    bundles = bundles_of(stored)
    if len(bundles) > MOST_QUEUED:
        raise ResbenchError(f"--print-script: {len(bundles):,} tasks; an array has {MOST_QUEUED:,}; split the plan")
    command = [sys.executable, "-m", "resbench", "sweep", "work"]
    return "\n".join(
        [
            "#!/bin/bash",
            *_flags(stored, root),
            "",
            f"# `resbench sweep status -o {shlex.quote(str(root))}` shows how far it is; submitted again, it goes on.",
            AS_MANY_CPUS,
            f'exec srun {shlex.join(command)} "$SLURM_ARRAY_TASK_ID" -o {shlex.quote(str(root.absolute()))}',
            "",
        ]
    )


def work_on(root: Path, number: int) -> int:
    """Do the task `number` of the array; return the exit code of its worst job. Raises ResbenchError for no such."""
    ledger = Ledger(root)
    stored = ledger.stored()
    bundles = bundles_of(stored)
    if number >= len(bundles):
        raise ResbenchError(f"task {number}: the sweep into {root} has tasks 0 to {len(bundles) - 1}")
    jobs = bundles[number]
    work(root, [job.key for job in jobs], stored.code)
    endings = [ledger.ending(job) for job in jobs]
    return max(ending.exit_code if ending else ExitCode.INVALID for ending in endings)


def _flags(stored: StoredSweep, root: Path) -> Iterator[str]:
    """Yield the options of sbatch: those that submitit gives it too, and those that it adds itself."""
    chosen = sbatch_parameters(stored.engine, times=any(job.kind == "profile" for job in stored.jobs))
    at_once, other = chosen.pop("array_parallelism"), chosen.pop("additional_parameters")
    own = {
        "array": f"0-{len(bundles_of(stored)) - 1}%{at_once}",
        "open-mode": "append",
        "output": f"{Ledger(root.absolute()).folder}/logs/%A_%a.out",
    }
    for key, value in {**chosen, **own, **other}.items():
        flag = f"#SBATCH --{key.replace('_', '-')}"
        yield flag if value is True else f"{flag}={shlex.quote(str(value))}"
