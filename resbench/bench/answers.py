"""Whether settings answer as eager torch does in fp32, on the images at hand."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from resbench import environment, units
from resbench.accuracy import loader
from resbench.accuracy.dataset import ImageSet, Sample
from resbench.accuracy.evaluate import Contestant, evaluate
from resbench.accuracy.layouts import open_unlabelled
from resbench.accuracy.loader import Batch
from resbench.bench.calibrating import CALIBRATION_IMAGES
from resbench.bench.entries import Entry, Validating, entry_of, fitted, select
from resbench.bench.losses import paired_loss
from resbench.errors import InvalidMeasurementError, ResbenchError
from resbench.judging.accuracy import points
from resbench.judging.finding import Verdict
from resbench.judging.losses import judge_loss
from resbench.records.predictions import Rows, first
from resbench.running.arm import Arm, answer
from resbench.running.settings import switches
from resbench.zoo.spec import Preprocess, Variant

MOST_IMAGES_ALIKE = 1000  # that must have equal answers: one that differs is enough
RANDOM_IMAGES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRule:
    """What right answers are, and on which images."""

    entry: Entry
    images: ImageSet | None  # None: random ones
    max_loss: float | None  # a fraction of the images; None: answers must be equal
    words: str  # all of this for people


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RightAnswers:
    """The answers that are right by a rule."""

    rule: AnswerRule
    rows: Rows  # of eager torch in fp32
    on_progress: Callable[[float], None]


def answer_rule(
    network: Variant,
    weights: str | None,
    validating: Validating,
    *,
    data: Path | None,
    calibration: str | None,
    max_loss: float | None,
) -> AnswerRule:
    """Return what right answers of `network` are: on images of `data`, else those for int8, else random ones.

    `max_loss` needs the labels of `data` and takes all of its images; equal answers are asked of MOST_IMAGES_ALIKE.
    Raises ResbenchError for images that the network cannot be evaluated on.
    """
    if max_loss is not None:
        if data is None or weights is None:
            raise ResbenchError("--max-loss: needs labelled images, --data, and weights that were trained, --weights")
        ((images,), (entry,)) = select([network], [weights], [data], validating)
        most = f"{100 * max_loss:.2f} points"
        words = f"at most {most} of top-1 lost, beyond doubt, on {_number(images)} images of {images.name}"
        return AnswerRule(entry=fitted(entry, images), images=images, max_loss=max_loss, words=words)
    entry = entry_of(network.name, network, weights, validating)
    if data is None and calibration is None:
        words = f"equal top-1 on {RANDOM_IMAGES} random images, which tell less than --data DIR would"
        return AnswerRule(entry=entry, images=None, max_loss=None, words=words)
    every = open_unlabelled(Path(calibration or "") if data is None else data)
    few = every.spread(CALIBRATION_IMAGES if data is None else MOST_IMAGES_ALIKE)
    part = f"{_number(few)} of {_number(every)}" if len(few.samples) < len(every.samples) else _number(few)
    words = f"equal top-1 on {part} images of {every.name}"
    return AnswerRule(entry=fitted(entry, few), images=few, max_loss=None, words=words)


def right_answers(rule: AnswerRule, plain: Arm, on_progress: Callable[[float], None]) -> RightAnswers:
    """Return the answers of `plain`, eager torch in fp32, which are right."""
    return RightAnswers(rule=rule, rows=_answers(rule, plain, 1, on_progress), on_progress=on_progress)


def fault_in(right: RightAnswers, arm: Arm, batch_size: int) -> str:
    """Return why the answers of `arm`, asked so many images at a time, are not right; empty: they are."""
    try:
        rows = _answers(right.rule, arm, batch_size, right.on_progress)
    except InvalidMeasurementError as error:
        return str(error)
    if right.rule.max_loss is not None:
        return _too_much(rows, right.rows, right.rule.max_loss)
    others = int((first(rows) != first(right.rows)).sum())
    return f"another first class for {others} of {units.integer(len(rows))} images" if others else ""


def _too_much(rows: Rows, expected: Rows, max_loss: float) -> str:
    judged = judge_loss(paired_loss(rows, expected), len(rows), max_loss)
    interval = f"{points(judged.change)} of top-1 [{100 * judged.low:+.2f}, {100 * judged.high:+.2f}]"
    match judged.verdict:
        case Verdict.OK:
            return ""
        case Verdict.REGRESSED:
            return f"loses too much: {interval}"
        case _:
            return f"may lose too much: {interval}; more images tell"


@torch.inference_mode()
def _answers(rule: AnswerRule, arm: Arm, batch_size: int, on_progress: Callable[[float], None]) -> Rows:
    images = rule.images
    contestant = Contestant(
        name=arm.settings.runtime,
        identity="",  # nothing is kept of it
        forward=partial(answer, arm),
        preprocess=rule.entry.preprocess,
        among=images.among if images else None,
        alike=images.alike if images else (),
    )
    shown = _batches(images, rule.entry.preprocess, arm.settings.input_px, batch_size, on_progress)
    with switches(arm.settings):
        parts = evaluate([contestant], shown, device=arm.device, batch_size=batch_size, threads=None)
        return np.concatenate([rows for (rows,) in parts])


def _batches(
    images: ImageSet | None,
    preprocess: Preprocess,
    input_px: tuple[int, int],
    size: int,
    on_progress: Callable[[float], None],
) -> Iterator[Batch]:
    count = len(images.samples) if images else RANDOM_IMAGES
    starts = range(0, count, size)
    batches: Iterable[Batch] = (
        loader.batches(images.samples, [preprocess], starts=starts, batch_size=size, workers=environment.cpu_cores())
        if images
        else (_random_batch(start, min(size, count - start), preprocess, input_px) for start in starts)
    )
    for batch in batches:
        on_progress(batch.first / count)
        yield batch


def _random_batch(start: int, size: int, preprocess: Preprocess, input_px: tuple[int, int]) -> Batch:
    """Return images as decoders give them; each depends on its place alone."""
    frames = [
        torch.randint(256, (*input_px, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(place))
        for place in range(start, start + size)
    ]
    nobody = Sample(name="random image", path=Path(), size_bytes=0, label=0)
    return Batch(first=start, samples=(nobody,) * size, frames={preprocess: torch.stack(frames)})


def _number(images: ImageSet) -> str:
    return units.integer(len(images.samples))
