"""Where the rooms meet: each function here composes finding, building, counting, timing, evaluating into a record."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Unpack

import msgspec
import torch

from resbench import environment
from resbench.accuracy import dataset, doctor, loader, pixels
from resbench.accuracy.evaluate import CPU_IMAGES, Contestant, evaluate, join
from resbench.counting import counted
from resbench.counting.tally import count as count_module
from resbench.errors import ResbenchError
from resbench.nets.build import build
from resbench.nets.checkpoints import load_checkpoint
from resbench.records.record import Counts, Evaluation, Memory, Profile, Series, Settings
from resbench.subject import Subject, peak, ready
from resbench.timing import fresh, speeds
from resbench.timing.device import resolve
from resbench.timing.sampler import Surroundings
from resbench.timing.settings import Options
from resbench.timing.settings import settings as settings_of
from resbench.zoo.find import find, find_weights
from resbench.zoo.spec import Preprocess
from resbench.zoo.variants import VARIANTS


def count(network: str, input_px: int | tuple[int, int] | None = None) -> Counts:
    """Return what `network` costs for one image of `input_px` (height, width), by default of its own size."""
    variant = find(network)
    return count_module(build(variant, device="meta"), input_px or variant.input_px)


def count_table() -> str:
    """Return the text that counting/counted.json should have, from a fresh tally of every network."""
    modules = {variant: build(variant, device="meta") for variant in VARIANTS}
    return counted.text(
        {
            variant.name: [count_module(module, size) for size in counted.sizes(variant)]
            for variant, module in modules.items()
        }
    )


Progress = Callable[[str, int, int, int | None], None]  # stage, images done, images in all, right so far


def _silent(stage: str, done: int, total: int, right: int | None) -> None:
    pass


def validate(
    network: str,
    data: str | Path,
    *,
    weights: str | Path | None = None,
    input_px: int | None = None,
    crop_pct: float | None = None,
    interpolation: str | None = None,
    mean: tuple[float, float, float] | None = None,
    std: tuple[float, float, float] | None = None,
    batch_size: int | None = None,
    workers: int | None = None,
    device: str | None = None,
    on_progress: Progress = _silent,
) -> Evaluation:
    """Count how many images of `data` a checkpoint gets right.

    `network` and `weights` as for `load`. Preprocessing is the published checkpoint's; what is given here overrides
    it. Raises ResbenchError for anything that cannot give a right answer.
    """
    variant = find(network)
    published = find_weights(network if weights is None else str(weights))
    preprocess = published.preprocess if published else Preprocess(crop_px=variant.input_px)
    preprocess = pixels.adapt(
        preprocess, crop_px=input_px, crop_pct=crop_pct, interpolation=interpolation, mean=mean, std=std
    )
    images = dataset.open_set(Path(data))
    if variant.classes != images.classes:
        raise ResbenchError(
            f"{network}: tells {variant.classes} classes apart, the images of {data} have {images.classes}; "
            "choose a network for these classes"
        )
    on = resolve(device)
    workers = workers or environment.cpu_cores()
    batch_size = batch_size or (256 if on.type == "cuda" else 32)
    watch = environment.watch(on)
    loaded = load_checkpoint(network, weights)
    total = len(images.samples)
    faults = doctor.unreadable(
        images.samples, workers=workers, on_image=lambda done: on_progress("checking", done, total, None)
    )
    if faults:
        raise loader.UnreadableImagesError(faults)
    contestant = Contestant(name=network, model=loaded.module.to(on), preprocess=preprocess)
    batches = loader.batches(
        images.samples, [preprocess], batch_size=batch_size, workers=workers, pinned=on.type == "cuda"
    )
    forward_images = CPU_IMAGES if on.type == "cpu" else batch_size
    parts, right, done = [], 0, 0
    for (part,) in evaluate([contestant], batches, device=on, forward_images=forward_images):
        parts.append(part)
        right, done = right + part.top1_right, done + len(part.labels)
        on_progress("evaluating", done, total, right)
    predictions = join(parts)
    return Evaluation(
        network=variant.name,
        weights=published.name if published else loaded.path.name,
        weights_sha256=loaded.sha256,
        dataset=images.describe(),
        pixels=pixels.describe(preprocess),
        settings=Settings(
            input_px=(preprocess.crop_px, preprocess.crop_px),
            threads=torch.get_num_threads() if on.type == "cpu" else None,
        ),
        batch_size=batch_size,
        images=total,
        top1_right=predictions.top1_right,
        top5_right=predictions.top5_right,
        skipped=(),
        environment=watch.environment(),
        run=watch.run(),
    )


Share = Callable[[str, float], None]  # what is being measured, the share of it that is done


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a profile; `record` holds what was finished by then."""

    def __init__(self, record: Profile) -> None:
        super().__init__()
        self.record = record


