"""Checkpoints on images: nets, accuracy and the settings of timing meet here."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import psutil
import torch
from torch import nn

from resbench import environment
from resbench.accuracy import figures, pixels
from resbench.accuracy.dataset import ImageSet
from resbench.accuracy.distributed import Ranks, ranks
from resbench.accuracy.evaluate import Contestant
from resbench.accuracy.hypotheses import ties, unexplained
from resbench.accuracy.journal import Journal
from resbench.accuracy.session import Examined, Progress, Scored, Session, decoder_words, examined, scored, silent
from resbench.bench.entrance import entered, origin_of
from resbench.bench.entries import Entry, Validating, in_groups, select
from resbench.bench.passes import session_of, settings_of
from resbench.errors import ResbenchError
from resbench.nets.checkpoints import load_checkpoint
from resbench.records import jsonio, predictions, store
from resbench.records.files import write_together
from resbench.records.predictions import Predictions
from resbench.records.record import DType, Evaluation, Settings
from resbench.running.arm import answer, prepare
from resbench.running.device import resolve
from resbench.running.settings import Running, switches
from resbench.timing.speeds import BatchSize
from resbench.zoo.spec import CropMode, Interpolation, Variant


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
    network: str | Variant | nn.Module,
    data: str | Path,
    *,
    name: str | None = None,
    weights: str | Path | None = None,
    key: str | None = None,
    labels: str | Path | None = None,
    classes: int | None = None,
    classes_file: str | Path | None = None,
    input_px: int | None = None,
    crop_pct: float | None = None,
    interpolation: Interpolation | None = None,
    crop_mode: CropMode | None = None,
    mean: tuple[float, float, float] | None = None,
    std: tuple[float, float, float] | None = None,
    dtype: DType = "fp32",
    amp: bool = False,
    channels_last: bool = False,
    compile_mode: str | None = None,
    fuse: bool = False,
    winograd: bool = False,
    threads: int | None = None,
    batch_size: BatchSize | None = None,
    workers: int | None = None,
    device: str | None = None,
    skip_unreadable: bool = False,
    cache: str | Path | None = None,
    decoder: str = "pillow",
    on_progress: Progress = silent,
) -> Evaluation:
    """Count how many images of `data` a checkpoint gets right.

    - `network`, `weights`: a network and a file of weights or a published checkpoint, or the name of the latter alone;
      or a torch module with its own weights, whose `name` is by default its class's.
    - `key`: which weights, if the file holds several sets, such as "model_ema" beside "model".
    - `data`, `labels`: images as people have them (docs/validating.md), and a file that gives them their classes.
    - `classes`, `classes_file`: how many the head has (by default those of the file of weights), and a file of their
      names, one per line in the order of the outputs, for folders of images that are called so.
    - `input_px`, `crop_pct`, `interpolation`, `crop_mode`, `mean`, `std`: the side of the crop, its share of the
      resized image, and so on; by default the published checkpoint's.
    - `dtype`, `amp`: the type of weights and images; with `amp` weights stay in fp32 and torch autocasts to `dtype`.
    - `channels_last`, `fuse`, `winograd`, `compile_mode`: memory layout, batch norms folded into convolutions,
      Winograd's algorithm (CPU, fp32), a mode of torch.compile.
    - `threads`: of the CPU; by default torch's own number. `workers`: threads that decode; by default one per core.
    - `batch_size`: images per step; "auto" is the most that the device has memory for. Counts do not depend on it.
    - `device`: "cuda", "cuda:1", "mps" or "cpu"; by default the first there is.
    - `skip_unreadable`: leave unreadable images out, and name them in the record, instead of failing.
    - `cache`: a folder for prepared images. `decoder`: "pillow", "simplejpeg", "simplejpeg+torch" or "nvimgcodec".
    - `on_progress`: is told the stage, images done, images in all, and right answers so far.

    Raises ResbenchError for anything that cannot give a right answer.
    """
    running = Running(
        input_px=input_px,
        dtype=dtype,
        amp=amp,
        channels_last=channels_last,
        compile_mode=compile_mode,
        fuse=fuse,
        winograd=winograd,
        threads=threads,
    )
    validating = Validating(
        running=running,
        key=key,
        labels=None if labels is None else Path(labels),
        classes=classes,
        classes_file=None if classes_file is None else Path(classes_file),
        crop_pct=crop_pct,
        interpolation=interpolation,
        crop_mode=crop_mode,
        mean=mean,
        std=std,
        batch_size=batch_size,
        workers=workers,
        device=device,
        skip_unreadable=skip_unreadable,
        cache=None if cache is None else Path(cache),
        decoder=decoder,
    )
    asked = network if isinstance(network, str) else entered(network, input_px, name)
    (result,) = validate_all([asked], [] if weights is None else [weights], Path(data), validating, on_progress)
    return result.record


def validate_all(
    networks: Sequence[str | Variant],
    weights: Sequence[str | Path],
    data: Path,
    validating: Validating,
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
    images, entries = select(networks, weights, data, validating)
    with ranks() as group:
        on = resolve(validating.device or _own_device(group))
        done: list[Validated] = []
        for some in group.gather(in_groups(entries, _free_bytes(on) // 2))[0]:  # the same on every rank
            done += _one_pass(some, images, on, group, validating, on_progress)
        done = _saved(done, output) if output and group.rank == 0 else done
        group.gather(None)  # what can be gone on from is forgotten when every record is safe, not before
        for result in done:
            result.journal.remove()
    return done


def _one_pass(
    entries: Sequence[Entry],
    images: ImageSet,
    on: torch.device,
    group: Ranks,
    validating: Validating,
    on_progress: Progress,
) -> list[Validated]:
    watch = environment.watch(on)
    courses = [_course(entry, images, on, validating) for entry in entries]
    contestants = [course.contestant for course in courses]
    with switches(courses[0].settings):
        session = session_of(contestants, courses[0].settings, on, group, validating, on_progress)
        streams = [contestant.preprocess for contestant in contestants]
        seen = examined(images, session, skip=validating.skip_unreadable, streams=streams)
        scores = scored(contestants, seen.images, session)
        return [
            _validated(course, contestant, images, seen, session, watch)
            for course, contestant in zip(courses, scores, strict=True)
        ]


def _free_bytes(on: torch.device) -> int:
    return torch.cuda.mem_get_info(on)[0] if on.type == "cuda" else psutil.virtual_memory().available


def _course(entry: Entry, images: ImageSet, on: torch.device, validating: Validating) -> Course:
    settings = settings_of(entry, validating.running, on)
    loaded = load_checkpoint(entry.variant, entry.source, validating.key)
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
        weights=entry.published.name if entry.published else loaded.name,
        weights_sha256=loaded.sha256,
        contestant=contestant,
        notes=tuple(f"{loaded.path.name}: {note}" for note in loaded.notes),
    )


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
    score: Scored,
    images: ImageSet,
    seen: Examined,
    session: Session,
    watch: environment.Watch,
) -> Validated:
    answers = Predictions(names=tuple(sample.name for sample in seen.images.samples), rows=score.rows)
    real = figures.real_top1(answers)
    contestant = course.contestant
    record = Evaluation(
        network=course.entry.variant.name,
        weights=course.weights,
        weights_sha256=course.weights_sha256,
        dataset=images.describe(),
        pixels=pixels.recorded(contestant.preprocess, decoder_words(contestant, seen.images, score.rows, session)),
        settings=course.settings,
        batch_size=session.batch_size,
        images=len(score.rows),
        top1_right=int(predictions.top1(score.rows).sum()),
        top5_right=int(predictions.top5(score.rows).sum()),
        real_top1_right=real[0] if real else None,
        real_images=real[1] if real else None,
        skipped=seen.skipped,
        predictions_sha256=answers.sha256,
        origin=origin_of(course.entry.variant, course.settings.input_px),
        environment=watch.environment(),
        run=watch.run(),
    )
    doubt = unexplained(score.rows, images.classes) or ties(score.rows)
    notes = [*course.notes, *map(str, seen.symptoms)]
    notes += [f"{contestant.name}: {doubt}"] if doubt else []
    if score.journal.failure:
        notes.append(f"progress could not be kept ({score.journal.failure}); an interrupted run would begin anew")
    return Validated(record=record, predictions=answers, notes=tuple(notes), journal=score.journal)
