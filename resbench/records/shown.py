"""How records show themselves in Python and in notebooks: a line, a small table, and their main figures.

Figures are computed from the raw samples by a module above the records. The package `resbench` says which
(`present_by`); it is loaded at the first use, so that reading records stays free of statistics.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

_load: Callable[[], ModuleType]


def present_by(load: Callable[[], ModuleType]) -> None:
    """Let the module that `load` returns say what records show: one with the functions of `words.presented`."""
    global _load
    _load = load


def _words() -> Any:
    return _load()


class _Shown:
    __slots__ = ()

    def __repr__(self) -> str:
        line: str = _words().record_line(self)
        return line

    def _repr_html_(self) -> str:
        """Return a small table for notebooks; everything that others may have written is escaped."""
        table: str = _words().record_html(self)
        return table


class ShownProfile(_Shown):
    """The main figures of a profile. Each is None where the record has none; `series` has every speed and sample."""

    __slots__ = ()

    @property
    def latency_ms(self) -> float | None:
        """Milliseconds of a call, at the smallest batch size at which the latency was measured."""
        return self._estimate(_words().latency_of(self))

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of `latency_ms`; None with one cluster only, too."""
        return self._bounds(_words().latency_of(self))

    @property
    def images_per_s(self) -> float | None:
        """Images per second, at the batch size with the highest throughput that was measured."""
        return self._estimate(_words().throughput_of(self))

    @property
    def images_per_s_interval(self) -> tuple[float, float] | None:
        """The 95 % interval of `images_per_s`; None with one cluster only, too."""
        return self._bounds(_words().throughput_of(self))

    @staticmethod
    def _estimate(interval: Any) -> float | None:
        return None if interval is None else float(interval.estimate)

    @staticmethod
    def _bounds(interval: Any) -> tuple[float, float] | None:
        return None if interval is None or interval.low is None else (interval.low, interval.high)


class ShownEvaluation(_Shown):
    """The main figures of an evaluation, in per cent. Each is None where no image was scored."""

    __slots__ = ()

    @property
    def top1(self) -> float | None:
        """Per cent of the images whose class is the first answer."""
        return self._percent("top1")

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's 95 % interval of `top1`, in per cent."""
        bounds: tuple[float, float] | None = _words().accuracy_bounds(self)
        return bounds

    @property
    def top5(self) -> float | None:
        """Per cent of the images whose class is among the first five answers."""
        return self._percent("top5")

    def _percent(self, metric: str) -> float | None:
        share: float | None = _words().accuracy_of(self, metric)
        return share
