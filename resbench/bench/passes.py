"""How checkpoints run through their images on a device: settings, batch size, threads."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from resbench import environment
from resbench.accuracy.decoders import decoder_named
from resbench.accuracy.distributed import Ranks
from resbench.accuracy.evaluate import CPU_PIXELS, Contestant, largest_batch
from resbench.accuracy.layouts import open_unlabelled
from resbench.accuracy.session import Progress, Session
from resbench.bench.entries import Entry, Validating
from resbench.records.record import Settings
from resbench.running.device import resolve
from resbench.running.runtimes.runtime import RUNTIMES
from resbench.running.settings import Running, settings_for
from resbench.timing.speeds import BatchSize, Images
from resbench.zoo.spec import Preprocess


def session_of(
    contestants: Sequence[Contestant],
    settings: Settings,
    on: torch.device,
    group: Ranks,
    validating: Validating,
    on_progress: Progress,
) -> Session:
    """Return the session in which contestants run on `on`, the first of them in `settings`."""
    return Session(
        device=on,
        batch_size=min(group.gather(_batch_size(contestants, on, validating.batch_size))),  # ranks share batches
        workers=validating.workers or max(1, environment.cpu_cores() // group.local_size),
        threads=_passes_at_a_time(settings),
        group=group,
        on_progress=on_progress,
        cache=validating.cache,
        decoder=decoder_named(validating.decoder, on),
    )


def images_to_calibrate(preprocess: Preprocess, path: str) -> Images:
    """Return the images at `path`, prepared as evaluated ones are. Raises ResbenchError where there are none."""
    open_unlabelled(Path(path))
    return Images(path=path, preprocess=preprocess, decoder="pillow", workers=environment.cpu_cores())


def settings_of(entry: Entry, running: Running, on: torch.device) -> Settings:
    """Return how a checkpoint is run at the size of its own images. Raises ResbenchError for what `on` cannot run."""
    return settings_for(replace(running, input_px=entry.preprocess.crop_px), entry.variant.input_px, on)


def remarks(validating: Validating) -> list[str]:
    """Return what the user should know about these options on the device before a long run."""
    if resolve(validating.device).type != "cpu":
        return []
    lines = []
    if validating.batch_size == "auto":
        lines.append(
            "--batch-size auto: forward passes on the CPU take few images whatever the batch; using the default"
        )
    if validating.running.dtype == "fp16":
        lines.append(
            "--dtype fp16: several times slower than fp32 on most CPUs; bf16 is the half precision they support"
        )
    return lines


def _batch_size(contestants: Sequence[Contestant], on: torch.device, asked: BatchSize | None) -> int:
    if asked == "auto" and on.type != "cpu":
        return largest_batch(contestants, on, most=512)
    if isinstance(asked, int):
        return asked
    smallest = min(contestant.preprocess.crop_px for contestant in contestants)
    return max(32, min(256, CPU_PIXELS // smallest**2)) if on.type == "cpu" else 256


def one_pass(settings: Settings) -> Settings:
    """Return the settings of one forward pass: of those that share the CPU each is on one core."""
    return replace(settings, threads=1) if _passes_at_a_time(settings) else settings


def _passes_at_a_time(settings: Settings) -> int | None:
    """Return how many forward passes share the CPU; None: one at a time, which takes all cores, or a GPU."""
    return settings.threads if RUNTIMES[settings.runtime].concurrent else None
