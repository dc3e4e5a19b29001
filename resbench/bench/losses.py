"""Networks in int8 beside themselves in fp32: what is lost, and where a collapse begins."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from torch import Tensor, nn

from resbench.accuracy import loader, pixels
from resbench.accuracy.dataset import ImageSet
from resbench.accuracy.session import Scored, Session, score
from resbench.bench.calibrating import images_in_both
from resbench.bench.courses import Course
from resbench.bench.entries import Validating, checkpoint_of
from resbench.errors import InvalidMeasurementError
from resbench.judging.losses import has_collapsed
from resbench.records.predictions import Rows, top1, top5
from resbench.records.record import PairedLoss
from resbench.running.arm import Arm
from resbench.running.proof import departing_layer
from resbench.zoo.spec import Preprocess

FIRST_IMAGES = 500  # in which a collapse shows, so that nobody waits for the rest


def in_fp32(validating: Validating) -> Validating:
    """Return how the same weights run in plain torch, fp32."""
    running = replace(validating.running, runtime="eager", dtype="fp32", calibration=None)
    return replace(validating, running=running, plain=True)


def paired_loss(int8: Rows, fp32: Rows, overlap: int = 0) -> PairedLoss:
    """Compare the answers in int8 with those in fp32 to the same images, in the same order."""
    return PairedLoss(
        fp32_top1_right=int(top1(fp32).sum()),
        top1=_lost_and_gained(top1(fp32), top1(int8)),
        top5=_lost_and_gained(top5(fp32), top5(int8)),
        overlap=overlap,
    )


def refuse_early_collapses(
    courses: Sequence[Course], images: ImageSet, session: Session, validating: Validating
) -> None:
    """Evaluate the first images of a large set alone. Raises as `with_losses`, which takes the same courses."""
    if len(images.samples) > FIRST_IMAGES:
        first = replace(images, samples=images.samples[:FIRST_IMAGES])
        contestants = [course.contestant for course in courses]
        answers = score(contestants, first, replace(session, sure_of_labels=True))  # doubted when all were shown
        _refuse_collapses(courses, answers, first, validating)


def with_losses(
    courses: Sequence[Course], scores: Sequence[Scored], images: ImageSet, validating: Validating
) -> list[Course]:
    """Return the courses in int8, the first half, with what each lost against its twin in fp32 of the second half.

    Raises InvalidMeasurementError for one that lost too much.
    """
    _refuse_collapses(courses, [answers.rows for answers in scores], images, validating)
    half = len(courses) // 2
    overlap = images_in_both(str(validating.running.calibration), images.samples)
    return [
        replace(course, loss=paired_loss(int8.rows, fp32.rows, overlap))
        for course, int8, fp32 in zip(courses, scores, scores[half:], strict=False)
    ]


def _refuse_collapses(
    courses: Sequence[Course], answers: Sequence[Rows], images: ImageSet, validating: Validating
) -> None:
    for course, int8, fp32 in zip(courses, answers, answers[len(courses) // 2 :], strict=False):
        module = checkpoint_of(course.entry, validating).module
        image = partial(_prepared, images, course.contestant.preprocess)
        refuse_collapse(course.contestant.name, course.arm, module, (int8, fp32), image)


def _prepared(images: ImageSet, preprocess: Preprocess, place: int) -> Tensor:
    """Return the image at a place of the set as the network takes it, (1, 3, H, W)."""
    (batch,) = loader.batches(images.samples, [preprocess], starts=[place], batch_size=1, workers=1)
    return pixels.normalise(batch.frames[preprocess], preprocess)


def refuse_collapse(
    name: str, arm: Arm, module: nn.Module, answers: Sequence[Rows], image: Callable[[int], Tensor]
) -> None:
    """Raise InvalidMeasurementError where `arm` in int8, whose answers come first, lost too much against fp32.

    `image` returns the one at a place of the set, (1, 3, H, W): the first that was lost tells the layer.
    """
    int8, fp32 = answers
    loss = paired_loss(int8, fp32)
    if has_collapsed(loss, len(int8)):
        layer = departing_layer(module, arm, image(int(np.flatnonzero(top1(fp32) & ~top1(int8))[0])))
        right = loss.fp32_top1_right - loss.top1[0] + loss.top1[1]
        raise InvalidMeasurementError(
            f"{name}: int8 has collapsed: {right} of the first {len(int8)} images right, {loss.fp32_top1_right} in fp32"
            f"{f'; the first layer that departs is {layer}' if layer else ''}; calibrate with images like these, or "
            "use another runtime"
        )


def _lost_and_gained(before: np.ndarray, after: np.ndarray) -> tuple[int, int]:
    return int((before & ~after).sum()), int((~before & after).sum())
