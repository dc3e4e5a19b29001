"""What a card says: a figure as it is printed and what its digits stand for, and the model that it is about."""

import re
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Literal

from resbench.words.quantities import WORDS, Quantity
from resbench.zoo.find import find_weights
from resbench.zoo.spec import Variant, Weights
from resbench.zoo.variants import VARIANTS
from resbench.zoo.weights import WEIGHTS

Style = Literal["index", "huggingface", "results", "table"]
SCALES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9, "T": 10**12}
# Longer exponents are no figures, and would fill the memory.
_NUMBER = re.compile(r"[+-]?\d{1,30}(\.\d{0,30})?(e[+-]?\d{1,2})?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A figure as a card prints it."""

    quantity: Quantity
    text: str  # "80.87%", "25.03", "5475179184"
    unit: str  # "%", "G", "M"; "1" for an accuracy as a fraction; empty: none was given
    line: int
    is_count: bool = False  # a field that holds a plain count (the FLOPs of a model index), so no unit is missing

    def __str__(self) -> str:
        return f"{WORDS[self.quantity]} {self.text}{f' {self.unit}' if self.unit in ('K', 'M', 'G', 'B', 'T') else ''}"

    @property
    def digits(self) -> str:
        """The number without separators and per cent sign."""
        return self.text.replace(",", "").replace("_", "").replace("%", "").strip()

    @property
    def number(self) -> Fraction | None:
        """The number as printed; None when it is none."""
        return Fraction(self.digits) if _NUMBER.fullmatch(self.digits) else None

    @property
    def scale(self) -> Fraction:
        """What the number is to be multiplied with to give a count, bytes, or a fraction of images."""
        if self.quantity in ("top1", "top5"):
            return Fraction(1) if self.unit == "1" else Fraction(1, 100)
        return Fraction(SCALES.get(self.unit, 1))

    @property
    def value(self) -> Fraction | None:
        """The count, the bytes, or the fraction of images; None when it is no number."""
        return None if self.number is None else self.number * self.scale

    @property
    def step(self) -> Fraction:
        """The step of the last printed digit, in the unit of `value`."""
        places = len(self.digits.lower().partition("e")[0].partition(".")[2])
        return self.scale / Fraction(10 ** min(places, 30))


def accuracy(quantity: Literal["top1", "top5"], text: str, line: int, *, may_be_fraction: bool) -> Said:
    """Return an accuracy as printed; where fractions are usual, 1 and less is one."""
    said = Said(quantity=quantity, text=text, unit="%" if "%" in text else "", line=line)
    is_fraction = may_be_fraction and not said.unit and said.number is not None and said.number <= 1
    return replace(said, unit="1") if is_fraction else said


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A model on a card: what is said about it, where."""

    style: Style
    path: Path
    line: int
    name: str
    said: dict[Quantity, Said] = field(default_factory=dict)
    names: tuple[str, ...] = ()  # further names by which the table may know it: ID, config, file
    weights_url: str = ""
    image_px: int | None = None
    dataset: str = ""
    conventions: frozenset[str] = frozenset()  # of counting, that its page names

    @property
    def weights(self) -> Weights | None:
        """The published checkpoint that this is."""
        for name in self._spellings:
            if found := find_weights(name):
                return found
        file = file_name(self.weights_url)
        return next((row for row in WEIGHTS if file and file_name(row.url) == file), None)

    @property
    def network(self) -> Variant | None:
        """The network of the table that this is, by its name however it is written: ResNeXt-50 (32x4d)."""
        if weights := self.weights:
            return next(variant for variant in VARIANTS if variant.name == weights.network)
        # Behind the dot is timm's tag: another one is another checkpoint, but the same network.
        wanted = {_plain(name) for one in self._spellings for name in (one, one.partition(".")[0])} - {""}
        return next((variant for variant in VARIANTS if _plain(variant.name) in wanted), None)

    @property
    def _spellings(self) -> tuple[str, ...]:
        """The names, also without an owner in front ("timm/")."""
        names = [name for name in (self.name, *self.names) if name]
        return tuple(dict.fromkeys([*names, *(name.rpartition("/")[2] for name in names)]))


def _plain(name: str) -> str:
    return re.sub(r"[-_ ()]", "", name).lower()


def side(text: str) -> int | None:
    """Return a size in pixels; None for what no image has."""
    return int(text) if re.fullmatch(r"[1-9]\d{1,3}", text, re.ASCII) else None


def stem(path: str) -> str:
    """Return the last part of a path without its suffix."""
    return PurePosixPath(file_name(path)).stem


def file_name(url: str) -> str:
    """Return the last part of a URL's or a file's path."""
    return re.split(r"[?#]", url, maxsplit=1)[0].rpartition("/")[2]
