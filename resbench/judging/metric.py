"""What was timed, and its one spelling in findings, histories and exports: "latency b1 (CPU time)"."""

from dataclasses import dataclass
from typing import Literal

from resbench.records.record import Series, Speed

Clock = Literal["wall_ns", "cpu_ns"]
_CLOCKS: dict[Clock, str] = {"cpu_ns": "CPU time", "wall_ns": "wall time"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedMetric:
    """A speed at a batch size; by which clock, where more than one tells of it."""

    speed: Speed
    batch_size: int
    clock: Clock | None = None

    def __str__(self) -> str:
        """Return "latency b1 (CPU time)"."""
        return f"{self.speed} b{self.batch_size}" + (f" ({_CLOCKS[self.clock]})" if self.clock else "")


def timed(series: Series, clock: Clock | None = None) -> TimedMetric:
    """Return what `series` measured."""
    return TimedMetric(speed=series.speed, batch_size=series.batch_size, clock=clock)
