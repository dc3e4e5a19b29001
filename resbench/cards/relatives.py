"""Where a network stands among its relatives: accuracy against multiply-adds, and against a latency measured here."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from resbench.bench.columns import Row
from resbench.cards.facts import Card, dataset, flops
from resbench.zoo.find import checkpoints
from resbench.zoo.spec import Variant, Weights
from resbench.zoo.variants import VARIANTS

FEWEST = 3  # points, so that there is something to compare with

Kinship = Literal["own", "family", "other"]
Bounds = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A point of a plot: a cost and an accuracy in per cent, with 95 % intervals where they were measured."""

    name: str
    kinship: Kinship  # to the network of the card
    x: float
    y: float
    x_bounds: Bounds | None = None
    y_bounds: Bounds | None = None
    doubt: str = ""  # why the cost may not repeat


@dataclass(frozen=True, slots=True, kw_only=True)
class Relatives:
    """Points of one plot, and what they have in common."""

    spots: tuple[Spot, ...]
    where: str  # "published for ImageNet"; "on cpu-epyc, fp32, batch 1"


def by_macs(card: Card) -> Relatives | None:
    """Return the checkpoints of the network and the best one of each other, against multiply-adds at their inputs.

    None when fewer than three networks were published with an accuracy on the images of this one.
    """
    images = Counter(dataset(weights) for weights in card.weights if weights.sound_claim("top1"))
    if not images:
        return None
    name = max(images, key=lambda images_of: (images[images_of], images_of))
    own = [_published(row) for row in card.weights if dataset(row) == name and row.sound_claim("top1")]
    others = [
        replace(spot, kinship="family") if variant.family == card.variant.family else spot
        for variant, spot in _best(name)
        if variant.name != card.variant.name
    ]
    return Relatives(spots=(*others, *own), where=f"published for {name}") if len(others) + 1 >= FEWEST else None


@cache
def _best(images: str) -> list[tuple[Variant, Spot]]:
    """Return every network with the spot of its most accurate checkpoint on `images`."""
    rows = ((variant, _most_accurate(checkpoints(variant.name), images)) for variant in VARIANTS)
    return [(variant, replace(_published(best), name=variant.name, kinship="other")) for variant, best in rows if best]


def _most_accurate(published: Sequence[Weights], images: str) -> Weights | None:
    claimed = {row: claim.value for row in published if dataset(row) == images and (claim := row.sound_claim("top1"))}
    return max(claimed, key=claimed.__getitem__, default=None)


def _published(weights: Weights) -> Spot:
    claim = weights.sound_claim("top1")
    share = claim.value if claim else 0.0
    macs = flops(weights.network, "macs", weights.preprocess.crop_px)
    return Spot(name=weights.name, kinship="own", x=macs, y=100 * share)


def by_latency(card: Card) -> Relatives | None:
    """Return the networks whose latency was measured as that of this one was, with the accuracy that goes with it.

    Of several machines, settings and batch sizes, those that most networks share. None for fewer than three.
    """
    groups = card.around.latencies.items()
    shared = [(key, rows) for key, rows in groups if card.variant.name in rows and len(rows) >= FEWEST]
    if not shared:
        return None
    (machine, settings, batch), rows = max(shared, key=lambda item: len(item[1]))
    return Relatives(spots=tuple(_timed(card, rows)), where=f"on {machine}, {settings}, batch {batch}")


def _timed(card: Card, rows: Mapping[str, Row]) -> Iterator[Spot]:
    """Yield the spots, that of the card last, so that it lies above the others."""
    for row in sorted(rows.values(), key=lambda row: row["network"] == card.variant.name):
        kinship: Kinship = "family" if row["family"] == card.variant.family else "other"
        yield Spot(
            name=row["network"],
            kinship="own" if row["network"] == card.variant.name else kinship,
            x=row["time_ms"],
            y=row["top1"],
            x_bounds=_bounds(row["time_low_ms"], row["time_high_ms"]),
            y_bounds=_bounds(row["top1_low"], row["top1_high"]),
            doubt=in_doubt(row),
        )


def in_doubt(row: Row) -> str:
    """Return why a speed may not repeat; empty when nothing speaks for that."""
    return row["doubt"] or (f"machine {row['noise']}" if row["noise"] in ("busy", "overloaded") else "")


def _bounds(low: float | None, high: float | None) -> Bounds | None:
    return None if low is None or high is None else (low, high)
