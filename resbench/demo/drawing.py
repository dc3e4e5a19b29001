"""Ten of ImageNet's classes as simple drawings, in folders that are named by WordNet id."""

import io
import math
import random
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw

from resbench.records.files import write_bytes

SIDE_PX = 64
Point = tuple[float, float]
Colour = tuple[int, int, int]
_INK: Colour = (25, 25, 25)


class _Brush:
    """Draws in a square of side 2 around the origin, turned, scaled and moved by chance."""

    def __init__(self, image: Image.Image, chance: random.Random) -> None:
        self._draw = ImageDraw.Draw(image)
        self._turn = chance.gauss(0, 0.15)
        self._scale = image.width * chance.uniform(0.28, 0.42)
        self._at = tuple(image.width * chance.uniform(0.42, 0.58) for _ in "xy")

    def _placed(self, point: Point) -> Point:
        (x, y), cos, sin = point, math.cos(self._turn), math.sin(self._turn)
        return self._at[0] + self._scale * (cos * x - sin * y), self._at[1] + self._scale * (sin * x + cos * y)

    def shape(self, colour: Colour, *points: Point) -> None:
        self._draw.polygon([self._placed(point) for point in points], fill=colour, outline=_INK)

    def box(self, colour: Colour, left: float, top: float, right: float, bottom: float) -> None:
        self.shape(colour, (left, top), (right, top), (right, bottom), (left, bottom))

    def disc(self, colour: Colour, radius: float, centre: Point = (0, 0)) -> None:
        (x, y), size = self._placed(centre), self._scale * radius
        self._draw.ellipse((x - size, y - size, x + size, y + size), fill=colour, outline=_INK)

    def line(self, colour: Colour, *points: Point) -> None:
        width = max(1, round(self._scale / 10))
        self._draw.line([self._placed(point) for point in points], fill=colour, width=width)


def _baseball(brush: _Brush) -> None:
    brush.disc((245, 245, 240), 0.9)
    for side in (-1, 1):
        arc = [(side * (0.9 - 0.5 * math.cos(angle / 5)), 0.9 * math.sin(angle / 5)) for angle in range(-5, 6)]
        brush.line((200, 30, 30), *arc)


def _bagel(brush: _Brush) -> None:
    brush.disc((190, 125, 55), 0.9)
    brush.disc((230, 225, 215), 0.3)


def _envelope(brush: _Brush) -> None:
    brush.box((235, 225, 190), -1, -0.65, 1, 0.65)
    brush.line(_INK, (-1, -0.65), (0, 0.1), (1, -0.65))


def _traffic_light(brush: _Brush) -> None:
    brush.box((45, 45, 50), -0.4, -1, 0.4, 1)
    for colour, height in (((225, 40, 40), -0.65), ((240, 190, 30), 0), ((40, 190, 70), 0.65)):
        brush.disc(colour, 0.25, (0, height))


def _wall_clock(brush: _Brush) -> None:
    brush.disc((60, 90, 160), 0.95)
    brush.disc((250, 250, 250), 0.75)
    brush.line(_INK, (0, -0.6), (0, 0), (0.4, 0.2))


def _street_sign(brush: _Brush) -> None:
    brush.box((120, 120, 120), -0.08, -0.3, 0.08, 1)
    brush.box((20, 130, 70), -1, -0.8, 1, -0.2)


def _crossword(brush: _Brush) -> None:
    for row in range(5):
        for column in range(5):
            colour = _INK if (row * column) % 3 == 1 else (250, 250, 250)
            left, top = -1 + 0.4 * column, -1 + 0.4 * row
            brush.box(colour, left, top, left + 0.4, top + 0.4)


def _pinwheel(brush: _Brush) -> None:
    colours: tuple[Colour, ...] = ((230, 60, 60), (60, 120, 230), (250, 200, 40), (60, 180, 90))
    for quarter, colour in enumerate(colours):
        cos, sin = math.cos(quarter * math.pi / 2), math.sin(quarter * math.pi / 2)
        brush.shape(colour, (0, 0), (cos, sin), (0.6 * (cos - sin), 0.6 * (cos + sin)))


def _sunglasses(brush: _Brush) -> None:
    brush.line(_INK, (-1, -0.15), (1, -0.15))
    for side in (-1, 1):
        brush.disc((30, 25, 60), 0.42, (0.52 * side, 0))


def _umbrella(brush: _Brush) -> None:
    brush.line((110, 70, 30), (0, 0), (0, 0.9), (0.2, 0.9))
    angles = (math.pi * eighth / 8 for eighth in range(8, 17))
    brush.shape((150, 40, 140), *((math.cos(angle), math.sin(angle)) for angle in angles))


DRAWINGS: dict[str, Callable[[_Brush], None]] = {
    "n02799071": _baseball,
    "n07693725": _bagel,
    "n03291819": _envelope,
    "n06874185": _traffic_light,
    "n04548280": _wall_clock,
    "n06794110": _street_sign,
    "n06785654": _crossword,
    "n03944341": _pinwheel,
    "n04356056": _sunglasses,
    "n04507155": _umbrella,
}


def draw(wnid: str, chance: random.Random) -> Image.Image:
    """Return a drawing of the class `wnid` on a background of any light colour, with some noise."""
    paper = tuple(chance.randrange(150, 256) for _ in "rgb")
    image = Image.new("RGB", (SIDE_PX, SIDE_PX), paper)
    DRAWINGS[wnid](_Brush(image, chance))
    noise = Image.frombytes("RGB", image.size, chance.randbytes(3 * SIDE_PX**2))
    return Image.blend(image, noise, chance.uniform(0, 0.35))


def draw_folder(folder: Path, images_per_class: int, seed: int) -> None:
    """Write folders of PNG images, named by WordNet id, below `folder`."""
    chance = random.Random(seed)
    for wnid in DRAWINGS:
        for number in range(images_per_class):
            stream = io.BytesIO()
            draw(wnid, chance).save(stream, "PNG")
            write_bytes(folder / wnid / f"{number}.png", stream.getvalue())
