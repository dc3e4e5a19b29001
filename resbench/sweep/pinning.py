"""The cores of this machine in shares: jobs that take time on several GPUs at once do not take each other's."""

import os
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path


def physical_cores() -> list[set[int]]:
    """Return the CPUs that this process may use, those of one core together; none where the system does not tell."""
    if not hasattr(os, "sched_getaffinity"):
        return []
    cores: dict[str, set[int]] = defaultdict(set)
    for cpu in sorted(os.sched_getaffinity(0)):
        cores[_siblings(cpu)].add(cpu)
    return list(cores.values())


@contextmanager
def pinned(cpus: Collection[int]) -> Iterator[None]:
    """Keep processes that start meanwhile on these CPUs; where none are given, they run on all."""
    if not cpus:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _siblings(cpu: int) -> str:
    """Return the CPUs of the core that has `cpu`, as the kernel lists them: "0,8"."""
    try:
        return Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text().strip()
    except OSError:
        return str(cpu)
