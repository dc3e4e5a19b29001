"""Drawings as SVG files: the stages of a network, its block, and how its speed grows with the batch size.

Lines and text are mid-grey and boxes are tinted, so that a drawing is readable on light and dark pages.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from resbench.cards.markup import one_line
from resbench.cards.shapes import Block, Stage, block, stages
from resbench.cards.templating import SIGNATURE
from resbench.zoo.spec import Variant

_BLUE, _GREEN, _ORANGE, _PURPLE = "#3b82f6", "#10b981", "#f59e0b", "#a855f7"
_GREY = "#6e7781"  # contrast of at least 4 to white and to the dark grey of dark pages
_WIDTH = 760
_STAGES_PX = 160  # height of the drawing of the stages
_ROW_PX = 46  # height of a branch of the block


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """The text of an SVG file, and in words what it shows."""

    title: str
    svg: str


def network(variant: Variant) -> Drawing:
    """Return the drawing of the stages of `variant` and of the block that they repeat."""
    inner = block(variant)
    drawn = stages(variant)
    words = "; ".join(
        f"{stage.name}: {_blocks(stage)}, {stage.channels} x {stage.side_px} x {stage.side_px}" for stage in drawn
    )
    height = _STAGES_PX + 70 + _ROW_PX * len(inner.branches)
    return _svg(height, f"{variant.name}: {words}", [*_stages(variant), *_block(inner, _STAGES_PX + 20)])


def plot(lines: Mapping[str, Sequence[tuple[int, float]]]) -> Drawing | None:
    """Return the plot of images per second over the batch size, a line per name; None without lines."""
    if not lines:
        return None
    sizes = sorted({size for points in lines.values() for size, _ in points})
    top = max(rate for points in lines.values() for _, rate in points)
    left, right, floor, ceiling = 70, _WIDTH - 20, 220, 40
    columns = {size: left + (right - left) * (index + 0.5) / len(sizes) for index, size in enumerate(sizes)}
    parts = [_text(left, 16, "images per second", "start"), _text((left + right) / 2, floor + 40, "batch size")]
    for share in (0, 0.5, 1):
        y = floor - (floor - ceiling) * share
        parts += [_line(left, y, right, y, 0.25), _text(left - 8, y + 4, _rate(top * share), "end")]
    parts += [_text(x, floor + 18, str(size)) for size, x in columns.items()]
    for index, (name, points) in enumerate(lines.items()):
        colour = (_BLUE, _ORANGE, _GREEN, _PURPLE)[index % 4]
        spots = [(columns[size], floor - (floor - ceiling) * rate / top) for size, rate in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in spots]
        parts.append(f'<rect x="{left}" y="{floor + 54 + 20 * index}" width="12" height="12" fill="{colour}"/>')
        parts.append(_text(left + 20, floor + 64 + 20 * index, name, "start"))
    return _svg(floor + 60 + 20 * len(lines), "images per second over the batch size", parts)


def _stages(variant: Variant) -> list[str]:
    """Boxes as high as the feature maps, as wide as they are deep in blocks, from image to classes."""
    drawn = stages(variant)
    floor, tallest = _STAGES_PX - 48, 106
    widest = max(stage.blocks for stage in drawn)
    boxes: list[tuple[str, str, str, float, float, str]] = [
        ("image", f"3 x {variant.input_px} x {variant.input_px}", "", tallest, 0.25, "none"),
        ("stem", "", "", 86, 0.25, _ORANGE),
    ]
    for stage in drawn:
        high = max(16, 84 * stage.side_px / drawn[0].side_px)
        size = f"{stage.channels} x {stage.side_px} x {stage.side_px}"
        boxes.append((stage.name, size, _blocks(stage), high, 0.45 + 0.55 * stage.blocks / widest, _BLUE))
    boxes.append(("classes", str(variant.classes), "pool, linear", 16, 0.25, _GREEN))
    room = (_WIDTH - 20) / len(boxes)
    parts = []
    for index, (name, size, blocks, high, share, colour) in enumerate(boxes):
        middle, wide = 10 + room * (index + 0.5), (room - 26) * share
        parts.append(_box(middle - wide / 2, floor - high, wide, high, colour))
        parts += [_text(middle, floor + 16, name), _text(middle, floor + 31, size, size=11)]
        parts.append(_text(middle, floor + 45, blocks, size=11))
        if index:
            parts.append(_arrow(middle - room / 2 - 7, floor - 8, middle - room / 2 + 7, floor - 8))
    return parts


def _rate(images_per_s: float) -> str:
    return f"{images_per_s:,.0f}" if images_per_s >= 100 else f"{images_per_s:.3g}"


def _blocks(stage: Stage) -> str:
    return f"{stage.blocks} block{'s' if stage.blocks != 1 else ''}"


def _block(inner: Block, top: float) -> list[str]:
    """The block from left to right: branches below one another, what follows them, the sum with the shortcut."""
    tail = [*inner.tail, *([inner.gate] if inner.gate else [])]
    longest = max(map(len, inner.branches))
    wide = min(190.0, (_WIDTH - 190) / (longest + len(tail)) - 16)
    middle = top + 50 + _ROW_PX * (len(inner.branches) - 1) / 2
    joint, end = 82 + longest * (wide + 16), 82 + (longest + len(tail)) * (wide + 16)
    parts = [_text(10, top + 6, "its block in the first stage", "start"), _text(36, middle + 4, "x")]
    for row, layers in enumerate(inner.branches):
        y = top + 50 + _ROW_PX * row
        parts += [_arrow(46, middle, 78, y), *_chain(layers, 82, y, wide, _PURPLE)]
        parts.append(_arrow(82 + len(layers) * (wide + 16) - 14, y, joint - 3, middle))
    parts += _chain(tail, joint, middle, wide, _ORANGE)
    parts += [_arrow(end - 14, middle, end + 5, middle)] if tail else []
    if inner.shortcut:
        arc = f"M 36 {middle - 10:.1f} V {top + 18} H {end + 18:.1f}"
        ring = f'cx="{end + 18:.1f}" cy="{middle:.1f}" r="11"'
        parts.append(f'<path d="{arc}" fill="none" stroke="currentColor" stroke-opacity="0.6"/>')
        parts.append(_arrow(end + 18, top + 18, end + 18, middle - 13))
        parts.append(f'<circle {ring} fill="{_GREEN}" fill-opacity="0.3" stroke="{_GREEN}"/>')
        parts.append(_text(end + 18, middle + 5, "+", size=15))
        return [*parts, _arrow(end + 32, middle, end + 52, middle), _text(end + 60, middle + 4, "y", "start")]
    return [*parts, _text(end + 6, middle + 4, "y", "start")]


def _chain(layers: Sequence[str], left: float, y: float, wide: float, colour: str) -> list[str]:
    parts = []
    for index, words in enumerate(layers):
        x = left + index * (wide + 16)
        parts.append(_box(x, y - 15, wide, 30, colour))
        parts += _fitted(x + wide / 2, y, words, wide)
        if index:
            parts.append(_arrow(x - 14, y, x - 2, y))
    return parts


def _fitted(x: float, y: float, words: str, wide: float) -> list[str]:
    """Words in a box: on one line where they fit, else on two."""
    if len(words) * 6.2 <= wide:
        return [_text(x, y + 4, words)]
    between = ", " if ", " in words else " "
    parts = words.split(between)
    first, second = (between.join(half) for half in (parts[: len(parts) // 2], parts[len(parts) // 2 :]))
    return [_text(x, y - 2, first, size=10), _text(x, y + 10, second, size=10)]


def _svg(height: float, title: str, parts: Sequence[str]) -> Drawing:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" width="{_WIDTH}" '
        f'height="{height:.0f}" role="img" font-family="system-ui, sans-serif" color="{_GREY}" fill="{_GREY}">'
    )
    words = one_line(title)
    lines = [f"<!-- {SIGNATURE} -->", head, f"<title>{escape(words)}</title>", *filter(None, parts), "</svg>"]
    return Drawing(title=words, svg="\n".join(lines) + "\n")


def _box(x: float, y: float, wide: float, high: float, colour: str) -> str:
    fill = "none" if colour == "none" else colour
    edge = "currentColor" if colour == "none" else colour
    place = f'x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" rx="4"'
    return f'<rect {place} fill="{fill}" fill-opacity="0.2" stroke="{edge}" stroke-opacity="0.8"/>'


def _line(x1: float, y1: float, x2: float, y2: float, opacity: float = 0.6) -> str:
    place = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {place} stroke="currentColor" stroke-opacity="{opacity}"/>'


def _arrow(x1: float, y1: float, x2: float, y2: float) -> str:
    length = max(1.0, ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5)
    along_x, along_y = 4 * (x2 - x1) / length, 4 * (y2 - y1) / length
    tip = f"{x2:.1f},{y2:.1f} {x2 - along_x - along_y:.1f},{y2 - along_y + along_x:.1f}"
    head = f'<polygon points="{tip} {x2 - along_x + along_y:.1f},{y2 - along_y - along_x:.1f}" fill-opacity="0.7"/>'
    return _line(x1, y1, x2, y2) + head


def _text(x: float, y: float, words: str, anchor: str = "middle", size: int = 12) -> str:
    if not words:
        return ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(one_line(words))}</text>'
