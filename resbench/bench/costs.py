"""What networks cost: the table, the torch modules and the counters meet here."""

import difflib
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from resbench.bench.entrance import counter_of, counts_at, declared_counts, entered, network_counts
from resbench.counting import counted, crosscheck, explain, tally
from resbench.counting.conventions import CURRENT, NAMES, dog_photo, square
from resbench.counting.figures import Figures, Pair, declared_figures, figures
from resbench.counting.inputs import one_image, parse_inputs
from resbench.counting.stages import StageOutline, count_by_stage, outline
from resbench.errors import ResbenchError
from resbench.nets.build import build, skeleton
from resbench.records import store
from resbench.records.files import write_text
from resbench.records.record import Counts, Profile
from resbench.units import parse_pixels
from resbench.zoo.find import find
from resbench.zoo.spec import Variant
from resbench.zoo.variants import VARIANTS

# Sides that classifiers of the family are trained and tested at; what `explanation` tries when the usual one fails.
SIDES_PX = (32, 64, 128, 160, 176, 192, 200, 224, 232, 240, 256, 288, 299, 300, 320, 352, 384, 400, 416, 448, 480, 512)


def count(
    network: str | Variant | nn.Module, input_px: int | Pair | None = None, *, inputs: str | None = None
) -> Counts:
    """Return what `network` costs for one image of `input_px` (height, width), by default of its own size.

    A network is a name, a row of the table, or any torch module in eval mode, by default for one image of 3x224x224;
    `inputs` declares others ("1x28x28", "3x224x224,10", "77:int64"). A module runs once more, under PyTorch's counter.
    What nobody can cost is in the counts' `uncounted`.
    Raises TypeError for anything else, ResbenchError for an unknown name or an input that the network does not take,
    and InvalidMeasurementError where PyTorch counts something else.
    """
    feed = parse_inputs(inputs) if inputs else ()
    if isinstance(network, nn.Module):
        return crosscheck.confirmed_counts(network, feed or one_image(input_px or 224))
    if not isinstance(network, str | Variant):
        kind = type(network).__name__
        raise TypeError(f"count takes the name of a network, a Variant or a torch module, not {kind}: {network!r:.80}")
    if feed:
        return declared_counts(find(network) if isinstance(network, str) else network, feed)
    variant = entered(network, input_px)
    size = input_px or variant.input_px
    return network_counts(variant, (size, size) if isinstance(size, int) else size)


def count_table() -> str:
    """Return the text that counting/counted.json should have, from a fresh tally of every network."""
    rows = {}
    for variant in VARIANTS:
        module = build(variant, device="meta")
        rows[variant.name] = [tally.count_module(module, size) for size in counted.sizes(variant)]
    return counted.table_text(rows)


def write_table() -> None:
    """Bring counting/counted.json up to date."""
    write_text(counted.PATH, count_table())


def stale_table() -> str:
    """Return a unified diff from counting/counted.json to a fresh tally; empty when they agree."""
    there, fresh = counted.PATH.read_text(encoding="utf-8"), count_table()
    name = counted.PATH.name
    return "".join(difflib.unified_diff(there.splitlines(True), fresh.splitlines(True), name, f"{name}, fresh"))


def conventions(names: Sequence[str] | None, *, full: bool = False) -> Sequence[str]:
    """Return the conventions to show: `names`; by default two of them, or all that are in use if `full`.

    Raises ResbenchError for an unknown one.
    """
    for name in names or ():
        if name not in NAMES:
            raise ResbenchError(f"unknown convention {name!r}; the conventions are {', '.join(NAMES)}")
    return names or (CURRENT if full else CURRENT[:2])


def counted_figures(
    variants: Sequence[Variant], input_px: str | None, conventions: Sequence[str], inputs: str | None = None
) -> Iterator[Figures]:
    """Yield the figures of each network at `input_px` ("224", "224x285"; None: its own) in `conventions`.

    `inputs` ("4x224x224", "3x224x224,10") are taken as they are in every convention.
    Raises ResbenchError for what is not a size or no list of inputs.
    """
    feed = parse_inputs(inputs) if inputs else ()
    for variant in variants:
        if feed:
            yield declared_figures(variant.name, declared_counts(variant, feed), conventions)
            continue
        yield figures(variant.name, counter_of(variant), _size(variant, input_px), conventions)


