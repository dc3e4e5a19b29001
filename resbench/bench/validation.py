"""Checkpoints on images: nets, accuracy and the settings of timing meet here."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import psutil
import torch

from resbench import environment
from resbench.accuracy import figures, pixels
from resbench.accuracy.dataset import ImageSet
from resbench.accuracy.distributed import Portion, Ranks, ranks
from resbench.accuracy.hypotheses import ties, unexplained
from resbench.accuracy.journal import Journal
from resbench.accuracy.published import on_classes_of
from resbench.accuracy.session import (
    Examined,
    Progress,
    Scored,
    Session,
    decoder_words,
    examined,
    scored,
    silent,
)
from resbench.bench.corrupting import CorruptedScore, CorruptionPlan, on_corrupted, plan_of
from resbench.bench.courses import Course, course_of, on_set, with_proof
from resbench.bench.entrance import origin_of
from resbench.bench.entries import Entry, Validating, base_of, in_groups, select
from resbench.bench.faster import may_choose, with_fast_options
from resbench.bench.losses import in_fp32, refuse_early_collapses, with_losses
from resbench.bench.passes import session_of
from resbench.errors import ResbenchError
from resbench.records import jsonio, predictions, store
from resbench.records.files import write_together
from resbench.records.predictions import Predictions
from resbench.records.record import Evaluation
from resbench.running.device import resolve
from resbench.running.settings import switches
from resbench.zoo.spec import Variant


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Validated:
    """A finished validation."""

    record: Evaluation
    predictions: Predictions
    notes: tuple[str, ...]  # what was changed in the weights, assumed of the images, and left out
    journals: tuple[Journal, ...]
    path: Path | None = None  # of the record, where it was saved


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """Where answers are kept until the record is made, and which part of the images this process evaluates."""

    folder: Path | None = None  # None: one in the user's cache
    portion: Portion = Portion()  # of less than the whole no record is made


def validate_all(
    networks: Sequence[str | Variant],
    weights: Sequence[str | Path],
    data: Sequence[Path],
    validating: Validating,
    on_progress: Progress = silent,
    output: Path | None = None,
    against: str | None = None,
    *,
    processes: bool = False,
    keeping: Keeping = Keeping(),
) -> list[Validated]:
    """Evaluate checkpoints on each set of `data`, an image for all of them at once. Save the records in `output`.

    As many passes over a set as it takes for the networks to fit into half of the free memory; results come set by
    set, in the order of `networks`. These are names, or patterns that stand for published checkpoints on this machine;
    none means all of those. `weights` are files or names for the `networks` in turn. Where the other sets are to be
    compared `against` one, its images of their classes are a set too, behind all others, for those that show few
    classes. Programs that may start `processes` make corrupted images in some. Under torchrun the ranks share the
    images, and every rank returns everything. With a portion of the images in `keeping`, answers are only kept, and
    nothing is returned: the process that has the whole makes the record.
    Raises ResbenchError for anything that cannot give a right answer, before the first forward pass where possible.
    """
    sets, entries = select(networks, weights, data, validating)
    sets += counterparts(sets, data, against)
    plan = None
    if validating.corruptions:
        plan = plan_of(validating.corruptions, sets, entries, validating, processes=processes)
    with ranks() as group:
        on = resolve(validating.device or _own_device(group))
        done: list[list[Validated]] = [[] for _ in sets]
        for some in group.gather(in_groups(entries, _room_bytes(on, validating)))[0]:  # the same on every rank
            new = _one_pass(some, sets, on, group, validating, on_progress, plan, keeping)
            for before, added in zip(done, new, strict=True):
                before += added
        results = list(chain.from_iterable(done))
        results = _saved(results, output) if output and group.rank == 0 else results
        group.gather(None)  # what can be gone on from is forgotten when every record is safe, not before
        for result in results:
            for journal in result.journals:
                journal.remove()
    return results


def counterparts(sets: Sequence[ImageSet], data: Sequence[Path], against: str | None) -> list[ImageSet]:
    """Return the images of the set `against` which others are compared, each time of their classes, for few classes."""
    if against is None:
        return []
    base = sets[base_of(against, [images.name for images in sets], data)]
    parts = (on_classes_of(base, other) for other in sets if other is not base)
    by_images = {(images.fingerprint, images.among): images for images in parts if images}
    return list(by_images.values())


def _one_pass(
    entries: Sequence[Entry],
    sets: Sequence[ImageSet],
    on: torch.device,
    group: Ranks,
    validating: Validating,
    on_progress: Progress,
    plan: CorruptionPlan | None,
    keeping: Keeping,
) -> list[list[Validated]]:
    """Return the validations of checkpoints that are in memory together, for each of the sets; none of a portion."""
    courses = [course_of(entry, on, validating) for entry in entries]
    int8 = validating.running.dtype == "int8"
    twins = [course_of(entry, on, in_fp32(validating)) for entry in entries] if int8 else []
    done = []
    with switches(courses[0].settings):
        for images in sets:
            watch = environment.watch(on)
            chosen, session, seen = _ready([*courses, *twins], images, on, group, validating, on_progress, keeping)
            if twins:
                refuse_early_collapses(chosen, seen.images, session, validating)
            contestants = [course.contestant for course in chosen]
            scores = scored(contestants, seen.images, session)
            if twins:
                chosen = with_losses(chosen, scores, seen.images, validating)
            asked = contestants[: len(courses)]
            corrupted = on_corrupted(asked, seen.images, session, plan) if plan else [None] * len(asked)
            results = (
                _with_corruptions(_validated(course, own, images, seen, session, validating, watch), beside)
                for course, own, beside in zip(chosen[: len(courses)], scores, corrupted, strict=False)
            )
            done.append(list(results) if keeping.portion.is_whole else [])
            for base in scores[len(courses) :]:
                base.journal.remove()
    return done


def _ready(
    courses: Sequence[Course],
    images: ImageSet,
    on: torch.device,
    group: Ranks,
    validating: Validating,
    on_progress: Progress,
    keeping: Keeping,
) -> tuple[list[Course], Session, Examined]:
    """Return checkpoints ready to run on a set, how they go through it, and its images, which were looked at."""
    fitted = [on_set(course, images, validating) for course in courses]
    contestants = [course.contestant for course in fitted]
    session = session_of(contestants, courses[0].settings, on, group, validating, on_progress)
    session = replace(session, portion=keeping.portion, journals=keeping.folder)
    proved = [with_proof(course, validating, session) for course in fitted]
    streams = list(dict.fromkeys(chain.from_iterable(contestant.streams for contestant in contestants)))
    seen = examined(images, session, skip=validating.skip_unreadable, streams=streams)
    chosen, session = with_fast_options(proved, seen.images, session, validating)
    return chosen, session, seen


def _with_corruptions(result: Validated, beside: CorruptedScore | None) -> Validated:
    if beside is None:
        return result
    record = replace(result.record, corruptions=beside.corruptions)
    return replace(result, record=record, journals=(*result.journals, *beside.journals))


def _room_bytes(on: torch.device, validating: Validating) -> int:
    """Return the memory that weights may take: half of what is free, a quarter where each network may be copied."""
    return _free_bytes(on) // (4 if may_choose(validating, on) else 2)


def _free_bytes(on: torch.device) -> int:
    return torch.cuda.mem_get_info(on)[0] if on.type == "cuda" else psutil.virtual_memory().available


def _own_device(group: Ranks) -> str | None:
    """Return the CUDA device of a rank among several; None leaves the choice to `resolve`."""
    several = group.size > 1 and torch.cuda.is_available()
    return f"cuda:{group.local_rank % torch.cuda.device_count()}" if several else None


def is_main() -> bool:
    """Tell whether this process is the one that shows and saves: the first of those that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


