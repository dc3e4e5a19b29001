"""The networks of timm and torchvision as truth for names that the table does not have, where those are installed."""

import re
from collections.abc import Iterator

from resbench.counting.reading import rounding
from resbench.lint import guestcounts
from resbench.lint.activations import judged_activations
from resbench.lint.entry import ModelEntry, side
from resbench.lint.figure import COUNTS, OPERATIONS, PER_IMAGE, StatedFigure
from resbench.lint.guestcounts import Guest
from resbench.lint.guestoperations import guest_operations
from resbench.lint.places import about
from resbench.lint.problem import Level, Problem
from resbench.lint.readings import figures_of, nearest_off
from resbench.lint.sizes import USUAL_PX

_SIDE = re.compile(r"[-_](\d{3})px\b")  # in a name, of its images
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


def guest_counts(entry: ModelEntry) -> Iterator[Problem]:
    """Yield what the network of that name in timm or torchvision says of the counts of `entry`.

    The same digits are true; other counts of the very same name are warnings. Operations are compared only with those
    of a network that has the stated parameters.
    """
    if entry.network is None and any(figure.quantity in COUNTS and figure.value for figure in entry.figures):
        verdicts = [list(_judged(entry, guest)) for guest in _guests(entry)]
        yield from max(verdicts, key=lambda own: sum(problem.level is Level.NOTE for problem in own), default=[])


def _judged(entry: ModelEntry, guest: Guest) -> Iterator[Problem]:
    params = entry.figure("params")
    problem = _params(entry, params, guest) if params and params.value else None
    if problem:
        yield problem
    if params is None or (problem and problem.level is Level.NOTE):
        costs = (figure for figure in entry.figures if figure.quantity in PER_IMAGE and figure.value)
        yield from filter(None, (_costs(entry, figure, guest) for figure in costs))


def _params(entry: ModelEntry, figure: StatedFigure, guest: Guest) -> Problem | None:
    if any(rounding(guest.params, number) for number in figures_of(figure)):
        message = f"{figure}: true, {guest.name} has {guest.params:,}"
        return about(entry, "T001", Level.NOTE, figure, message)
    off = nearest_off(figure, guest.params)
    if not guest.exact or abs(off) < _OTHER:
        return None
    message = f"{figure}: {guest.name} has {guest.params:,} ({100 * off:+.1f} %); another head, or another network?"
    return about(entry, "T001", Level.WARNING, figure, message, "say which network it is")


def _costs(entry: ModelEntry, figure: StatedFigure, guest: Guest) -> Problem | None:
    """Return what is to be said about operations or activations; None where nothing can be compared."""
    stated_px = figure.image_px or entry.image_px or _side_in(entry.name)
    usual_px = guest.side_px(entry.name.rpartition("/")[2])
    sides = [stated_px] if stated_px else list(dict.fromkeys((usual_px, USUAL_PX)))
    if figure.quantity in OPERATIONS:
        return guest_operations(entry, figure, guest, sides)
    known = [counts for side_px in sides for counts in guest.counts((side_px, side_px))]
    problem = judged_activations(entry, figure, guest.name, known) if known else None
    return problem if problem and (guest.exact or problem.level is Level.NOTE) else None


def _side_in(name: str) -> int | None:
    match = _SIDE.search(name)
    return side(match[1]) if match else None


def _guests(entry: ModelEntry) -> Iterator[Guest]:
    for library in guestcounts.installed():
        for name, exact in _names(entry).items():
            if guestcounts.params_of(library, name):
                yield Guest(library=library, own_name=name, exact=exact)
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