def stages_of(
    variants: Sequence[Variant], input_px: str | None, results: Path
) -> Iterator[tuple[str, dict[str, Counts], tuple[str, Profile] | None]]:
    """Yield what each stage of each network costs at `input_px` ("224", "224x285"; None: its own), and what it took.

    That is the newest record below `results` that tells, with its path; None where there is none.
    """
    for variant in variants:
        size = _size(variant, input_px)
        stages = count_by_stage(skeleton(variant), size)
        yield variant.name, stages, timed_by_stage(variant.name, size, set(stages), results)


def timed_by_stage(network: str, input_px: Pair, stages: Set[str], results: Path) -> tuple[str, Profile] | None:
    """Return the newest profile of `network` below `results` with times of all `stages` at `input_px`, and its path."""
    timed = [
        (path, record)
        for path, record in store.stored_records(results).items()
        if isinstance(record, Profile)
        and (record.network, record.settings.input_px) == (network, input_px)
        and record.stages
        and all({part.name for part in times.stages} == stages for times in record.stages)
    ]
    return max(timed, key=lambda entry: entry[1].run.started, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A network to be drawn: its stages at an input, and the record (with its path) that timed them, if any."""

    network: Variant
    input_px: Pair
    stages: list[StageOutline]
    timed: tuple[str, Profile] | None


def shown(name: str, input_px: str | None, results: Path) -> Shown:
    """Return what is drawn of the network called `name` at `input_px` ("224", "224x285"; None: its own).

    Raises ResbenchError for an unknown name, and for a size that it cannot take.
    """
    variant = entered(name, _given(input_px))
    size = _size(variant, input_px)
    stages = outline(skeleton(variant), size)
    timed = timed_by_stage(variant.name, size, {stage.name for stage in stages}, results)
    return Shown(network=variant, input_px=size, stages=stages, timed=timed)


def modules_of(variants: Sequence[Variant], input_px: str | None) -> Iterator[tuple[str, crosscheck.Modules]]:
    """Yield fvcore's counts of every module of each network, run with fresh weights on the CPU."""
    for variant in variants:
        yield variant.name, crosscheck.modules(build(variant), _size(variant, input_px))


def crosschecked(
    variants: Sequence[Variant], input_px: str | None
) -> Iterator[tuple[str, tuple[crosscheck.Crosscheck, ...]]]:
    """Yield each network's counts beside those of counters that are not ours, run with fresh weights on the CPU.

    Raises InvalidMeasurementError when any differs.
    """
    for variant in variants:
        yield variant.name, crosscheck.crosscheck(build(variant), _size(variant, input_px), variant.name)


def explanation(network: str, figure: str, input_px: str | None = None) -> explain.Explanation:
    """Return what `figure` ("5.28G", "25.56M", "0.95%") counts of `network`, as published or at other inputs.

    Raises ResbenchError for an unknown network, and for what is not a figure or a size.
    """
    variant = entered(network)
    if input_px is not None:
        return _explained(variant, figure, _inputs(*_size(variant, input_px)))
    usual = _explained(variant, figure, counted.sizes(variant))
    if usual.settled:
        return usual
    sides_px = [side for side in SIDES_PX if variant.input_px <= 2 * side <= 5 * variant.input_px]
    elsewhere = _explained(variant, figure, [size for side in sides_px for size in _inputs(side, side)])
    return elsewhere if elsewhere.fits else usual


def _explained(variant: Variant, figure: str, sizes: Sequence[Pair]) -> explain.Explanation:
    return explain.explain(variant, explain.parse_figure(figure), counts_at(variant, sizes))


def _inputs(height_px: int, width_px: int) -> list[Pair]:
    """Return what the conventions make of an input: of a square one two shapes, any other is taken as it is."""
    return [square(height_px), dog_photo(height_px)] if height_px == width_px else [(height_px, width_px)]


def _size(variant: Variant, text: str | None) -> Pair:
    return _given(text) or (variant.input_px, variant.input_px)


def _given(text: str | None) -> Pair | None:
    try:
        return None if text is None else parse_pixels(text)
    except ValueError as error:
        raise ResbenchError(f"--input-px: {error}") from None
