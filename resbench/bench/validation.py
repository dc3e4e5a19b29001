"""Checkpoints on images: nets, accuracy and the settings of timing meet here."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Unpack

import psutil
import torch

from resbench import environment
from resbench.accuracy import figures, pixels
from resbench.accuracy.dataset import ImageSet
from resbench.accuracy.decoders import decoder
from resbench.accuracy.distributed import Ranks, ranks
from resbench.accuracy.evaluate import CPU_PIXELS, Contestant, largest_batch
from resbench.accuracy.hypotheses import ties, unexplained
from resbench.accuracy.journal import Journal
from resbench.accuracy.session import Examined, Progress, Scored, Session, decoded, examined, scored, silent
from resbench.bench.entries import Entry, Options, fitting, opened
from resbench.errors import ResbenchError
from resbench.nets.checkpoints import load_checkpoint
from resbench.records import predictions, store
from resbench.records.predictions import Predictions
from resbench.records.record import Evaluation, Settings
from resbench.running.arm import answer, prepare
from resbench.running.device import resolve
from resbench.running.settings import Running, settings_for, switches


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Course:
    """A checkpoint in its settings, ready to run."""

    entry: Entry
    settings: Settings
    weights: str
    weights_sha256: str
    contestant: Contestant
    notes: tuple[str, ...]  # what was changed in the weights


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Validated:
    """A finished validation."""

    record: Evaluation
    predictions: Predictions
    notes: tuple[str, ...]  # what was changed in the weights, assumed of the images, and left out
    journal: Journal
    path: Path | None = None  # of the record, where it was saved


def validate(
    network: str,
    data: str | Path,
    *,
    weights: str | Path | None = None,
    on_progress: Progress = silent,
    **options: Unpack[Options],
) -> Evaluation:
    """Count how many images of `data` a checkpoint gets right.

    `network` and `weights` as for `load`. Preprocessing is the published checkpoint's; options override it.
    Raises ResbenchError for anything that cannot give a right answer.
    """
    (result,) = validate_all([network], [] if weights is None else [weights], Path(data), options, on_progress)
    return result.record


def validate_all(
    networks: Sequence[str],
    weights: Sequence[str | Path],
    data: Path,
    options: Options,
    on_progress: Progress = silent,
    output: Path | None = None,
) -> list[Validated]:
    """Evaluate several checkpoints in one pass over `data`: each image is decoded once. Save the records in `output`.

    As many passes as it takes for the networks to fit into half of the free memory.
    `networks` are names, or patterns that stand for published checkpoints on this machine; none means all of those.
    `weights` are files or names for the `networks` in turn. Under torchrun the ranks share the images, and every rank
    returns everything. Raises ResbenchError for anything that cannot give a right answer, before the first forward
    pass where possible.
    """
    images, entries = opened(networks, weights, data, options)
    with ranks() as group:
        on = resolve(options.get("device") or _own_device(group))
        done: list[Validated] = []
        for some in group.gather(fitting(entries, _free_bytes(on) // 2))[0]:  # the same on every rank
            done += _one_pass(some, images, on, group, options, on_progress)
        done = _saved(done, output) if output and group.rank == 0 else done
        group.gather(None)  # what can be gone on from is forgotten when every record is safe, not before
        for one in done:
            one.journal.remove()
    return done


def _one_pass(
    entries: Sequence[Entry],
    images: ImageSet,
    on: torch.device,
    group: Ranks,
    options: Options,
    on_progress: Progress,
) -> list[Validated]:
    watch = environment.watch(on)
    courses = [_course(entry, images, on, options) for entry in entries]
    contestants = [course.contestant for course in courses]
    with switches(courses[0].settings):
        session = session_of(contestants, courses[0].settings, on, group, options, on_progress)
        skip, streams = options.get("skip_unreadable", False), [one.preprocess for one in contestants]
        seen = examined(images, session, skip=skip, streams=streams)
        found = scored(contestants, seen.images, session)
        return [
            _validated(course, one, images, seen, session, watch) for course, one in zip(courses, found, strict=True)
        ]


def _free_bytes(on: torch.device) -> int:
    return torch.cuda.mem_get_info(on)[0] if on.type == "cuda" else psutil.virtual_memory().available


def session_of(
    contestants: Sequence[Contestant],
    settings: Settings,
    on: torch.device,
    group: Ranks,
    options: Options,
    on_progress: Progress,
) -> Session:
    """Return how contestants are gone through with on `on`, the first of them in `settings`."""
    return Session(
        device=on,
        batch_size=min(group.gather(_batch_size(contestants, on, options))),  # ranks share batches: one size for all
        workers=options.get("workers") or max(1, environment.cpu_cores() // group.local_size),
        threads=_passes_at_a_time(settings),
        group=group,
        on_progress=on_progress,
        cache=options.get("cache"),
        way=decoder(options.get("decoder", "pillow"), on),
    )


def settings_of(entry: Entry, options: Options, on: torch.device) -> Settings:
    """Return how a checkpoint is run at the size of its own images. Raises ResbenchError for what `on` cannot run."""
    running = Running(
        input_px=entry.preprocess.crop_px,
        dtype=options.get("dtype", "fp32"),
        amp=options.get("amp", False),
        channels_last=options.get("channels_last", False),
        compile_mode=options.get("compile_mode"),
        fuse=options.get("fuse", False),
        winograd=options.get("winograd", False),
        threads=options.get("threads"),
    )
    return settings_for(running, entry.variant.input_px, on)


def _course(entry: Entry, images: ImageSet, on: torch.device, options: Options) -> Course:
    settings = settings_of(entry, options, on)
    loaded = load_checkpoint(entry.asked, entry.weights)
    arm = prepare(loaded.module, settings, on, entry.variant.classes)
    contestant = Contestant(
        name=entry.asked,
        identity=f"{entry.variant.name} {loaded.sha256} {replace(settings, threads=None)}",
        forward=partial(answer, arm),
        preprocess=entry.preprocess,
        among=images.among,
    )
    return Course(
        entry=entry,
        settings=settings,
        weights=entry.published.name if entry.published else loaded.path.name,
        weights_sha256=loaded.sha256,
        contestant=contestant,
        notes=(*(f"{loaded.path.name}: {note}" for note in loaded.notes), *_unsought(options, on)),
    )


def _own_device(group: Ranks) -> str | None:
    """Return the CUDA device of a rank among several; None leaves the choice to `resolve`."""
    several = group.size > 1 and torch.cuda.is_available()
    return f"cuda:{group.local_rank % torch.cuda.device_count()}" if several else None


def is_main() -> bool:
    """Tell whether this process is the one that shows and saves: the first of those that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


