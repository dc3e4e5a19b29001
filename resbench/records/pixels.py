"""What was done to images before a network saw them, and where those of an end-to-end speed came from."""

from dataclasses import dataclass
from typing import Literal

from resbench.records.bounds import Natural, Pixel, Positive

Tta = Literal["hflip", "five-crop", "ten-crop", "multi-scale"]  # (accuracy/views.py)
TtaAverage = Literal["softmax", "logits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixels:
    """What was done to every image before the network saw it."""

    decoder: str  # "pillow 11.2.1"
    resize_px: Pixel
    crop_px: Pixel
    interpolation: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    crop_mode: Literal["center", "squash", "border"] = "center"
    border_px: Natural = 0  # cut off on every side of the stored image, as the set's authors do
    tta: Tta | None = None  # several views of an image, whose answers were averaged; None: one view
    tta_average: TtaAverage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Where the images of an end-to-end speed came from, and what made them inputs of the network."""

    data: str  # name of the folder or archive
    fingerprint: str  # as a data set's, with class 0 for every image
    images: Natural  # that took turns; they lay in the page cache
    pixels: Pixels
    workers: Positive  # threads that decoded
