"""The networks of timm and torchvision as truth for names that the table does not have, where those are installed."""

from collections.abc import Iterator
from itertools import islice

from resbench.counting.reading import rounding
from resbench.lint import guestcounts
from resbench.lint.activations import judged_activations
from resbench.lint.entry import ModelEntry
from resbench.lint.figure import COUNTS, OPERATIONS, PER_IMAGE, StatedFigure
from resbench.lint.guestcounts import Guest
from resbench.lint.guestnames import library_names, side_in
from resbench.lint.guestoperations import guest_operations
from resbench.lint.places import about
from resbench.lint.problem import Level, Problem
from resbench.lint.readings import figures_of, nearest_off
from resbench.lint.sizes import USUAL_PX

_OTHER = 0.02  # further off, a count is that of another network


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
    stated_px = figure.image_px or entry.image_px or side_in(entry.name)
    usual_px = guest.side_px(entry.name.rpartition("/")[2])
    sides = [stated_px] if stated_px else list(dict.fromkeys((usual_px, USUAL_PX)))
    if figure.quantity in OPERATIONS:
        return guest_operations(entry, figure, guest, sides)
    known = [counts for side_px in sides for counts in guest.counts((side_px, side_px))]
    problem = judged_activations(entry, figure, guest.name, known) if known else None
    return problem if problem and (guest.exact or problem.level is Level.NOTE) else None


def _guests(entry: ModelEntry) -> Iterator[Guest]:
    """Yield the networks that may be meant: of each library the one of the entry's own name, else all guesses."""
    names = library_names(entry)
    for library in guestcounts.installed():
        own = (name for name, exact in names.items() if exact and guestcounts.params_of(library, name))
        guesses = (name for name, exact in names.items() if not exact and guestcounts.params_of(library, name))
        for name in list(islice(own, 1)) or guesses:
            yield Guest(library=library, own_name=name, exact=names[name])
