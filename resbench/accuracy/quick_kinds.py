"""Kinds of corruption that the library takes long for: the same pixels, in a part of the time.

Each function does what that of the same name does in imagecorruptions/corruptions.py (Apache-2.0), which ports
create_c/make_imagenet_c.py of github.com/hendrycks/robustness, and draws the same random numbers. Images are square.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import as_file, files
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

Levels = NDArray[np.uint8]  # (H, W, 3)
Floats = NDArray[Any]  # of 32 or 64 bits
_FROSTS = ("frost1.png", "frost2.png", "frost3.png", "frost4.jpg", "frost5.jpg", "frost6.jpg")


def zoom_blur(levels: Levels, severity: int, _: RandomState) -> Floats:
    """Average an image with larger ones of its middle."""
    end, step = ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03))[severity - 1]
    zooms = np.arange(1, end, step)
    planes = (np.ascontiguousarray(levels.transpose(2, 0, 1)) / 255.0).astype(np.float32)
    side, out = len(levels), np.zeros_like(planes)
    for zoom in zooms:
        out += _zoomed(planes, zoom)[:, :side, :side].astype(np.float32)
    return (np.clip((planes + out) / (len(zooms) + 1), 0, 1) * 255).transpose(1, 2, 0)


def snow(levels: Levels, severity: int, chance: RandomState) -> Floats:
    """Whiten an image, and add flakes that move."""
    import cv2

    mean, spread, zoom, fewest, radius, sigma, share = (
        (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
        (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
        (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
        (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
        (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
    )[severity - 1]
    image = np.array(levels, dtype=np.float32) / 255.0
    side = len(image)
    (flakes,) = _zoomed(chance.normal(size=(1, side, side), loc=mean, scale=spread), zoom)
    flakes[flakes < fewest] = 0
    flakes = _moved(np.clip(flakes, 0, 1), radius, sigma, chance.uniform(-135, -45))[:side, :side]
    flakes = np.round(flakes * 255).astype(np.uint8)[..., None] / 255.0
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None]
    image = share * image + (1 - share) * np.maximum(image, grey * 1.5 + 0.5)
    return np.clip(image + flakes + np.rot90(flakes, k=2), 0, 1) * 255


def frost(levels: Levels, severity: int, chance: RandomState) -> Floats:
    """Lay a part of a photograph of frost over an image."""
    image_share, frost_share = ((1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75))[severity - 1]
    side = len(levels)
    whole = _frost(chance.randint(len(_FROSTS)), side)
    top, left = (chance.randint(0, edge - side) for edge in whole.shape[:2])
    return np.clip(image_share * levels + frost_share * whole[top : top + side, left : left + side], 0, 255)


def brightness(levels: Levels, severity: int, _: RandomState) -> Floats:
    """Add to the value of HSV."""
    hue, saturation, value = _hsv(levels)
    return _levels(hue, saturation, np.clip(value + (0.1, 0.2, 0.3, 0.4, 0.5)[severity - 1], 0, 1))


def saturate(levels: Levels, severity: int, _: RandomState) -> Floats:
    """Change the saturation of HSV."""
    factor, more = ((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2))[severity - 1]
    hue, saturation, value = _hsv(levels)
    return _levels(hue, np.clip(saturation * factor + more, 0, 1), value)


def elastic_transform(levels: Levels, severity: int, chance: RandomState) -> Floats:
    """Move each pixel by a random distance, neighbours by nearly the same."""
    from skimage.filters import gaussian

    image, side = np.array(levels, dtype=np.float32) / 255.0, len(levels)
    most, strength = side * 0.005, 250 * (0.05, 0.065, 0.085, 0.1, 0.12)[severity - 1]

    def moves() -> Floats:
        raw = chance.uniform(-most, most, size=(side, side))
        smooth = gaussian(raw, np.array((side, side)) * 0.01, mode="reflect", truncate=3)
        return (smooth * strength).astype(np.float32)

    right, down = moves(), moves()
    columns, rows = np.meshgrid(np.arange(side), np.arange(side))
    return np.clip(_sampled(image, rows + down, columns + right), 0, 1) * 255


Quick = Callable[[Levels, int, RandomState], Floats]  # an image, a severity from 1 to 5: levels of 0 to 255
QUICK: dict[str, Quick] = {
    "zoom_blur": zoom_blur,
    "snow": snow,
    "frost": frost,
    "brightness": brightness,
    "saturate": saturate,
    "elastic_transform": elastic_transform,
}


def _zoomed(planes: Floats, zoom: float) -> Floats:
    """Return the middle of planes, larger by `zoom`: (C, H, H) -> about the same, float64.

    As scipy.ndimage.zoom has it, which interpolates in all directions at once, and takes several times as long.
    """
    part = math.ceil(planes.shape[1] / zoom)
    first, larger = (planes.shape[1] - part) // 2, round(part * float(zoom))
    middle = planes[:, first : first + part, first : first + part]
    at = np.arange(larger) * ((part - 1) / (larger - 1))
    before = np.minimum(at.astype(int), part - 2)
    after, share = before + 1, at - before
    rows = np.take(middle, before, axis=1) * (1 - share)[:, None]
    rows += np.take(middle, after, axis=1) * share[:, None]
    out: Floats = np.take(rows, before, axis=2) * (1 - share)
    out += np.take(rows, after, axis=2) * share
    beyond = at > part - 1  # rounding can lead beyond the last pixel, where scipy sees nothing
    out[:, beyond] = out[:, :, beyond] = 0
    return out


def _moved(plane: Floats, radius: int, sigma: float, angle: float) -> Floats:
    """Blur along a line at `angle` degrees, of `radius` pixels to one side: (H, W) -> the same, float64."""
    width, (height, length) = 2 * radius + 1, plane.shape
    weights = np.exp(-(np.arange(width) ** 2) / (2 * sigma**2)) / (np.sqrt(2 * np.pi) * sigma)
    line = (width * np.sin(np.deg2rad(angle)), width * np.cos(np.deg2rad(angle)))
    wider, blurred = np.pad(plane, width, mode="edge"), np.zeros(plane.shape)
    for number, weight in enumerate(weights / np.sum(weights)):
        down, right = (-math.ceil(number * edge / math.hypot(*line) - 0.5) for edge in line)
        if abs(down) >= height or abs(right) >= length:
            break
        top, left = width - down, width - right
        blurred += weight * wider[top : top + height, left : left + length]
    return blurred


@lru_cache(maxsize=len(_FROSTS))
def _frost(number: int, side: int) -> Levels:
    """Return a photograph of frost in RGB, a tenth larger than images of `side` pixels need."""
    import cv2

    with as_file(files("imagecorruptions") / "frost" / _FROSTS[number]) as path:
        photograph: Any = cv2.imread(str(path))
    height, width = photograph.shape[:2]
    scale = max(1, side / height, side / width) * 1.1
    size = math.ceil(width * scale), math.ceil(height * scale)
    return np.ascontiguousarray(cv2.resize(photograph, size, interpolation=cv2.INTER_CUBIC)[..., ::-1])


def _hsv(levels: Levels) -> tuple[Floats, Floats, Floats]:
    """Return hue, saturation and value, each of 0 to 1, as skimage.color.rgb2hsv does."""
    red, green, blue = planes = np.ascontiguousarray(levels.transpose(2, 0, 1)) / 255.0
    value = planes.max(0)
    range_ = value - planes.min(0)
    grey = range_ == 0
    with np.errstate(invalid="ignore"):
        saturation = range_ / value
        sector = np.where(green == value, 2.0 + (blue - red) / range_, (green - blue) / range_)
        sector = np.where(blue == value, 4.0 + (red - green) / range_, sector)
        hue = (sector / 6.0) % 1.0
    hue[grey] = saturation[grey] = 0
    return hue, saturation, value


def _levels(hue: Floats, saturation: Floats, value: Floats) -> Floats:
    """Return levels of 0 to 255 (H, W, 3), as skimage.color.hsv2rgb does."""
    whole = np.floor(hue * 6)
    part = hue * 6 - whole
    low = value * (1 - saturation)
    falling = value * (1 - part * saturation)
    rising = value * (1 - (1 - part) * saturation)
    sector = whole.astype(np.uint8) % 6
    red = np.choose(sector, (value, falling, low, low, rising, value))
    green = np.choose(sector, (rising, value, value, falling, low, low))
    blue = np.choose(sector, (low, low, rising, value, value, falling))
    return np.clip(np.stack((red, green, blue), axis=-1), 0, 1) * 255


def _sampled(image: Floats, rows: Floats, columns: Floats) -> Floats:
    """Interpolate an image (H, H, 3) linearly at places (H, H); beyond its edges it is mirrored.

    As scipy.ndimage.map_coordinates does, which interpolates among the channels too.
    """
    side = len(image)
    planes = np.ascontiguousarray(image.transpose(2, 0, 1)).reshape(3, -1)
    out = np.zeros((3, side * side))
    for row, row_share in _neighbours(rows.ravel(), side):
        for column, column_share in _neighbours(columns.ravel(), side):
            out += np.take(planes, row * side + column, axis=1) * (row_share * column_share)
    return out.astype(np.float32).reshape(3, side, side).transpose(1, 2, 0)


def _neighbours(at: Floats, side: int) -> tuple[tuple[NDArray[Any], Floats], tuple[NDArray[Any], Floats]]:
    """Return the pixels before and after each place, and their shares."""
    at = np.where(at < 0, -at - 1, at)
    at = np.where(at >= side, 2 * side - at - 1, at)
    first = np.floor(at)
    before, after = (np.clip(first + step, 0, side - 1).astype(int) for step in (0, 1))
    return (before, 1 - (at - first)), (after, at - first)
