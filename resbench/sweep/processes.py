"""Processes of this machine that go on when the one that started them ends, by submitit's local executor."""

import os
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psutil
import torch

from resbench.accuracy.distributed import Portion
from resbench.errors import ResbenchError
from resbench.sweep.engines import Bundle, Ended
from resbench.sweep.ledger import EngineOptions, Ledger
from resbench.sweep.pinning import physical_cores, pinned
from resbench.sweep.submitted import ended_of, submitit, work_of

_A_YEAR = 60 * 24 * 365  # minutes: submitit wants a limit
_CONTROLLER = "submitit.local._local"


class Processes:
    """Bundles that take time run alone, or one on each GPU; others share the machine."""

    outlives = True
    local = True

    def __init__(self, options: EngineOptions, ledger: Ledger, code: str) -> None:
        self._options, self._ledger, self._code = options, ledger, code
        self._gpus = visible_gpus()
        self._folder = ledger.folder.absolute() / "logs"
        self._executor = submitit().LocalExecutor(folder=self._folder, max_num_timeout=0)
        self._jobs: dict[str, Any] = {}  # that this process started

    def has_room(self, busy: Sequence[Bundle], bundle: Bundle) -> bool:
        """Tell whether `bundle` disturbs nothing that takes time, and is not disturbed."""
        together = [*busy, bundle]
        if not any(each.times for each in together):
            return len(busy) < self._options.workers
        several = all(each.times and _takes_any_gpu(each) for each in together)
        return len(busy) < (max(1, len(self._gpus)) if several else 1)

    def submit(self, bundles: Sequence[Bundle]) -> list[str]:
        """Start a process for each bundle; Ctrl-C does not reach them."""
        used = Counter(_gpu_in(ticket.handle) for ticket in self._ledger.tickets())
        return [self._start(bundle, self._gpus_for(bundle, used)) for bundle in bundles]

    def poll(self, handle: str, bundle: Bundle) -> Ended | None:  # noqa: ARG002
        """Return what became of a bundle; None: it is not over."""
        if handle in self._jobs:
            job = self._jobs[handle]
            return ended_of(job) if job.done() else None
        return None if _controller(handle) else ended_of(submitit().LocalJob(self._folder, _number_in(handle)))

    def cancel(self, handle: str) -> None:
        """Kill the process and those that it started."""
        if controller := _controller(handle):
            for process in [controller, *controller.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    process.kill()

    def _gpus_for(self, bundle: Bundle, used: Counter[str]) -> list[int]:
        """Return the GPUs that a bundle sees: that which the fewest use, or all if it names its device or has ranks."""
        if not self._gpus or not _takes_any_gpu(bundle) or (self._options.ranks > 1 and not bundle.times):
            return self._gpus
        gpu = min(self._gpus, key=lambda gpu: used[str(gpu)])
        used[str(gpu)] += 1
        return [gpu]

    def _start(self, bundle: Bundle, gpus: list[int]) -> str:
        self._executor.update_parameters(
            timeout_min=self._options.minutes or _A_YEAR, gpus_per_node=len(gpus), visible_gpus=gpus
        )
        with _shielded(), pinned(self._cpus_beside(gpus) if bundle.times else ()):
            job = self._executor.submit(work_of(bundle, self._ledger.root, self._code))
        handle = f"{job.job_id}@{gpus[0]}" if len(gpus) == 1 else str(job.job_id)
        self._jobs[handle] = job
        return handle

    def _cpus_beside(self, gpus: list[int]) -> set[int]:
        """Return the share of the cores that goes with one of several GPUs; none where there is nothing to share."""
        if len(gpus) != 1 or len(self._gpus) == 1:
            return set()
        portion = Portion(number=self._gpus.index(gpus[0]), of=len(self._gpus))
        return set().union(*portion.share(physical_cores()))


def visible_gpus() -> list[int]:
    """Return the GPUs that this process may use. Raises ResbenchError where they have names instead of numbers."""
    listed, count = os.environ.get("CUDA_VISIBLE_DEVICES"), torch.cuda.device_count()
    if listed is None:
        return list(range(count))
    if not all(word.isdigit() for word in listed.split(",") if word):
        raise ResbenchError(
            f"CUDA_VISIBLE_DEVICES={listed}: --on processes takes numbers of devices only; give numbers, or leave "
            "--on out"
        )
    return [int(word) for word in listed.split(",") if word][:count]  # none where torch cannot use them


def _takes_any_gpu(bundle: Bundle) -> bool:
    """Tell whether a bundle runs on the first GPU that it sees, if there is one."""
    return bundle.jobs[0].options.get("device") in (None, "cuda")


def _number_in(handle: str) -> str:
    """Return the number of the process in a handle, "1234" of "1234@0"."""
    return handle.partition("@")[0]


def _gpu_in(handle: str) -> str:
    """Return the GPU in a handle, "0" of "1234@0"; empty where it has none of its own."""
    return handle.partition("@")[2]


def _controller(handle: str) -> psutil.Process | None:
    """Return the process that submitit started under this number; None: it has ended."""
    with suppress(psutil.Error, ValueError):
        process = psutil.Process(int(_number_in(handle)))
        if _CONTROLLER in process.cmdline():  # those that ended and were not waited for have none
            return process
    return None


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
