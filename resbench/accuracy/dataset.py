"""Which images lie in a folder, and what they show."""

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from resbench.accuracy.labels import class_of
from resbench.errors import ResbenchError
from resbench.records.record import DataSet

WNID = re.compile(r"n\d{8}")
IMAGE_SUFFIXES = frozenset({".jpeg", ".jpg", ".png", ".bmp", ".webp", ".ppm", ".tif", ".tiff"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One image: where its bytes lie, and its class."""

    name: str  # relative to the set, with forward slashes
    label: int
    path: Path  # the file that holds the bytes: the image itself, or an archive
    offset: int = 0
    size_bytes: int

    def read(self) -> bytes:
        """Return the encoded image. Raises OSError when it cannot be read in full."""
        with self.path.open("rb") as stream:
            stream.seek(self.offset)
            data = stream.read(self.size_bytes)
        if len(data) != self.size_bytes:
            raise OSError(f"{len(data)} of {self.size_bytes} bytes")
        return data


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSet:
    """The images of a validation, in the order in which they are evaluated."""

    name: str
    layout: str
    classes: int  # of the label space: what a network must put out
    samples: tuple[Sample, ...]

    @property
    def fingerprint(self) -> str:
        """A hash over (file name, size, class) of every image, whatever folders they lie in."""
        lines = sorted(f"{Path(s.name).name}\t{s.size_bytes}\t{s.label}\n" for s in self.samples)
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def describe(self) -> DataSet:
        """Return what a record keeps of the set."""
        shown = len({sample.label for sample in self.samples})
        return DataSet(
            name=self.name,
            layout=self.layout,
            images=len(self.samples),
            classes=shown,
            fingerprint=self.fingerprint,
        )


def open_set(path: Path) -> ImageSet:
    """Return the images at `path`, each with its class.

    Raises ResbenchError when there is no such folder, nothing in it, or no telling what the images show.
    """
    if not path.is_dir():
        raise ResbenchError(f"{path}: {_absence(path)}; give the folder of the validation images")
    root = path.resolve()
    folders = [entry for entry in _entries(root) if entry.is_dir()]
    wnids = [entry for entry in folders if WNID.fullmatch(entry.name)]
    if not wnids:
        raise ResbenchError(f"{path}: {_without_wnids(root)}")
    unknown = [entry.name for entry in wnids if entry.name not in class_of()]
    if unknown:
        raise ResbenchError(
            f"{path}: {len(unknown)} folders are not classes of ImageNet-1k ({', '.join(unknown[:3])}); "
            "move them out of the folder"
        )
    samples = [sample for folder in wnids for sample in _below(root, folder, class_of()[folder.name])]
    if not samples:
        raise ResbenchError(f"{path}: its {len(wnids)} class folders hold no images; unpack the images into them")
    return ImageSet(name=root.name, layout="wnid folders", classes=1000, samples=tuple(samples))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)


def _below(root: Path, folder: os.DirEntry[str] | Path, label: int) -> Iterator[Sample]:
    for entry in _entries(Path(folder)):
        if entry.is_dir():
            yield from _below(root, entry, label)
        elif Path(entry.name).suffix.lower() in IMAGE_SUFFIXES:
            path = Path(entry.path)
            name = path.relative_to(root).as_posix()
            yield Sample(name=name, label=label, path=path, size_bytes=entry.stat().st_size)


def _absence(path: Path) -> str:
    return "not a folder" if path.exists() else "no such folder"


def _without_wnids(root: Path) -> str:
    entries = _entries(root)
    if not entries:
        return "empty folder; unpack the validation images there, one folder per WordNet id (n01440764, ...)"
    images = sum(Path(entry.name).suffix.lower() in IMAGE_SUFFIXES for entry in entries)
    if images:
        return (
            f"flat folder of {images} images, no telling what they show; "
            "sort them into one folder per WordNet id (n01440764, ...)"
        )
    return "no folder there is named by a WordNet id; name the class folders n01440764 and so on"
