"""The shapes of a network without building it: its stages, and the layers of the block that they repeat."""

from collections.abc import Sequence
from dataclasses import dataclass

from resbench.zoo.spec import Elsewhere, InceptionResNetSpec, LegacySENetSpec, ResNetSpec, ResNetV2Spec, Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Blocks that share a size: how many, their output channels, and the pixels of a side (the height)."""

    name: str
    blocks: int
    channels: int
    side_px: int
    width_px: int | None = None  # where it is given

    @property
    def shape(self) -> str:
        """What leaves it in words: "256 x 56 x 56"."""
        return f"{self.channels} x {self.side_px} x {self.width_px or self.side_px}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The block of the first stage: branches of layers that are concatenated, layers after that, gate, shortcut."""

    branches: tuple[tuple[str, ...], ...]
    tail: tuple[str, ...] = ()
    gate: str = ""
    shortcut: bool = True


def stages(variant: Variant) -> list[Stage]:
    """Return the stages of `variant` with the shapes that leave them."""
    match variant.spec:
        case ResNetSpec() as spec:
            side_px = variant.input_px if spec.stem == "conv3" else _half(_half(variant.input_px))
            return _doubling(spec.depths, spec.planes * _expansion(spec.block), side_px)
        case ResNetV2Spec() as spec:
            return _doubling(spec.depths, 64 * _expansion(spec.block), _half(_half(variant.input_px)))
        case LegacySENetSpec() as spec:
            # Their stem pool does not pad, and rounds up.
            side_px = -(-(_half(variant.input_px) - 3) // 2) + 1
            return _doubling(spec.depths, 64 * _expansion(spec.block), side_px)
        case InceptionResNetSpec() as spec:
            return _inception(variant.input_px, spec)
        case Elsewhere():
            return []


def block(variant: Variant) -> Block:
    """Return the block of the first stage of `variant`."""
    match variant.spec:
        case ResNetSpec() as spec:
            gate = {"se": "squeeze and excite", "eca": "ECA gate", None: ""}[spec.squeeze]
            return Block(branches=(_layers(spec),), gate=gate, shortcut=spec.block != "plain")
        case ResNetV2Spec() as spec:
            return Block(branches=(_layers(ResNetSpec(block=spec.block, depths=spec.depths)),))
        case LegacySENetSpec() as spec:
            wide = ResNetSpec(
                block="bottleneck" if spec.block == "resnext" else spec.block,
                depths=spec.depths,
                groups=spec.groups,
                width_per_group=64 if spec.groups == 1 else 4,
            )
            return Block(branches=(_layers(wide),), gate="squeeze and excite")
        case InceptionResNetSpec() as spec:
            kernels = (("1x1",), ("1x1", "3x3"), ("1x1", "3x3", "3x3"))
            branches = tuple(
                tuple(f"{kernel}, {width}" for kernel, width in zip(names, widths, strict=True))
                for names, widths in zip(kernels, spec.a, strict=True)
            )
            return Block(branches=branches, tail=(f"1x1, {320 if spec.slim else 256}", "x 0.17"))
        case Elsewhere():
            return Block(branches=())


def _layers(spec: ResNetSpec) -> tuple[str, ...]:
    planes, groups = spec.planes, f", {spec.groups} groups" if spec.groups > 1 else ""
    width = planes * spec.width_per_group // 64 * spec.groups
    first, last = f"1x1, {width}", f"1x1, {4 * planes}"
    match spec.block:
        case "basic" | "plain":
            return f"3x3, {planes}", f"3x3, {planes}"
        case "bottleneck":
            return first, f"3x3, {width}{groups}", last
        case "senet":
            return f"1x1, {width // 2}", f"3x3, {width}{groups}", last
        case "sk_basic":
            return f"selective 3x3, {planes}", f"3x3, {planes}"
        case "sk_bottleneck":
            return first, f"selective 3x3, {width}{groups}", last
        case "res2net":
            return f"1x1, {width * spec.splits}", f"chain of 3x3, {spec.splits} x {width}{groups}", last
        case "resnest" | "resnest_fast":
            return first, f"split attention 3x3, {spec.splits} x {width}{groups}", last


def _expansion(name: str) -> int:
    return 1 if name in ("basic", "plain", "sk_basic") else 4


def _doubling(depths: Sequence[int], channels: int, side_px: int) -> list[Stage]:
    stages_ = []
    for index, depth in enumerate(depths):
        name = f"stage {index + 1}"
        stages_.append(Stage(name=name, blocks=depth, channels=channels * 2**index, side_px=side_px))
        side_px = _half(side_px)
    return stages_


def _inception(input_px: int, spec: InceptionResNetSpec) -> list[Stage]:
    side_px = input_px
    for kernel, stride in ((3, 2), (3, 1), (3, 2), (3, 1), (3, 2)):  # the stem's layers that do not pad
        side_px = (side_px - kernel) // stride + 1
    channels = 320 if spec.slim else 256
    stages_ = []
    for name, blocks, reduction in zip("ABC", spec.repeats, (spec.reduction_a, spec.reduction_b, ()), strict=True):
        stages_.append(Stage(name=f"{name} blocks", blocks=blocks, channels=channels, side_px=side_px))
        channels += sum(branch[-1] for branch in reduction)
        side_px = (side_px - 3) // 2 + 1
    return stages_


def _half(side_px: int) -> int:
    return -(-side_px // 2)
