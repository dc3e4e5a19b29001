"""Test-time augmentation: an image as several inputs of a network, whose answers are averaged.

Crops are those of torchvision's FiveCrop and TenCrop, bit for bit (tests, `-m reference`).
"""

from dataclasses import dataclass, replace
from typing import get_args

from resbench.errors import ResbenchError
from resbench.records.record import Tta, TtaAverage
from resbench.zoo.spec import Place, Preprocess

# Shorter sides of images for networks that were trained on 224 px (He et al. 2015, arXiv 1512.03385, section 3.4).
SCALES_PX = (224, 256, 384, 480, 640)
_TRAINED_PX = 224
_CORNERS: tuple[Place, ...] = ("top_left", "top_right", "bottom_left", "bottom_right")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageView:
    """One input of a network that is made of an image."""

    preprocess: Preprocess
    mirrored: bool = False  # left and right exchanged, after the crop


def views(tta: Tta | None, preprocess: Preprocess) -> tuple[ImageView, ...]:
    """Return the views of an image.

    - "hflip": the crop, and its mirror image.
    - "five-crop": the four corners and the centre of the resized image.
    - "ten-crop": these, and the same of the mirrored image (Krizhevsky et al. 2012, section 4.1).
    - "multi-scale": the central square of the image at five sizes, where the paper takes whole images.
    """
    own = ImageView(preprocess=preprocess)
    match tta:
        case None:
            return (own,)
        case "hflip":
            return own, replace(own, mirrored=True)
        case "five-crop":
            return _five(preprocess, "center", mirrored=False)
        case "ten-crop":
            return (
                *_five(preprocess, "center", mirrored=False),
                *_five(preprocess, "mirrored_center", mirrored=True),
            )
        case "multi-scale":
            sides = (round(preprocess.crop_px * scale / _TRAINED_PX) for scale in SCALES_PX)
            return tuple(ImageView(preprocess=replace(preprocess, crop_px=side, crop_pct=1.0)) for side in sides)


def checked_tta(tta: str | None, average: str | None) -> tuple[Tta | None, TtaAverage | None]:
    """Return which views of an image are averaged and how. Raises ResbenchError for what is not known."""
    for name, value, known in (("--tta", tta, get_args(Tta)), ("--tta-average", average, get_args(TtaAverage))):
        if value is not None and value not in known:
            raise ResbenchError(f"{name} {value}: unknown; choose from {', '.join(known)}")
    if average and not tta:
        raise ResbenchError(f"--tta-average {average}: one view needs no average; give --tta too")
    return tta, (average or "softmax") if tta else None  # type: ignore[return-value]  # checked above


def _five(preprocess: Preprocess, centre: Place, *, mirrored: bool) -> tuple[ImageView, ...]:
    return tuple(
        ImageView(preprocess=replace(preprocess, place=place), mirrored=mirrored) for place in (*_CORNERS, centre)
    )
