"""The accuracies on a card: impossible ones, and those that publishers or local validations contradict.

They are compared only with what holds for the same data set, input and arguments.
"""

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from urllib.parse import urlsplit

from resbench import units
from resbench.judging.claims import obstacle
from resbench.judging.limits import Limits
from resbench.lint.certain import is_known_checkpoint
from resbench.lint.datasets import data_set, known_in
from resbench.lint.entry import ModelEntry, file_name
from resbench.lint.figure import ACCURACIES, StatedFigure
from resbench.lint.places import about
from resbench.lint.problem import Level, Problem
from resbench.records.record import TOP_K, Evaluation
from resbench.words.quantities import printed
from resbench.zoo.find import checkpoints
from resbench.zoo.spec import Claim, Weights

CHANCE = Fraction(2, 100)  # below this a classifier of 1000 classes looks at the wrong labels
HALF = Fraction(51, 100)  # of a step: figures this near round to the same digits, whichever way ties go
_USUAL_TOP5 = Fraction(80, 100)  # with as many right among five, about three quarters of them are right at once
_ATTACKED = re.compile(r"attack|adversar|robust|pgd|corrupt|noise|few-?shot|zero-?shot|\d-?shot|prun", re.IGNORECASE)


def possible(entry: ModelEntry) -> Iterator[Problem]:
    """Yield the accuracies of `entry` that cannot be, or that do not fit each other."""
    for figure in _stated(entry):
        if figure.value is None:
            yield about(entry, "T005", Level.FALSE, figure, f"{figure} is not a number", "give a number")
        elif not 0 <= figure.value <= 1:
            message = f"{figure} is not possible: not in 0 to 100 %"
            yield about(entry, "T005", Level.FALSE, figure, message, "give per cent")
    for first, fifth in _pairs(entry):
        if _is_near_chance(entry, first):
            if not _known_error(entry, first):
                yield _near_chance(entry, first)
        elif fifth and first.value is not None and fifth.value is not None:
            yield from _unlike(entry, first, fifth)


def _unlike(entry: ModelEntry, first: StatedFigure, fifth: StatedFigure) -> Iterator[Problem]:
    """Yield where a top-1 and a top-5 accuracy of the same evaluation do not go together."""
    top1, top5 = first.value or Fraction(0), fifth.value or Fraction(0)
    if (first.unit == "1") != (fifth.unit == "1") and top1 and top5:  # 0 is the same in either unit
        message = f"{first} and {fifth}: one is a fraction, the other per cent"
        yield about(entry, "T007", Level.FALSE, fifth, message, "write both in one unit")
    elif top5 < top1:
        yield about(entry, "T004", Level.FALSE, fifth, f"{fifth} below {first}: not possible", "correct one of them")
    elif _USUAL_TOP5 <= top5 <= 1 and top1 < top5 / 2 and _on_imagenet(first):
        message = f"{first} beside {fifth}: no classifier of ImageNet has so few right at once"
        yield about(entry, "T006", Level.WARNING, first, message, "correct one of them")


def _is_near_chance(entry: ModelEntry, figure: StatedFigure) -> bool:
    low = figure.quantity == "top1" and figure.value is not None and 0 <= figure.value < CHANCE
    return low and _classes(entry) >= 1000 and _on_imagenet(figure)


def _near_chance(entry: ModelEntry, figure: StatedFigure) -> Problem:
    if "%" not in figure.text and figure.number and Fraction(1, 10) < figure.number <= 1:
        message = f"{figure} in a place that holds per cent: a fraction?"
        return about(entry, "T007", Level.FALSE, figure, message, f"{float(figure.number * 100):g}")
    sure = (entry.network is not None or figure.data_set == "imagenet-1k") and not _ATTACKED.search(
        f"{entry.section} {entry.name} {figure.arguments} {figure.heading}"
    )
    message = f"{figure}: near chance on {_classes(entry)} classes; labels off by one, or in another order?"
    level = Level.FALSE if sure else Level.WARNING
    return about(entry, "T006", level, figure, message, "validate again with labels by name")


def published_problems(entry: ModelEntry) -> Iterator[Problem]:
    """Yield figures that differ from what was published about the checkpoint that the entry names."""
    for figure, claim in comparable(entry):
        if claim.error and says(figure, claim):
            message = f"{figure}: known to be false, {claim.error}"
            yield about(entry, "T012", Level.FALSE, figure, message, "validate again")
        elif not claim.error and not _is_published(entry, figure, claim) and not _is_near_chance(entry, figure):
            yield _differs(entry, figure, claim)
    weights = entry.weights
    if weights and entry.weights_url and not _same_file(entry, weights) and entry.name == weights.name:
        message = f"weights {file_name(entry.weights_url)}: {file_name(weights.location)} was published under this name"
        yield about(entry, "T011", Level.WARNING, None, message, weights.location)


