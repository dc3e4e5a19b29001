"""The names that timm and torchvision may have a model of a card under."""

import re
from collections.abc import Iterator

from resbench.lint.entry import ModelEntry, side
from resbench.lint.sizes import USUAL_PX

_SIDE = re.compile(r"[-_](\d{3,4})px\b|_in\d+k-(\d{3})$")  # in a name, of its images
# What MMPretrain calls networks of timm and torchvision: NETWORK@SIDE, or NETWORK:PRETRAINING@SIDE.
_RENAMED = (
    (r"regnet([xy])_([\d.]+)([mg]f)@.*", r"regnet_\1_\2\3"),
    (r"regnet([xy])_(\d)00mf@.*", r"regnet\1_00\2"),
    (r"regnet([xy])_(\d)\.(\d)gf@.*", r"regnet\1_0\2\3"),
    (r"regnet([xy])_(\d\d)gf@.*", r"regnet\1_\g<2>0"),
    (r"vgg(\d+)bn@.*", r"vgg\1_bn"),
    (r"shufflenet_v2_1x@.*", "shufflenet_v2_x1_0"),
    (r"mobilenet_v3_small_(\d+)@.*", r"mobilenetv3_small_\1"),
    (r"efficientnetv2_(\w+)@.*", r"tf_efficientnetv2_\1"),
    (r"edgenext_(x+)small@.*", r"edgenext_\1_small"),
    (r"swin_(\w+)@224", r"swin_\1_patch4_window7_224"),
    (r"swin_(\w+)@384", r"swin_\1_patch4_window12_384"),
    (r"swinv2_(\w+)_w(8|16)@.*", r"swinv2_\1_window\2_256"),
    (r"swinv2_(\w+)_w(16|24)@(\d+)", r"swinv2_\1_window12to\2_192to\3"),
    (r"(vit|beit|beitv2|deit3|eva02)_(\w+)_p(\d+)@(\d+)", r"\1_\2_patch\3_\4"),
    (r"vit_(\w+)_p(\d+):clip@(\d+)", r"vit_\1_patch\2_clip_\3"),
    (r"vit_(\w+)_p14:dinov2@.*", r"vit_\1_patch14_dinov2"),
    (r"vit_(\w+)_p16:sam@.*", r"samvit_\1_patch16"),
    (r"beit_l_p14:eva@(\d+)", r"eva_large_patch14_\1"),
    (r"beit_g_p14:eva@(\d+)", r"eva_giant_patch14_\1"),
    (r"deit_(tiny|small|base)(_distilled)?@(\d+)", r"deit_\1\2_patch16_\3"),
    (r"(?:mlp_)?mixer_([bl])\w+_p16@.*", r"mixer_\g<1>16_224"),
    (r"convmixer_1024_20@.*", "convmixer_1024_20_ks9_p14"),
    (r"convnext_v2_(\w+)@.*", r"convnextv2_\1"),
    (r"tnt_small_p16@.*", "tnt_s_patch16_224"),
    (r"tnt_small_p16@.*", "tnt_s_legacy_patch16_224"),
    (r"xcit_(\w+)@(\d+)", r"xcit_\1_\2"),
    (r"mobilevit_(x*)small@.*", r"mobilevit_\1s"),
    (r"tinyvit_(\d+)m@(\d+)", r"tiny_vit_\1m_\2"),
    (r"cspdarknet50@.*", "cspdarknet53"),
    (r"van_tiny@.*", "van_b0"),
    (r"van_small@.*", "van_b1"),
    (r"van_base@.*", "van_b2"),
    (r"van_large@.*", "van_b3"),
)


def library_names(entry: ModelEntry) -> dict[str, bool]:
    """Return the names that a library may have the model under, and whether each is the entry's own."""
    own = [name.rpartition("/")[2] for name in (entry.name, *entry.names) if name]
    own += [re.sub(r"_weights\..*", "", name.lower()) for name in own]
    own += [name.partition(".")[0] for name in own]
    names = {name: True for name in own if _is_name(name)}
    for name in [name.lower() for name in own]:
        for guess in (name.replace("-", "_"), *_renamed(name), _network(name)):
            if _is_name(guess):
                names.setdefault(guess, False)
    return names


def side_in(name: str) -> int | None:
    """Return the side of the images in a model's name, the last of several: 384 in "deit-base_224px-pre_in1k-384px"."""
    sides = [match[1] or match[2] for match in _SIDE.finditer(name)]
    return side(sides[-1]) if sides else None


def _renamed(name: str) -> Iterator[str]:
    network, pretraining = _network(name), re.split(r"[-_]", name.partition("_")[2])[0]
    side_px = side_in(name) or USUAL_PX
    for spelled in (f"{network}:{pretraining}@{side_px}", f"{network}@{side_px}"):
        for pattern, to in _RENAMED:
            if match := re.fullmatch(pattern, spelled):
                yield match.expand(to).replace(".", "_")


def _network(name: str) -> str:
    return name.partition("_")[0].replace("-", "_")


def _is_name(text: str) -> bool:
    return bool(re.fullmatch(r"\w{3,60}", text))
