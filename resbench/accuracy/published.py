"""Published sets of images and the rules by which networks are evaluated on them."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

from resbench.accuracy import official
from resbench.accuracy.dataset import ImageSet, Sample
from resbench.accuracy.labels import objectnet, published_sets, subsets, validation
from resbench.records.corruptions import COMMON_KINDS, EXTRA_KINDS

OFFICIAL_NAME = "ImageNet-1k"
OBJECTNET = "ObjectNet"
_CORRUPTED = re.compile(rf"({'|'.join((*COMMON_KINDS, *EXTRA_KINDS))})/([1-5])")
_V2 = "ImageNet-V2"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRules:
    """How the authors of a set evaluate on it."""

    source: str = ""
    images: int | None = None  # how many the set has
    answers: Literal["all", "own"] = "all"  # the classes that an answer is chosen from: all, or those of the set
    border_px: int = 0  # cut off on every side of an image
    names: tuple[str, ...] = ()  # of the folders of a variant


@cache
def rules() -> dict[str, SetRules]:
    """Return the rules of every published set, by its name."""
    known = published_sets().items()
    return {name: SetRules(**{**row, "names": tuple(row.get("names", ()))}) for name, row in known}


def rules_of(name: str | None) -> SetRules:
    """Return the rules of a set; those of a set that nobody published choose among all classes."""
    return rules().get(name or "", SetRules())


def recognise(layout: str, samples: Sequence[Sample], place: str = "") -> str | None:
    """Return the name of the published set that these images are; `place` is what they are called where they lie."""
    shown = Counter(sample.label for sample in samples)
    subset = subsets().get(frozenset(shown))
    if all(official.number(sample.base) for sample in samples):
        if len(samples) == len(validation()):
            return OFFICIAL_NAME
        return subset if subset and rules_of(subset).answers == "all" else f"part of {OFFICIAL_NAME}"
    if len(shown) == 1000 and all(sample.base.startswith("sketch_") for sample in samples):
        return "ImageNet-Sketch"
    if layout == "numbered folders" and len(shown) == 1000 and set(shown.values()) == {10}:
        return next((name for name, variant in rules().items() if place.lower() in variant.names), _V2)
    return subset


def answers_to(name: str | None, samples: Sequence[Sample]) -> tuple[int, ...] | None:
    """Return the classes that answers to these images of a set are chosen from; None: all."""
    if rules_of(name).answers == "all":
        return None
    if name == OBJECTNET:
        return tuple(sorted(classes[0] for classes in objectnet().values() if classes))
    return tuple(sorted({sample.label for sample in samples}))


def equivalent_classes() -> tuple[tuple[int, ...], ...]:
    """Return the classes of ImageNet that are one of ObjectNet's, for each of those that have several."""
    return tuple(classes for classes in objectnet().values() if len(classes) > 1)


def on_classes_of(base: ImageSet, other: ImageSet) -> ImageSet | None:
    """Return the images of `base` that show a class of `other`, answered by the rules of `other`.

    So an accuracy on few classes is compared with that on the same classes, as in Taori et al. 2020 (arXiv 2007.00644).
    None where both show the same classes and choose among the same, and where no image shows one.
    """
    merged = {label: classes[0] for classes in other.alike for label in classes}
    shown = {sample.label for sample in other.samples}
    samples = [replace(sample, label=merged.get(sample.label, sample.label)) for sample in base.samples]
    kept = tuple(sample for sample in samples if sample.label in shown)
    if not kept or (len(kept) == len(samples) and (base.among, base.alike) == (other.among, other.alike)):
        return None
    return replace(
        base, name=counterpart_name(base.name, other.name), samples=kept, among=other.among, alike=other.alike
    )


def counterpart_name(base: str, other: str) -> str:
    """Return what the images of one set that show classes of another are called."""
    return f"{base}, classes of {other}"


def corrupted_name(kind: str, severity: int) -> str:
    """Return what the images of one kind and severity of ImageNet-C are called."""
    return f"ImageNet-C ({kind} {severity})"


def name_in_imagenet_c(path: Path) -> str | None:
    """Return what the images in a folder of ImageNet-C (fog/3) are called; None for other folders."""
    match = _CORRUPTED.fullmatch("/".join(path.resolve().parts[-2:]))
    return corrupted_name(match[1], int(match[2])) if match else None
