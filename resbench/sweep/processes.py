"""Processes of this machine that go on when the one that started them ends, by submitit's local executor."""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psutil
import torch

from resbench.errors import ResbenchError
from resbench.sweep.engines import Bundle, Ended
from resbench.sweep.ledger import EngineOptions, Ledger
from resbench.sweep.submitted import ended_of, submitit, work_of

_A_YEAR = 60 * 24 * 365  # minutes: submitit wants a limit
_CONTROLLER = "submitit.local._local"


class Processes:
    """Bundles that take time run alone, one after another; others share the machine."""

    outlives = True
    local = True

    def __init__(self, options: EngineOptions, ledger: Ledger, code: str) -> None:
        self._workers, self._ledger, self._code = options.workers, ledger, code
        self._folder = ledger.folder.absolute() / "logs"
        self._executor = submitit().LocalExecutor(folder=self._folder, max_num_timeout=0)
        gpus = _visible_gpus()
        self._executor.update_parameters(
            timeout_min=options.minutes or _A_YEAR, gpus_per_node=len(gpus), visible_gpus=gpus
        )
        self._jobs: dict[str, Any] = {}  # that this process started

    def has_room(self, busy: Sequence[Bundle], bundle: Bundle) -> bool:
        """Tell whether `bundle` disturbs nothing that takes time, and is not disturbed."""
        alone = bundle.times or any(other.times for other in busy)
        return not busy if alone else len(busy) < self._workers

    def submit(self, bundles: Sequence[Bundle]) -> list[str]:
        """Start a process for each bundle; Ctrl-C does not reach them."""
        with _shielded():
            jobs = self._executor.submit_array([work_of(each, self._ledger.root, self._code) for each in bundles])
        self._jobs |= {job.job_id: job for job in jobs}
        return [job.job_id for job in jobs]

    def poll(self, handle: str, bundle: Bundle) -> Ended | None:  # noqa: ARG002
        """Return what became of a bundle; None: it is not over."""
        if handle in self._jobs:
            job = self._jobs[handle]
            return ended_of(job) if job.done() else None
        return None if _controller(handle) else ended_of(submitit().LocalJob(self._folder, handle))

    def cancel(self, handle: str) -> None:
        """Kill the process and those that it started."""
        if controller := _controller(handle):
            for process in [controller, *controller.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    process.kill()


def _controller(handle: str) -> psutil.Process | None:
    """Return the process that submitit started under this number; None: it has ended."""
    with suppress(psutil.Error, ValueError):
        process = psutil.Process(int(handle))
        if _CONTROLLER in process.cmdline():  # those that ended and were not waited for have none
            return process
    return None


def _visible_gpus() -> list[int]:
    """Return the GPUs that this process may use. Raises ResbenchError where they have names instead of numbers."""
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if listed is None:
        return list(range(torch.cuda.device_count()))
    if not all(word.isdigit() for word in listed.split(",") if word):
        raise ResbenchError(
            f"CUDA_VISIBLE_DEVICES={listed}: --on processes takes numbers of devices only; give numbers, or leave "
            "--on out"
        )
    return [int(word) for word in listed.split(",") if word]


@contextmanager
def _shielded() -> Iterator[None]:
    """Let processes that start meanwhile ignore Ctrl-C and the end of the terminal."""
    numbers = [number for name in ("SIGINT", "SIGHUP") if (number := getattr(signal, name, None))]
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
