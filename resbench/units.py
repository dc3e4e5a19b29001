"""Numbers for people: SI prefixes, times, sizes, per cent. Inside the program everything is SI base units or counts."""

from collections.abc import Sequence

_SI = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_TIME = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_LARGEST_PX = 100_000
_BINARY = ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


def integer(value: int) -> str:
    """25028904 -> "25,028,904"."""
    return f"{value:,}"


def count_of(number: int, noun: str) -> str:
    """(1, "image") -> "1 image", (1000, "image") -> "1,000 images"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def figure(value: float, digits: int = 4) -> str:
    """51.7312 -> "51.73", 13168.2 -> "13,168": three or four significant digits, and whole numbers from 1,000 on."""
    short = f"{value:.{digits}g}"
    return f"{value:,.0f}" if abs(float(short)) >= 1000 else short


def si(value: float, digits: int = 2) -> str:
    """25028904 -> "25.03 M"."""
    for scale, prefix in _SI:
        if abs(value) >= scale:
            return f"{value / scale:.{digits}f} {prefix}"
    return f"{value:g}"


def seconds(value_s: float) -> str:
    """0.00123 -> "1.23 ms", three significant digits."""
    for scale, unit in _TIME:
        if abs(value_s) >= scale:
            return f"{_significant(value_s / scale)} {unit}"
    return "0 s" if value_s == 0 else f"{value_s:.3g} s"


def size(value_bytes: float) -> str:
    """102400000 -> "97.7 MiB"."""
    for scale, unit in _BINARY:
        if abs(value_bytes) >= scale:
            return f"{_significant(value_bytes / scale)} {unit}"
    return f"{value_bytes:g} B"


def percent(fraction: float, digits: int = 2) -> str:
    """0.8088 -> "80.88 %"."""
    return f"{100 * fraction:.{digits}f} %"


def pixels(size_px: int | Sequence[int]) -> str:
    """(224, 285) -> "224x285" (height x width)."""
    height, width = (size_px, size_px) if isinstance(size_px, int) else size_px
    return f"{height}x{width}"


def parse_pixels(text: str) -> tuple[int, int]:
    """Read "224" -> (224, 224) or "224x285" -> (224, 285); ValueError for anything else, below 1 or above 100,000."""
    parts = text.lower().split("x")
    try:
        numbers = [int(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2) or not all(1 <= number <= _LARGEST_PX for number in numbers):
        raise ValueError(f"{text!r} is not a size in pixels; give 224 or HxW such as 224x285")
    return numbers[0], numbers[-1]


def _significant(value: float) -> str:
    """Three significant digits without an exponent: 1.23, 12.3, 123, 1230."""
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:.{digits}f}"
