"""From the bytes of an image to the input of a network; the reference path is Pillow's.

Bit for bit what torchvision's classification preset and timm's evaluation transform give (tests, `-m reference`).
"""

import io
from dataclasses import replace
from typing import Any

import numpy as np
import PIL
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from resbench.errors import ResbenchError
from resbench.records.record import Pixels
from resbench.zoo.spec import Preprocess

FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "PPM", "TIFF")
# What Pillow raises for broken files of those formats: its decoders pass on what they stumble over.
UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,  # where warnings are errors
)
DECODER = f"pillow {PIL.__version__}"
_FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def decode(data: bytes) -> Image.Image:
    """Return the image in RGB, as stored (the EXIF orientation is not applied). Raises one of UNREADABLE."""
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        return image.convert("RGB")


def planes(data: bytes) -> Image.Image:
    """Return the image that CIFAR keeps as three planes of 32x32 bytes. Raises one of UNREADABLE."""
    return Image.fromarray(np.frombuffer(data, np.uint8).reshape(3, 32, 32).transpose(1, 2, 0).copy())


def frame(image: Image.Image, preprocess: Preprocess) -> NDArray[np.uint8]:
    """Resize the shorter side, crop the centre: (crop_px, crop_px, 3), 0 to 255."""
    width, height = image.size
    side, crop = preprocess.resize_px, preprocess.crop_px
    shorter = min(width, height)
    size = (side * width // shorter, side * height // shorter)
    resized = image.resize(size, _FILTERS[preprocess.interpolation])
    # round() takes halves to the even neighbour, which decides between two crops one pixel apart.
    left, top = (round((edge - crop) / 2) for edge in size)
    return np.asarray(resized.crop((left, top, left + crop, top + crop)))


def normalise(frames: Tensor, preprocess: Preprocess) -> Tensor:
    """Turn (N, H, W, 3) of 0 to 255 into the (N, 3, H, W) float32 that the network wants, on the same device."""
    mean = torch.tensor(preprocess.mean, device=frames.device).view(3, 1, 1)
    std = torch.tensor(preprocess.std, device=frames.device).view(3, 1, 1)
    return frames.permute(0, 3, 1, 2).contiguous().float().div_(255).sub_(mean).div_(std)


def adapt(base: Preprocess, **asked: Any) -> Preprocess:
    """Return `base` with what was asked for instead; None leaves a field. Raises ResbenchError for what cannot be."""
    wanted = {name: value for name, value in asked.items() if value is not None}
    if wanted.get("interpolation", "bilinear") not in _FILTERS:
        raise ResbenchError(f"interpolation {wanted['interpolation']!r}: unknown; choose from {', '.join(_FILTERS)}")
    if min(wanted.get("std", (1,))) <= 0:
        raise ResbenchError(
            f"std {wanted['std']}: not above 0; give the spread of the channels, as in 0.229 0.224 0.225"
        )
    if not 0 < wanted.get("crop_pct", 1) <= 1:
        raise ResbenchError(f"crop_pct {wanted['crop_pct']}: not a share of the image; give one as in 0.875")
    return replace(base, **wanted)


def describe(preprocess: Preprocess) -> Pixels:
    """Return what a record keeps of the way from file to input."""
    return Pixels(
        decoder=DECODER,
        resize_px=preprocess.resize_px,
        crop_px=preprocess.crop_px,
        interpolation=preprocess.interpolation,
        mean=preprocess.mean,
        std=preprocess.std,
    )
