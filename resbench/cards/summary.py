"""The sentence on top of a card: what the network is, and the figures that people ask for first."""

from collections.abc import Iterator, Sequence

from resbench import units
from resbench.bench.columns import Row
from resbench.cards.facts import Card, dataset
from resbench.zoo.places import OWN_FAMILY
from resbench.zoo.spec import Weights


def network_sentence(card: Card, weights: Sequence[Weights]) -> str:
    """Return what `card` says of its network and of the checkpoints `weights`, in one sentence."""
    counts = card.counts
    size = f"{units.si(counts.params)} parameters and {units.si(counts.terms.macs)} multiply-adds"
    family = "" if card.variant.family == OWN_FAMILY else f" of the family {card.variant.family}"
    kind = f"A network{family} with {size} at {units.pixels(counts.input_px)}"
    return "; ".join([kind, *_published(weights), *_latency(card)]) + "."


def _published(weights: Sequence[Weights]) -> Iterator[str]:
    """Yield the span of the published accuracies for each set of images."""
    by_images: dict[str, list[float]] = {}
    for row in weights:
        if claim := row.sound_claim("top1"):
            by_images.setdefault(dataset(row), []).append(claim.value)
    for images, shares in by_images.items():
        low, high = units.percent(min(shares)), units.percent(max(shares))
        span = low if low == high else f"{low.removesuffix(' %')} to {high}"
        yield f"published top-1 on {images} {span}"


def _latency(card: Card) -> Iterator[str]:
    """Yield the shortest latency that was measured, with where and how; nothing where none was."""
    rows = [row for row in card.speeds if row["speed"] == "latency"]
    if rows:
        yield _measured(min(rows, key=lambda row: (row["batch_size"], row["time_ms"])))


def _measured(row: Row) -> str:
    time = units.seconds(row["time_ms"] / 1000)
    return f"latency {time} at batch {row['batch_size']} on {row['machine']} ({row['settings']})"
