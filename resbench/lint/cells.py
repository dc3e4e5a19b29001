"""What the cell of a table says: a figure with its unit, no figure, or one that is not understood."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from resbench.lint.columns import LONGEST, Column, bare
from resbench.lint.figure import number_in

_NUMBER = (
    r"\d{1,3}(?:,\d{3}){1,9}(?:\.\d{1,30})?|\d{1,3}(?:_\d{3}){1,9}|\d{1,3}(?: \d{3}){1,9}(?!\d)|"
    r"\d{1,3}(?:\.\d{3}){2,9}|\d{1,30}(?:[.,]\d{1,30})?"
)
_UNIT = {
    **dict.fromkeys(("k", "thousand"), "K"),
    **dict.fromkeys(("m", "mil", "mio", "mn", "million", "millions"), "M"),
    **dict.fromkeys(("g", "b", "bn", "giga", "billion", "billions"), "G"),
    **dict.fromkeys(("t", "trillion", "trillions"), "T"),
    **{unit.lower(): unit for unit in ("KB", "MB", "GB", "KiB", "MiB", "GiB")},
    **dict.fromkeys(("bytes", "byte"), "BYTES"),
    "%": "%",
}
_COUNTED = r"(?:flops?|macs?|ops|params?|parameters?|mult-?adds?|madds?)"
_CELL = re.compile(
    rf"(?P<about>[~≈∼]|ca?\.|about|approx\.?)?\s{{0,3}}(?P<number>[+-]?(?:{_NUMBER})"
    rf"(?:e[+-]?\d{{1,2}}|\s?[x·]\s?10\s?(?:\^|<sup>)?\s?\{{?\d{{1,2}}\}}?(?:</sup>)?)?)\s{{0,3}}"
    rf"(?P<unit>(?:{'|'.join(sorted(_UNIT, key=len, reverse=True))})(?![a-z]))?\s?(?:(?P<prefix>[kmgt])?{_COUNTED})?"
    r"(?:\s{0,3}(?:±|\+/?-|\\?pm)\s{0,3}(?P<margin>\d{1,3}(?:[.,]\d{1,6})?)\s?%?)?"
    r"(?P<after>.*)",
    re.IGNORECASE,
)
_REMARK = re.compile(r"\(([^()]*)\)|\[[^\[\]]*\]|[*†‡§¹²³⁴⁵a]$|\^\s?[a-z\d*,]{0,4}|[↑↓]")
_POWER = re.compile(r"[\d.,]{1,30}\s?[x×·*]\s?10\s?(?:\^\s?\{?\d{1,2}\}?|<sup>\d{1,2}</sup>)", re.IGNORECASE)
_EMPTY = re.compile(r"[-–—/?.\s]*|n/?a|none|null|tb[ad]|x+", re.IGNORECASE)
_PLAIN_REMARK = re.compile(r"\s*[\d.,]+\s*%?\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """A number as a cell prints it."""

    text: str  # as it stands on the line
    unit: str = ""  # of the cell; empty: its column's
    approximate: bool = False
    margin: Fraction = Fraction(0)  # behind "±", as printed
    in_parentheses: str = ""  # a second number behind it
    decimal_comma: bool = False

    @property
    def value(self) -> Fraction | None:
        """The number, without its unit."""
        return number_in(self.text, decimal_comma=self.decimal_comma)


def decimal_commas(cells: Iterable[str]) -> bool | None:
    """Return whether the numbers of a column have commas for decimals; None when its cells could be either."""
    words = [bare(cell) for cell in cells]
    if any(re.search(r"\d,\d{1,2}(?!\d)|\d,\d{4,}", cell) and "." not in cell for cell in words):
        return True
    return False if any(re.search(r"\d\.\d", cell) for cell in words) else None


@lru_cache(maxsize=10_000)
def printed_number(cell: str, own: Column) -> Printed | None:
    """Return the one number that a cell of the column `own` prints; None for none, or for what is not understood."""
    if len(cell) > LONGEST:
        return None
    words = re.sub(r"_\{|[{}]", " ", bare(_without_notes(cell)))
    match = _CELL.fullmatch(words.strip())
    if not match:
        return None
    remarks = [remark[1] or "" for remark in _REMARK.finditer(match["after"])]
    second = next((remark.strip() for remark in remarks if _PLAIN_REMARK.fullmatch(remark)), "")
    rest = _REMARK.sub("", match["after"]).strip(" .,;")
    text = _as_printed(match["number"], cell)
    in_remark = next((remark for remark in remarks if remark.lower() in _UNIT), "")
    unit = _UNIT.get((match["unit"] or match["prefix"] or in_remark).lower(), "")
    comma = _has_decimal_comma(text, unit or own.unit, own)
    if rest or (second and not own.with_error) or not text or comma is None:
        return None
    margin = Fraction((match["margin"] or "0").replace(",", "."))
    return Printed(
        text=text,
        unit=unit,
        approximate=bool(match["about"]),
        margin=margin,
        in_parentheses=second,
        decimal_comma=(bool(comma) and "," in text) or bool(re.fullmatch(r"\d+(\.\d{3}){2,}", text)),
    )


def _has_decimal_comma(text: str, unit: str, own: Column) -> bool | None:
    """Whether the comma of a number stands before decimals; None when it may separate thousands as well."""
    if "," not in text or own.decimal_comma is not None:
        return "," in text and bool(own.decimal_comma)
    if own.kind in ("top1", "top5", "pair") or re.fullmatch(r"\d+,(\d{1,2}|\d{4,})", text):
        return True
    return None if re.fullmatch(r"[1-9]\d{0,2},\d{3}", text) and unit in ("M", "G", "T") else False


def holds_a_figure(cell: str) -> bool:
    """Whether a cell in a column of figures says anything that should have been understood."""
    words = bare(_without_notes(cell))
    return not _EMPTY.fullmatch(words) and any(letter.isdigit() for letter in words)


def _without_notes(cell: str) -> str:
    """Leave out superscripts and subscripts, but for powers of ten."""
    cell = re.sub(r"(?<=10)<sup>([369]|12)</sup>", r"^\1", cell[:LONGEST])
    return re.sub(r"<(su[pb])>[^<>]{0,100}</\1>", " ", cell, flags=re.IGNORECASE)


def _as_printed(text: str, cell: str) -> str:
    """Return the number in the characters of the cell; empty when it stands there in other ones."""
    if text in cell:
        return text
    start = cell.find(re.match(r"[\d.,]*", text)[0])  # type: ignore[index]
    power = _POWER.match(cell, start) if start >= 0 else None
    return power[0] if power else ""
