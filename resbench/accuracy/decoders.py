"""Ways from the bytes of an image to frames: Pillow's, which is the reference, and faster ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from resbench.accuracy import pixels
from resbench.accuracy.dataset import Sample
from resbench.errors import ResbenchError
from resbench.zoo.spec import Preprocess

NAMES = ("pillow", "simplejpeg", "simplejpeg+torch")
Frame = NDArray[np.uint8]
COMPARED = 32  # images on which a faster way is compared with the reference, for the record


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoder:
    """How images are decoded, and how frames are cut from them."""

    name: str  # with the versions of the libraries
    decode: Callable[[bytes], Any]
    frame: Callable[[Any, Preprocess], Frame]

    def image(self, sample: Sample) -> Any:
        """Return the decoded image, for `frame`. Raises one of pixels.UNREADABLE."""
        data = sample.read()
        if sample.encoding == "cifar":
            data = pixels.bitmap(data)
        return self.decode(data)


def decoder(name: str) -> Decoder:
    """Return the way of that name. Raises ResbenchError for an unknown one, or one that is not installed.

    "simplejpeg" gives Pillow's pixels exactly. "simplejpeg+torch" also resizes with torch, whose integer arithmetic
    gives levels that differ by one or two.
    """
    if name == "pillow":
        return Decoder(name=pixels.DECODER, decode=pixels.decode, frame=pixels.frame)
    if name not in NAMES:
        raise ResbenchError(f"decoder {name!r}: unknown; choose from {', '.join(NAMES)}")
    try:
        import simplejpeg
    except ImportError:
        raise ResbenchError(f"decoder {name!r}: simplejpeg is not installed; pip install 'resbench[fast]'") from None

    def decode(data: bytes) -> Frame:
        try:
            if simplejpeg.decode_jpeg_header(data)[2] in ("YCbCr", "Gray"):
                return simplejpeg.decode_jpeg(data, "RGB", fastdct=False, fastupsample=False)
        except ValueError:  # no JPEG, or a damaged one
            pass
        return np.asarray(pixels.decode(data))

    words = f"simplejpeg {version('simplejpeg')}, {pixels.DECODER}"
    if name == "simplejpeg":
        return Decoder(name=words, decode=decode, frame=lambda array, how: pixels.frame(Image.fromarray(array), how))
    return Decoder(name=f"{words}, torch {torch.__version__} resizing", decode=decode, frame=_by_torch)


def difference(samples: Sequence[Sample], preprocess: Preprocess, way: Decoder) -> int:
    """Return by how many levels of 255 the frames of `samples` differ at most from the reference's."""
    reference = decoder("pillow")
    levels = [
        np.abs(
            way.frame(way.image(one), preprocess).astype(int) - reference.frame(reference.image(one), preprocess)
        ).max()
        for one in samples
    ]
    return int(max(levels))


def _by_torch(array: Frame, preprocess: Preprocess) -> Frame:
    """Resize with torch's antialiased kernels for bytes, then crop."""
    if preprocess.interpolation == "lanczos" or preprocess.crop_mode == "border":
        what = preprocess.interpolation if preprocess.interpolation == "lanczos" else "the border crop mode"
        raise ResbenchError(f"decoder 'simplejpeg+torch': torch has no {what}; choose simplejpeg or pillow")
    width, height = pixels.resized((array.shape[1], array.shape[0]), preprocess)
    planes = torch.from_numpy(array if array.flags.writeable else array.copy()).permute(2, 0, 1)[None]
    mode = preprocess.interpolation
    larger = torch.nn.functional.interpolate(planes, size=(height, width), mode=mode, antialias=True)[0]
    crop = preprocess.crop_px
    left, top = (round((edge - crop) / 2) for edge in (width, height))
    return larger[:, top : top + crop, left : left + crop].permute(1, 2, 0).numpy()
