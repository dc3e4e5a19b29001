"""Checkpoints on several sets of images, as a table."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import msgspec
from rich.table import Table

from resbench import units
from resbench.judging.accuracy import points
from resbench.records.record import Evaluation
from resbench.words.quantities import accuracy_words

if TYPE_CHECKING:
    from resbench.bench.setwise import SetColumn, Standing
    from resbench.judging.shift import Rank


def sets_table(columns: "Sequence[SetColumn]", records: Sequence[Evaluation]) -> Table:
    """Return a table of a row per checkpoint, the best on the base first, and columns for each set."""
    real = {(record.dataset.name, record.weights): record for record in records if record.real_images}
    titles, cells = [], []
    for column in columns:
        for title, words in _parts(column):
            titles.append(title)
            cells.append(words)
        seen = [real.get((column.name, standing.weights)) for standing in column.standings]
        if all(seen):
            titles.append("ReaL top-1")
            cells.append([_real(record) for record in seen if record])
    base = next(column for column in columns if column.is_base).standings
    table = Table("checkpoint", *titles)
    for place in sorted(range(len(base)), key=lambda place: -base[place].right):
        table.add_row(base[place].weights, *(words[place] for words in cells))
    return table


def meaning_of_columns(columns: "Sequence[SetColumn]") -> str:
    """Return in a line what the columns mean."""
    base = next(column.name for column in columns if column.is_base)
    line = f"in brackets 95 % intervals; ranks among {len(columns[0].standings)}, and places lost since {base}"
    if any(column.standings[0].difference for column in columns):
        line += f"; difference: points from the accuracy on {base}, on images of the same classes"
    if any(column.standings[0].effective_robustness is not None for column in columns):
        line += "; effective robustness: points above a line through the logits of all checkpoints' accuracies"
    return line


def with_standings(records: Sequence[Evaluation], columns: "Sequence[SetColumn]") -> Iterator[dict[str, Any]]:
    """Yield records as plain values with their standing on their set; None on images that only serve a comparison."""
    standings = {column.name: iter(column.standings) for column in columns}  # in the order of the records
    bases = {column.name for column in columns if column.is_base}
    for record in records:
        name = record.dataset.name
        standing = asdict(next(standings[name])) | {"is_base": name in bases} if name in standings else None
        yield msgspec.to_builtins(record) | {"standing": standing}


def _parts(column: "SetColumn") -> "Iterator[tuple[str, list[str]]]":
    """Yield the titles and the cells of what is shown of a set."""
    yield column.name, [accuracy_words(standing.right, standing.images) for standing in column.standings]
    yield "rank", [_rank(standing) for standing in column.standings]
    if column.standings[0].difference:
        yield "difference", [_difference(standing) for standing in column.standings]
    if column.standings[0].effective_robustness is not None:
        yield (
            "effective robustness",
            [f"{100 * (standing.effective_robustness or 0):+.2f}" for standing in column.standings],
        )


def _rank(standing: "Standing") -> str:
    since = f", {rank_words(standing.moved, '+')}" if standing.moved else ""
    return f"{rank_words(standing.rank)}{since}"


def rank_words(rank: "Rank", sign: str = "") -> str:
    """Return a rank, or places lost, with its interval: "2 [1, 3]"."""
    return f"{rank.place:{sign}} [{rank.low:{sign}}, {rank.high:{sign}}]"


def _difference(standing: "Standing") -> str:
    difference = standing.difference
    if difference is None:
        return "-"
    share = units.percent(difference.base_right / difference.base_images)
    return f"{points(difference.change)} [{100 * difference.low:+.2f}, {100 * difference.high:+.2f}] of {share}"


def _real(record: Evaluation) -> str:
    return accuracy_words(record.real_top1_right or 0, record.real_images or 1)
