"""A figure as a card prints it: its digits, what they stand for, and what it was measured on."""

import re
from dataclasses import dataclass
from fractions import Fraction

from resbench.lint.datasets import data_set
from resbench.words.quantities import WORDS, Quantity

SCALES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9, "T": 10**12}
BYTE_UNITS = {"B": 1, "BYTES": 1, "KB": 10**3, "KIB": 2**10, "MB": 10**6, "MIB": 2**20, "GB": 10**9, "GIB": 2**30}
ACCURACIES: tuple[Quantity, ...] = ("top1", "top5")
OPERATIONS: tuple[Quantity, ...] = ("flops", "macs")
PER_IMAGE: tuple[Quantity, ...] = (*OPERATIONS, "activations")  # what holds at one input only
COUNTS: tuple[Quantity, ...] = ("params", *PER_IMAGE)
# Longer exponents are no figures, and would fill the memory.
_NUMBER = re.compile(r"[+-]?\d{1,30}(\.\d{1,30})?(e[+-]?\d{1,2})?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedFigure:
    """A figure as a card prints it."""

    quantity: Quantity
    text: str  # as it stands on its line: "80.87%", "25.03", "25,03", "5475179184"
    unit: str  # its own or its column's: "%", "G", "M", "MB"; "1" for an accuracy as a fraction; empty: none was given
    line: int
    is_count: bool = False  # a field that holds a plain count (the FLOPs of a model index), so no unit is missing
    is_error_rate: bool = False  # 100 per cent less the accuracy
    decimal_comma: bool = False  # "25,03" is 25.03
    approximate: bool = False  # "~25", "≈ 25"
    margin: Fraction = Fraction(0)  # behind "±", in the unit of `value`
    heading: str = ""  # of its column, or its key, as printed
    dataset: str = ""  # that an accuracy was measured on, as printed; empty: not said
    arguments: str = ""  # of an evaluation that differ between results: config, split, revision, args
    image_px: int | None = None  # that it holds at: its column's, else its model's

    def __str__(self) -> str:
        name = f"{WORDS[self.quantity]} error" if self.is_error_rate else WORDS[self.quantity]
        return f"{name} {self.text}{f' {self.unit}' if self.unit in SCALES and self.unit else ''}"

    @property
    def data_set(self) -> str:
        """The data set by one name however it is written ("imagenet-1k", "cifar10"); empty: not said."""
        return data_set(self.dataset)

    @property
    def digits(self) -> str:
        """The number with a point for decimals and without separators and per cent sign."""
        return _digits(self.text, self.decimal_comma)

    @property
    def number(self) -> Fraction | None:
        """The number as printed; None when it is none."""
        return number_in(self.text, decimal_comma=self.decimal_comma)

    @property
    def scale(self) -> Fraction:
        """What the number is to be multiplied with to give a count, bytes, or a fraction of images."""
        if self.quantity in ACCURACIES:
            return Fraction(1) if self.unit == "1" else Fraction(1, 100)
        if self.quantity == "file_size":
            return Fraction(BYTE_UNITS.get(self.unit.upper(), 1))
        return Fraction(SCALES.get(self.unit, 1))

    @property
    def unit_is_foreign(self) -> bool:
        """Whether its unit is none of its quantity: megabytes of parameters, a percentage of operations."""
        return self.quantity not in (*ACCURACIES, "file_size") and self.unit not in SCALES

    @property
    def value(self) -> Fraction | None:
        """The count, the bytes, or the fraction of images that are right; None when it is no number."""
        if self.number is None:
            return None
        return 1 - self.number * self.scale if self.is_error_rate else self.number * self.scale

    @property
    def step(self) -> Fraction:
        """The step of the last printed digit, in the unit of `value`."""
        mantissa, _, exponent = self.digits.lower().partition("e")
        places = len(mantissa.partition(".")[2]) - (int(exponent) if self.number is not None and exponent else 0)
        return self.scale / Fraction(10) ** max(-99, min(places, 99))

    def written(self, count: int | Fraction) -> str:
        """Return a count, bytes, or a fraction of right images in the unit, digits and separators of this figure."""
        if self.quantity in ACCURACIES:
            return self._decimals((1 - count if self.is_error_rate else count) / self.scale)
        scale = self.scale if self.unit else Fraction(self._usual_scale)
        if scale > 1:
            return self._decimals(count / scale)
        rounded = round(count, -4) if self.is_count and self.digits.endswith("0000") else round(count)
        return f"{rounded:,}".replace(",", next(iter(re.findall(r"[,_. ]", self.text)), ""))

    @property
    def _usual_scale(self) -> int:
        """The scale of a count without a unit: small numbers are billions of operations, millions of others."""
        if self.is_count or self.number is None or self.number >= 10**5:
            return 1
        return 10**9 if self.quantity in OPERATIONS else 10**6

    def _decimals(self, number: Fraction) -> str:
        places = max(0 if "." not in self.digits and self.number and self.number >= 100 else 2, self._places)
        printed = f"{float(number):.{places}f}"
        return printed.replace(".", ",") if self.decimal_comma else printed

    @property
    def _places(self) -> int:
        return min(12, len(self.digits.lower().partition("e")[0].partition(".")[2]))


def number_in(text: str, *, decimal_comma: bool = False) -> Fraction | None:
    """Return the number that `text` prints: "25,557,032", "1.8 x 10^9", "79.9%"; None when it is none."""
    digits = _digits(text, decimal_comma)
    return Fraction(digits) if _NUMBER.fullmatch(digits) else None


def _digits(text: str, decimal_comma: bool) -> str:
    text = re.sub(r"\s?[x×·*]\s?10\s?\^?(?:<sup>)?\{?(\d+)\}?(?:</sup>)?", r"e\1", text[:200])
    text = re.sub(r"[%_\s]", "", text)
    if re.fullmatch(r"\d{1,3}(\.\d{3}){2,}", text) or (decimal_comma and "," in text):
        return text.replace(".", "").replace(",", ".")
    return text.replace(",", "")