def _saved(results: Sequence[Validated], root: Path) -> list[Validated]:
    paths = [root / store.path_of(result.record) for result in results]
    try:
        for result, path in zip(results, paths, strict=True):
            answers, record = predictions.encoded(result.predictions), jsonio.dumps(result.record).encode()
            write_together({predictions.path_beside(path): answers, path: record})
        return [replace(result, path=path) for result, path in zip(results, paths, strict=True)]
    except ResbenchError as error:
        raise ResbenchError(f"{error}; what was evaluated is kept") from None


def _validated(
    course: Course,
    own: Scored,
    images: ImageSet,
    seen: Examined,
    session: Session,
    validating: Validating,
    watch: environment.Watch,
) -> Validated:
    answers = Predictions(names=tuple(sample.name for sample in seen.images.samples), rows=own.rows)
    real = figures.real_top1(answers)
    contestant = course.contestant
    record = Evaluation(
        network=course.entry.variant.name,
        weights=course.weights,
        weights_sha256=course.weights_sha256,
        dataset=images.describe(),
        pixels=replace(
            pixels.recorded(contestant.preprocess, _decoder(course, seen.images, own, session)),
            tta=validating.tta,
            tta_average=validating.tta_average,
        ),
        settings=course.settings,
        engine=course.arm.engine,
        exported=course.exported,
        loss=course.loss,
        chosen=course.chosen,
        batch_size=session.batch_size,
        images=len(own.rows),
        top1_right=int(predictions.top1(own.rows).sum()),
        top5_right=int(predictions.top5(own.rows).sum()),
        real_top1_right=real[0] if real else None,
        real_images=real[1] if real else None,
        skipped=seen.skipped,
        predictions_sha256=answers.sha256,
        origin=origin_of(course.entry.variant, course.settings.input_px),
        environment=watch.environment(),
        run=watch.run(),
    )
    notes = _notes(course, own, images, seen)
    return Validated(record=record, predictions=answers, notes=notes, journals=(own.journal,))


def _decoder(course: Course, images: ImageSet, own: Scored, session: Session) -> str:
    """Return what a record says of the decoder; one that was chosen has shown already that its pixels are Pillow's."""
    if course.chosen and "simplejpeg" in course.chosen.options:
        return session.decoder.name
    return decoder_words(course.contestant, images, own.rows, session)


def _notes(course: Course, own: Scored, images: ImageSet, seen: Examined) -> tuple[str, ...]:
    """Return what the user should know of a validation."""
    doubt = unexplained(own.rows, images.classes) or ties(own.rows)
    notes = [*course.notes, *map(str, seen.symptoms)]
    notes += [f"{course.contestant.name}: {doubt}"] if doubt else []
    if course.loss and course.loss.overlap:
        notes.append(f"{course.loss.overlap} of these images calibrated int8 too, so its loss may look too small")
    if own.journal.failure:
        notes.append(f"progress could not be kept ({own.journal.failure}); an interrupted run would begin anew")
    return tuple(notes)
