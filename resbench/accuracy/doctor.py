"""The doctor: what is wrong or odd about a set of images, before any network runs."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from resbench import units
from resbench.accuracy import official
from resbench.accuracy.dataset import ImageSet, Sample, Symptom
from resbench.accuracy.inspection import DEEP, MISNAMED, TURNED, Inspection, inspect, unreadable
from resbench.accuracy.labels import imagenet, validation
from resbench.accuracy.published import OFFICIAL_NAME, rules_of
from resbench.accuracy.readable import OR_SKIP

_OWN_FIGURE = re.compile(r" \(\d+ [^)]*\)")  # what differs from one damaged file to the next


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Everything that the user of a set should know."""

    images: ImageSet
    fewest: int  # images of the rarest class that is there
    most: int
    symptoms: tuple[Symptom, ...]

    @property
    def healthy(self) -> bool:
        """Whether a validation on the set can be right."""
        return not any(symptom.fatal for symptom in self.symptoms)


def diagnose(
    images: ImageSet, *, workers: int, on_image: Callable[[int], None] = lambda _: None, processes: bool = False
) -> Diagnosis:
    """Examine `images`: fatal symptoms come first; `processes` as for `inspect`."""
    inspections = inspect(images.samples, workers=workers, on_image=on_image, processes=processes)
    shown = Counter(sample.label for sample in images.samples)
    return Diagnosis(
        images=images,
        fewest=min(shown.values()),
        most=max(shown.values()),
        symptoms=(*_faults(inspections), *oddities(images, inspections), *_duplicates(images.samples, inspections)),
    )


def oddities(images: ImageSet, inspections: Sequence[Inspection]) -> tuple[Symptom, ...]:
    """Return what the user of `images` should know before a validation, which can be right all the same."""
    notes = (Symptom(what=note) for note in images.notes)
    return (*_amounts(images), *_traits(inspections), *notes, *images.left_out)


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
    expected, shown = rules_of(images.name).images, {sample.label for sample in images.samples}
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
    for inspection in inspections:
        for trait in inspection.traits:
            by_trait[trait].append(inspection.name)
    for trait, names in by_trait.items():
        yield Symptom(what=trait, files=tuple(names), remedy=_done_about(trait))


def _done_about(trait: str) -> str:
    if trait.endswith(MISNAMED):
        return "decoded as what they are"
    remedies = {
        TURNED: "evaluated as stored, as torchvision and timm do",
        DEEP: "levels above 255 are clipped, as torchvision and timm do; convert the images to 8 bits to scale them",
    }
    return remedies.get(trait, "evaluated as RGB")


def _duplicates(samples: Sequence[Sample], inspections: Sequence[Inspection]) -> Iterator[Symptom]:
    groups = defaultdict(list)
    for sample, inspection in zip(samples, inspections, strict=True):
        groups[inspection.digest].append(sample)
    same = [group for digest, group in groups.items() if digest and len(group) > 1]
    torn = [group for group in same if len({image.label for image in group}) > 1]
    for what, same_content in (
        ("equal content", [group for group in same if group not in torn]),
        ("equal content in different classes", torn),
    ):
        if same_content:
            yield Symptom(
                what=f"{what}: {units.count_of(len(same_content), 'group')} of files",
                files=tuple(sorted(" = ".join(image.name for image in group) for group in same_content)),
                remedy="each file counts as an image",
            )
