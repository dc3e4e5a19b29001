"""A figure as it was printed, and one way to get it: a count, and what rounding makes of it."""

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from resbench.counting.heads import Head
from resbench.zoo.spec import Metric

Rounding = Literal["exact", "rounded", "truncated", "float", "single"]
PARTIAL = ("parameters without the classifier", "parameters and buffers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number as it was printed: it stands for anything that rounds to `value` in steps of `quantum`."""

    value: Fraction
    quantum: Fraction
    metric: Metric | None = None  # what the words beside it say; None: parameters or operations


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One way to get a figure: a count, and what rounding makes it of the figure's digits."""

    metric: Metric
    counted: str  # "parameters", or a convention
    input_px: tuple[int, int]
    value: int
    rounding: Rounding | None  # None: no rounding gives the digits
    off: float  # (figure - value) / value
    look_alike: str = ""  # the network that it is a count of, where that is another one of nearly the same name
    times: Literal["", "twice", "half"] = ""
    head: Head | None = None  # another number of classes than the network's own
    one_channel: bool = False  # for grey-scale images

    @property
    def direct(self) -> bool:
        """Whether it is a plain count of the network that was asked about."""
        return not (self.look_alike or self.times or self.head or self.one_channel)

    @property
    def fits(self) -> bool:
        """Whether it gives the digits; cut ones only where nothing but the place of the stride has to be assumed."""
        plain = not (self.times or self.head or self.one_channel)
        return self.rounding is not None and (self.rounding != "truncated" or (plain and self.of_the_same_name))

    @property
    def of_the_same_name(self) -> bool:
        """Whether it is of the network or of one that commonly goes by its plain name: for 32 px, stride on the 1x1."""
        return not self.look_alike or self.look_alike.endswith("_v1") or "_cifar" in self.look_alike

    @property
    def likely(self) -> bool:
        """Whether more than rounded digits speaks for it, so that look-alikes need not be tried."""
        partial = self.counted in PARTIAL
        return not (self.look_alike or partial) and (self.head is None or self.head.why in ("stated", "exact"))

    @property
    def meaning(self) -> str:
        """What is counted, in words: "parameters for 10 classes", "twice fvcore", "macs of resnet50_v1"."""
        words = [f"{self.times} {self.counted}".strip()]
        words += [f"of {self.look_alike}"] if self.look_alike else []
        words += ["for one input channel"] if self.one_channel else []
        words += [f"{'and' if self.one_channel else 'for'} {self.head}"] if self.head else []
        return " ".join(words)


def rounding(value: int, figure: Figure) -> Rounding | None:
    """Return what makes the digits of `figure` of the count `value`, or None."""
    if value == figure.value:
        return "exact"
    if abs(value - figure.value) * 2 <= figure.quantum and figure.quantum > 1:
        return "rounded"
    if 0 < value - figure.value < figure.quantum:
        return "truncated"
    if figure.value > 2**24 and figure.value == _single(value):  # as thop before 2020 adds up
        return "single"
    # 66.82 * 1e6 is 66819999.99...: hundredths of a million, scaled in floating point, without their fraction.
    return "float" if figure.value == int(round(value / 1e6, 2) * 1e6) else None


def _single(value: int) -> int:
    """Return `value` as a number of 32 bits holds it: a multiple of 256 from 2**31 on."""
    return int(struct.unpack("f", struct.pack("f", value))[0])
