"""The counts of every network of a table, read from a generated file, so that torch is not needed to show them.

counted.json is written by `resbench count --all --write`; `resbench count --all --check` compares it with a fresh
tally. A user's zoo has such a file of its own beside it (`counting.stored`).
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import msgspec

from resbench.counting.conventions import CONVENTIONS, convention
from resbench.counting.stored import own_counts
from resbench.errors import ResbenchError
from resbench.records.record import Counts, Terms
from resbench.units import pixels
from resbench.zoo.find import checkpoints, find
from resbench.zoo.spec import Variant

PATH = Path(__file__).with_name("counted.json")
_REMEMBERED: dict[str, tuple[Variant, dict[str, Counts]]] = {}


def counted(network: str, convention_name: str = "macs", input_px: int | None = None) -> Counts:
    """Return the counts of `network` at the input for which the convention's figures hold.

    That is the network's own size or `input_px`, one that a checkpoint of it wants; for "timm-card" a wider one.
    Raises ResbenchError for an unknown name or a size that was not counted.
    """
    variant = remembered(find(network))
    return counted_at(variant.name, convention(convention_name).input_rule(input_px or variant.input_px))


def counted_at(network: str, size_px: tuple[int, int]) -> Counts:
    """Return the counts of `network` at `size_px`, one of its `sizes`. Raises ResbenchError when not counted there."""
    size = pixels(size_px)
    _, remembered_counts = _REMEMBERED.get(network, (None, {}))
    known = _table().get(network, {}).get(size) or remembered_counts.get(size)
    if found := known or own_counts().get(network, {}).get(size):  # the last looks for a zoo of the user's own
        return found
    command = "zoo check --write" if network not in _table() else "count --all --write"
    raise ResbenchError(f"{network}: not counted at {size} px; run `resbench {command}`")


def counted_or_none(network: str, convention_name: str = "macs", input_px: int | None = None) -> Counts | None:
    """Return what `counted` does, None where it has no counts: a user's network may not take such an input."""
    try:
        return counted(network, convention_name, input_px)
    except ResbenchError:
        return None


def forget() -> None:
    """Drop what `remember` kept: the code of a network may have changed."""
    _REMEMBERED.clear()


def remember(network: Variant, counts: Iterable[Counts]) -> None:
    """Keep the counts of a network that no file has, and what building it has shown, while this process lives."""
    _REMEMBERED[network.name] = network, {pixels(row.input_px): row for row in counts}


def remembered(network: Variant) -> Variant:
    """Return `network` as it was remembered; as it is where it was not."""
    return _REMEMBERED.get(network.name, (network, {}))[0]


def sizes(variant: Variant) -> list[tuple[int, int]]:
    """Return the inputs that `counted` answers for, the network's own first, then those of its checkpoints."""
    sides_px = [variant.input_px, *(weights.preprocess.crop_px for weights in checkpoints(variant.name))]
    return list(dict.fromkeys(row.input_rule(side_px) for side_px in sides_px for row in CONVENTIONS))


def table_text(counts: Mapping[str, Iterable[Counts]]) -> str:
    """Return the file's text for the counts of each network, one line per network and input."""
    table = [f'"{name}": {{\n' + ",\n".join(map(_line, rows)) + "\n}" for name, rows in counts.items()]
    return "{\n" + ",\n".join(table) + "\n}\n"


def _line(counts: Counts) -> str:
    plain = msgspec.to_builtins(counts)
    usual = msgspec.to_builtins(Terms())
    plain["terms"] = {term: value for term, value in plain["terms"].items() if value != usual[term]}
    kept = {name: value for name, value in plain.items() if value not in ([], {})}
    return f"  {json.dumps(pixels(counts.input_px))}: {json.dumps(kept)}"


@cache
def _table() -> dict[str, dict[str, Counts]]:
    return msgspec.json.decode(PATH.read_bytes(), type=dict[str, dict[str, Counts]])