def profile(
    network: str,
    *,
    weights: str | Path | None = None,
    device: str | None = None,
    batch_sizes: Sequence[speeds.Asked] = (),
    train: bool = False,
    launches: int = 1,
    time_budget_s: float = 15.0,
    on_progress: Share = lambda *_: None,
    **options: Unpack[Options],
) -> Profile:
    """Count what `network` costs, measure how fast it runs here and how much memory it takes.

    Without `batch_sizes`, latency is measured at batch 1 and throughput at a full batch; "auto" is the size at which
    throughput saturates. `time_budget_s` holds for each speed, batch size and launch (a process of its own when there
    are several). Raises ResbenchError for what cannot be measured, Interrupted on Ctrl-C with something to keep.
    """
    on, variant = resolve(device), find(network)
    request = speeds.Request(
        network=network,
        weights=None if weights is None else str(weights),
        device=str(on),
        settings=settings_of(options, variant.input_px, on, train=train),
        time_budget_s=time_budget_s,
        target=speeds.TARGET[on.type],
    )
    watch = environment.watch(on)
    on_progress("loading", 0.0)
    subject = ready(request)
    auto = fresh.call("resbench.subject:widest", request) if "auto" in batch_sizes else 0
    request = replace(request, wanted=tuple(speeds.wanted(batch_sizes, on, train=train, auto=auto)))
    series: list[Series] = []
    memory: list[Memory] = []
    finished = False
    with suppress(KeyboardInterrupt):
        for found in _series(subject, request, launches, on_progress):
            series = found
        memory.extend(_memory(subject, request, on_progress))
        finished = True
    if not series:
        raise KeyboardInterrupt
    record = Profile(
        network=variant.name,
        weights=subject.weights,
        weights_sha256=subject.weights_sha256,
        counts=count(network, request.settings.input_px),
        settings=request.settings,
        series=tuple(series),
        memory=tuple(memory),
        output_difference=subject.arm.output_difference,
        environment=watch.environment(),
        run=watch.run(),
    )
    if not finished:
        raise Interrupted(record)
    return record


def _series(subject: Subject, request: speeds.Request, launches: int, on_progress: Share) -> Iterator[list[Series]]:
    """Yield all finished series after each speed (in this process) or after each launch (in fresh ones)."""
    if launches == 1:
        found: list[Series] = []
        for want in request.wanted:
            stage = f"{want.speed} at batch {want.batch_size}"
            surroundings = Surroundings(progress=partial(on_progress, stage))
            found += speeds.measure(subject.arm, want, request, surroundings)
            yield list(found)
        return
    parts: list[list[Series]] = []
    for index in range(launches):
        on_progress(f"launch {index + 1} of {launches}", index / launches)
        parts.append(msgspec.convert(fresh.call("resbench.subject:launch", request), list[Series]))
        request = speeds.repeated(request, parts[0])
        yield speeds.merge(parts)


def _memory(subject: Subject, request: speeds.Request, on_progress: Share) -> Iterator[Memory]:
    """Yield the peak memory at each batch size: the device's own account, or the resident set of a fresh process."""
    wants = {want.batch_size: want for want in request.wanted}
    for index, (size, want) in enumerate(sorted(wants.items())):
        on_progress(f"memory at batch {size}", index / len(wants))
        if subject.arm.device.type == "cuda":
            yield peak(subject.arm, want)
        else:
            alone = replace(request, wanted=(want,))
            yield msgspec.convert(fresh.call("resbench.subject:resident", alone), Memory)
