"""The nouns of a validation: files, images with their classes, sets of them."""

import hashlib
import posixpath
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from resbench.records.record import DataSet

IMAGE_FORMATS = {  # suffix -> what Pillow calls the format
    ".jpeg": "JPEG",
    ".jpg": "JPEG",
    ".png": "PNG",
    ".bmp": "BMP",
    ".webp": "WEBP",
    ".ppm": "PPM",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
Encoding = Literal["image", "cifar"]  # what the bytes are: an image file, or 3 planes of 32x32
DIGEST_BYTES = 16
SHOWN = 3  # files of a symptom, as examples
MOST_BYTES = 1 << 29  # of an image file: the most pixels that are decoded, with 16 bits per level, fit in
LEFT_OUT = "left out"  # the remedy for files that lie beside the images and are not evaluated


class Reader(Protocol):
    """What reads files that do not lie in another one byte for byte."""

    def read(self, file: "File") -> bytes:
        """Return the bytes of a file. Raises OSError when they cannot be read."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """Bytes somewhere: a file of its own, or a part of a container, such as an archive."""

    name: str  # relative to the set, with forward slashes; bytes that are not UTF-8 as \xNN
    path: Path  # the file that holds the bytes
    offset: int = 0  # of the bytes; with a `reader` the number of the file there
    size_bytes: int
    reader: Reader | None = None
    block: str = ""  # files of one block are read one after another, by their numbers
    container: str = ""  # in a folder of containers: which of them, by its name
    word: str = ""  # for the class, where the container states it: a number, a WordNet id or a name

    def __hash__(self) -> int:
        """Return the hash of the name, which tells the files of a set apart: that of all fields takes long."""
        return hash(self.name)

    def read(self) -> bytes:
        """Return the bytes. Raises OSError when they cannot be read in full."""
        if self.size_bytes > MOST_BYTES:
            raise OSError(f"{self.size_bytes:,} bytes, more than {MOST_BYTES:,}")
        if self.reader:
            data = self.reader.read(self)
        else:
            with self.path.open("rb") as stream:
                stream.seek(self.offset)
                data = stream.read(self.size_bytes)
        if len(data) != self.size_bytes:
            raise OSError(f"{len(data)} of {self.size_bytes} bytes")
        return data

    @property
    def is_image(self) -> bool:
        """Whether the name is that of an image."""
        return self.suffix in IMAGE_FORMATS

    @property
    def suffix(self) -> str:
        """The end of the name from its last point on, in small letters."""
        return posixpath.splitext(self.name)[1].lower()

    @property
    def base(self) -> str:
        """The name without folders."""
        return self.name.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """The folders in the name; empty where there are none."""
        return self.name.rpartition("/")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample(File):
    """An image and its class."""

    label: int
    encoding: Encoding = "image"
    digest: bytes = b""  # `digest_of` the image file, once it was read

    __hash__ = File.__hash__  # which a dataclass would replace

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
class Symptom:
    """Something about a set that its user should know."""

    what: str
    files: tuple[str, ...] = ()
    remedy: str = ""
    fatal: bool = False  # a validation cannot be right

    def __str__(self) -> str:
        """In one line."""
        more = ", ..." if len(self.files) > SHOWN else ""
        files = f" ({len(self.files):,}: {', '.join(self.files[:SHOWN])}{more})" if self.files else ""
        return f"{self.what}{files}" + (f"; {self.remedy}" if self.remedy else "")


class Contents(NamedTuple):
    """What lies in a container."""

    files: list[File]
    left_out: list[Symptom]
    classes: tuple[str, ...] = ()  # their names in the order of their numbers, where the container states them


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSet:
    """The images of a validation, in the order in which they are evaluated: by a hash of the file's name.

    So the first images are a random sample of all. Blocks are in the order of a hash too, the images of each in the
    order in which they can be read.
    """

    name: str  # of the recognised set ("ImageNet-A"), else of the folder
    layout: str
    classes: int  # of the label space: what a network must put out
    among: tuple[int, ...] | None = None  # the classes that an answer is chosen from; None: all
    alike: tuple[tuple[int, ...], ...] = ()  # classes that count as one, each time the first of them
    border_px: int = 0  # cut off on every side of an image
    samples: tuple[Sample, ...]
    left_out: tuple[Symptom, ...] = ()  # what lies beside them
    notes: tuple[str, ...] = ()  # what was assumed
    labels: Path | None = None  # the file that the classes come from
    class_names: tuple[str, ...] = ()  # of a user's own classes, in the order of the network's outputs
    fingerprint: str = field(init=False)  # over (file name, size, class) of every image, whatever folders they lie in

    def __post_init__(self) -> None:
        object.__setattr__(self, "samples", tuple(sorted(self.samples, key=_shuffled)))
        lines = sorted(f"{sample.base}\t{sample.size_bytes}\t{sample.label}\n" for sample in self.samples)
        object.__setattr__(self, "fingerprint", hashlib.sha256("".join(lines).encode()).hexdigest())

    def spread(self, most: int) -> "ImageSet":
        """Return at most `most` of the images, from all over the set: within a block, classes may be in order."""
        count = len(self.samples)
        if count <= most:
            return self
        return replace(self, samples=tuple(self.samples[place * count // most] for place in range(most)))

    def describe(self) -> DataSet:
        """Return what a record keeps of the set."""
        return DataSet(
            name=self.name,
            layout=self.layout,
            images=len(self.samples),
            classes=len({sample.label for sample in self.samples}),
            fingerprint=self.fingerprint,
            among=len(self.among) if self.among else None,
            class_names=self.class_names,
        )


def digest_of(data: bytes) -> bytes:
    """Return what identifies the content of an image file: the first DIGEST_BYTES of its sha256."""
    return hashlib.sha256(data).digest()[:DIGEST_BYTES]


def printable_name(name: str) -> str:
    """Return a file's name as text that can be printed and stored: bytes that are not UTF-8 become \\xNN."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _shuffled(sample: Sample) -> tuple[bytes, int, str]:
    within = sample.offset if sample.block else 0
    return hashlib.blake2b((sample.block or sample.base).encode(), digest_size=8).digest(), within, sample.name
