"""What a network is made of, read off its specification: the terms of model cards, and a sentence for people."""

from resbench.zoo.spec import Elsewhere, InceptionResNetSpec, LegacySENetSpec, ResNetSpec, ResNetV2Spec, Spec, Variant

_EVERYWHERE = {"Batch Normalization", "Convolution", "Global Average Pooling", "ReLU", "Softmax"}
# The names under which Papers with Code files these parts, as timm's cards use them.
_BLOCK_TERMS = {
    "basic": {"Residual Block"},
    "bottleneck": {"Bottleneck Residual Block", "Residual Block", "1x1 Convolution"},
    "resnext": {"ResNeXt Block", "1x1 Convolution"},
    "plain": set[str](),
    "senet": {"1x1 Convolution"},
    "sk_basic": {"Selective Kernel"},
    "sk_bottleneck": {"Selective Kernel", "1x1 Convolution"},
    "res2net": {"Res2Net Block", "1x1 Convolution"},
    "resnest": {"Split Attention", "1x1 Convolution", "Average Pooling"},
    "resnest_fast": {"Split Attention", "1x1 Convolution", "Average Pooling"},
}
_SQUEEZE_TERMS = {"se": {"Squeeze-and-Excitation Block"}, "eca": {"Efficient Channel Attention"}, None: set[str]()}
_SHORTCUT_TERMS = {
    "conv": {"Residual Connection", "1x1 Convolution"},
    "avg_pool": {"Residual Connection", "1x1 Convolution", "Average Pooling"},
    "pad": {"Residual Connection"},
}
_BLOCKS = {
    "basic": "basic blocks (two 3x3 convolutions)",
    "bottleneck": "bottleneck blocks (1x1, 3x3, 1x1)",
    "resnext": "bottleneck blocks (1x1, grouped 3x3, 1x1)",
    "plain": "pairs of 3x3 convolutions",
    "senet": "SENet bottleneck blocks (a halved 1x1, 3x3, 1x1)",
    "sk_basic": "basic blocks with selective kernels",
    "sk_bottleneck": "bottleneck blocks with selective kernels",
    "res2net": "Res2Net blocks (the 3x3 as a chain over slices of the channels)",
    "resnest": "ResNeSt blocks (split attention)",
    "resnest_fast": "ResNeSt blocks (split attention, pooled in front of it)",
}
_STEMS = {
    "conv7": "a 7x7 convolution and a max pool",
    "conv3": "one 3x3 convolution, no pool",
    "deep": "three 3x3 convolutions (32, 32, 64 channels) and a max pool",
    "deep_wide": "three 3x3 convolutions (64, 64, 128 channels) and a max pool",
    "deep_tiered": "three 3x3 convolutions (24, 32, 64 channels) and a max pool",
}
_SHORTCUTS = {
    "conv": "1x1 convolutions where the shape changes",
    "avg_pool": "an average pool and a 1x1 convolution where the shape changes",
    "pad": "strided slices padded with zeros, without parameters",
}
_SQUEEZES = {"se": "squeeze-and-excitation in every block", "eca": "efficient channel attention in every block"}


def terms(spec: Spec) -> list[str]:
    """Return the parts of a network as model cards list them, sorted."""
    match spec:
        case ResNetSpec():
            return sorted(_EVERYWHERE | _resnet_terms(spec))
        case ResNetV2Spec():
            named = _BLOCK_TERMS[spec.block] | _SHORTCUT_TERMS[spec.shortcut] | {"Max Pooling"}
            return sorted(_EVERYWHERE | named)
        case LegacySENetSpec():
            own = _BLOCK_TERMS[spec.block] | _SQUEEZE_TERMS["se"] | _grouped_terms(spec.groups)
            return sorted(_EVERYWHERE | _SHORTCUT_TERMS["conv"] | own | {"Max Pooling"})
        case InceptionResNetSpec():
            version = "Inception-ResNet-v2" if spec.slim else "Inception-ResNet"
            blocks = {f"{version}-{letter}" for letter in "ABC"} | {"Reduction-A", "Reduction-B"}
            pools = {"Max Pooling", "Average Pooling"} if spec.slim else {"Max Pooling"}
            return sorted(_EVERYWHERE | blocks | pools | {"1x1 Convolution", "Residual Connection"})
        case Elsewhere():
            return []


