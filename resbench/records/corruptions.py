"""What is kept of a network on corrupted images: counts for each kind and severity."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from resbench.records.bounds import Natural, NotNegative, Pixel, Positive

# In the order of ImageNet-C (Hendrycks & Dietterich 2019, arXiv 1903.12261): noise, blur, weather, digital.
COMMON_KINDS = (
    "gaussian_noise", "shot_noise", "impulse_noise",
    "defocus_blur", "glass_blur", "motion_blur", "zoom_blur",
    "snow", "frost", "fog", "brightness",
    "contrast", "elastic_transform", "pixelate", "jpeg_compression",
)  # fmt: skip
EXTRA_KINDS = ("speckle_noise", "gaussian_blur", "spatter", "saturate")
SEVERITIES = (1, 2, 3, 4, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class CorruptedFigure:
    """How many corrupted images a network got right."""

    kind: str
    severity: Positive
    images: Positive
    top1_right: Natural
    top5_right: Natural
    levels_off: NotNegative | None = None  # mean difference of levels of 255 from ImageNet-C's code, on photographs


@dataclass(frozen=True, slots=True, kw_only=True)
class Corruptions:
    """The corrupted images of a validation; those of equal content are corrupted alike in every run."""

    asked: str  # "common"
    source: str  # "imagecorruptions-imaug 1.1.5", "ImageNet-C as downloaded"
    side_px: Pixel  # of the corrupted images
    figures: Annotated[tuple[CorruptedFigure, ...], Meta(min_length=1)]
