"""The nouns of a validation: files, images with their classes, sets of them."""

import hashlib
import os
import tarfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from resbench.errors import ResbenchError
from resbench.records.record import DataSet

IMAGE_SUFFIXES = frozenset({".jpeg", ".jpg", ".png", ".bmp", ".webp", ".ppm", ".tif", ".tiff"})
Encoding = Literal["image", "cifar"]  # what the bytes are: an image file, or 3 planes of 32x32
DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """Bytes somewhere: a file of its own, or a part of an archive."""

    name: str  # relative to the set, with forward slashes
    path: Path  # the file that holds the bytes
    offset: int = 0
    size_bytes: int

    def read(self) -> bytes:
        """Return the bytes. Raises OSError when they cannot be read in full."""
        with self.path.open("rb") as stream:
            stream.seek(self.offset)
            data = stream.read(self.size_bytes)
        if len(data) != self.size_bytes:
            raise OSError(f"{len(data)} of {self.size_bytes} bytes")
        return data

    @property
    def is_image(self) -> bool:
        """Whether the name is that of an image."""
        return PurePosixPath(self.name).suffix.lower() in IMAGE_SUFFIXES

    @property
    def base(self) -> str:
        """The name without folders."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample(File):
    """An image and its class."""

    label: int
    encoding: Encoding = "image"
    digest: bytes = b""  # `digest_of` the image file, once it was read

    def image_file(self) -> bytes:
        """Return the bytes of an image file, a PPM for what CIFAR keeps as planes. Raises OSError as `read` does."""
        data = self.read()
        if self.encoding == "image":
            return data
        levels = bytearray(len(data))
        for channel in range(3):
            levels[channel::3] = data[channel * 1024 : (channel + 1) * 1024]
        return b"P6 32 32 255\n" + levels


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSet:
    """The images of a validation, in the order in which they are evaluated: by a hash of the file's name.

    So the first images are a random sample of all, and the order is the same however the files are laid out.
    """

    name: str  # of the recognised set ("ImageNet-A"), else of the folder
    layout: str
    classes: int  # of the label space: what a network must put out
    among: tuple[int, ...] | None = None  # the classes that an answer is chosen from; None: all
    samples: tuple[Sample, ...]
    unused: tuple[str, ...] = ()  # files that are no part of the set
    notes: tuple[str, ...] = ()  # what was assumed
    fingerprint: str = field(init=False)  # over (file name, size, class) of every image, whatever folders they lie in

    def __post_init__(self) -> None:
        object.__setattr__(self, "samples", tuple(sorted(self.samples, key=_shuffled)))
        lines = sorted(f"{sample.base}\t{sample.size_bytes}\t{sample.label}\n" for sample in self.samples)
        object.__setattr__(self, "fingerprint", hashlib.sha256("".join(lines).encode()).hexdigest())

    def describe(self) -> DataSet:
        """Return what a record keeps of the set."""
        return DataSet(
            name=self.name,
            layout=self.layout,
            images=len(self.samples),
            classes=len({sample.label for sample in self.samples}),
            fingerprint=self.fingerprint,
            among=len(self.among) if self.among else None,
        )


def digest_of(data: bytes) -> bytes:
    """Return what identifies the content of an image file: the first DIGEST_BYTES of its sha256."""
    return hashlib.sha256(data).digest()[:DIGEST_BYTES]


def listing(path: Path) -> list[File]:
    """Return every file in a folder or a tar archive, by name; hidden ones are left out.

    Raises ResbenchError when `path` is neither, and for a folder that cannot be read.
    """
    if path.is_dir():
        return sorted(_folder(path), key=lambda file: file.name)
    if not path.exists():
        raise ResbenchError(f"{path}: no such folder; give the folder of the validation images")
    try:
        with tarfile.open(path, "r:") as archive:
            members = [member for member in archive if member.isfile() and not _hidden(member.name)]
    except (tarfile.TarError, OSError):
        raise ResbenchError(f"{path}: {_no_archive(path)}; give a folder of images or an uncompressed .tar") from None
    files = [
        File(
            name=str(PurePosixPath(member.name)),
            path=path,
            offset=member.offset_data,
            size_bytes=member.size,
        )
        for member in members
    ]
    return sorted(files, key=lambda file: file.name)


def _folder(root: Path) -> list[File]:
    found = []
    for folder, below, names in os.walk(root, followlinks=True, onerror=_refuse):
        below[:] = [name for name in below if not (name.startswith(".") or _leads_back(Path(folder, name)))]
        for name in names:
            if not name.startswith("."):
                path = Path(folder, name)
                name = path.relative_to(root).as_posix()
                found.append(_described(name, path) if path.exists() else File(name=name, path=path, size_bytes=0))
    return found  # a dangling link is among them, and unreadable later


def _leads_back(path: Path) -> bool:
    """Tell whether a folder is a link to one that it lies in, below which every image would be met again and again."""
    return path.is_symlink() and path.parent.resolve().is_relative_to(path.resolve())


def _refuse(error: OSError) -> None:
    raise ResbenchError(f"{error.filename}: {error.strerror}; make the folder readable, or move it away") from None


def _described(name: str, path: Path) -> File:
    return File(name=name, path=path, size_bytes=path.stat().st_size)


def _hidden(name: str) -> bool:
    return any(part.startswith(".") for part in PurePosixPath(name).parts)


def _no_archive(path: Path) -> str:
    try:
        with tarfile.open(path):
            return "compressed, so that no image can be reached without unpacking all; unpack it first"
    except (tarfile.TarError, OSError, EOFError):
        return "neither a folder nor a tar archive"


def _shuffled(sample: Sample) -> tuple[bytes, str]:
    return hashlib.blake2b(sample.base.encode(), digest_size=8).digest(), sample.name
