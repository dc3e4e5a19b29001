"""How one sample is taken: wait for the device, start the clocks, call, wait again, stop the clocks."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from resbench.errors import InvalidMeasurementError
from resbench.running.device import waiting

# As long as threads may wait in a loop for another call: ONNX Runtime's do for 55 ms, torch's for 12 (libgomp).
SPIN_S = 0.1
Call = Callable[[], object]
Timer = Callable[[Call, int], tuple[int, int]]  # (call, times) -> (wall_ns, cpu_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Two clocks of this process and the device that they wait for."""

    synchronise: Callable[[], None]
    wall_ns: Callable[[], int] = time.perf_counter_ns
    cpu_ns: Callable[[], int] = time.process_time_ns

    def __call__(self, call: Call, times: int = 1) -> tuple[int, int]:
        """Call `times` times on an idle device; return wall and process time until it is idle again.

        Raises InvalidMeasurementError when the wall clock did not advance.
        """
        self.synchronise()
        cpu, wall = self.cpu_ns(), self.wall_ns()
        for _ in range(times):
            call()
        self.synchronise()
        wall, cpu = self.wall_ns() - wall, self.cpu_ns() - cpu
        return positive_ns(wall), cpu


def host_clock(device: torch.device) -> Clock:
    """Return the clocks of this process, waiting for `device`."""
    return Clock(synchronise=waiting(device))


def event_timer(device: torch.device) -> Timer:
    """Return a timer by the device's own clock (CUDA events); the process time is the host's.

    Events say how long the device was busy only when it never waits for the host: give it graph replays.
    """

    def timer(call: Call, times: int = 1) -> tuple[int, int]:
        start, stop = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        torch.cuda.synchronize(device)
        cpu = time.process_time_ns()
        start.record()
        for _ in range(times):
            call()
        stop.record()
        torch.cuda.synchronize(device)
        return positive_ns(round(start.elapsed_time(stop) * 1e6)), time.process_time_ns() - cpu

    return timer


def positive_ns(wall_ns: int) -> int:
    """Return `wall_ns`. Raises InvalidMeasurementError when it is not positive."""
    if wall_ns <= 0:
        raise InvalidMeasurementError(f"the clock advanced by {wall_ns} ns during a call; its time cannot be told here")
    return wall_ns


def wait_until_idle(longest_s: float = 5 * SPIN_S, look_s: float = 0.005) -> None:
    """Wait until the threads of this process use less than a fifth of a core, but for `longest_s` at most."""
    end_s = time.monotonic() + longest_s
    while time.monotonic() < end_s:
        before_ns = time.process_time_ns()
        time.sleep(look_s)
        if time.process_time_ns() - before_ns < 0.2e9 * look_s:
            return
