"""Drawings as SVG files: the stages of a network and its block; the parts that plots are drawn with too.

Lines and text are mid-grey and boxes are tinted, so that a drawing is readable on light and dark pages.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from resbench import units
from resbench.cards.markup import one_line
from resbench.cards.shapes import Block, Stage, block, stages
from resbench.cards.templating import SIGNATURE
from resbench.zoo.spec import Variant

BLUE, GREEN, ORANGE, PURPLE = "#3b82f6", "#10b981", "#f59e0b", "#a855f7"
GREY = "#6e7781"  # contrast of at least 4 to white and to the dark grey of dark pages
WIDTH = 760
_STAGES_PX = 160  # height of the drawing of the stages
_ROW_PX = 46  # height of a branch of the block
_NOTE_PX = 14  # height of a line under a stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """The text of an SVG file, and in words what it shows."""

    title: str
    svg: str


def network(
    variant: Variant,
    input_px: tuple[int, int] | None = None,
    drawn: Sequence[Stage] | None = None,
    notes: Sequence[Sequence[str]] = (),
) -> Drawing:
    """Return the drawing of the stages of `variant` and of the block that they repeat.

    `drawn` are its stages where they are known better than from its specification; `notes` are lines for the stem, for
    each stage, and for what follows them.
    """
    inner = block(variant)
    drawn = stages(variant) if drawn is None else drawn
    words = "; ".join(f"{stage.name}: {units.count_of(stage.blocks, 'block')}, {stage.shape}" for stage in drawn)
    floor = _STAGES_PX + _NOTE_PX * max(map(len, notes), default=0)
    boxes = _stages(variant, input_px or (variant.input_px, variant.input_px), drawn, notes)
    if not inner.branches:
        return svg_file(floor, f"{variant.name}: {words}", boxes)
    height = floor + 70 + _ROW_PX * len(inner.branches)
    return svg_file(height, f"{variant.name}: {words}", [*boxes, *_block(inner, floor + 20)])


def _stages(
    variant: Variant, input_px: tuple[int, int], drawn: Sequence[Stage], notes: Sequence[Sequence[str]]
) -> list[str]:
    """Boxes as high as the feature maps, as wide as they are deep in blocks, from image to classes."""
    floor, tallest = _STAGES_PX - 48, 106
    widest = max((stage.blocks for stage in drawn), default=1)
    boxes: list[tuple[str, str, str, float, float, str]] = [
        ("image", f"3 x {input_px[0]} x {input_px[1]}", "", tallest, 0.25, "none"),
        ("stem", "", "", 86, 0.25, ORANGE),
    ]
    for stage in drawn:
        high = max(16, 84 * stage.side_px / drawn[0].side_px)
        blocks = units.count_of(stage.blocks, "block")
        boxes.append((stage.name, stage.shape, blocks, high, 0.45 + 0.55 * stage.blocks / widest, BLUE))
    boxes.append(("classes", str(variant.classes), "pool, linear", 16, 0.25, GREEN))
    room = (WIDTH - 20) / len(boxes)
    parts = []
    for index, (name, size, blocks, high, share, colour) in enumerate(boxes):
        middle, wide = 10 + room * (index + 0.5), (room - 26) * share
        parts.append(_box(middle - wide / 2, floor - high, wide, high, colour))
        parts += [text(middle, floor + 16, name), text(middle, floor + 31, size, size=11)]
        parts.append(text(middle, floor + 45, blocks, size=11))
        for row, words in enumerate(notes[index - 1] if notes and index else ()):
            parts.append(text(middle, floor + 45 + _NOTE_PX * (row + 1), words, size=10))
        if index:
            parts.append(_arrow(middle - room / 2 - 7, floor - 8, middle - room / 2 + 7, floor - 8))
    return parts


def _block(inner: Block, top: float) -> list[str]:
    """The block from left to right: branches below one another, what follows them, the sum with the shortcut."""
    tail = [*inner.tail, *([inner.gate] if inner.gate else [])]
    longest = max(map(len, inner.branches))
    wide = min(190.0, (WIDTH - 190) / (longest + len(tail)) - 16)
    middle = top + 50 + _ROW_PX * (len(inner.branches) - 1) / 2
    joint, end = 82 + longest * (wide + 16), 82 + (longest + len(tail)) * (wide + 16)
    parts = [text(10, top + 6, "its block in the first stage", "start"), text(36, middle + 4, "x")]
    for row, layers in enumerate(inner.branches):
        y = top + 50 + _ROW_PX * row
        parts += [_arrow(46, middle, 78, y), *_chain(layers, 82, y, wide, PURPLE)]
        parts.append(_arrow(82 + len(layers) * (wide + 16) - 14, y, joint - 3, middle))
    parts += _chain(tail, joint, middle, wide, ORANGE)
    parts += [_arrow(end - 14, middle, end + 5, middle)] if tail else []
    if inner.shortcut:
        arc = f"M 36 {middle - 10:.1f} V {top + 18} H {end + 18:.1f}"
        ring = f'cx="{end + 18:.1f}" cy="{middle:.1f}" r="11"'
        parts.append(f'<path d="{arc}" fill="none" stroke="currentColor" stroke-opacity="0.6"/>')
        parts.append(_arrow(end + 18, top + 18, end + 18, middle - 13))
        parts.append(f'<circle {ring} fill="{GREEN}" fill-opacity="0.3" stroke="{GREEN}"/>')
        parts.append(text(end + 18, middle + 5, "+", size=15))
        return [*parts, _arrow(end + 32, middle, end + 52, middle), text(end + 60, middle + 4, "y", "start")]
    return [*parts, text(end + 6, middle + 4, "y", "start")]


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
        return [text(x, y + 4, words)]
    between = ", " if ", " in words else " "
    parts = words.split(between)
    first, second = (between.join(half) for half in (parts[: len(parts) // 2], parts[len(parts) // 2 :]))
    return [text(x, y - 2, first, size=10), text(x, y + 10, second, size=10)]


def svg_file(height: float, title: str, parts: Sequence[str], about: str = "") -> Drawing:
    """Return a drawing of `parts`, with what it shows in words: `title`, and `about` for who wants more."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
        f'height="{height:.0f}" role="img" font-family="system-ui, sans-serif" color="{GREY}" fill="{GREY}">'
    )
    words = one_line(title)
    described = [f"<title>{escape(words)}</title>", *([f"<desc>{escape(one_line(about))}</desc>"] if about else [])]
    lines = [f"<!-- {SIGNATURE} -->", head, *described, *filter(None, parts), "</svg>"]
    return Drawing(title=words, svg="\n".join(lines) + "\n")


def _box(x: float, y: float, wide: float, high: float, colour: str) -> str:
    fill = "none" if colour == "none" else colour
    edge = "currentColor" if colour == "none" else colour
    place = f'x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" rx="4"'
    return f'<rect {place} fill="{fill}" fill-opacity="0.2" stroke="{edge}" stroke-opacity="0.8"/>'


def _arrow(x1: float, y1: float, x2: float, y2: float) -> str:
    length = max(1.0, ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5)
    along_x, along_y = 4 * (x2 - x1) / length, 4 * (y2 - y1) / length
    tip = f"{x2:.1f},{y2:.1f} {x2 - along_x - along_y:.1f},{y2 - along_y + along_x:.1f}"
    head = f'<polygon points="{tip} {x2 - along_x + along_y:.1f},{y2 - along_y - along_x:.1f}" fill-opacity="0.7"/>'
    place = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {place} stroke="currentColor" stroke-opacity="0.6"/>{head}'


def text(x: float, y: float, words: str, anchor: str = "middle", size: int = 12) -> str:
    """Return words at a place, escaped; nothing for no words."""
    if not words:
        return ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(one_line(words))}</text>'
