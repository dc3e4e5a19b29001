"""The nouns of the table: a network (`Variant`), a checkpoint (`Weights`), what somebody published (`Claim`)."""

import math
from dataclasses import dataclass, field
from typing import Any, Literal

Block = Literal[
    "basic",  # two 3x3 convolutions
    "bottleneck",  # 1x1, 3x3, 1x1
    "plain",  # basic without any shortcut
    "senet",  # SENet-154's bottleneck: the first 1x1 halved, 3x3 projections
    "sk_basic",  # selective kernels instead of the first 3x3
    "sk_bottleneck",  # selective kernels instead of the 3x3
    "res2net",  # the 3x3 as a chain over `splits` slices of the channels
    "resnest",  # split attention over `splits` copies instead of the 3x3, average-pooled after it
    "resnest_fast",  # the same, average-pooled before it
]
Stem = Literal[
    "conv7",  # 7x7 with stride 2, max pool
    "conv3",  # 3x3, no pool: for 32 px
    "deep",  # three 3x3 of 32, 32, 64 channels, max pool: ResNet-C and -D
    "deep_wide",  # 64, 64, 128: ResNet-S and -E, SENet-154
    "deep_tiered",  # 24, 32, 64: ResNet-T
]
Shortcut = Literal[
    "conv",  # a strided 1x1 convolution where the shape changes ("option B")
    "avg_pool",  # a 2x2 average pool, then a 1x1 convolution: ResNet-D
    "pad",  # every other pixel and channels of zeros, no parameters ("option A")
]
StrideOn = Literal["3x3", "1x1"]  # which convolution of a bottleneck halves the size
Squeeze = Literal["se", "eca"]
LegacyBlock = Literal["basic", "bottleneck", "resnext", "senet"]
Interpolation = Literal["bilinear", "bicubic", "lanczos"]
CropMode = Literal[
    "center",  # the shorter side is resized; what lies outside the centre is lost
    "squash",  # both sides are, whatever the aspect ratio
    "border",  # the longer side is; the rest is filled with the mean colour
]
Place = Literal[  # of a crop in the resized image
    "center",
    "mirrored_center",  # the centre of the mirrored image, which may be one pixel off
    "top_left",
    "top_right",
    "bottom_left",
    "bottom_right",
]
Metric = Literal["params", "flops", "file_size", "top1", "top5"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResNetSpec:
    """The arithmetic of a residual network with a stem, up to four stages, and a linear classifier.

    Source: He et al. 2015 (arXiv 1512.03385), Xie et al. 2017 (1611.05431), Hu et al. 2018 (1709.01507),
    He et al. 2019 (1812.01187); Zhang 2019 (1904.11486), Wang et al. 2020 (1910.03151), Li et al. 2019 (1903.06586),
    Gao et al. 2019 (1904.01169) and Zhang et al. 2020 (2004.08955) for the blocks that carry their names.
    """

    block: Block
    depths: tuple[int, ...]  # blocks per stage
    planes: int = 64  # of the first stage; each further stage doubles them
    groups: int = 1
    width_per_group: int = 64  # channels of one group of the 3x3 convolution, at 64 planes
    stem: Stem = "conv7"
    shortcut: Shortcut = "conv"
    stride_on: StrideOn = "3x3"  # of block "bottleneck"; He et al. 2015 had it on the first 1x1
    squeeze: Squeeze | None = None
    anti_alias: bool = False  # a fixed blur behind stem pool and 3x3 convolutions takes over their stride
    splits: int = 1  # Res2Net's scale, ResNeSt's radix


@dataclass(frozen=True, slots=True, kw_only=True)
class ResNetV2Spec:
    """The arithmetic of a residual network with norms and ReLUs in front of its convolutions.

    Source: He et al. 2016 (arXiv 1603.05027); the stride of bottlenecks on the 3x3, and the stems and average pools of
    ResNet-D, as in timm's resnetv2.py.
    """

    block: Literal["basic", "bottleneck"]
    depths: tuple[int, int, int, int]
    stem: Literal["conv7", "deep"] = "conv7"
    shortcut: Literal["conv", "avg_pool"] = "conv"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacySENetSpec:
    """The arithmetic of the squeeze-and-excitation networks as their authors released them.

    The stem pool rounds up instead of padding. Basic blocks have a ReLU before the squeeze, and bottlenecks their
    stride on the first 1x1. Source: Hu et al. 2018 (1709.01507), github.com/hujie-frank/SENet.
    """

    block: LegacyBlock
    depths: tuple[int, int, int, int]
    groups: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class InceptionResNetSpec:
    """The arithmetic of a network of inception blocks with shortcuts; A, B and C are the figures' names.

    A tuple of widths is a branch: the output channels of its convolutions, in order.
    Source: Szegedy et al. 2016 (arXiv 1602.07261), figures 7 and 10 to 15, and tf.slim's inception_resnet_v2.py.
    """

    repeats: tuple[int, int, int]
    a: tuple[tuple[int, ...], ...]
    reduction_a: tuple[tuple[int, ...], ...]
    b: tuple[tuple[int, ...], ...]
    reduction_b: tuple[tuple[int, ...], ...]
    c: tuple[tuple[int, ...], ...]
    slim: bool = False  # tf.slim's stem (max pool and an inception block) and head (a linear C block, a 1x1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """A network that is built by code outside this package: where that lies, and what it is called there.

    The last three are found out when it is built for the first time (`nets.probing.probed`).
    """

    place: str  # "timm", "torchvision", "path/to/mine.py", "package.module"; empty for a module that a program made
    name: str
    arguments: str = ""  # that the builder is called with, as Python writes them: "width=2"
    folder: str = ""  # of the zoo's file that names it, where relative paths begin; empty: the current folder
    module: Any = field(default=None, compare=False, repr=False)  # the torch module that a program made
    is_probed: bool = False
    output: str | int | None = None  # the key or place of the logits, where the module returns several things
    needs_data: bool = False  # its forward pass depends on the values of an image: shapes alone do not run it

    def __str__(self) -> str:
        """Return the place as people write it: "mine.py:build(width=2)"."""
        place = f"{self.place}:{self.name}" if self.place else self.name
        return f"{place}({self.arguments})" if self.arguments else place


Spec = ResNetSpec | ResNetV2Spec | LegacySENetSpec | InceptionResNetSpec | Elsewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """Where an architecture was published."""

    title: str
    url: str
    bibtex: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A network: a row of the table, or built elsewhere. Size and cost are its own; accuracy belongs to its `Weights`.

    Another program finds it again by its name (`find.find`).
    """

    name: str
    family: str  # "ResNeXt": the heading under which it is listed
    spec: Spec
    paper: Paper
    input_px: int = 224
    classes: int = 1000
    about: str = ""  # one sentence for its card where the family's does not say enough
    builder: str = ""  # what builds it, as a user's zoo says it; empty for a row of the shipped table
    preprocess: "Preprocess | None" = None  # of a network elsewhere whose own code says how it wants its images


# What becomes `resize_px` long before the crop, by crop mode.
RESIZED_SIDE: dict[str, str] = {"center": "shorter side", "squash": "both sides", "border": "longer side"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocess:
    """How an image becomes the input of a checkpoint: shorter side to `resize_px`, centre crop, normalise."""

    crop_px: int = 224
    crop_pct: float = 0.875
    interpolation: Interpolation = "bilinear"
    crop_mode: CropMode = "center"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    border_px: int = 0  # cut off on every side of the stored image
    place: Place = "center"  # of the crop

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
    sha256_prefix: str  # empty where none is published
    license: str
    source: str  # "timm", "torchvision", "mmpretrain"; "zoo" for one of a user's zoo
    collection: str  # "Gluon SEResNeXt": the page that publishes it
    preprocess: Preprocess = field(default_factory=Preprocess)
    dataset: str = "ImageNet"
    code: str = ""  # the file that defines the network at its source
    aliases: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    caveat: str = ""  # what sets the published accuracy apart from one measured here, if anything does
    path: str = ""  # where its file lies, for one of a user's zoo that no address publishes
    classes_file: str = ""  # with the names of its classes, where these are a user's own

    @property
    def location(self) -> str:
        """Where its file lies: the address that publishes it, else its name on this machine."""
        return self.url or self.path.rpartition("/")[2]

    def claim(self, metric: Metric) -> Claim | None:
        """Return the claim about `metric`, or None."""
        return next((claim for claim in self.claims if claim.metric == metric), None)

    def sound_claim(self, metric: Metric) -> Claim | None:
        """Return the claim about `metric`, or None when there is none or it is known to be false."""
        claim = self.claim(metric)
        return None if claim is None or claim.error else claim
