"""Checkpoints on images: nets, accuracy and the settings of timing meet here."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, Unpack

import torch
from torch import Tensor

from resbench import environment
from resbench.accuracy import layouts, pixels, predictions
from resbench.accuracy.dataset import ImageSet
from resbench.accuracy.distributed import Ranks, ranks
from resbench.accuracy.evaluate import CPU_PIXELS, Contestant, largest_batch
from resbench.accuracy.predictions import Predictions, Rows
from resbench.accuracy.session import Progress, Session, readable, score, silent
from resbench.errors import ResbenchError
from resbench.nets.cache import folder, path_of
from resbench.nets.checkpoints import load_checkpoint
from resbench.records import store
from resbench.records.record import Evaluation, Settings
from resbench.timing import settings as running
from resbench.timing.arms import prepare
from resbench.timing.device import resolve
from resbench.zoo.find import find, find_weights
from resbench.zoo.spec import Preprocess, Variant, Weights
from resbench.zoo.weights import WEIGHTS


class Options(running.Options, total=False):
    """How to validate; what is left out is the checkpoint's or the device's own. `input_px` is the side of the crop."""

    labels: Path | None  # a file of labels
    crop_pct: float | None
    interpolation: str | None
    crop_mode: str | None
    mean: tuple[float, float, float] | None
    std: tuple[float, float, float] | None
    batch_size: int | Literal["auto"] | None
    workers: int | None
    device: str | None
    skip_unreadable: bool
    cache: Path | None  # a folder for prepared frames


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A checkpoint that is to be validated."""

    asked: str
    weights: str | Path | None
    variant: Variant
    published: Weights | None
    preprocess: Preprocess


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Course:
    """A checkpoint in its settings, ready to run."""

    entry: Entry
    settings: Settings
    weights: str
    weights_sha256: str
    contestant: Contestant


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Validated:
    """A finished validation."""

    record: Evaluation
    predictions: Predictions


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
) -> list[Validated]:
    """Evaluate several checkpoints in one pass over `data`: each image is decoded once.

    `networks` are names, or patterns that stand for published checkpoints on this machine; none means all of those.
    `weights` are files or names for the `networks` in turn. Under torchrun the ranks share the images, and every rank
    returns everything. Raises ResbenchError for anything that cannot give a right answer, before the first forward
    pass where possible.
    """
    asked = _asked(networks, weights)
    images = layouts.open_set(data, options.get("labels"))
    entries = [_entry(network, file, options) for network, file in asked or _on_disk(networks, images.classes)]
    for entry in entries:
        if entry.variant.classes != images.classes:
            raise ResbenchError(
                f"{entry.asked}: tells {entry.variant.classes} classes apart, the images of {data} have "
                f"{images.classes}; choose a network for these classes"
            )
    with ranks() as group:
        on = resolve(options.get("device") or _own_device(group))
        watch = environment.watch(on)
        courses = [_course(entry, images, on, options) for entry in entries]
        contestants = [course.contestant for course in courses]
        with running.switches(courses[0].settings):
            session = Session(
                device=on,
                batch_size=_batch_size(contestants, on, options),
                workers=options.get("workers") or max(1, environment.cpu_cores() // group.local_size),
                threads=_passes_at_a_time(courses[0].settings),
                group=group,
                on_progress=on_progress,
                cache=options.get("cache"),
            )
            usable, skipped = readable(
                images,
                session,
                skip=options.get("skip_unreadable", False),
                streams=[one.preprocess for one in contestants],
            )
            found = score(contestants, usable, session)
        return [
            _validated(course, rows, images, usable, skipped, session.batch_size, watch)
            for course, rows in zip(courses, found, strict=True)
        ]


def _asked(networks: Sequence[str], weights: Sequence[str | Path]) -> list[tuple[str, str | Path | None]]:
    """Return what was named, or nothing when it is to be looked for on disk."""
    if weights and len(weights) != len(networks):
        raise ResbenchError(f"{len(weights)} times --weights for {len(networks)} networks; give one for each, in order")
    if not networks or any(mark in name for name in networks for mark in "*?["):
        return []
    for name in networks:
        find(name)
    files: Sequence[str | Path | None] = weights or [None] * len(networks)
    return list(zip(networks, files, strict=True))


def _on_disk(patterns: Sequence[str], classes: int) -> list[tuple[str, str | Path | None]]:
    """Return the published checkpoints on this machine for so many classes whose own or network's name fits."""
    here = [one for one in WEIGHTS if path_of(one).exists() and find(one.name).classes == classes]
    fits = [
        one.name for one in here if any(fnmatchcase(n, p) for p in patterns or ["*"] for n in (one.name, one.network))
    ]
    if not fits:
        wanted = f"that fit {' '.join(patterns)}" if patterns else f"for {classes} classes"
        raise ResbenchError(
            f"no published checkpoints {wanted} in {folder()}; fetch one, or name NETWORK and --weights"
        )
    return [(name, None) for name in fits]


def _entry(network: str, weights: str | Path | None, options: Options) -> Entry:
    variant = find(network)
    published = find_weights(network if weights is None else str(weights))
    own = Preprocess(crop_px=variant.input_px, crop_pct=0.875 if variant.input_px > 64 else 1.0)
    preprocess = pixels.adapt(
        published.preprocess if published else own,
        crop_px=options.get("input_px"),
        crop_pct=options.get("crop_pct"),
        interpolation=options.get("interpolation"),
        crop_mode=options.get("crop_mode"),
        mean=options.get("mean"),
        std=options.get("std"),
    )
    return Entry(asked=network, weights=weights, variant=variant, published=published, preprocess=preprocess)


def _course(entry: Entry, images: ImageSet, on: torch.device, options: Options) -> Course:
    known = {name: value for name, value in options.items() if name in running.Options.__annotations__}
    settings = running.settings(
        running.Options(**{**known, "input_px": entry.preprocess.crop_px}),  # type: ignore[typeddict-item]
        entry.variant.input_px,
        on,
    )
    loaded = load_checkpoint(entry.asked, entry.weights)
    arm = prepare(loaded.module, settings, on, entry.variant.classes)

    def forward(inputs: Tensor) -> Tensor:
        return arm.forward(inputs.to(dtype=running.weight_dtype(settings), memory_format=running.layout(settings)))

    contestant = Contestant(
        name=entry.asked,
        identity=f"{entry.variant.name} {loaded.sha256} {replace(settings, threads=None)}",
        forward=forward,
        preprocess=entry.preprocess,
        among=images.among,
    )
    return Course(
        entry=entry,
        settings=settings,
        weights=entry.published.name if entry.published else loaded.path.name,
        weights_sha256=loaded.sha256,
        contestant=contestant,
    )


def _own_device(group: Ranks) -> str | None:
    """Return the CUDA device of a rank among several; None leaves the choice to `resolve`."""
    several = group.size > 1 and torch.cuda.is_available()
    return f"cuda:{group.local_rank % torch.cuda.device_count()}" if several else None


def parse_batch_size(text: str | None) -> int | Literal["auto"] | None:
    """Read "32" or "auto"; None stands for the device's own. Raises ResbenchError for anything else."""
    if text is None or text == "auto":
        return text  # type: ignore[return-value]
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ResbenchError(f"batch size {text!r}: give a positive number, or auto")
    return int(text)


def is_main() -> bool:
    """Tell whether this process is the one that shows and saves: the first of those that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


def save(results: Sequence[Validated], root: Path) -> list[Path]:
    """Write every record below `root`, its predictions beside it, and return the records' paths."""
    paths = []
    for one in results:
        predictions.save(one.predictions, predictions.path_beside(root / store.path_of(one.record)))
        paths.append(store.save(one.record, root))
    return paths


def _batch_size(contestants: Sequence[Contestant], on: torch.device, options: Options) -> int:
    asked = options.get("batch_size")
    if asked == "auto" and on.type != "cpu":
        return largest_batch(contestants, on, most=512)
    if isinstance(asked, int):
        return asked
    smallest = min(one.preprocess.crop_px for one in contestants)
    return max(32, min(256, CPU_PIXELS // smallest**2)) if on.type == "cpu" else 256


def _passes_at_a_time(settings: Settings) -> int | None:
    """Return how many forward passes share the CPU, each on one core; a compiled network takes them all at once."""
    return None if settings.compile else settings.threads


def _validated(
    course: Course,
    rows: Rows,
    images: ImageSet,
    usable: ImageSet,
    skipped: tuple[str, ...],
    batch_size: int,
    watch: environment.Watch,
) -> Validated:
    seen = Predictions(names=tuple(sample.name for sample in usable.samples), rows=rows)
    real = predictions.real_top1(seen)
    record = Evaluation(
        network=course.entry.variant.name,
        weights=course.weights,
        weights_sha256=course.weights_sha256,
        dataset=images.describe(),
        pixels=pixels.describe(course.contestant.preprocess),
        settings=course.settings,
        batch_size=batch_size,
        images=len(rows),
        top1_right=int(predictions.top1(rows).sum()),
        top5_right=int(predictions.top5(rows).sum()),
        real_top1_right=real[0] if real else None,
        real_images=real[1] if real else None,
        skipped=skipped,
        predictions_sha256=seen.sha256,
        environment=watch.environment(),
        run=watch.run(),
    )
    return Validated(record=record, predictions=seen)
