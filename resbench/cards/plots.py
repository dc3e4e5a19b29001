"""Plots of cards as SVG files: round ticks, 95 % intervals, outlines where the machine was not quiet.

Colours are those of the drawings, readable on light and dark pages; points of one colour are one path, to stay small.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from resbench import units
from resbench.cards.drawing import BLUE, GREEN, GREY, ORANGE, PURPLE, WIDTH, Drawing, svg_file, text
from resbench.cards.relatives import Kinship, Relatives, Spot

_LEFT, _RIGHT, _CEILING, _FLOOR = 70, WIDTH - 20, 40, 250  # of the plotting area, in px
_COLOURS: dict[Kinship, str] = {"other": GREY, "family": BLUE, "own": ORANGE}
_LINES = (BLUE, ORANGE, GREEN, PURPLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Images per second at a batch size, with its 95 % interval; why it may not repeat, if something speaks for it."""

    batch_size: int
    rate: float
    low: float | None = None
    high: float | None = None
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Axis:
    """Where a figure lies between two ends, and its round ticks."""

    low: float
    high: float
    start: float  # px of the low end
    end: float
    is_log: bool = False

    def at(self, value: float) -> float:
        """Return the place of `value` in px."""
        if self.is_log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self, most: int = 8) -> list[float]:
        """Return at most `most` round values between the ends."""
        return _log_ticks(self.low, self.high, most) if self.is_log else _ticks(self.low, self.high, most)


def relatives_plot(name: str, relatives: Relatives, x_label: str, tick: Callable[[float], str]) -> Drawing:
    """Return the plot of accuracy over a cost in which the network `name` stands out."""
    spots = relatives.spots
    across = _axis([x for spot in spots for x in (spot.x, *(spot.x_bounds or ()))], _LEFT, _RIGHT, is_log=True)
    up = _axis([y for spot in spots for y in (spot.y, *(spot.y_bounds or ()))], _FLOOR, _CEILING)
    own = [spot for spot in spots if spot.kinship == "own"]
    best = max(own, key=lambda spot: spot.y)
    parts = [*_frame(across, up, x_label, "top-1 (%)", tick)]
    for kinship in _COLOURS:
        parts += _dots([spot for spot in spots if spot.kinship == kinship], across, up, kinship)
    parts.append(_label(name, across.at(best.x), up.at(best.y)))
    family = sorted({spot.name for spot in spots if spot.kinship == "family"})
    parts += _keys(name, relatives, len(family))
    title = f"{name} among {len({spot.name for spot in spots if spot.kinship != 'own'})} other networks: top-1 accuracy"
    words = f"{title} over {x_label}, {relatives.where}"
    about = f"{best.name}: {best.y:.2f} % at {tick(best.x)}."
    about += f" Of its family: {', '.join(family)}." if family else ""
    return svg_file(_FLOOR + 74, words, parts, about)


def throughput_plot(lines: dict[str, Sequence[Measurement]]) -> Drawing | None:
    """Return the plot of images per second over the batch size, a line per name; None without lines."""
    if not lines:
        return None
    sizes = sorted({point.batch_size for points in lines.values() for point in points})
    columns = {size: _LEFT + (_RIGHT - _LEFT) * (index + 0.5) / len(sizes) for index, size in enumerate(sizes)}
    top = max(point.high or point.rate for points in lines.values() for point in points)
    up = Axis(0, top * 1.05, _FLOOR, _CEILING)
    parts = [text(_LEFT, 16, "images per second", "start"), text((_LEFT + _RIGHT) / 2, _FLOOR + 40, "batch size")]
    parts += _rows(up, _number)
    parts += [text(x, _FLOOR + 18, str(size)) for size, x in columns.items()]
    for index, (name, points) in enumerate(lines.items()):
        colour = _LINES[index % len(_LINES)]
        parts += _curve(points, columns, up, colour)
        doubts = sorted({point.doubt for point in points if point.doubt})
        noted = f"{name}; outline: {', '.join(doubts)}" if doubts else name
        parts += [
            _dot(_LEFT + 6, _FLOOR + 60 + 20 * index, colour),
            text(_LEFT + 20, _FLOOR + 64 + 20 * index, noted, "start"),
        ]
    about = "; ".join(
        f"{name}: {', '.join(f'{units.figure(point.rate)} at {point.batch_size}' for point in points)}"
        for name, points in lines.items()
    )
    return svg_file(_FLOOR + 64 + 20 * len(lines), "images per second over the batch size", parts, about)


