"""What submitit carries to a worker, and what comes back: the same for local processes and for Slurm."""

import importlib
import signal
import subprocess
import sys
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resbench.errors import ResbenchError
from resbench.sweep.engines import Bundle, Ended
from resbench.sweep.work import work

if TYPE_CHECKING:
    from submitit.core.core import Job as SubmittedJob
    from submitit.core.utils import DelayedSubmission

_LINES = 20  # of what a worker that died printed last


@dataclass(frozen=True)
class SubmittedWork:
    """Does a bundle in a worker. After a preemption it goes on: what ended is not done again."""

    root: Path
    keys: tuple[str, ...]
    code: str
    attempt: int

    def __call__(self) -> Ended:
        """Do the bundle, and return why jobs may lack an ending."""
        # Not submitit's, which goes on: what a worker started would die alone, and be reported although Slurm queues
        # the job again.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        try:
            work(self.root, self.keys, self.code, self.attempt)
        except ResbenchError as error:
            return Ended(reason=str(error), exit_code=error.exit_code)
        except subprocess.CalledProcessError:  # submitit's `scontrol requeue`: Slurm has done it already, or refuses
            sys.exit(1)
        return Ended(reason="ended without a result")

    def checkpoint(self) -> "DelayedSubmission":
        """Return what the worker does when it is started again."""
        return submitit().helpers.DelayedSubmission(self)  # type: ignore[no-any-return]


def submitit() -> Any:
    """Return the package. Raises ResbenchError when it is not installed."""
    try:
        return importlib.import_module("submitit")
    except ModuleNotFoundError:
        raise ResbenchError("--on processes, slurm: needs submitit; pip install submitit, or leave --on out") from None


def work_of(bundle: Bundle, root: Path, code: str) -> SubmittedWork:
    """Return what a worker is to do for `bundle`."""
    return SubmittedWork(root=root.absolute(), keys=bundle.keys, code=code, attempt=bundle.attempt)


def ended_of(job: "SubmittedJob[Ended]") -> Ended:
    """Return what became of a job that is over: its own word, or what its worker printed last."""
    from submitit.core.utils import pickle_load

    lines = _last_lines(job.paths.stderr)
    if not job.paths.result_pickle.exists():
        return Ended(reason=f"the worker died without a result (state {job.state.lower()})", lines=lines)
    outcome, result = pickle_load(job.paths.result_pickle)
    if outcome == "success":
        return result  # type: ignore[no-any-return]
    return Ended(reason=str(result).strip().rpartition("\n")[2], lines=lines)


def _last_lines(path: Path) -> tuple[str, ...]:
    if not path.is_file():
        return ()
    with path.open(errors="replace") as stream:
        return tuple(line.rstrip("\n") for line in deque(stream, _LINES))
