"""From the bytes of an image to the input of a network; the reference path is Pillow's.

Bit for bit what torchvision's classification preset and timm's evaluation transform give (tests, `-m reference`).
"""

import io
import math
from dataclasses import replace
from typing import Any, Protocol, get_args

import numpy as np
import PIL
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from resbench.accuracy.readable import FORMATS, check_size, resized, without_border
from resbench.errors import ResbenchError
from resbench.records.record import Pixels
from resbench.zoo.spec import CropMode, Preprocess

Frame = NDArray[np.uint8]  # (H, W, 3), levels of 0 to 255
DECODER = f"pillow {PIL.__version__}"
_PILLOW = int(PIL.__version__.split(".")[0])
_FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


class _Picture(Protocol):
    """What is asked of an image; one of Pillow's does."""

    @property
    def size(self) -> tuple[int, int]: ...

    def crop(self, box: tuple[int, int, int, int]) -> Image.Image: ...

    def resize(self, size: tuple[int, int], how: Image.Resampling, /) -> Image.Image: ...


def decode(data: bytes) -> Image.Image:
    """Return the image in RGB, as stored (the EXIF orientation is not applied). Raises one of UNREADABLE."""
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        check_size(image.size)
        return image.convert("RGB")


def frame(image: _Picture, preprocess: Preprocess) -> Frame:
    """Resize and crop as the checkpoint wants it: (crop_px, crop_px, 3), 0 to 255."""
    crop, size, how = preprocess.crop_px, resized(image.size, preprocess), _FILTERS[preprocess.interpolation]
    if preprocess.border_px:
        image = image.crop(without_border(image.size, preprocess))
    if min(size) < crop:
        larger = _bordered(image.resize(size, how), crop, preprocess)
        return np.asarray(larger.crop(crop_edges(larger.size, preprocess)))
    if _PILLOW > 13:  # the order of its passes is not known
        return np.asarray(image.resize(size, how).crop(crop_edges(size, preprocess)))
    return _cut(image, size, how, crop_edges(size, preprocess))


def crop_edges(size: tuple[int, int], preprocess: Preprocess) -> tuple[int, int, int, int]:
    """Return the left, upper, right and lower edge of the crop from an image of this width and height."""
    crop = preprocess.crop_px
    width, height = (edge - crop for edge in size)  # that are left over
    # round() takes halves to the even neighbour, which decides between two crops one pixel apart.
    left, top = round(width / 2), round(height / 2)
    match preprocess.place:
        case "center":
            pass
        case "mirrored_center":
            left = width - left
        case _:
            top = 0 if preprocess.place.startswith("top") else height
            left = 0 if preprocess.place.endswith("left") else width
    return left, top, left + crop, top + crop


def _cut(image: _Picture, size: tuple[int, int], how: Image.Resampling, box: tuple[int, int, int, int]) -> Frame:
    """Resize and crop without computing all that the crop drops.

    Pillow resizes in one direction, rounds to bytes, and resizes these in the other. Each pass is done here on what is
    read of it only. `resize(box=...)` would round the edges of the box to float32, and change pixels.
    """
    (width, height), (to_width, to_height), (left, top, right, bottom) = image.size, size, box
    if _columns_first(image.size, size):
        first, last = _read(width, to_width, left, right)
        strip = image.crop((first, 0, last, height)).resize((last - first, to_height), how)
        strip = strip.crop((-first, top, width - first, bottom))  # black where nothing is read: the same geometry
        return np.asarray(strip.resize((to_width, bottom - top), how))[:, left:right]
    first, last = _read(height, to_height, top, bottom)
    strip = image.crop((0, first, width, last)).resize((to_width, last - first), how)
    strip = strip.crop((left, -first, right, height - first))
    return np.asarray(strip.resize((right - left, to_height), how))[top:bottom]


def _columns_first(size: tuple[int, int], to: tuple[int, int]) -> bool:
    """Tell whether Pillow resizes in height first: from version 13 on, where much more of the height goes."""
    wider, higher = size[0] - to[0], size[1] - to[1]
    return _PILLOW == 13 and higher > max(0, 2 * wider)


def _read(length: int, to: int, start: int, stop: int) -> tuple[int, int]:
    """Return between which of `length` pixels lies all that the pixels from `start` to `stop` of `to` are made of."""
    scale = length / to
    reach = 3 * max(1, scale) + 1  # of the widest filter, lanczos
    return max(0, math.floor(start * scale - reach)), min(length, math.ceil(stop * scale + reach))


def _bordered(image: Image.Image, crop: int, preprocess: Preprocess) -> Image.Image:
    """Centre the image on the checkpoint's mean colour, where it is smaller than the crop."""
    width, height = (max(edge, crop) for edge in image.size)
    canvas = Image.new("RGB", (width, height), tuple(round(255 * value) for value in preprocess.mean))
    canvas.paste(image, ((width - image.width) // 2, (height - image.height) // 2))
    return canvas


def normalise(frames: Tensor, preprocess: Preprocess) -> Tensor:
    """Turn (N, H, W, 3) of 0 to 255 into the (N, 3, H, W) float32 that the network wants, on the same device."""
    mean = torch.tensor(preprocess.mean, device=frames.device).view(3, 1, 1)
    std = torch.tensor(preprocess.std, device=frames.device).view(3, 1, 1)
    return frames.permute(0, 3, 1, 2).contiguous().float().div_(255).sub_(mean).div_(std)


def adapt(base: Preprocess, **asked: Any) -> Preprocess:
    """Return `base` with what was asked for instead; None leaves a field. Raises ResbenchError for what cannot be."""
    wanted = {name: value for name, value in asked.items() if value is not None}
    for name, known in (("interpolation", _FILTERS), ("crop_mode", get_args(CropMode))):
        if name in wanted and wanted[name] not in known:
            raise ResbenchError(f"{name} {wanted[name]!r}: unknown; choose from {', '.join(known)}")
    if min(wanted.get("std", (1,))) <= 0:
        raise ResbenchError(
            f"std {wanted['std']}: not above 0; give the spread of the channels, as in 0.229 0.224 0.225"
        )
    if not 0 < wanted.get("crop_pct", 1) <= 1:
        raise ResbenchError(f"crop_pct {wanted['crop_pct']}: not a share of the image; give one as in 0.875")
    return replace(base, **wanted)


def recorded(preprocess: Preprocess, decoder: str = DECODER) -> Pixels:
    """Return what a record keeps of how a file becomes an input."""
    return Pixels(
        decoder=decoder,
        resize_px=preprocess.resize_px,
        crop_px=preprocess.crop_px,
        interpolation=preprocess.interpolation,
        mean=preprocess.mean,
        std=preprocess.std,
        crop_mode=preprocess.crop_mode,
        border_px=preprocess.border_px,
    )
