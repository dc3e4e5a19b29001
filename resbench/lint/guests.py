"""The networks of timm and torchvision as truth for names that the table does not have, where those are installed."""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec

from resbench.counting.reading import rounding
from resbench.errors import ResbenchError
from resbench.lint.entry import ModelEntry
from resbench.lint.figure import StatedFigure
from resbench.lint.places import about
from resbench.lint.problem import Level, Problem
from resbench.lint.readings import figures_of
from resbench.zoo.find import find

LIBRARIES = ("timm", "torchvision")
_OTHER = 0.02  # further off, a count is that of another network
# What MMPretrain calls networks of timm and torchvision.
_RENAMED = (
    (r"regnet([xy])_([\d.]+)([mg]f)", r"regnet_\1_\2\3"),
    (r"vgg(\d+)bn", r"vgg\1_bn"),
    (r"shufflenet_v2_1x", "shufflenet_v2_x1_0"),
    (r"swin_(tiny|small|base|large)", r"swin_\1_patch4_window7_224"),
    (r"swinv2_(\w+)_w(8)", r"swinv2_\1_window\g<2>_256"),
    (r"(vit|beit|beitv2|deit3|eva02)_(\w+)_p(\d+)", r"\1_\2_patch\3_224"),
    (r"deit_(tiny|small|base)", r"deit_\1_patch16_224"),
    (r"mixer_(b|l)\w+_p16", r"mixer_\g<1>16_224"),
    (r"convnext_v2_(\w+)", r"convnextv2_\1"),
    (r"tnt_small_p16", "tnt_s_patch16_224"),
    (r"xcit_(\w+)", r"xcit_\1_224"),
    (r"mobilevit_(x*)small", r"mobilevit_\1s"),
    (r"tinyvit_(\d+)m", r"tiny_vit_\1m_224"),
    (r"cspdarknet50", "cspdarknet53"),
    (r"van_(tiny|small|base|large)", lambda match: f"van_b{('tiny', 'small', 'base', 'large').index(match[1])}"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """A network of another library."""

    name: str  # "timm:vgg16"
    exact: bool  # whether it has the very name of the entry
    params: int


def installed() -> tuple[str, ...]:
    """Return the libraries whose networks can be built here."""
    return tuple(library for library in LIBRARIES if find_spec(library))


def guest_parameters(entry: ModelEntry) -> Iterator[Problem]:
    """Yield what the network of that name in timm or torchvision says of the parameters of `entry`.

    The same digits are true; another number of parameters of the very same name is a warning.
    """
    figure = entry.figure("params")
    if figure is None or not figure.value or entry.network is not None:
        return
    judged = [problem for guest in _guests(entry) if (problem := _judged(entry, figure, guest))]
    yield from sorted(judged, key=lambda problem: problem.level is not Level.NOTE)[:1]


def _judged(entry: ModelEntry, figure: StatedFigure, guest: Guest) -> Problem | None:
    stated = figures_of(figure)
    if any(rounding(guest.params, number) for number in stated):
        message = f"{figure}: true, {guest.name} has {guest.params:,}"
        return about(entry, "T001", Level.NOTE, figure, message)
    off = min((float(number.value / guest.params - 1) for number in stated), key=abs, default=0.0)
    if not guest.exact or abs(off) < _OTHER:
        return None
    message = f"{figure}: {guest.name} has {guest.params:,} ({100 * off:+.1f} %); another head, or another network?"
    return about(entry, "T001", Level.WARNING, figure, message, "say which network it is")


def _guests(entry: ModelEntry) -> Iterator[Guest]:
    for library in installed():
        for name, exact in _names(entry).items():
            if params := _params(library, name):
                yield Guest(name=f"{library}:{name}", exact=exact, params=params)
                break


def _names(entry: ModelEntry) -> dict[str, bool]:
    """Return the names that a library may have the model under, and whether each is the entry's own."""
    own = [name.rpartition("/")[2] for name in (entry.name, *entry.names) if name]
    own += [re.sub(r"_weights\..*", "", name.lower()) for name in own]
    own += [name.partition(".")[0] for name in own]
    names = {name: True for name in own if re.fullmatch(r"\w{3,60}", name)}
    for name in [name.lower() for name in own]:
        plain = name.partition("_")[0].replace("-", "_")
        renamed = [re.sub(pattern, to, plain) for pattern, to in _RENAMED if re.fullmatch(pattern, plain)]
        for guess in (name.replace("-", "_"), *(each.replace(".", "_") for each in renamed), plain):
            if re.fullmatch(r"\w{3,60}", guess):
                names.setdefault(guess, False)
    return names


@cache
def _params(library: str, name: str) -> int:
    """Return the parameters of a library's network; 0 when it cannot be built."""
    if not _is_known(library, name):
        return 0
    from resbench.nets.build import build

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names that the library has renamed
        try:
            return sum(tensor.numel() for tensor in build(find(f"{library}:{name}"), device="meta").parameters())
        except (ResbenchError, *_BROKEN):
            return 0


# What building somebody's network without memory may raise.
_BROKEN = (RuntimeError, ValueError, TypeError, AttributeError, LookupError, AssertionError)


def _is_known(library: str, name: str) -> bool:
    """Tell whether a library builds a network of this name."""
    if library == "torchvision":
        from torchvision.models import list_models

        return name in list_models()
    import timm

    return bool(timm.is_model(name))
