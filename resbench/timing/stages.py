"""Where the time of a forward pass goes: stage by stage, and operator by operator.

The clock is read where one stage ends and the next begins, in passes that take turns with passes without any hook.
Operators are timed one by one below torch's dispatcher, in passes of their own: there the interpreter takes its time
between them, so that their sum says nothing of the whole.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, Protocol

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from resbench.counting.operators import computes
from resbench.counting.stages import stage_names
from resbench.records.record import PartTime, StageTimes
from resbench.running.device import waiting
from resbench.timing.clock import Call
from resbench.timing.sampler import Materialise

FEWEST_ROUNDS, MOST_ROUNDS = 10, 200  # a round is a pass of each kind
ROUNDS_PER_LAYOUT = 10  # then weights and images are laid out afresh
SETTLING = 2  # untimed passes after that


Span = tuple[int, int]  # wall and process time, in nanoseconds; of a device, its own time and 0


class Marks(Protocol):
    """Clocks that can be read during a forward pass, without keeping it up."""

    def now(self) -> Any:
        """Return this moment."""

    def between(self, first: Any, last: Any) -> Span:
        """Return the time between two moments, once the pass is over."""


class HostMarks:
    """The host's clocks, read when `device` has done all that it was given."""

    def __init__(self, device: torch.device) -> None:
        self._wait = waiting(device)

    def now(self) -> Span:
        """Return the host's time and that of this process."""
        self._wait()
        return time.perf_counter_ns(), time.process_time_ns()

    def between(self, first: Span, last: Span) -> Span:
        """Return the differences."""
        return last[0] - first[0], last[1] - first[1]


class DeviceMarks:
    """The clock of a CUDA device: events in its queue, so that it never waits for the host on their account."""

    def now(self) -> torch.cuda.Event:
        """Put an event into the queue."""
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def between(self, first: torch.cuda.Event, last: torch.cuda.Event) -> Span:
        """Wait for `last` and return the time between them."""
        last.synchronize()
        return round(first.elapsed_time(last) * 1e6), 0


def time_stages(
    module: nn.Module,
    work: Materialise,
    batch_size: int,
    device: torch.device,
    budget_s: float,
    progress: Callable[[float], None] = lambda _: None,
) -> StageTimes:
    """Time passes of `module`, which `work` makes calls of: whole, by stage and by operator, in turns."""
    marks: Marks = DeviceMarks() if device.type == "cuda" else HostMarks(device)
    kinds: tuple[Callable[[Call], Mapping[str, Span]], ...] = (
        lambda call: {"": _whole(call, marks)},
        lambda call: _by_stage(module, call, marks),
        lambda call: _by_operator(call, marks),
    )
    passes: list[list[Mapping[str, Span]]] = [[] for _ in kinds]
    started_s, rounds = time.monotonic(), 0
    while rounds < FEWEST_ROUNDS or (rounds < MOST_ROUNDS and time.monotonic() - started_s < budget_s):
        progress(min(1.0, rounds / FEWEST_ROUNDS, (time.monotonic() - started_s) / max(budget_s, 1e-3)))
        if rounds % ROUNDS_PER_LAYOUT == 0:
            (call,) = work()
            for _ in range(SETTLING):
                call()
        for turn in range(len(kinds)):  # none always comes after the same one
            kind = (turn + rounds) % len(kinds)
            passes[kind].append(kinds[kind](call))
        rounds += 1
    (whole,), stages, operators = (tuple(_parts(of, cpu=device.type == "cpu")) for of in passes)
    return StageTimes(batch_size=batch_size, whole=whole, stages=stages, operators=operators)


def _parts(passes: Sequence[Mapping[str, Span]], *, cpu: bool) -> Iterator[PartTime]:
    for name in dict.fromkeys(name for spans in passes for name in spans):
        walls, cpus = zip(*(spans.get(name, (0, 0)) for spans in passes), strict=True)
        yield PartTime(name=name, wall_ns=walls, cpu_ns=cpus if cpu else ())


def _whole(call: Call, marks: Marks) -> Span:
    first = marks.now()
    call()
    return marks.between(first, marks.now())


def _by_stage(module: nn.Module, call: Call, marks: Marks) -> Mapping[str, Span]:
    """Return the time of each stage: from its first child's call to that of the next stage's."""
    entered: list[tuple[str, Any]] = []

    def enter(stage: str, *_: Any) -> None:
        if not entered or entered[-1][0] != stage:
            entered.append((stage, marks.now()))

    with ExitStack() as hooks:
        for name, stage in stage_names(name for name, _ in module.named_children()).items():
            hooks.enter_context(module.get_submodule(name).register_forward_pre_hook(partial(enter, stage)))
        first = marks.now()
        call()
        last = marks.now()
    edges = [first, *(moment for _, moment in entered[1:]), last]
    return _sums(marks, zip((stage for stage, _ in entered), edges, edges[1:], strict=False))


def _by_operator(call: Call, marks: Marks) -> Mapping[str, Span]:
    """Return the time of the ATen operators that compute something, by name; in place or not is one."""
    with _OperatorClock(marks) as clock:
        call()
    return _sums(marks, clock.calls)


def _sums(marks: Marks, timed: Iterable[tuple[str, Any, Any]]) -> Mapping[str, Span]:
    sums: dict[str, Span] = {}
    for name, first, last in timed:
        wall, cpu = marks.between(first, last)
        before = sums.get(name, (0, 0))
        sums[name] = before[0] + wall, before[1] + cpu
    return sums


class _OperatorClock(TorchDispatchMode):
    def __init__(self, marks: Marks) -> None:
        super().__init__()
        self._marks = marks
        self.calls: list[tuple[str, Any, Any]] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not computes(function):
            return function(*args, **(kwargs or {}))
        first = self._marks.now()
        outputs = function(*args, **(kwargs or {}))
        self.calls.append((function.overloadpacket.__name__.removesuffix("_"), first, self._marks.now()))
        return outputs
