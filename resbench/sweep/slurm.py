"""Jobs of a Slurm cluster, by submitit: arrays, and workers that are queued again when they are preempted."""

from collections.abc import Sequence
from typing import Any

from resbench.errors import ResbenchError
from resbench.sweep.engines import Bundle, Ended
from resbench.sweep.ledger import EngineOptions, Ledger
from resbench.sweep.submitted import ended_of, submitit, work_of

_A_DAY = 60 * 24  # minutes
MOST_QUEUED = 1000  # Slurm's arrays have 1001 places by default


class Slurm:
    """One array per submission; those that take time have a GPU of their own, or a node."""

    outlives = True
    local = False

    def __init__(self, options: EngineOptions, ledger: Ledger, code: str) -> None:
        self._options, self._ledger, self._code = options, ledger, code
        self._folder = ledger.folder.absolute() / "logs"
        self._executors = {times: self._executor(times=times) for times in (True, False)}
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
                self._jobs[job.job_id] = job
                handles[bundle.keys] = job.job_id
        return [handles[bundle.keys] for bundle in bundles]

    def poll(self, handle: str, bundle: Bundle) -> Ended | None:  # noqa: ARG002
        """Return what became of a bundle; None: Slurm has it still."""
        job = self._jobs.setdefault(handle, submitit().SlurmJob(self._folder, handle))
        return ended_of(job) if job.done() else None

    def cancel(self, handle: str) -> None:
        """Take the job out of the queue, or stop it."""
        submitit().SlurmJob(self._folder, handle).cancel(check=False)

    def _executor(self, *, times: bool) -> Any:
        try:
            executor = submitit().SlurmExecutor(folder=self._folder, max_num_timeout=0)
        except RuntimeError:
            raise ResbenchError(
                "--on slurm: there is no srun on this machine; run this on a login node, or write a script with "
                "--print-script"
            ) from None
        executor.update_parameters(**sbatch_parameters(self._options, times=times))
        return executor

    def _submitted(self, bundles: Sequence[Bundle], *, times: bool) -> list[Any]:
        if not bundles:
            return []
        try:
            jobs: list[Any] = self._executors[times].submit_array(
                [work_of(bundle, self._ledger.root, self._code) for bundle in bundles]
            )
        except submitit().core.utils.FailedJobError as error:
            raise ResbenchError(f"sbatch: {str(error).strip()}; correct --partition, --gpus or --slurm") from None
        return jobs


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
