"""The device that a network runs on: which one, waiting for it, and how much memory it gave."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import torch

from resbench.errors import ResbenchError


def resolve(asked: str | None = None) -> torch.device:
    """Return the device that `asked` names ("cuda", "cuda:1", "mps", "cpu"); None: CUDA, else MPS, else the CPU.

    Raises ResbenchError for a device that is unknown or missing: another one is never taken instead.
    """
    present = _present()
    if asked is None:
        return torch.device(present[0])
    try:
        device = torch.device(asked)
    except RuntimeError:
        raise ResbenchError(f"device {asked!r}: no such kind of device; choose from {', '.join(present)}") from None
    if device.type == "cuda" and device.index is None and torch.cuda.is_available():
        device = torch.device("cuda", torch.cuda.current_device())
    if str(device) not in present:
        raise ResbenchError(f"device {asked!r}: not on this machine; choose from {', '.join(present)}")
    return device


@contextmanager
def within_memory(what: str) -> Iterator[None]:
    """Turn torch's words for the end of memory into one line: `what` is too much."""
    try:
        yield
    except RuntimeError as error:  # torch.OutOfMemoryError is one; the CPU's allocator raises the plain kind
        if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error):
            raise ResbenchError(f"{what}: does not fit into memory; give a smaller one") from None
        raise


def waiting(device: torch.device) -> Callable[[], None]:
    """Return what waits until `device` has done everything that was asked of it."""
    if device.type == "cuda":
        return partial(torch.cuda.synchronize, device)
    return torch.mps.synchronize if device.type == "mps" else _no_wait


def _no_wait() -> None:
    pass


def reset_peak_memory(device: torch.device) -> None:
    """Give unused memory back and start a new peak, on devices that keep one."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def peak_memory(device: torch.device) -> tuple[int | None, int | None]:
    """Return the peak (allocated, reserved) bytes since the last reset; None where the device keeps no peak."""
    if device.type != "cuda":
        return None, None
    return torch.cuda.max_memory_allocated(device), torch.cuda.max_memory_reserved(device)


def reset_peak_resident() -> None:
    """Start a new peak of this process's resident set, where the system allows it (Linux)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_resident_bytes() -> int | None:
    """Return the largest resident set of this process since the last reset; None on systems that do not tell.

    On Linux not from getrusage, whose peak a child inherits from the process that started it.
    """
    with suppress(OSError):
        match = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
        return int(match[1]) * 1024 if match else None
    if sys.platform != "darwin":
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _present() -> list[str]:
    """Return the devices of this machine, the preferred one first."""
    devices = []
    if torch.cuda.is_available():
        current = torch.cuda.current_device()
        others = [index for index in range(torch.cuda.device_count()) if index != current]
        devices += [f"cuda:{index}" for index in [current, *others]]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return [*devices, "cpu"]
