"""What another classifier, or a first convolution of one channel, makes of a network's counts."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from resbench.zoo.spec import InceptionResNetSpec, LegacySENetSpec, ResNetSpec, ResNetV2Spec, Variant

# Data sets by their number of classes; of several numbers that give the same digits, the first here is the likeliest.
DATA_SETS: dict[int, str] = {
    10: "CIFAR-10, EuroSAT, Imagenette, MNIST or SVHN",
    100: "CIFAR-100",
    200: "CUB-200-2011, Tiny ImageNet or ImageNet-R",
    102: "Oxford flowers",
    101: "Food-101 or Caltech-101",
    5089: "iNaturalist 2017",
    8142: "iNaturalist 2018",
    10000: "iNaturalist 2021",
    1010: "iNaturalist 2019",
    21841: "ImageNet-21k",
    21843: "ImageNet-21k",
    21842: "ImageNet-21k",
    11221: "ImageNet-21k-P",
    10450: "ImageNet-21k-P",
    18291: "JFT",
    1001: "ImageNet with a background class",
    196: "Stanford cars",
    120: "Stanford dogs",
    37: "Oxford pets",
    365: "Places365",
    397: "SUN397",
    257: "Caltech-256",
    256: "Caltech-256",
    2: "two classes",
    5: "flower_photos",
    7: "FER2013",
    8: "AffectNet",
    20: "Pascal VOC",
    21: "UC Merced",
    30: "AID",
    38: "PlantVillage",
    43: "GTSRB",
    45: "RESISC45",
    47: "DTD",
    62: "EMNIST",
    65: "Office-Home",
    67: "MIT indoor scenes",
    345: "DomainNet",
    400: "Kinetics-400",
    555: "NABirds",
    9605: "Open Images",
    8631: "VGGFace2",
}
_ORDINARY = 1000  # a number of classes up to here needs no name to be likely
_CHANCE = 10  # a whole number of classes is no accident where the digits are this much finer than one class


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The number of classes that gives a figure, and why that number."""

    classes: int
    first: int  # of all numbers of classes that give the same digits
    last: int
    why: Literal["stated", "exact", "known", "coarse"]

    @property
    def certain(self) -> bool:
        """Whether something but the rounding speaks for the number: what the card states, exact digits, a data set."""
        return self.why != "coarse"

    @property
    def usual(self) -> bool:
        """Whether data sets of that many classes are common."""
        return self.classes <= _ORDINARY or self.classes in DATA_SETS

    def __str__(self) -> str:
        if self.first == self.last:
            return _classes(self.classes)
        if not self.certain:
            return f"{self.first:,} to {self.last:,} classes"
        return f"{_classes(self.classes)} ({self.first:,} to {self.last:,} classes give the same digits)"


def head(trunk: int, per_class: int, value: Fraction, quantum: Fraction, stated: Collection[int] = ()) -> Head | None:
    """Return the classifier with which `trunk` plus `per_class` for each class is printed as `value`.

    `stated` are the numbers of classes that the text around the figure gives. None where no whole number of classes
    gives the digits, or only numbers that are no data set's and above 1000.
    """
    half = quantum / 2 if quantum > 1 else 0
    first = max(1, math.ceil((value - half - trunk) / per_class))
    last = math.floor((value + half - trunk) / per_class)
    if first > last:
        return None
    for why, numbers in (("stated", stated), ("exact", range(first, last + 1)), ("known", DATA_SETS)):
        if why == "exact" and _CHANCE * quantum > per_class:
            continue
        if classes := next((number for number in numbers if first <= number <= last), None):
            return Head(classes=classes, first=first, last=last, why=why)  # type: ignore[arg-type]
    middle = (first + last) // 2
    return Head(classes=middle, first=first, last=last, why="coarse") if middle <= _ORDINARY else None


def one_channel(variant: Variant) -> int:
    """Return how many parameters fewer `variant` has for grey-scale images, of one channel instead of three.

    0 for a network whose first convolution the table does not describe.
    """
    filters, side = _first_convolution(variant)
    return 2 * filters * side * side


def one_channel_macs(variant: Variant, size_px: tuple[int, int]) -> int:
    """Return how many multiply-adds fewer `variant` takes for one grey-scale image of `size_px`."""
    spec = variant.spec
    if isinstance(spec, InceptionResNetSpec):  # its convolutions do not pad
        positions = math.prod((side - 3) // 2 + 1 for side in size_px)
    else:
        stride = 1 if isinstance(spec, ResNetSpec) and spec.stem == "conv3" else 2
        positions = math.prod(-(-side // stride) for side in size_px)
    return one_channel(variant) * positions


def _first_convolution(variant: Variant) -> tuple[int, int]:
    """Return the filters of the first convolution and their side."""
    spec = variant.spec
    if isinstance(spec, InceptionResNetSpec):
        return 32, 3
    if isinstance(spec, LegacySENetSpec):
        return (64, 3) if spec.block == "senet" else (64, 7)
    if not isinstance(spec, ResNetSpec | ResNetV2Spec):
        return 0, 0
    if spec.stem == "conv3":
        return spec.planes, 3
    return {"conv7": (64, 7), "deep": (32, 3), "deep_wide": (64, 3), "deep_tiered": (24, 3)}[spec.stem]


def _classes(number: int) -> str:
    return f"{number:,} class{'es' if number > 1 else ''}"
