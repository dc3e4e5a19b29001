"""Jobs of a Slurm cluster, by submitit: arrays, and workers that are queued again when they are preempted."""

import contextlib
import io
import os
import subprocess
import time
from collections.abc import Sequence
from typing import Any

from resbench.errors import ResbenchError
from resbench.sweep.engines import Bundle, Ended
from resbench.sweep.ledger import EngineOptions, Ledger
from resbench.sweep.submitted import ended_of, submitit, work_of

_A_DAY = 60 * 24  # minutes
MOST_QUEUED = 1000  # Slurm's arrays have 1001 places by default
AS_MANY_CPUS = (  # since 22.05 srun asks for one CPU per task otherwise, whatever sbatch was asked for
    '[ -z "${SLURM_CPUS_PER_TASK:-}" ] || export SRUN_CPUS_PER_TASK="$SLURM_CPUS_PER_TASK"'
)
# How often submitit queues a job again that may have reached its time limit, as it takes it of every preemption in the
# last fifth of the time, or in the last ten minutes. The time limit itself sends no signal here.
_REQUEUES = 1_000_000
_PAUSES_S = (2.0, 60.0)  # the shortest and the longest between two calls of squeue
_NOT_LISTED = "NOT IN THE QUEUE"
_OVER = (
    "BOOT_FAIL",
    "CANCELLED",
    "COMPLETED",
    "DEADLINE",
    "FAILED",
    "NODE_FAIL",
    "OUT_OF_MEMORY",
    "PREEMPTED",
    "TIMEOUT",
    _NOT_LISTED,
)


class Slurm:
    """One array per submission; those that take time have a GPU of their own, or a node."""

    outlives = True
    local = False

    def __init__(self, options: EngineOptions, ledger: Ledger, code: str) -> None:
        self._options, self._ledger, self._code = options, ledger, code
        self._folder = ledger.folder.absolute() / "logs"
        self._executors = {times: self._executor(times=times) for times in (True, False)}
        self._queue = Queue()
        self._jobs: dict[str, Any] = {}

    def has_room(self, busy: Sequence[Bundle], bundle: Bundle) -> bool:  # noqa: ARG002
        """Tell whether one more may be queued."""
        return len(busy) < MOST_QUEUED

    def submit(self, bundles: Sequence[Bundle]) -> list[str]:
        """Submit an array of those that take time, and one of the others."""
        handles: dict[tuple[str, ...], str] = {}
        for times in (True, False):
            chosen = [bundle for bundle in bundles if bundle.times == times]
            for bundle, job in zip(chosen, self._submitted(chosen, times=times), strict=True):
                handles[bundle.keys] = job.job_id
        self._queue.forget()
        return [handles[bundle.keys] for bundle in bundles]

    def poll(self, handle: str, bundle: Bundle) -> Ended | None:  # noqa: ARG002
        """Return what became of a bundle; None: Slurm has it still."""
        if handle not in self._jobs:
            self._jobs[handle] = submitit().SlurmJob(self._folder, handle)
            self._jobs[handle].watcher = self._queue
        job = self._jobs[handle]
        return ended_of(job) if job.done() else None

    def cancel(self, handle: str) -> None:
        """Take the job out of the queue, or stop it."""
        submitit().SlurmJob(self._folder, handle).cancel(check=False)

    def _executor(self, *, times: bool) -> Any:
        try:
            executor = submitit().SlurmExecutor(folder=self._folder, max_num_timeout=_REQUEUES)
        except RuntimeError:
            raise ResbenchError(
                "--on slurm: there is no srun on this machine; run this on a login node, or write a script with "
                "--print-script"
            ) from None
        # No seconds before the time limit: the signal is of a preemption alone.
        executor.update_parameters(
            **sbatch_parameters(self._options, times=times), signal_delay_s=0, setup=[AS_MANY_CPUS]
        )
        return executor

    def _submitted(self, bundles: Sequence[Bundle], *, times: bool) -> list[Any]:
        if not bundles:
            return []
        work = [work_of(bundle, self._ledger.root, self._code) for bundle in bundles]
        try:
            with contextlib.redirect_stderr(io.StringIO()):  # to which submitit prints what the error says too
                jobs: list[Any] = self._executors[times].submit_array(work)
        except submitit().core.utils.FailedJobError as error:
            lines = [line.removeprefix("sbatch: ").removeprefix("error: ") for line in str(error).splitlines()]
            raise ResbenchError(f"sbatch: {'; '.join(lines)}; correct --partition, --gpus or --slurm") from None
        return jobs


class Queue:
    """The states of this user's jobs, as squeue shows them until some minutes after their end.

    It takes the place of submitit's watcher, which asks sacct: that needs a database, which many clusters lack, and
    takes a suspended job for one that has ended.
    """

    def __init__(self) -> None:
        self._states: dict[str, str] | None = None
        self.forget()

    def forget(self) -> None:
        """Forget the states, since there are new jobs."""
        self._since = time.monotonic()
        self._asked = float("-inf")

    def get_state(self, job_id: str, mode: str = "standard") -> str:  # noqa: ARG002
        """Return the state of a job in Slurm's words, UNKNOWN where squeue does not answer."""
        now = time.monotonic()
        shortest, longest = _PAUSES_S
        if now - self._asked >= min(longest, max(shortest, (now - self._since) / 2)):
            self._asked, self._states = now, _states()
        return "UNKNOWN" if self._states is None else self._states.get(job_id, _NOT_LISTED)

    def is_done(self, job_id: str, mode: str = "standard") -> bool:
        """Tell whether a job is over, however it ended."""
        return self.get_state(job_id, mode) in _OVER


def sbatch_parameters(options: EngineOptions, *, times: bool) -> dict[str, Any]:
    """Return submitit's parameters of the jobs: those that take time own their GPU, or without one their node."""
    chosen = {
        "job_name": "resbench",
        "time": options.minutes or _A_DAY,
        "array_parallelism": options.workers,
        "partition": options.partition,
        "gpus_per_node": options.gpus or None,
        "exclusive": True if times and not options.gpus else None,
        "additional_parameters": {"requeue": True, **options.slurm},
    }
    return {key: value for key, value in chosen.items() if value is not None}


def _states() -> dict[str, str] | None:
    """Return the state of each job of this user; None: squeue does not answer."""
    command = ["squeue", "--me", "--array", "--states=all", "--noheader", "--format=%i %T"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SQUEUE_")}  # filters
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        return None
    return dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if line.strip())
