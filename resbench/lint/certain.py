"""How sure it is what an entry is about: a published checkpoint, the network of a paper, or somebody's own model."""

import re
from collections.abc import Iterable

from resbench.counting.heads import DATA_SETS
from resbench.lint.datasets import known_in
from resbench.lint.entry import ModelEntry, file_name
from resbench.lint.figure import COUNTS
from resbench.lint.readings import figures_of
from resbench.zoo.spec import Variant

# How far a figure may be from a count, as a share, and still be another count of the network that it names: by a
# counter that is not known here, with folded or counted norms, other shortcuts, in whole millions.
NEAR = 0.10
_FAR = 0.25  # so for a network that others also build
# Networks that everybody builds alike. Of others, such as ResNet-26, there are several of one name.
_PLAIN = re.compile(r"resnet(18|34|50|101|152)|resnext(50_32x4d|101_32x8d|101_64x4d)|wide_resnet(50|101)_2")
_CHANGED = re.compile(
    r"prun|slim|distill|quant|int8|half|split|compress|sparse|factori|decompos|tucker|\blite\b|fpn|r-?cnn|detect|segment|swav|simclr|moco|byol|dino|barlow|self-sup",
    re.IGNORECASE,
)
_TAGGED = re.compile(r"\.\w*in1k(_\d+)?$")  # timm's names of checkpoints that the table does not have
_MODIFIED = re.compile(r"[*†‡]|\bw/|\bwith\b|\+", re.IGNORECASE)


def is_known_checkpoint(entry: ModelEntry) -> bool:
    """Whether the entry names a published checkpoint, by its file or by a name that is not its network's too."""
    weights = entry.weights
    if weights is None:
        return entry.network is not None and bool(_TAGGED.search(entry.name))
    if entry.weights_url:
        return file_name(weights.location) == file_name(entry.weights_url)
    return weights.name != weights.network and entry.name.lower().replace("-", "_") != weights.network


def _is_plain_network(entry: ModelEntry, network: Variant) -> bool:
    """Whether the entry is about a network that is built alike everywhere, as it was published, for ImageNet."""
    if not _PLAIN.fullmatch(network.name) or _MODIFIED.search(entry.name):
        return False
    words = f"{entry.name} {entry.section} {' '.join(figure.arguments for figure in entry.figures)}"
    return (
        not _CHANGED.search(words) and (known_in(f"{entry.dataset} {entry.section}") or "imagenet-1k") == "imagenet-1k"
    )


def doubtful_share(entry: ModelEntry, network: Variant) -> float:
    """Return how far a figure may be from a count (0.1: 10 %) before it is false."""
    return NEAR if _is_plain_network(entry, network) else _FAR


def stated_classes(entry: ModelEntry) -> tuple[int, ...]:
    """Return the numbers of classes that the card gives, or that the data set it names has."""
    text = f"{entry.section} {entry.dataset}".lower()
    named = [number for number, names in DATA_SETS.items() if any(name in text for name in _spellings(names))]
    numbered = [int(number) for number in re.findall(r"[a-z]-?(\d{2,5})\b", entry.dataset.lower())]  # Flowers102
    return tuple(dict.fromkeys([*([entry.classes] if entry.classes else []), *named, *numbered]))


def stated_on(entries: Iterable[ModelEntry]) -> tuple[int, ...]:
    """Return the numbers of classes that the front matter of a card gives for its model."""
    fields = [entry for entry in entries if entry.style in ("huggingface", "results")]
    return tuple(dict.fromkeys(number for entry in fields for number in stated_classes(entry)))


def _spellings(names: str) -> list[str]:
    """Return the ways to write the names of DATA_SETS: "CIFAR-10, MNIST or SVHN", "iNaturalist 2017"."""
    spelled = [name.strip().lower() for name in re.split(r",| or ", names)]
    return [
        variant
        for name in spelled
        for variant in (name, name.replace("-", ""), name.replace(" ", "-"), name.replace(" ", ""))
    ]


def names_of_several(entries: Iterable[ModelEntry]) -> frozenset[tuple[str, Variant]]:
    """Return the networks that stand in several rows of a section with different counts: whole, pruned, split."""
    counts: dict[tuple[str, Variant, str], set[object]] = {}
    for entry in entries:
        if entry.style == "table" and entry.network and not is_known_checkpoint(entry):
            for figure in entry.figures:
                if figure.quantity in COUNTS:
                    value = next((stated.value for stated in figures_of(figure)), None)  # 2.18 may be 2,180,000
                    counts.setdefault((entry.section, entry.network, figure.quantity), set()).add(value)
    return frozenset((section, network) for (section, network, _), values in counts.items() if len(values) > 1)
