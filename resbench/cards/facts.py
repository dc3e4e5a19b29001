"""What a card is made from: a network, its counts, its published checkpoints and the records about it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

from resbench.bench.columns import Row
from resbench.bench.table import speed_rows
from resbench.cards.unpublished import OWN, unpublished
from resbench.counting.conventions import convention, operations
from resbench.counting.counted import counted, counted_or_none
from resbench.errors import ResbenchError
from resbench.records.record import Counts, Evaluation, Profile, Record
from resbench.records.store import evaluations
from resbench.zoo.find import checkpoints, find
from resbench.zoo.own import own_source
from resbench.zoo.spec import Variant, Weights

TIMM_CARD = "timm-card"
AT_OWN_SIZE = "fvcore"  # a convention for networks that do not take the wide input of timm's cards


@dataclass(frozen=True)
class SpeedTable:
    """The `speed_rows` of a folder of records, without CPU times."""

    rows: Sequence[Row]

    @cached_property
    def by_record(self) -> dict[str, list[Row]]:
        """The rows by the path of their record."""
        rows: dict[str, list[Row]] = {}
        for row in self.rows:
            rows.setdefault(row["record"], []).append(row)
        return rows

    @cached_property
    def latencies(self) -> dict[tuple[str, str, int], dict[str, Row]]:
        """The latencies that have an accuracy: by machine, settings and batch size, then by network."""
        rows: dict[tuple[str, str, int], dict[str, Row]] = {}
        for row in self.rows:
            if row["speed"] == "latency" and row["top1"] is not None:
                rows.setdefault((row["machine"], row["settings"], row["batch_size"]), {})[row["network"]] = row
        return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A network and everything that is known about it."""

    variant: Variant
    counts: Counts  # at its own size
    flops_convention: str
    weights: tuple[Weights, ...]  # the published checkpoints, then those that records alone know
    records: Mapping[str, Record]  # by path below the results folder
    around: SpeedTable  # every speed and accuracy in that folder, of this network and of others

    @property
    def profiles(self) -> dict[str, Profile]:
        """The records of speed, by path."""
        return {path: record for path, record in self.records.items() if isinstance(record, Profile)}

    @property
    def speeds(self) -> list[Row]:
        """Every speed in the records of this network."""
        rows = (row for path in self.records for row in self.around.by_record.get(path, ()))
        return [row for row in rows if row["speed"] is not None]

    @property
    def evaluations(self) -> dict[str, Evaluation]:
        """The records of accuracy, by path."""
        return evaluations(self.records)


def gather(
    variant: Variant,
    records: Mapping[str, Record],
    flops_convention: str = TIMM_CARD,
    around: SpeedTable | None = None,
) -> Card:
    """Return the card of `variant` with those of `records` that are about it.

    `around` is the table of `records`, where it is made already.
    """
    own = {path: records[path] for path in sorted(path for path in records if _is_about(records[path], variant))}
    held = counted_or_none(variant.name, flops_convention)
    return Card(
        variant=variant,
        counts=counted(variant.name),
        flops_convention=flops_convention if held else AT_OWN_SIZE,
        weights=(*checkpoints(variant.name), *unpublished(own)),
        records=own,
        around=around or SpeedTable(speed_rows(records, cpu=False)),
    )


def _is_about(record: Record, variant: Variant) -> bool:
    """Whether a record is of this network, with its own number of classes."""
    own_head = isinstance(record, Evaluation) or record.classes is None
    return record.network == variant.name and own_head


def flops(network: str, name: str, input_px: int | None = None) -> int:
    """Return the operations of `network` by the convention called `name`, at the input that it holds at.

    `input_px` is the size that a checkpoint wants, where that is not the network's own.
    """
    return operations(_counts(network, name, input_px).terms, name)


def _counts(network: str, name: str, input_px: int | None) -> Counts:
    """Return the counts that a convention's figures come from; torch is needed for a size that no table has."""
    try:
        return counted(network, name, input_px)
    except ResbenchError:
        if input_px is None:
            raise
        return _fresh_counts(network, convention(name).input_rule(input_px))


@cache
def _fresh_counts(network: str, size_px: tuple[int, int]) -> Counts:
    from resbench.counting.tally import count_module
    from resbench.nets.build import build

    return count_module(build(find(network), device="meta"), size_px)


def dataset(weights: Weights) -> str:
    """Return the set that the published accuracies were measured on: what a checkpoint was trained on last."""
    return "ImageNet" if "ImageNet" in weights.dataset else weights.dataset


def full_dataset(weights: Weights) -> str:
    """Return the same set by the name that records and MMPretrain's metafiles give it."""
    name = dataset(weights)
    return "ImageNet-1k" if name == "ImageNet" else name


def collections(cards: Iterable[Card], source: str) -> dict[str, list[Card]]:
    """Group the checkpoints that `source` publishes by collection: cards that hold only those of the collection."""
    cards_by_collection: dict[str, list[Card]] = {}
    for card in cards:
        own = [row for row in card.weights if own_source(row.source, source) or row.source == OWN]
        for name in dict.fromkeys(weights.collection for weights in own):
            held = tuple(weights for weights in own if weights.collection == name)
            cards_by_collection.setdefault(name, []).append(replace(card, weights=held))
    return cards_by_collection


def slug(text: str) -> str:
    """Return `text` as the name of a file: letters, digits, dots, underscores; anything else becomes one hyphen."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", text).strip("-.").lower() or "unnamed"
