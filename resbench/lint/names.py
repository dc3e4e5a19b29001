"""From the names that people write on cards to networks and checkpoints of the table, where they are unambiguous."""

import re
from functools import lru_cache
from pathlib import Path

from resbench.counting.counted import counted_or_none
from resbench.zoo.find import find_weights, networks
from resbench.zoo.own import own_zoo
from resbench.zoo.spec import Variant, Weights
from resbench.zoo.variants import VARIANTS
from resbench.zoo.weights import WEIGHTS

_OWNERS = re.compile(
    r"^(torchvision|timm|models?|torch|pytorchcv|keras|tf|official|microsoft|facebook)[./:](models?\.)?"
)
# What may stand behind a network's name and leaves it the same network.
_SAME = re.compile(
    r"(\|?(v1\|?5|v1b|b|v1p5|int8|uint8|fp8|fp16|fp32|bf16|amp|w8a8|quantized|ptq|qat|baseline|pretrained|pytorch|torchvision|tv|"
    r"ours|224(x224)?|in1k|imagenet|imagenet1k|1k|backbone|model|net))*"
)
_LETTERS = {"d": "d", "vd": "d", "v1d": "d", "c": "c", "vc": "c", "v1c": "c", "s": "s", "v1s": "s", "t": "t"}
_WIDTHS = r"(?P<groups>32|64)x(?P<width>4|8|16|32|48)d"
_DEPTHS = "101|110|152|200|269|14|18|20|26|32|34|44|50|56"
_FAMILY = re.compile(rf"(?P<se>se)?(?P<family>resnext|resnet|rx|r|x)(?P<depth>{_DEPTHS})(?P<after>.*)")


def checkpoint_named(name: str) -> Weights | None:
    """Return the published checkpoint of this name; None for any other."""
    return _own(Path.cwd())[1].get(name) or _checkpoint_named(name)


def network_named(name: str) -> Variant | None:
    """Return the network that `name` means however it is written: "SE-ResNeXt-50 (32 x 4d)"; None when in doubt.

    One of the user's own zoo is known by its very name, once it was counted: nothing is built for a card.
    """
    return _own(Path.cwd())[0].get(name) or _network_named(name)


@lru_cache(maxsize=1)
def _own(_folder: Path) -> tuple[dict[str, Variant], dict[str, Weights]]:
    """Return the networks and the checkpoints of the user's zoo by name; read once, since a page has many names."""
    zoo = own_zoo()
    counted = {variant.name: variant for variant in zoo.networks if counted_or_none(variant.name)}
    known = {variant.name: variant for variant in networks()}
    filled = {row.name: known[row.network] for row in zoo.checkpoints if counted_or_none(row.network)}
    return filled | counted, {row.name: row for row in zoo.checkpoints}


@lru_cache(maxsize=20_000)
def _checkpoint_named(name: str) -> Weights | None:
    return find_weights(name)


@lru_cache(maxsize=20_000)
def _network_named(name: str) -> Variant | None:
    if weights := find_weights(name):
        return _VARIANTS.get(weights.network)
    if len(name) > 100:
        return None
    owned = _OWNERS.sub("", name.strip().lower())
    for spelled in (owned, owned.partition(".")[0]):  # behind the dot is timm's tag
        if variant := _BY_LETTERS.get(_letters(spelled)) or _spoken(_letters(spelled)):
            # "ResNet-50 v1" may mean either stride, its exact name does not.
            is_doubtful = variant.name.startswith("resnet") and variant.name.endswith("_v1") and owned != variant.name
            return None if is_doubtful else variant
    return None


def _spoken(letters: str) -> Variant | None:
    """Return what the family, depth and widths in `letters` ("resnext32x4d50") name together."""
    letters = re.sub(rf"^(se)?(resnext|rx|x){_WIDTHS}({_DEPTHS})", r"\1\2\5|\3x\4d", letters)
    letters = re.sub(r"^resnetv1([cds])(\d+)", r"resnet\2\1", letters)
    if released := re.fullmatch(r"resnest(50|101|200|269)(?P<after>.*)", letters):
        return _BY_LETTERS.get(letters if released["after"] else letters + ("d" if released[1] == "50" else "e"))
    match = _FAMILY.fullmatch(letters)
    if not match:
        return _wide(letters)
    widths = re.match(rf"\|?{_WIDTHS}", match["after"])
    after = match["after"][widths.end() if widths else 0 :]
    family = {"r": "resnet", "rx": "resnext", "x": "resnext"}.get(match["family"], match["family"])
    if (family == "resnext") != bool(widths):
        return None
    base = f"{match['se'] or ''}{family}{match['depth']}"
    suffix = f"{widths['groups']}x{widths['width']}d" if widths else ""
    return next((variant for variant in _with_letter(base, suffix, after) if variant), None)


def _with_letter(base: str, suffix: str, after: str) -> list[Variant | None]:
    letter = re.match(r"(v1[cds]|v[cd]|[cdst])(?![a-z])", after)
    variants: list[Variant | None] = []
    is_vd_elsewhere = letter and letter[1] in ("vd", "vc") and not re.search("50|101|152", base)  # other blocks there
    if letter and not is_vd_elsewhere and _SAME.fullmatch(after[letter.end() :]):
        variants.append(_BY_LETTERS.get(f"{base}{_LETTERS[letter[1]]}{suffix}"))
    if _SAME.fullmatch(after):
        variants += [_BY_LETTERS.get(f"{base}|{suffix}" if suffix else base), _BY_LETTERS.get(f"{base}{suffix}cifar10")]
    return variants


def _wide(letters: str) -> Variant | None:
    wide = re.fullmatch(r"(?:wrn|wideresnet|wresnet)(50|101)(?:\|2)?(?P<after>.*)", letters)
    return _BY_LETTERS.get(f"wideresnet{wide[1]}|2") if wide and _SAME.fullmatch(wide["after"]) else None


def _letters(name: str) -> str:
    """Return `name` in small letters and digits, numbers kept apart: "ResNeXt-50 (32 x 4d)" is "resnext50|32x4d"."""
    name = re.sub(r"(?<=\d)[^a-z0-9]+(?=\d)", "|", name.lower().replace("×", "x"))
    return re.sub(r"[^a-z0-9|]", "", name)


_VARIANTS = {variant.name: variant for variant in VARIANTS}
_BY_LETTERS = {_letters(variant.name): variant for variant in reversed(VARIANTS)}
_FILES = {weights.url.rpartition("/")[2]: weights for weights in reversed(WEIGHTS) if weights.url}


def checkpoint_of_file(file: str) -> Weights | None:
    """Return the checkpoint that was published as `file`."""
    return _FILES.get(file)
