"""Decoders, from the bytes of an image to frames: Pillow, which is the reference, and faster ones."""

import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from threading import local
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.dlpack import from_dlpack

from resbench.accuracy import pixels, readable
from resbench.accuracy.corruption import Corrupt, Corruption, library, seed_of
from resbench.accuracy.dataset import Sample, digest_of
from resbench.accuracy.pixels import Frame
from resbench.errors import ResbenchError
from resbench.zoo.spec import Preprocess

DECODERS = ("pillow", "simplejpeg", "simplejpeg+torch", "nvimgcodec")
CPU = torch.device("cpu")
COMPARED = 32  # images on which a faster decoder is compared with the reference, for the record
KEPT_BYTES = 1 << 28  # of clean images, to be corrupted again: 1,783 of 224 px


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoder:
    """How images are decoded, and how frames are cut from them."""

    name: str  # with the versions of the libraries
    decode: Callable[[bytes], Any]
    frame: Callable[[Any, Preprocess], Any]  # a Frame, or a tensor on `device`
    device: torch.device | None = None  # where frames come to be; None: in arrays in main memory

    def image(self, sample: Sample) -> Any:
        """Return the decoded image, for `frame`. Raises one of readable.UNREADABLE."""
        data = sample.image_file()
        if sample.digest and digest_of(data) != sample.digest:
            raise OSError("changed since it was checked")
        return self.decode(data)


@dataclass(frozen=True, slots=True)
class _Levels:
    """Decoded levels (H, W, 3), for `pixels.frame`: only what is cropped of them is copied into an image."""

    array: Frame

    @property
    def size(self) -> tuple[int, int]:
        return self.array.shape[1], self.array.shape[0]

    def crop(self, box: tuple[int, int, int, int]) -> Image.Image:
        left, top, right, bottom = box
        part = np.ascontiguousarray(self.array[top:bottom, left:right])
        return Image.frombytes("RGB", (right - left, bottom - top), part)

    def resize(self, size: tuple[int, int], how: Image.Resampling, /) -> Image.Image:
        return Image.fromarray(self.array).resize(size, how)


def decoder_named(name: str | None, device: torch.device = CPU) -> Decoder:
    """Return the decoder of that name for networks on `device`; None: Pillow.

    "simplejpeg" gives Pillow's pixels exactly. "simplejpeg+torch" also resizes with torch, whose integer arithmetic
    gives levels that differ by two at most. "nvimgcodec" decodes and resizes on a GPU.
    Raises ResbenchError for an unknown one, one that is not installed, and one that `device` cannot run.
    """
    if name in (None, "pillow"):
        return Decoder(name=pixels.DECODER, decode=pixels.decode, frame=pixels.frame)
    if name not in DECODERS:
        raise ResbenchError(f"decoder {name!r}: unknown; choose from {', '.join(DECODERS)}")
    if name == "nvimgcodec":
        if device.type != "cuda":
            raise ResbenchError(f"decoder {name!r}: decodes on CUDA devices, not on {device}; choose simplejpeg")
        return on_device(device)
    try:
        import simplejpeg
    except ImportError:
        raise ResbenchError(f"decoder {name!r}: simplejpeg is not installed; pip install simplejpeg") from None

    def decode(data: bytes) -> Frame:
        try:
            height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
            if colours in ("YCbCr", "Gray") and width * height <= readable.MOST_PIXELS:
                return simplejpeg.decode_jpeg(data, "RGB", fastdct=False, fastupsample=False)
        except ValueError:  # no JPEG, or a damaged one
            pass
        return np.asarray(pixels.decode(data))

    words = f"simplejpeg {version('simplejpeg')}, {pixels.DECODER}"
    if name == "simplejpeg":
        return Decoder(name=words, decode=decode, frame=lambda array, how: pixels.frame(_Levels(array), how))
    return Decoder(name=f"{words}, torch {torch.__version__} resizing", decode=decode, frame=_by_torch)


def on_device(device: torch.device) -> Decoder:
    """Return the decoder by which nvImageCodec decodes and torch resizes, in float32, on `device`.

    What is no JPEG in YCbCr or grey, and what nvImageCodec does not decode, goes through Pillow, which tells damaged
    images from unusual ones. The CPU serves for tests: nvImageCodec decodes there with libjpeg-turbo.
    Raises ResbenchError when nvImageCodec is not installed, or decodes nothing here.
    """
    os.environ.setdefault("PYNVIMGCODEC_VERBOSITY", "0")  # else it reports damaged images to stderr by itself
    try:
        from nvidia import nvimgcodec
    except ImportError:
        raise ResbenchError(
            "decoder 'nvimgcodec': nvImageCodec is not installed; pip install 'nvidia-nvimgcodec-cu12[nvjpeg]'"
        ) from None
    own = local()  # threads that share one of its decoders get each other's pixels
    how = nvimgcodec.DecodeParams(apply_exif_orientation=False, color_spec=nvimgcodec.ColorSpec.SRGB)
    on_cpu = device.type == "cpu"

    def decoded(data: bytes) -> Any:
        if not hasattr(own, "decoder"):
            own.decoder = nvimgcodec.Decoder(
                device_id=nvimgcodec.NVIMGCODEC_DEVICE_CPU_ONLY if on_cpu else device.index or 0,
                max_num_cpu_threads=1,
                backends=[nvimgcodec.Backend(nvimgcodec.BackendKind.CPU_ONLY)] if on_cpu else None,
                options=":fancy_upsampling=1",  # chroma between its samples, as libjpeg has it
            )
        return own.decoder.decode(data, params=how)

    def decode(data: bytes) -> Tensor:
        image = decoded(data) if _is_plain_jpeg(data) else None
        if image is None:
            return torch.tensor(np.asarray(pixels.decode(data)), device=device)
        return torch.from_numpy(np.array(image)) if on_cpu else from_dlpack(image)

    def frame(image: Tensor, preprocess: Preprocess) -> Tensor:
        return cut_by_torch("nvimgcodec", image, preprocess, _in_floats)

    try:
        works = decoded(_smallest_jpeg()) is not None
    except RuntimeError:
        works = False
    if not works:
        raise ResbenchError(
            f"decoder 'nvimgcodec': decodes nothing on {device}; "
            "pip install 'nvidia-nvimgcodec-cu12[nvjpeg]' for nvJPEG, or choose simplejpeg"
        )
    words = f"nvimgcodec {nvimgcodec.__version__}, {pixels.DECODER}, torch {torch.__version__} resizing"
    return Decoder(name=words, decode=decode, frame=frame, device=device)


