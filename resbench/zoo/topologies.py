"""Networks of this package's topologies by their arithmetic: `resbench:resnet(block="basic", depths=[2, 2, 2, 2])`."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from resbench.errors import suggestion
from resbench.zoo.spec import InceptionResNetSpec, LegacySENetSpec, ResNetSpec, ResNetV2Spec

PACKAGE = "resbench"  # where others write timm
OwnSpec = ResNetSpec | ResNetV2Spec | LegacySENetSpec | InceptionResNetSpec
TOPOLOGIES: dict[str, type[OwnSpec]] = {
    "resnet": ResNetSpec,
    "resnet_v2": ResNetV2Spec,
    "legacy_senet": LegacySENetSpec,
    "inception_resnet": InceptionResNetSpec,
}
_MOST_STAGES, _LARGEST = 4, 4096
_THREE_BY_THREE = ("groups", "width_per_group", "stride_on", "splits")
_NOT_FOR = {  # what a block of a resnet has no use for
    "basic": _THREE_BY_THREE,
    "bottleneck": ("splits",),
    "plain": (*_THREE_BY_THREE, "shortcut"),
    "senet": ("stride_on", "splits", "anti_alias"),
    "sk_basic": (*_THREE_BY_THREE, "squeeze"),
    "sk_bottleneck": ("stride_on", "splits", "squeeze"),
    "res2net": ("stride_on", "squeeze"),
    "resnest": ("stride_on", "squeeze"),
    "resnest_fast": ("stride_on", "squeeze"),
}


def spec_of(topology: str, arguments: Mapping[str, Any]) -> OwnSpec:
    """Return the arithmetic that `arguments` give, the fields of the topology's spec.

    Raises ValueError, which says what is wrong, also for an argument that changes nothing.
    """
    kind = TOPOLOGIES.get(topology)
    if kind is None:
        raise ValueError(_unknown("topology", topology, TOPOLOGIES))
    fields = kind.__dataclass_fields__
    if stray := next((name for name in arguments if name not in fields), None):
        raise ValueError(_unknown("argument", stray, fields))
    try:
        spec = msgspec.convert(arguments, kind)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
    if any(not 1 <= number <= _LARGEST for number in _numbers(list(arguments.values()))):
        raise ValueError(f"numbers are 1 to {_LARGEST}")
    if isinstance(spec, ResNetSpec):
        if not 1 <= len(spec.depths) <= _MOST_STAGES:
            raise ValueError(f"depths: has {len(spec.depths)} stages; give 1 to {_MOST_STAGES}")
        if useless := next((name for name in arguments if name in _NOT_FOR[spec.block]), None):
            raise ValueError(f"{useless}: has no use in block {spec.block!r}; leave it out")
        if spec.planes * spec.width_per_group < 64:
            raise ValueError("planes and width_per_group: leave less than one channel for a group")
    return spec


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    return f"unknown {kind} {name!r}; {suggestion(name, known)}"


def _numbers(value: Any) -> Iterable[int]:
    if isinstance(value, list | tuple):
        for part in value:
            yield from _numbers(part)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield value
