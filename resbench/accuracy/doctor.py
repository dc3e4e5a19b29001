"""Whether a set of images can give a right answer at all, found out before any network runs."""

import io
import re
import struct
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath

from PIL import Image

from resbench.accuracy import official
from resbench.accuracy.dataset import ImageSet, Sample, digest_of
from resbench.accuracy.labels import imagenet, validation
from resbench.accuracy.layouts import OFFICIAL_NAME
from resbench.accuracy.loader import OR_SKIP, Unreadable, in_order, reason
from resbench.accuracy.pixels import FORMATS, UNREADABLE, check_size, resized
from resbench.zoo.spec import Preprocess

# How many images the published sets have.
SIZES = {
    OFFICIAL_NAME: 50_000,
    "ImageNet-A": 7_500,
    "ImageNet-R": 30_000,
    "ImageNet-Sketch": 50_889,
    "ImageNet-V2": 10_000,
    "CIFAR-10": 10_000,
}
_FORMAT_OF_SUFFIX = {
    ".jpeg": "JPEG",
    ".jpg": "JPEG",
    ".png": "PNG",
    ".bmp": "BMP",
    ".webp": "WEBP",
    ".ppm": "PPM",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
_CAMERAS = {"MPO": "JPEG"}  # JPEG with further pictures behind, of which nobody decodes more than the first
_ORIENTATION = 0x0112  # the EXIF tag
_NAMED = 3  # files, as examples
_OWN_FIGURE = re.compile(r" \(\d+ [^)]*\)")  # what differs from one damaged file to the next
_MISNAMED, _TURNED = " under the name of another format", "rotated by EXIF"
_DEEP = "more than 8 bits per level"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What one image file is."""

    name: str
    fault: str | None = None  # why it cannot be decoded
    traits: tuple[str, ...] = ()  # what is odd about it, though it can be decoded
    digest: bytes = b""  # of the image file, where it can be read


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptom:
    """Something about a set that its user should know."""

    what: str
    files: tuple[str, ...] = ()
    remedy: str = ""
    fatal: bool = False  # no right answer is to be had

    def __str__(self) -> str:
        """In one line."""
        more = ", ..." if len(self.files) > _NAMED else ""
        files = f" ({len(self.files):,}: {', '.join(self.files[:_NAMED])}{more})" if self.files else ""
        return f"{self.what}{files}" + (f"; {self.remedy}" if self.remedy else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Everything that is to be said of a set."""

    images: ImageSet
    fewest: int  # images of the rarest class that is there
    most: int
    symptoms: tuple[Symptom, ...]

    @property
    def healthy(self) -> bool:
        """Whether a validation on the set can be right."""
        return not any(symptom.fatal for symptom in self.symptoms)


def inspect(
    samples: Sequence[Sample],
    *,
    workers: int,
    on_image: Callable[[int], None] = lambda _: None,
    known: Callable[[bytes], bool] = lambda _: False,
    streams: Sequence[Preprocess] = (Preprocess(),),
) -> list[Inspection]:
    """Look at every image, in order; `on_image` hears how many were looked at.

    Images whose digest is `known` were decoded before: they are read, but not parsed. An image that is too large when
    it is resized for one of the `streams` cannot be decoded.
    """
    found = []
    look = partial(_inspect, known=known, streams=streams)
    for done, inspection in enumerate(in_order(look, samples, workers=workers), start=1):
        found.append(inspection)
        on_image(done)
    return found


def unreadable(inspections: Sequence[Inspection]) -> tuple[Unreadable, ...]:
    """Return the images that cannot be decoded."""
    return tuple(Unreadable(name=one.name, reason=one.fault) for one in inspections if one.fault)


def diagnose(images: ImageSet, *, workers: int, on_image: Callable[[int], None] = lambda _: None) -> Diagnosis:
    """Return what is to be said of `images`, the fatal things first."""
    inspections = inspect(images.samples, workers=workers, on_image=on_image)
    shown = Counter(sample.label for sample in images.samples)
    return Diagnosis(
        images=images,
        fewest=min(shown.values()),
        most=max(shown.values()),
        symptoms=(*_faults(inspections), *oddities(images, inspections), *_duplicates(images.samples, inspections)),
    )


def oddities(images: ImageSet, inspections: Sequence[Inspection]) -> tuple[Symptom, ...]:
    """Return what the user of `images` should know before a validation, which can be right all the same."""
    return (*_amounts(images), *_traits(inspections), *_beside(images))


def _inspect(sample: Sample, known: Callable[[bytes], bool], streams: Sequence[Preprocess]) -> Inspection:
    """Parse the whole file; for JPEG at an eighth of the size, which costs a third of decoding in full."""
    if not sample.size_bytes:
        return Inspection(name=sample.name, fault="empty file" if sample.path.exists() else "link to nothing")
    digest = b""
    try:
        data = sample.image_file()
        digest = digest_of(data)
        if sample.encoding == "cifar" or known(digest):
            return Inspection(name=sample.name, digest=digest)
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            check_size(image.size)
            for stream in streams:
                resized(image.size, stream)
            mode, format_ = image.mode, _CAMERAS.get(image.format or "", image.format)
            image.draft("L", (1, 1))
            image.load()
            rotated = _rotated(image)
    except UNREADABLE as error:
        return Inspection(name=sample.name, fault=reason(error), digest=digest)
    deep = mode.startswith(("I", "F"))
    traits = {
        f"{format_}{_MISNAMED}": _FORMAT_OF_SUFFIX.get(_suffix(sample)) != format_,
        f"{mode} instead of RGB or grey": mode not in ("RGB", "L") and not deep,
        _DEEP: deep,
        _TURNED: rotated,
    }
    odd = tuple(trait for trait, there in traits.items() if there)
    return Inspection(name=sample.name, traits=odd, digest=digest)


def _rotated(image: Image.Image) -> bool:
    try:
        return bool(image.getexif().get(_ORIENTATION, 1) != 1)
    except (SyntaxError, ValueError, KeyError, TypeError, OSError, struct.error, UserWarning):
        return False  # damaged EXIF data do not hurt the pixels


def _suffix(sample: Sample) -> str:
    return PurePosixPath(sample.name).suffix.lower()


def _faults(inspections: Sequence[Inspection]) -> Iterator[Symptom]:
    by_reason = defaultdict(list)
    for image in unreadable(inspections):
        by_reason[_OWN_FIGURE.sub("", image.reason), image.remedy].append(image.name)
    for (fault, remedy), names in by_reason.items():
        yield Symptom(
            what=f"unreadable: {fault}",
            files=tuple(names),
            remedy=f"{remedy}{OR_SKIP}",
            fatal=True,
        )


def _amounts(images: ImageSet) -> Iterator[Symptom]:
    expected, shown = SIZES.get(images.name), {sample.label for sample in images.samples}
    if expected and len(images.samples) != expected:
        yield Symptom(
            what=f"{len(images.samples):,} images, {images.name} has {expected:,}", remedy="unpack the archive again"
        )
    if images.name.endswith(OFFICIAL_NAME) and len(images.samples) < len(validation()):
        there = {official.number(sample.base) for sample in images.samples}
        missing = [number for number in range(1, len(validation()) + 1) if number not in there]
        yield Symptom(
            what=f"{len(missing):,} of the {len(validation()):,} official images are not there",
            files=tuple(f"ILSVRC2012_val_{number:08d}.JPEG" for number in missing),
            remedy="the accuracy is that of a part; unpack the archive again for the whole",
        )
    elif images.classes == 1000 and not images.among and len(shown) < 1000:
        absent = [wnid for label, wnid in enumerate(imagenet()) if label not in shown]
        yield Symptom(
            what=f"images of {len(shown)} of the 1000 classes",
            remedy=f"the accuracy is that of these classes; {absent[0]} is the first without images",
        )


def _traits(inspections: Sequence[Inspection]) -> Iterator[Symptom]:
    by_trait = defaultdict(list)
    for one in inspections:
        for trait in one.traits:
            by_trait[trait].append(one.name)
    for trait, names in by_trait.items():
        yield Symptom(what=trait, files=tuple(names), remedy=_done_about(trait))


def _done_about(trait: str) -> str:
    if trait.endswith(_MISNAMED):
        return "decoded as what they are"
    remedies = {
        _TURNED: "evaluated as stored, as torchvision and timm do",
        _DEEP: "levels above 255 are clipped, as torchvision and timm do; convert the images to 8 bits to scale them",
    }
    return remedies.get(trait, "evaluated as RGB")


def _beside(images: ImageSet) -> Iterator[Symptom]:
    for note in images.notes:
        yield Symptom(what=note)
    for part in images.left_out:
        yield Symptom(what=part.what, files=part.names, remedy=part.remedy)


def _duplicates(samples: Sequence[Sample], inspections: Sequence[Inspection]) -> Iterator[Symptom]:
    groups = defaultdict(list)
    for sample, inspection in zip(samples, inspections, strict=True):
        groups[inspection.digest].append(sample)
    same = [group for digest, group in groups.items() if digest and len(group) > 1]
    torn = [group for group in same if len({one.label for one in group}) > 1]
    for what, found in (
        ("equal content", [group for group in same if group not in torn]),
        ("equal content in different classes", torn),
    ):
        if found:
            yield Symptom(
                what=f"{what}: {len(found)} groups of files",
                files=tuple(sorted(" = ".join(one.name for one in group) for group in found)),
                remedy="each file counts as an image",
            )
