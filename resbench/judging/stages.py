"""Where the time of a forward pass went: medians of stages and of kinds of operators, and their shares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from resbench.judging.metric import Clock
from resbench.records.record import Profile, StageTimes

# Parts of ATen's names, the first that fits holds: "addmm" is no addition, "_native_batch_norm_legit" a batch norm.
_KINDS: dict[str, tuple[str, ...]] = {
    "convolution": ("conv",),
    "batch norm": ("batch_norm", "batchnorm"),
    "linear": ("linear", "addmm", "matmul", "mm"),
    "pool": ("pool", "mean"),
    "activation": ("relu", "sigmoid", "softmax", "silu", "gelu", "hardtanh", "hardswish", "clamp"),
    "concatenation": ("cat", "stack"),
    "addition": ("add", "sum"),
    "multiplication": ("mul",),
}
OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeShare:
    """The time of a part of a forward pass, and its share of all parts."""

    name: str
    time_s: float  # median over the passes
    share: float


def clock_of_stages(record: Profile) -> Clock:
    """Return the clock to tell stages by: process time where other programs kept the CPU busy."""
    noise = record.environment.conditions.noise
    timed = all(times.whole.cpu_ns for times in record.stages)
    return "cpu_ns" if timed and noise in ("busy", "overloaded") else "wall_ns"


def stage_shares(times: StageTimes, clock: Clock) -> list[TimeShare]:
    """Return the stages in their order."""
    return _shares({part.name: getattr(part, clock) for part in times.stages})


def operator_shares(times: StageTimes, clock: Clock) -> list[TimeShare]:
    """Return the kinds of operators, those that take longest first."""
    kinds: dict[str, list[Sequence[int]]] = {}
    for part in times.operators:
        kinds.setdefault(operator_kind(part.name), []).append(getattr(part, clock))
    sums = {kind: [sum(spans) for spans in zip(*parts, strict=True)] for kind, parts in kinds.items()}
    return sorted(_shares(sums), key=lambda share: -share.time_s)


def accounted(times: StageTimes, clock: Clock) -> float:
    """Return the sum of the stages over the whole pass, which was timed without hooks: 1 where hooks cost nothing."""
    parts = [float(median(getattr(part, clock))) for part in (times.whole, *times.stages)]
    return sum(parts[1:]) / (parts[0] or 1)


def operator_kind(name: str) -> str:
    """Return the kind of the ATen operator called `name`: "convolution", "batch norm", ..., "other"."""
    return next((kind for kind, marks in _KINDS.items() if any(mark in name for mark in marks)), OTHER)


def _shares(spans_ns: Mapping[str, Sequence[int]]) -> list[TimeShare]:
    middles = {name: median(spans) for name, spans in spans_ns.items()}
    total = sum(middles.values()) or 1
    return [TimeShare(name=name, time_s=middle / 1e9, share=middle / total) for name, middle in middles.items()]