def _saved(results: Sequence[Validated], root: Path) -> list[Validated]:
    try:
        for one in results:
            predictions.save(one.predictions, predictions.path_beside(root / store.path_of(one.record)))
        return [replace(one, path=store.save(one.record, root)) for one in results]
    except ResbenchError as error:
        raise ResbenchError(f"{error}; what was evaluated is kept") from None


def _batch_size(contestants: Sequence[Contestant], on: torch.device, options: Options) -> int:
    asked = options.get("batch_size")
    if asked == "auto" and on.type != "cpu":
        return largest_batch(contestants, on, most=512)
    if isinstance(asked, int):
        return asked
    smallest = min(one.preprocess.crop_px for one in contestants)
    return max(32, min(256, CPU_PIXELS // smallest**2)) if on.type == "cpu" else 256


def _unsought(options: Options, on: torch.device) -> list[str]:
    """Return what there is to say of a batch size that was to be found, where none is looked for."""
    if options.get("batch_size") != "auto" or on.type != "cpu":
        return []
    return ["--batch-size auto: on the CPU forward passes take few images whatever the batch, the default was taken"]


def _passes_at_a_time(settings: Settings) -> int | None:
    """Return how many forward passes share the CPU, each on one core; a compiled network takes them all at once."""
    return None if settings.compile else settings.threads


def _validated(
    course: Course,
    found: Scored,
    images: ImageSet,
    seen: Examined,
    session: Session,
    watch: environment.Watch,
) -> Validated:
    answers = Predictions(names=tuple(sample.name for sample in seen.images.samples), rows=found.rows)
    real = figures.real_top1(answers)
    contestant = course.contestant
    record = Evaluation(
        network=course.entry.variant.name,
        weights=course.weights,
        weights_sha256=course.weights_sha256,
        dataset=images.describe(),
        pixels=pixels.describe(contestant.preprocess, decoded(contestant, seen.images, found.rows, session)),
        settings=course.settings,
        batch_size=session.batch_size,
        images=len(found.rows),
        top1_right=int(predictions.top1(found.rows).sum()),
        top5_right=int(predictions.top5(found.rows).sum()),
        real_top1_right=real[0] if real else None,
        real_images=real[1] if real else None,
        skipped=seen.skipped,
        predictions_sha256=answers.sha256,
        environment=watch.environment(),
        run=watch.run(),
    )
    doubt = unexplained(found.rows, images.classes) or ties(found.rows)
    notes = (*course.notes, *map(str, seen.symptoms), *([f"{contestant.name}: {doubt}"] if doubt else []))
    return Validated(record=record, predictions=answers, notes=notes, journal=found.journal)
