"""Where the rooms meet: each function here composes finding, building, counting, timing, evaluating into a record."""

from collections.abc import Callable
from pathlib import Path

import torch

from resbench import environment
from resbench.accuracy import doctor, layouts, loader, pixels
from resbench.accuracy.evaluate import CPU_IMAGES, Contestant, evaluate, join
from resbench.counting import counted
from resbench.counting.tally import count as count_module
from resbench.errors import ResbenchError
from resbench.nets.build import build
from resbench.nets.checkpoints import load_checkpoint
from resbench.records.record import Counts, Evaluation, Settings
from resbench.timing.device import resolve
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
    images = layouts.open_set(Path(data))
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
