"""What keeps a network from running faster: launches, arithmetic, memory or its data; ceilings are of the same run."""

from dataclasses import dataclass
from typing import Literal

from resbench.judging.stats import images_per_s, log_interval, unit_values
from resbench.records.record import Ceilings, Profile, Series

Bound = Literal["launch", "compute", "memory", "data"]
LAUNCH_BOUND = 0.20  # of a call's time in which the device waits for the host
BYTES = {"fp32": 4, "tf32": 4, "fp16": 2, "bf16": 2, "int8": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Roofline:
    """One series against the ceilings. Operations count two per multiply-add; bytes are the least that must move."""

    achieved_flop_per_s: float
    achieved_bytes_per_s: float
    matmul_flop_per_s: float
    copy_bytes_per_s: float
    intensity: float  # operations per byte of the network at this batch size
    waiting: float | None  # share of a call in which the device waits for the host; None: one clock only
    bound: Bound

    @property
    def ridge(self) -> float:
        """Operations per byte from which on arithmetic, not memory, is the limit."""
        return self.matmul_flop_per_s / self.copy_bytes_per_s

    @property
    def attainable_flop_per_s(self) -> float:
        """The roof over this intensity: what arithmetic and memory together allow."""
        return min(self.matmul_flop_per_s, self.intensity * self.copy_bytes_per_s)

    @property
    def of_roof(self) -> float:
        """The share of the roof that is reached."""
        return self.achieved_flop_per_s / self.attainable_flop_per_s

    @property
    def reliable(self) -> bool:
        """Whether the roof lies above what the network reaches, as a ceiling should."""
        return self.of_roof <= 1


def roofline(record: Profile, series: Series) -> Roofline | None:
    """Return how `series` of `record` stands to the ceilings; None for training, or without ceilings or operations."""
    moved = record.counts.bytes_moved(series.batch_size, BYTES[record.settings.dtype])
    flop = 2 * record.counts.terms.macs * series.batch_size
    if record.ceilings is None or not moved or not flop or series.speed.startswith("train"):
        return None
    matmul, copy = speeds(record.ceilings)
    seconds = _seconds(series)
    waiting = _waiting(record, series)
    intensity = flop / moved
    return Roofline(
        achieved_flop_per_s=flop / seconds,
        achieved_bytes_per_s=moved / seconds,
        matmul_flop_per_s=matmul,
        copy_bytes_per_s=copy,
        intensity=intensity,
        waiting=waiting,
        bound=_bound(record, series, waiting, "compute" if intensity >= matmul / copy else "memory"),
    )


def speeds(ceilings: Ceilings) -> tuple[float, float]:
    """Return the best matrix product in operations per second, and the best copy in bytes read and written."""
    matmul = 2 * ceilings.matmul_size**3 / (min(ceilings.matmul_ns) / 1e9)
    return matmul, 2 * ceilings.copy_bytes / (min(ceilings.copy_ns) / 1e9)


def _bound(record: Profile, series: Series, waiting: float | None, side: Bound) -> Bound:
    if waiting is not None and waiting > LAUNCH_BOUND:
        return "launch"
    return "data" if _starved(record, series) else side


def _starved(record: Profile, series: Series) -> bool:
    """Tell whether the images certainly come slower than the network alone would take them: intervals lie apart."""
    alone = record.series_at("throughput", series.batch_size)
    if series.speed != "end_to_end" or alone is None:
        return False
    fed, limit = images_per_s(series).high, images_per_s(alone).low
    return fed is not None and limit is not None and fed < limit


def _seconds(series: Series) -> float:
    return log_interval(unit_values(series)).estimate


def _waiting(record: Profile, series: Series) -> float | None:
    """Return the share of a latency that the device did not need, where both were measured at this batch size."""
    if series.speed != "latency":
        return None
    device = record.series_at("device_time", series.batch_size)
    return None if device is None else max(0.0, 1 - _seconds(device) / _seconds(series))
