"""What can be read as an image, within which bounds, and what to do about the rest; without torch."""

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from resbench import units
from resbench.accuracy.dataset import IMAGE_FORMATS
from resbench.errors import ResbenchError
from resbench.zoo.spec import Preprocess

FORMATS = tuple(dict.fromkeys(IMAGE_FORMATS.values()))
# What Pillow raises for broken files of those formats: its decoders pass on what they stumble over.
UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,  # where warnings are errors
)
MOST_PIXELS = 89_478_485  # of an image, as stored and as resized for a network; Pillow's own limit for a warning
TOO_LARGE = f", more than {MOST_PIXELS:,} in all"
OR_SKIP = ", or leave them out with --skip-unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """An image that cannot be decoded, and why."""

    name: str
    reason: str

    @property
    def remedy(self) -> str:
        """What to do about it."""
        if self.reason == os.strerror(errno.EACCES):
            return "give yourself permission to read them (chmod +r)"
        if self.reason.endswith(TOO_LARGE):
            return "replace them by smaller ones"
        return "replace them by intact files"


class UnreadableImagesError(ResbenchError):
    """Images that cannot be decoded; none of them is ever replaced by another."""

    def __init__(self, images: Sequence[Unreadable], otherwise: str = "") -> None:
        self.images = tuple(images)
        remedy = "; ".join(dict.fromkeys(image.remedy for image in images)) + otherwise
        shown = "; ".join(f"{image.name} ({image.reason})" for image in images[:10])
        more = f" and {len(images) - 10} more" if len(images) > 10 else ""
        super().__init__(f"{units.count_of(len(images), 'unreadable image')}: {shown}{more}; {remedy}")


def check_size(size: tuple[int, int], wording: str = "pixels") -> None:
    """Raise ValueError when an image of that width and height is larger than MOST_PIXELS: it would fill the memory."""
    if size[0] * size[1] > MOST_PIXELS:
        raise ValueError(f"{size[0]:,} x {size[1]:,} {wording}{TOO_LARGE}")


def resized(size: tuple[int, int], preprocess: Preprocess) -> tuple[int, int]:
    """Return (width, height) before the crop. Raises ValueError when that is more than MOST_PIXELS.

    ValueError too for an image that is nothing but border.
    """
    left, top, right, bottom = without_border(size, preprocess)
    size = right - left, bottom - top
    if min(size) < 1:
        raise ValueError(f"nothing is left of it without a border of {preprocess.border_px} px")
    size_px = _resized(size, preprocess)
    check_size(size_px, f"pixels when its {size[0]:,} x {size[1]:,} are resized")
    return size_px


def without_border(size: tuple[int, int], preprocess: Preprocess) -> tuple[int, int, int, int]:
    """Return the left, upper, right and lower edge of what is used of an image of this width and height."""
    border = preprocess.border_px
    return border, border, size[0] - border, size[1] - border


def _resized(size: tuple[int, int], preprocess: Preprocess) -> tuple[int, int]:
    (width, height), side = size, preprocess.resize_px
    match preprocess.crop_mode:
        case "center":
            shorter = min(width, height)
            return side * width // shorter, side * height // shorter
        case "squash":
            return side, side
        case "border":
            shrink = max(width / side, height / side)
            return round(width / shrink), round(height / shrink)


def reason(error: BaseException) -> str:
    """Return in a few words why an image cannot be read."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return "not an image" if "cannot identify image file" in text else text
