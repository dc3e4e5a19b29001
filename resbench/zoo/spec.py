"""The nouns of the table: a network (`Variant`), a checkpoint (`Weights`), what somebody published (`Claim`)."""

import math
from dataclasses import dataclass, field
from typing import Literal

Block = Literal["basic", "bottleneck"]
Stem = Literal["conv7"]
StemPool = Literal["max"]
Shortcut = Literal["conv"]
Squeeze = Literal["se"]
Interpolation = Literal["bilinear", "bicubic", "lanczos"]
Metric = Literal["params", "flops", "file_size", "top1", "top5"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResNetSpec:
    """The arithmetic of a residual network with a stem, four (or fewer) stages, and a linear classifier.

    Source: He et al. 2015 (arXiv 1512.03385), Xie et al. 2017 (1611.05431), Hu et al. 2018 (1709.01507).
    """

    block: Block
    depths: tuple[int, ...]
    groups: int = 1
    width_per_group: int = 64
    stem: Stem = "conv7"
    stem_pool: StemPool = "max"
    shortcut: Shortcut = "conv"
    squeeze: Squeeze | None = None


Spec = ResNetSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """Where an architecture was published."""

    title: str
    url: str
    bibtex: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A network: one row of the table. Its size and cost are its own; accuracy belongs to its `Weights`."""

    name: str
    family: str  # "ResNeXt": the heading under which it is listed
    spec: Spec
    paper: Paper
    input_px: int = 224
    classes: int = 1000
    about: str = ""  # one sentence for its card where the family's does not say enough


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocess:
    """How an image becomes the input of a checkpoint: shorter side to `resize_px`, centre crop, normalise."""

    crop_px: int = 224
    crop_pct: float = 0.875
    interpolation: Interpolation = "bilinear"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)

    @property
    def resize_px(self) -> int:
        """The shorter side before the crop, rounded down as timm and torchvision's presets do: 224/0.875 -> 256."""
        return math.floor(self.crop_px / self.crop_pct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Something that somebody published.

    `value` is a count, a number of bytes, or a fraction (accuracy); `quantum` is the step of the printed rounding
    in the same unit (10_000 for parameters printed in hundredths of a million, 1 for an exact count).
    """

    metric: Metric
    value: float
    source: str  # a URL, or repository path and commit
    quantum: float = 1
    convention: str | None = None  # for flops: a name from counting.conventions
    input_px: tuple[int, int] | None = None  # (height, width) that the figure holds at
    error: str | None = None  # why the figure is known to be false


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A published checkpoint: where it lies, how it wants its images, and what was claimed of it."""

    name: str
    network: str  # the Variant that it fills
    url: str
    sha256_prefix: str
    license: str
    source: str  # "timm", "torchvision", "mmpretrain"
    collection: str  # "Gluon SEResNeXt": the page that publishes it
    preprocess: Preprocess = field(default_factory=Preprocess)
    dataset: str = "ImageNet"
    code: str = ""  # the file that defines the network at its source
    aliases: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()

    def claim(self, metric: Metric) -> Claim | None:
        """Return the claim about `metric`, or None."""
        return next((claim for claim in self.claims if claim.metric == metric), None)
