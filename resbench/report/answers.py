"""What is behind an accuracy: classes, confusions, images that two checkpoints see differently."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import numpy as np
from rich.table import Table

from resbench import units
from resbench.accuracy import calibration, figures
from resbench.accuracy.labels import class_name, is_imagenets
from resbench.errors import ResbenchError
from resbench.judging.accuracy import contrast
from resbench.judging.family import holm
from resbench.judging.shift import Right, ranked
from resbench.records import predictions
from resbench.records.jsonio import read_record
from resbench.records.record import Evaluation
from resbench.report import terminal
from resbench.report.corruption import errors_of, show_corruptions
from resbench.report.evaluation import show_gap
from resbench.report.setwise import rank_words
from resbench.words.quantities import accuracy_span, accuracy_words


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswers:
    """A record and its predictions."""

    record: Evaluation
    predictions: predictions.Predictions

    def name(self, label: int) -> str:
        """Return what a class is called; -1 stands for several with equal logits."""
        if label < 0:
            return "a tie"
        own = self.record.dataset.class_names
        return own[label] if own else class_name(label, self.record.dataset.name)


def stored(path: Path) -> StoredAnswers:
    """Read a validation and its predictions. Raises ResbenchError unless they belong together."""
    record = read_record(path)
    if not isinstance(record, Evaluation):
        raise ResbenchError(f"{path}: a {record.kind}, not a validation; give what `resbench validate --save` wrote")
    loaded = predictions.load_predictions(predictions.path_beside(path))
    if record.predictions_sha256 != loaded.sha256:
        raise ResbenchError(f"{path}: the predictions beside it are of another run; validate again with --save")
    return StoredAnswers(record=record, predictions=loaded)


def show_answers(answers: StoredAnswers, *, limit: int, as_json: bool) -> None:
    """Print one validation by classes."""
    if as_json:
        terminal.print_json([_as_fields(answers)])
        return
    rows = answers.predictions.rows
    real = figures.real_top1(answers.predictions)
    right, images = answers.record.top1_right, answers.record.images
    console = terminal.results_console()
    console.print(
        terminal.titled(answers.record.weights, f" on {answers.record.dataset.name}: {_right(right, images)}")
    )
    if real and real[1]:
        console.print(f"by ReaL's labels: {_right(*real)}")
    scores = calibration.calibration(rows)
    for line in _calibration_lines(scores):
        console.print(line)
    console.print(_coverage(scores.coverage))
    if is_imagenets(answers.record.dataset):
        console.print(_superclasses(figures.per_superclass(rows)))
    worst = Table("worst classes", "images", "top-1", "top-5")
    for row in figures.per_class(rows)[:limit]:
        worst.add_row(
            answers.name(row.label),
            units.integer(row.images),
            units.percent(row.top1_right / row.images, 1),
            units.percent(row.top5_right / row.images, 1),
        )
    console.print(worst)
    mistaken = Table("images of", "seen as", "images")
    for pair in figures.confusions(rows)[:limit]:
        mistaken.add_row(answers.name(pair.label), answers.name(pair.seen), units.integer(pair.images))
    console.print(mistaken)
    if answers.record.gap:
        show_gap(answers.record.weights, answers.record.gap, console)
    show_corruptions([answers.record], console)


def _as_fields(answers: StoredAnswers) -> dict[str, Any]:
    rows, record = answers.predictions.rows, answers.record
    scores, real, errors = calibration.calibration(rows), figures.real_top1(answers.predictions), errors_of(record)
    return {
        "calibration_error": scores.equal_width,
        "calibration": asdict(scores),
        **({"real_top1_right": real[0], "real_images": real[1]} if real else {}),
        "classes": figures.per_class(rows),
        **({"superclasses": figures.per_superclass(rows)} if is_imagenets(record.dataset) else {}),
        "confusions": figures.confusions(rows),
        **({"gap": record.gap} if record.gap else {}),
        **({"corruptions": errors} if errors else {}),
    }


def _calibration_lines(scores: calibration.Calibration) -> Iterator[str]:
    mass = units.percent(scores.equal_mass)
    yield (
        f"expected calibration error {units.percent(scores.equal_width)} ({figures.BINS} bins of equal width), {mass} "
        "(of equal numbers of images)"
    )
    if scores.brier is None:
        yield "Brier score and likelihood: not in these predictions; validate again with --save"
        return
    yield f"Brier score {scores.brier:.4f}, negative log-likelihood {scores.nll:.4f}"
    if fit := scores.tempered:
        (loss, tempered), errors = fit.nll, [units.percent(error) for error in fit.calibration_error]
        yield (
            f"temperature {fit.temperature:.3f}, fitted on one half; on the other {units.integer(fit.images)} images "
            f"likelihood {loss:.4f} -> {tempered:.4f}, calibration error {errors[0]} -> {errors[1]}"
        )


def _coverage(coverage: Sequence[calibration.Covered]) -> Table:
    table = Table("surest images", "top-1", "confidence from")
    for part in coverage:
        share = f"{units.integer(part.images)} ({units.percent(part.images / coverage[0].images, 0)})"
        table.add_row(share, units.percent(part.right / part.images), f"{part.confidence:.3f}")
    return table


def _superclasses(superclasses: Sequence[figures.SuperclassFigure]) -> Table:
    table = Table("superclass (WordNet)", "classes", "images", "top-1", "top-5")
    for row in superclasses:
        shares = (accuracy_words(row.top1_right, row.images), units.percent(row.top5_right / row.images))
        table.add_row(row.name, units.integer(row.classes), units.integer(row.images), *shares)
    return table


def _right(right: int, images: int) -> str:
    counts = f"{units.integer(right)} of {units.integer(images)} right"
    return f"{counts}, {units.percent(right / images)} ({accuracy_span(right, images)})"


def show_difference(before: StoredAnswers, after: StoredAnswers, paired: figures.Paired, *, limit: int) -> None:
    """Print how two checkpoints differ on the same images."""
    differing = contrast(before.record, after.record)
    console = terminal.results_console()
    for title, side in (("before: ", before), ("after:  ", after)):
        right = f"{units.integer(side.record.top1_right)} of {units.integer(paired.images)} right"
        console.print(f"{title}{side.record.weights}, {right}")
    console.print(f"differ in: {differing or 'nothing but the time of the run'}")
    out = Table("", "after right", "after wrong")
    out.add_row("before right", units.integer(paired.both), f"{units.integer(len(paired.lost))} lost")
    out.add_row("before wrong", f"{units.integer(len(paired.gained))} gained", units.integer(paired.neither))
    console.print(out)
    console.print(
        f"McNemar's exact test: p = {paired.p_value:.3g}; {units.integer(paired.changed)} first answers differ; "
        f"among five: {paired.top5_lost} lost, {paired.top5_gained} gained",
    )
    for title, flips in (("lost", paired.lost), ("gained", paired.gained)):
        if flips and limit:
            console.print(_flips(before, title, flips[:limit], len(flips)))


def show_differences(sides: Sequence[StoredAnswers], paired: Sequence[figures.Paired]) -> None:
    """Print how checkpoints differ from the first of them on the same images."""
    console = terminal.results_console()
    out = Table("", "checkpoint", "right", "lost", "gained", "p (Holm)", "rank", "five lost", "five gained", "changed")
    right = _right_images(sides)
    own, *ranks = ranked(right)
    first, *others = sides
    out.add_row("A", first.record.weights, units.integer(first.record.top1_right), *("",) * 3, rank_words(own))
    letters = [ascii_uppercase[place % 26] for place in range(1, len(sides))]
    p_values = holm([pair.p_value for pair in paired])
    for letter, other, p_value, rank, pair in zip(letters, others, p_values, ranks, paired, strict=True):
        out.add_row(
            letter,
            other.record.weights,
            units.integer(other.record.top1_right),
            *map(units.integer, (len(pair.lost), len(pair.gained))),
            f"{p_value:.3g}",
            rank_words(rank),
            *map(units.integer, (pair.top5_lost, pair.top5_gained, pair.changed)),
        )
    console.print(out)
    for letter, other in zip(letters, others, strict=True):
        words = contrast(first.record, other.record) or "nothing but the time of the run"
        console.print(f"A and {letter} differ in: {words}")
    in_all, in_none = _in_all_and_none(right)
    console.print(
        f"of {units.integer(paired[0].images)} images {units.integer(in_all)} are right in all, "
        f"{units.integer(in_none)} in none; lost and gained since A"
    )


def print_differences(sides: Sequence[StoredAnswers], paired: Sequence[figures.Paired]) -> None:
    """Print how checkpoints differ from the first of them, as a JSON list with an object for each of the others."""
    first, *others = sides
    right = _right_images(sides)
    own, *ranks = ranked(right)
    in_all, in_none = _in_all_and_none(right)
    p_values = holm([pair.p_value for pair in paired])
    terminal.print_json_list(
        {
            "weights_before": first.record.weights,
            "weights": other.record.weights,
            "differ_in": contrast(first.record, other.record),
            "rank_before": own,
            "rank": rank,
            "p_value_holm": p_value,
            "right_in_all": in_all,
            "right_in_none": in_none,
            **asdict(pair),
        }
        for other, rank, p_value, pair in zip(others, ranks, p_values, paired, strict=True)
    )


def _right_images(sides: Sequence[StoredAnswers]) -> list[Right]:
    """Return of each side which images it has right."""
    return [predictions.top1(side.predictions.rows) for side in sides]


def _in_all_and_none(right: Sequence[Right]) -> tuple[int, int]:
    """Return how many images all sides have right, and how many none."""
    return int(np.logical_and.reduce(right).sum()), int((~np.logical_or.reduce(right)).sum())


def _flips(answers: StoredAnswers, title: str, flips: tuple[figures.Flip, ...], total: int) -> Table:
    more = f" ({len(flips)} of {total})" if total > len(flips) else ""
    out = Table(title + more, "shows", "before", "after")
    for flip in flips:
        out.add_row(flip.name, *(answers.name(k) for k in (flip.label, flip.before, flip.after)))
    return out