def _curve(points: Sequence[Measurement], columns: dict[int, float], up: Axis, colour: str) -> Iterator[str]:
    """Yield a line through `points` with their intervals; an outline is in doubt."""
    spots = [(columns[point.batch_size], up.at(point.rate)) for point in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for point, (x, y) in zip(points, spots, strict=True):
        if point.low is not None and point.high is not None:
            bar = f"M{x:.1f} {up.at(point.low):.1f}V{up.at(point.high):.1f}"
            yield f'<path d="{bar}" stroke="{colour}" stroke-width="4" stroke-opacity="0.5"/>'
        yield _dot(x, y, colour, is_outline=bool(point.doubt))


def _axis(values: Sequence[float], start: float, end: float, *, is_log: bool = False) -> Axis:
    """Return an axis that holds `values` with some room around them."""
    low, high = min(values), max(values)
    if is_log:
        room = max((high / low) ** 0.05, 1.05)
        return Axis(low / room, high * room, start, end, is_log=True)
    room = 0.06 * (high - low) or 1.0
    return Axis(low - room, high + room, start, end)


def _frame(across: Axis, up: Axis, x_label: str, y_label: str, tick: Callable[[float], str]) -> Iterator[str]:
    yield text(_LEFT, 16, y_label, "start")
    yield text((_LEFT + _RIGHT) / 2, _FLOOR + 36, x_label)
    yield from _rows(up, _number)
    ticks = across.ticks()
    yield _grid("".join(f"M{across.at(value):.1f} {_CEILING}V{_FLOOR}" for value in ticks))
    yield from (text(across.at(value), _FLOOR + 18, tick(value)) for value in ticks)


def _rows(up: Axis, tick: Callable[[float], str]) -> Iterator[str]:
    ticks = up.ticks()
    yield _grid("".join(f"M{_LEFT} {up.at(value):.1f}H{_RIGHT}" for value in ticks))
    yield from (text(_LEFT - 8, up.at(value) + 4, tick(value), "end") for value in ticks)


def _grid(path: str) -> str:
    return f'<path d="{path}" stroke="currentColor" stroke-opacity="0.25"/>'


def _dots(spots: Sequence[Spot], across: Axis, up: Axis, kinship: Kinship) -> Iterator[str]:
    """Yield the intervals of `spots` as one path and their dots as another; outlines one by one."""
    colour = _COLOURS[kinship]
    bars = "".join(_bars(spot, across, up) for spot in spots)
    if bars:
        yield f'<path d="{bars}" stroke="{colour}" stroke-opacity="0.6"/>'
    sure = "".join(f"M{across.at(spot.x):.1f} {up.at(spot.y):.1f}h0" for spot in spots if not spot.doubt)
    if sure:
        size = 10 if kinship == "own" else 7
        yield f'<path d="{sure}" stroke="{colour}" stroke-width="{size}" stroke-linecap="round"/>'
    yield from (_dot(across.at(spot.x), up.at(spot.y), colour, is_outline=True) for spot in spots if spot.doubt)


def _bars(spot: Spot, across: Axis, up: Axis) -> str:
    x, y = across.at(spot.x), up.at(spot.y)
    wide = spot.x_bounds and f"M{across.at(spot.x_bounds[0]):.1f} {y:.1f}H{across.at(spot.x_bounds[1]):.1f}"
    high = spot.y_bounds and f"M{x:.1f} {up.at(spot.y_bounds[0]):.1f}V{up.at(spot.y_bounds[1]):.1f}"
    return (wide or "") + (high or "")


def _dot(x: float, y: float, colour: str, *, is_outline: bool = False) -> str:
    fill = f'fill="none" stroke="{colour}" stroke-width="2"' if is_outline else f'fill="{colour}"'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" {fill}/>'


def _label(words: str, x: float, y: float) -> str:
    is_left = x - 10 - 6.8 * len(words) > _LEFT  # where a better network would lie, so mostly nothing does
    return text(x - 10 if is_left else x + 10, y - 8, words, "end" if is_left else "start")


def _keys(name: str, relatives: Relatives, family: int) -> Iterator[str]:
    """Yield what the colours mean, as far as they are there, and what outlines do."""
    words: dict[Kinship, str] = {"own": name, "family": f"its family ({family})", "other": "other networks"}
    held = [kinship for kinship in words if any(spot.kinship == kinship for spot in relatives.spots)]
    for index, kinship in enumerate(held):
        yield _dot(_LEFT + 6 + 170 * index, _FLOOR + 60, _COLOURS[kinship])
        yield text(_LEFT + 16 + 170 * index, _FLOOR + 64, words[kinship], "start")
    if any(spot.doubt for spot in relatives.spots):
        yield text(_RIGHT, _FLOOR + 64, "outline: in doubt, as on a busy machine", "end")


def _ticks(low: float, high: float, most: int) -> list[float]:
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{index * step:.12g}") for index in range(first, last + 1)]


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for leading in ((1, 2, 3, 4, 5, 6, 8), (1, 2, 3, 5), (1, 2, 5), (1, 3), (1,)):
        values = [float(f"{factor * 10.0**power:.6g}") for power in powers for factor in leading]
        ticks = [value for value in values if low <= value <= high]
        if len(ticks) <= most:
            return ticks if len(ticks) > 1 else _ticks(low, high, most)
    return ticks[:: math.ceil(len(ticks) / most)]


def _number(value: float) -> str:
    return f"{value:,.10g}"


def macs_tick(value: float) -> str:
    """4.1e9 -> "4.1 G"."""
    return f"{value / 1e9:.3g} G" if value >= 1e9 else units.si(value, 0)


def ms_tick(value: float) -> str:
    """1234.5 -> "1,230 ms"."""
    return f"{float(f'{value:.3g}'):,.10g} ms"
