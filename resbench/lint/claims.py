"""The other figures of a card: impossible accuracies; claims against publishers, other places, records and files."""

import re
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path

from resbench import units
from resbench.judging.claims import obstacle
from resbench.lint.entry import ModelEntry, file_name
from resbench.lint.figure import ACCURACIES, StatedFigure
from resbench.lint.places import about
from resbench.lint.problem import Edit, Level, Problem
from resbench.nets.cache import sha256
from resbench.records.record import TOP_K, Evaluation
from resbench.words.quantities import Quantity, printed
from resbench.zoo.find import checkpoints
from resbench.zoo.spec import Claim

CHANCE = Fraction(2, 100)  # below this a classifier of 1000 classes looks at the wrong labels
REPRODUCTION = Fraction(1, 1000)  # a local validation that differs by more contradicts the claim
_HALF = Fraction(51, 100)  # of a step: figures this near round to the same digits, whichever way ties go


def accuracies(entry: ModelEntry) -> Iterator[Problem]:
    """Yield the accuracies of `entry` that cannot be."""
    said = {metric: figure for metric in ACCURACIES if (figure := entry.figure(metric))}
    for one in said.values():
        if one.value is None:
            yield about(entry, "T005", Level.FALSE, one, f"{one} is not a number", "give a number")
        elif not 0 <= one.value <= 1:
            yield about(entry, "T005", Level.FALSE, one, f"{one} is not possible: not in 0 to 100 %", "give per cent")
    first, fifth = said.get("top1"), said.get("top5")
    if first and first.value is not None and 0 <= first.value < CHANCE and _classes(entry) >= 1000:
        yield _near_chance(entry, first)
    elif first and fifth and first.value is not None and fifth.value is not None:
        if (first.unit == "1") != (fifth.unit == "1"):
            message = f"{first} and {fifth}: one is a fraction, the other per cent"
            yield about(entry, "T007", Level.FALSE, fifth, message, "write both in one unit")
        elif fifth.value < first.value:
            yield about(
                entry, "T004", Level.FALSE, fifth, f"{fifth} below {first}: not possible", "correct one of them"
            )


def published(entry: ModelEntry) -> Iterator[Problem]:
    """Yield figures that differ from what was published about the very file that the entry names."""
    known = entry.weights
    if known is None:
        return
    same_file = file_name(known.url) == file_name(entry.weights_url)
    # A network's name is its first checkpoint's too: without a file, any checkpoint of it may be meant.
    meant = checkpoints(known.network) if not entry.weights_url and known.name == known.network else (known,)
    for claim in known.claims if same_file or not entry.weights_url else ():
        said = entry.figure(claim.metric)
        if said is None or said.value is None or claim.metric in ("params", "flops"):
            continue
        if claim.metric in ("top1", "top5") and entry.image_px not in (None, known.preprocess.crop_px):
            continue
        if claim.error and _says(said, claim):
            yield about(entry, "T012", Level.FALSE, said, f"{said}: known to be false, {claim.error}", "validate again")
        elif not claim.error and not any(_says(said, weights.claim(claim.metric)) for weights in meant):
            message = f"{said}: {printed(claim)} was published ({claim.source})"
            yield about(entry, "T012", Level.WARNING, said, message, printed(claim))
    if entry.weights_url and not same_file and entry.name == known.name:
        message = f"weights {file_name(entry.weights_url)}: {file_name(known.url)} was published under this name"
        yield about(entry, "T011", Level.WARNING, None, message, known.url)


def disagreements(entries: Iterable[ModelEntry]) -> Iterator[Problem]:
    """Yield figures of one checkpoint that differ between its data and another place of one card or folder.

    Two tables of text are not compared: they may be about different recipes or sizes.
    """
    first: dict[tuple[str, str, Quantity], tuple[ModelEntry, StatedFigure]] = {}
    for entry in sorted(entries, key=lambda entry: entry.style == "table"):
        name = entry.weights.name if entry.weights else entry.name
        if not name:
            continue
        for said in entry.figures:
            quantity = said.quantity
            # Operations by two conventions may both be true, and each is checked for itself.
            if quantity in ("flops", "macs") and entry.network:
                continue
            key = (name, f"{said.dataset} {said.arguments}" if _hub(entry) else "", quantity)
            known, other = first.get(key, (entry, said))
            if entry.style != "table":
                first.setdefault(key, (entry, said))
            if known is not entry and not _agree(said, other):
                message = f"{said} here, {other} at {known.path.name}:{other.line}"
                yield about(entry, "T008", Level.FALSE, said, message, "make both say the same")


def on_disk(entry: ModelEntry, folder: Path) -> Iterator[Problem]:
    """Yield where the weights' file in `folder` contradicts the card. Raises ResbenchError when it cannot be read."""
    path = folder / file_name(entry.weights_url)
    if not entry.weights_url or not path.is_file():
        return
    size = str(path.stat().st_size)
    said = entry.figure("file_size")
    if said and said.digits != size:
        message = f"{said}, but {path.name} in {folder} has {units.integer(int(size))} bytes"
        yield about(entry, "T010", Level.FALSE, said, message, size, Edit(old=said.text, new=size))
    promised = re.search(r"-([0-9a-f]{8,64})\.", path.name)
    if promised and not (digest := sha256(path)).startswith(promised[1]):
        message = f"the name promises sha256 {promised[1]}, but the file in {folder} has {digest[:16]}"
        yield about(entry, "T011", Level.FALSE, None, message, "name the file that the card is about")


def against_records(entry: ModelEntry, evaluations: Mapping[str, Evaluation]) -> Iterator[Problem]:
    """Yield the accuracies of `entry` that a local validation of the same checkpoint contradicts."""
    known = entry.weights
    for path, record in evaluations.items():
        if known is None or record.weights != known.name or obstacle(record, known):
            continue
        if entry.image_px not in (None, record.pixels.crop_px):
            continue
        for metric in TOP_K:
            said, measured = entry.figure(metric), Fraction(record.right(metric), record.images)
            if said and said.value is not None and abs(said.value - measured) > REPRODUCTION + said.step / 2:
                message = f"{said}, but a validation here gave {units.percent(float(measured))} ({path})"
                yield about(entry, "T009", Level.FALSE, said, message, "validate again or correct the card")


def _near_chance(entry: ModelEntry, said: StatedFigure) -> Problem:
    if "%" not in said.text and said.number and Fraction(1, 10) < said.number <= 1:
        message = f"{said} in a place that holds per cent: a fraction?"
        return about(entry, "T007", Level.FALSE, said, message, f"{float(said.number * 100):g}")
    message = f"{said}: near chance on {_classes(entry)} classes; labels off by one, or in another order?"
    return about(entry, "T006", Level.FALSE, said, message, "validate again with labels by name")


def _classes(entry: ModelEntry) -> int:
    return entry.network.classes if entry.network else 1000


def _hub(entry: ModelEntry) -> bool:
    return entry.style in ("huggingface", "results")


def _says(said: StatedFigure, claim: Claim | None) -> bool:
    """Whether the coarser of the two roundings makes them one figure."""
    if said.value is None or claim is None:
        return False
    return abs(said.value - Fraction(claim.value)) <= max(said.step, Fraction(claim.quantum)) * _HALF


def _agree(one: StatedFigure, two: StatedFigure) -> bool:
    if one.value is None or two.value is None:
        return True
    steps = [one.step, two.step]
    if one.quantity == "params":  # counts in fields of their own are often rounded to hundredths of a million
        steps += [Fraction(10_000) for said in (one, two) if said.is_count]
    return abs(one.value - two.value) <= max(steps) * _HALF