def facts(variant: Variant) -> list[tuple[str, str]]:
    """Return what a network is as (aspect, words) pairs."""
    match variant.spec:
        case ResNetSpec() as spec:
            return _resnet_facts(spec)
        case ResNetV2Spec() as spec:
            return [
                ("Blocks", f"{_blocks(spec.block, spec.depths)}, norm and ReLU in front of each convolution"),
                ("Stem", f"{_STEMS[spec.stem]}; the last convolution has no norm of its own"),
                ("Shortcuts", _SHORTCUTS[spec.shortcut]),
            ]
        case LegacySENetSpec() as spec:
            return [
                ("Blocks", _blocks(spec.block, spec.depths)),
                *_grouping(spec.groups, ""),
                ("Stem", f"{_STEMS['deep_wide' if spec.block == 'senet' else 'conv7']}; the pool rounds up"),
                ("Attention", _SQUEEZES["se"]),
            ]
        case InceptionResNetSpec() as spec:
            a, b, c = spec.repeats
            return [("Blocks", f"{a} Inception-ResNet-A, {b} Inception-ResNet-B and {c} Inception-ResNet-C blocks")]
        case Elsewhere():
            return []


def _resnet_terms(spec: ResNetSpec) -> set[str]:
    groups = spec.groups * (spec.splits if spec.block.startswith("resnest") else 1)
    named = _block_terms(spec) | _SQUEEZE_TERMS[spec.squeeze] | _grouped_terms(groups)
    if spec.block != "plain":
        named |= _SHORTCUT_TERMS[spec.shortcut]
    if spec.stem != "conv3":
        named.add("Max Pooling")
    if spec.anti_alias:
        named.add("Blur Pooling")
    return named


def _block_terms(spec: ResNetSpec) -> set[str]:
    if spec.block == "bottleneck" and spec.groups > 1:
        return _BLOCK_TERMS["resnext"]
    if spec.block == "bottleneck" and spec.width_per_group > 64:
        return {"Wide Residual Block", "1x1 Convolution"}
    return _BLOCK_TERMS[spec.block]


def _grouped_terms(groups: int) -> set[str]:
    return {"Grouped Convolution"} if groups > 1 else set()


def _resnet_facts(spec: ResNetSpec) -> list[tuple[str, str]]:
    width = f", of {spec.width_per_group} channels in the first stage and twice as many in each further one"
    pairs = [("Blocks", _blocks(spec.block, spec.depths)), *_grouping(spec.groups, width)]
    if spec.block == "bottleneck" and spec.groups == 1 and spec.width_per_group != 64:
        pairs.append(("Width", f"{spec.width_per_group / 64:g} times the usual channels inside a block"))
    if spec.stride_on == "1x1":
        pairs.append(("Stride", "on the first 1x1 convolution of a stage"))
    if spec.planes != 64:
        pairs.append(("Planes", f"{spec.planes} in the first stage, doubling"))
    pairs += [
        ("Stem", _STEMS[spec.stem]),
        ("Shortcuts", "none" if spec.block == "plain" else _SHORTCUTS[spec.shortcut]),
    ]
    if spec.squeeze:
        pairs.append(("Attention", _SQUEEZES[spec.squeeze]))
    if spec.anti_alias:
        pairs.append(("Anti-aliasing", "a fixed blur in front of every stride"))
    if spec.block == "res2net":
        pairs.append(("Slices", f"{spec.splits} of {spec.groups * spec.width_per_group} channels in the first stage"))
    elif spec.block.startswith("resnest"):
        pairs.append(("Radix", str(spec.splits)))
    return pairs


def _blocks(block: str, depths: tuple[int, ...]) -> str:
    return f"{sum(depths)} {_BLOCKS[block]} in stages of {', '.join(map(str, depths[:-1]))} and {depths[-1]}"


def _grouping(groups: int, width: str) -> list[tuple[str, str]]:
    return [("Groups", f"{groups} in every 3x3 convolution{width}")] if groups > 1 else []