class CleanFrames:
    """Images as they are before they are corrupted: resized and cropped, with sides of `side_px`.

    As many as fit into KEPT_BYTES are kept for the next corruption, so that they are decoded once.
    """

    def __init__(self, decoder: Decoder, side_px: int) -> None:
        self.decoder, self.side_px = decoder, side_px
        self._most = KEPT_BYTES // (3 * side_px**2)
        self._kept: dict[bytes, Frame] = {}

    def frame(self, data: bytes, digest: bytes) -> Frame:
        """Return the frame of an image file with this digest."""
        if (known := self._kept.get(digest)) is not None:
            return known
        frame = self.decoder.frame(self.decoder.decode(data), Preprocess(crop_px=self.side_px))
        if len(self._kept) < self._most:
            self._kept[digest] = frame.copy()  # it may be a part of a larger image
        return frame


def corrupting(clean: CleanFrames, corruption: Corruption, corrupt: Corrupt) -> Decoder:
    """Return a decoder whose images are corrupted."""

    def decode(data: bytes) -> Image.Image:
        digest = digest_of(data)
        return Image.fromarray(corrupt(clean.frame(data, digest), corruption, seed_of(digest, corruption)))

    what = f"{corruption.kind} {corruption.severity} of {clean.side_px} px"
    return replace(clean.decoder, name=f"{clean.decoder.name}, {library()}, {what}", decode=decode, frame=pixels.frame)


def _smallest_jpeg() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (16, 16)).save(stream, "JPEG")
    return stream.getvalue()


def _is_plain_jpeg(data: bytes) -> bool:
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            readable.check_size(image.size)
            return image.mode in ("RGB", "L") and image.info.get("adobe_transform") != 0
    except readable.UNREADABLE:
        return False


def largest_difference(samples: Sequence[Sample], preprocess: Preprocess, decoder: Decoder) -> int:
    """Return by how many levels of 255 the frames of `samples` differ at most from the reference's."""
    reference = decoder_named("pillow")
    levels = [
        np.abs(
            _host(decoder.frame(decoder.image(sample), preprocess)).astype(int)
            - reference.frame(reference.image(sample), preprocess)
        ).max()
        for sample in samples
    ]
    return int(max(levels))


def _host(frame: Frame | Tensor) -> Frame:
    return frame.cpu().numpy() if isinstance(frame, Tensor) else frame


def _by_torch(array: Frame, preprocess: Preprocess) -> Frame:
    image = torch.from_numpy(array if array.flags.writeable else array.copy())
    return cut_by_torch("simplejpeg+torch", image, preprocess, _in_bytes).numpy()


def cut_by_torch(
    decoder: str, image: Tensor, preprocess: Preprocess, kernels: Callable[[Tensor, tuple[int, int], str], Tensor]
) -> Tensor:
    """Resize with `kernels` of torch, then crop: (H, W, 3) -> (crop_px, crop_px, 3), uint8.

    Raises ResbenchError, in which `decoder` is named, for what torch does not have.
    """
    if preprocess.interpolation == "lanczos" or preprocess.crop_mode == "border":
        what = preprocess.interpolation if preprocess.interpolation == "lanczos" else "the border crop mode"
        raise ResbenchError(f"decoder {decoder!r}: torch has no {what}; choose simplejpeg or pillow")
    stored = image.shape[1], image.shape[0]
    width, height = readable.resized(stored, preprocess)
    left, top, right, bottom = readable.without_border(stored, preprocess)
    image = image[top:bottom, left:right]
    # The new axis goes first: only then does torch see channels last, and resize bytes in half the time.
    larger = kernels(image[None].permute(0, 3, 1, 2), (height, width), preprocess.interpolation)[0]
    left, top, right, bottom = pixels.crop_edges((width, height), preprocess)
    return larger[:, top:bottom, left:right].permute(1, 2, 0)


def _in_bytes(planes: Tensor, size: tuple[int, int], mode: str) -> Tensor:
    return torch.nn.functional.interpolate(planes, size=size, mode=mode, antialias=True)


def _in_floats(planes: Tensor, size: tuple[int, int], mode: str) -> Tensor:
    """Resize on devices without kernels for bytes: rows, then columns, with levels in between, as Pillow does."""
    for step in ((planes.shape[2], size[1]), size):
        planes = _in_bytes(planes.float().contiguous(), step, mode).round_().clamp_(0, 255)
    return planes.to(torch.uint8)