def comparable(entry: ModelEntry) -> Iterator[tuple[StatedFigure, Claim]]:
    """Yield the figures of `entry` for which something was published on the same data at the same size."""
    known = entry.weights
    if known is None or (entry.weights_url and not _same_file(entry, known)):
        return
    for figure in entry.figures:
        claim = known.claim(figure.quantity) if figure.quantity in (*ACCURACIES, "file_size") else None  # type: ignore[arg-type]
        if claim is None or figure.value is None or figure.value < 0:
            continue
        if figure.quantity in ACCURACIES:
            size = figure.image_px or entry.image_px
            if size not in (None, known.preprocess.crop_px) or not _same_data(entry, figure, known):
                continue
        yield figure, claim


def confirmed_by_record(entry: ModelEntry) -> Iterator[StatedFigure]:
    """Yield the figures of `entry` that were published as they are printed."""
    for figure, claim in comparable(entry):
        if not claim.error and _is_published(entry, figure, claim):
            yield figure


def _differs(entry: ModelEntry, figure: StatedFigure, claim: Claim) -> Problem:
    if not is_known_checkpoint(entry):  # a network's name: it may be anybody's training of it
        message = f"{figure}: no published checkpoint of this network has that; another training?"
        return about(entry, "T012", Level.NOTE, figure, message)
    if _is_the_page(entry, claim):
        message = f"{figure}: an earlier version of this page said {printed(claim)}; which is right was not checked"
        return about(entry, "T012", Level.WARNING, figure, message, "validate the checkpoint")
    message = f"{figure}: {printed(claim)} was published ({claim.source}); that is right if the checkpoint is this one"
    return about(entry, "T012", Level.WARNING, figure, message, printed(claim))


def _is_the_page(entry: ModelEntry, claim: Claim) -> bool:
    """Whether what was published stands on the very page that is checked."""
    return urlsplit(claim.source).path.endswith(f"/{entry.path.parent.name}/{entry.path.name}")


def _is_published(entry: ModelEntry, figure: StatedFigure, claim: Claim) -> bool:
    known = entry.weights
    # A network's name is its first checkpoint's too: without a file, any checkpoint of it may be meant.
    several = known is not None and not entry.weights_url and known.name == known.network
    meant = [other.claim(claim.metric) for other in checkpoints(known.network)] if several and known else [claim]
    return any(says(figure, other) for other in meant)


def _known_error(entry: ModelEntry, figure: StatedFigure) -> bool:
    return any(claim.error and says(figure, claim) for other, claim in comparable(entry) if other is figure)


def _same_data(entry: ModelEntry, figure: StatedFigure, weights: Weights) -> bool:
    """Whether an accuracy was measured on what the checkpoint was published for, as far as the card says."""
    if figure.arguments and not is_known_checkpoint(entry):
        return False
    stated = figure.data_set or known_in(entry.section)
    return not stated or stated in {data_set(name) for name in weights.dataset.split(", ")}


def _same_file(entry: ModelEntry, weights: Weights) -> bool:
    return file_name(weights.location) == file_name(entry.weights_url)


def against_records(entry: ModelEntry, evaluations: Mapping[str, Evaluation]) -> Iterator[Problem]:
    """Yield the accuracies of `entry` that a local validation of the same checkpoint contradicts."""
    known = entry.weights
    for path, record in evaluations.items():
        if known is None or record.weights != known.name or obstacle(record, known):
            continue
        for figure in _stated(entry):
            size = figure.image_px or entry.image_px
            if size not in (None, record.pixels.crop_px) or not _same_data(entry, figure, known):
                continue
            metric = next(metric for metric in TOP_K if metric == figure.quantity)
            measured = Fraction(record.right(metric), record.images)
            tolerance = Fraction(str(Limits().reproduction)) + figure.step / 2
            if figure.value is not None and abs(figure.value - measured) > tolerance:
                message = f"{figure}, but a validation here gave {units.percent(float(measured))} ({path})"
                yield about(entry, "T009", Level.FALSE, figure, message, "validate again or correct the card")


def _stated(entry: ModelEntry) -> list[StatedFigure]:
    return [figure for figure in entry.figures if figure.quantity in ACCURACIES]


def _pairs(entry: ModelEntry) -> Iterator[tuple[StatedFigure, StatedFigure | None]]:
    """Yield each top-1 accuracy with the top-5 accuracy of the same evaluation."""
    stated = _stated(entry)
    for first in stated:
        if first.quantity == "top1":
            yield first, next((other for other in stated if _belongs(first, other)), None)


def _belongs(first: StatedFigure, other: StatedFigure) -> bool:
    same = (first.data_set, first.arguments, first.image_px) == (other.data_set, other.arguments, other.image_px)
    return other.quantity == "top5" and same


def _on_imagenet(figure: StatedFigure) -> bool:
    return figure.data_set in ("", "imagenet-1k")


def _classes(entry: ModelEntry) -> int:
    return entry.classes or (entry.network.classes if entry.network else 1000)


def says(figure: StatedFigure, claim: Claim | None) -> bool:
    """Whether the coarser of the two roundings makes them one figure."""
    if figure.value is None or claim is None:
        return False
    return abs(figure.value - Fraction(claim.value)) <= max(figure.step, Fraction(claim.quantum)) * HALF
