"""Checkpoints in their settings, ready to run on a set of images."""

from dataclasses import dataclass, replace
from functools import partial

import torch

from resbench import environment
from resbench.accuracy.dataset import ImageSet
from resbench.accuracy.evaluate import Contestant, images_per_pass
from resbench.accuracy.session import Session
from resbench.accuracy.views import views
from resbench.bench.calibrating import calibration_from
from resbench.bench.entries import Entry, Validating, checkpoint_of, fitted
from resbench.bench.passes import images_to_calibrate, one_pass, settings_of
from resbench.errors import ResbenchError
from resbench.records.record import ChosenOptions, Exported, PairedLoss, Settings
from resbench.running.arm import Arm, answer, prepare
from resbench.running.proof import proved_export
from resbench.zoo.spec import Variant


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Course:
    """A checkpoint in its settings, ready to run."""

    entry: Entry
    settings: Settings
    weights: str
    weights_sha256: str
    contestant: Contestant
    arm: Arm
    notes: tuple[str, ...]  # what was changed in the weights
    exported: Exported | None = None  # how the file that runs was proved
    loss: PairedLoss | None = None  # of int8
    chosen: ChosenOptions | None = None  # what it was run with though nobody asked for it


def course_of(entry: Entry, on: torch.device, validating: Validating) -> Course:
    """Load a checkpoint and put it on its device. Raises ResbenchError for what cannot be loaded or run there."""
    settings = settings_of(entry, validating.running, on)
    checkpoint = checkpoint_of(entry, validating)
    running = validating.running
    images = images_to_calibrate(entry.preprocess, running.calibration) if running.calibration else None
    calibration = calibration_from(images)
    arm = prepare(checkpoint.module, one_pass(settings), on, entry.variant.classes, calibration=calibration)
    contestant = Contestant(
        name=entry.asked,
        identity=identity_of(entry.variant, checkpoint.sha256, settings, arm),
        forward=partial(answer, arm),
        preprocess=entry.preprocess,
    )
    return Course(
        entry=entry,
        settings=settings,
        weights=entry.published.name if entry.published else checkpoint.name,
        weights_sha256=checkpoint.sha256,
        contestant=contestant,
        arm=arm,
        notes=tuple(f"{checkpoint.path.name}: {note}" for note in checkpoint.notes),
    )


def identity_of(variant: Variant, sha256: str, settings: Settings, arm: Arm) -> str:
    """Return all that the answers of a network depend on: also versions, machine, the images that calibrated int8.

    Of the machine all but its number of cores: answers of one kind only are put together.
    """
    kind = replace(environment.machine(arm.device), cpu_cores=1)
    calibrated = arm.calibration.fingerprint if arm.calibration else ""
    return f"{variant.name} {sha256} {replace(settings, threads=None)} {arm.engine.versions} {kind} {calibrated}"


def on_set(course: Course, images: ImageSet, validating: Validating) -> Course:
    """Return a checkpoint as the rules of a set have it, and the views that were asked for."""
    entry = fitted(course.entry, images)
    contestant = replace(
        course.contestant,
        preprocess=entry.preprocess,
        among=images.among,
        alike=images.alike,
        views=views(validating.tta, entry.preprocess) if validating.tta else (),
        average=validating.tta_average or "softmax",
    )
    return replace(course, entry=entry, contestant=contestant)


def with_proof(course: Course, validating: Validating, session: Session) -> Course:
    """Prove the file that a runtime runs, in passes as large as those that follow.

    Raises InvalidMeasurementError where its answers differ from eager torch's, ResbenchError for views of other sizes.
    """
    if course.arm.files is None:
        return course
    if {(view.crop_px, view.crop_px) for view in course.contestant.streams} != {course.settings.input_px}:
        raise ResbenchError(
            f"--tta with runtime {course.settings.runtime}: its file takes one image size; leave one out"
        )
    module = checkpoint_of(course.entry, validating).module
    size = images_per_pass(course.contestant.largest, session.device, session.batch_size)
    return replace(course, exported=proved_export(module, course.arm, [size]))
