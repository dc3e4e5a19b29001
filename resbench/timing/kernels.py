"""How many kernels a call starts on a CUDA device, counted in the trace that torch's profiler takes of one call."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile, schedule

from resbench.records.record import Kernels
from resbench.running.device import waiting

# Calls before the trace: in the first ones libraries set themselves up and torch.compile records its graphs.
SETTLING = 3
_ACTIVITIES = {"cuda": ProfilerActivity.CUDA, "cpu": ProfilerActivity.CPU}


def kernels_of(call: Callable[[], object], batch_size: int, device: torch.device) -> Kernels | None:
    """Return what one `call` on `batch_size` images starts on `device`; None where the profiler sees no kernels."""
    for _ in range(SETTLING):
        call()
    return count_kernels(trace(call, device), batch_size)


def count_kernels(events: Iterable[Mapping[str, Any]], batch_size: int) -> Kernels | None:
    """Count the kernels in a trace, and what launched them; copies, fills and annotations are none.

    A kernel has the correlation number of the host's call that launched it: those of one graph have the same.
    """
    launches = [event["args"]["correlation"] for event in events if event.get("cat") == "kernel"]
    if not launches:
        return None
    return Kernels(batch_size=batch_size, launches=len(set(launches)), kernels=len(launches))


def trace(call: Callable[[], object], device: torch.device) -> list[dict[str, Any]]:
    """Return the events of one `call`, made after another that only warms the profiler up.

    They are read from the file that the profiler writes, whose form is the same in all versions of torch.
    """
    waiting(device)()
    with TemporaryDirectory(prefix="resbench-trace-") as folder:
        path = Path(folder) / "trace.json"
        with profile(
            activities=[_ACTIVITIES[device.type]],
            schedule=schedule(wait=0, warmup=1, active=1, repeat=1),
            acc_events=True,  # of one cycle; otherwise some versions of torch warn
            on_trace_ready=lambda profiler: profiler.export_chrome_trace(str(path)),
        ) as profiler:
            for _ in range(2):
                call()
                waiting(device)()
                profiler.step()
        events: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8", errors="replace"))["traceEvents"]
    return events
