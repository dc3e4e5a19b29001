"""A network brought into its settings on its device, ready to be called."""

import random
import shutil
import tempfile
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from resbench.errors import InvalidMeasurementError
from resbench.records.record import Engine, Settings
from resbench.running.runtimes.runtime import RUNTIMES, CalibrationImages, Source, loader_of
from resbench.running.settings import layout, plain, switches, weight_dtype

MEAN_OF_NORMS = 0.2  # of fresh weights: the standard deviation of running means, in running standard deviations


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """A network on its device, in its settings, ready to be called with a batch of images."""

    forward: Callable[[Tensor], Tensor]
    relocate: Callable[[random.Random], object]  # lays the weights out afresh; its result is kept until the next time
    module: nn.Module | None  # of runtimes that run one; None: they run files
    settings: Settings
    device: torch.device
    classes: int
    engine: Engine = field(default_factory=Engine)
    files: Path | None = None  # the folder of what was exported
    calibration: CalibrationImages | None = None  # that int8 was made with


def prepare(
    module: nn.Module | None,
    settings: Settings,
    device: torch.device,
    classes: int,
    files: Path | None = None,
    calibration: CalibrationImages | None = None,
) -> Arm:
    """Bring `module` (fp32, on the CPU, in eval mode) into its settings and its runtime, in place.

    `files`: the folder of an earlier arm, whose files are used instead of exporting again; then `module` may be None.
    Raises ResbenchError for a runtime that is not installed, and for a network that it does not take.
    """
    exports = bool(RUNTIMES[settings.runtime].files)
    temporary = exports and not files
    folder = Path(tempfile.mkdtemp(prefix="resbench-")) if temporary else files or Path()
    source = Source(module=module, settings=settings, device=device, folder=folder, calibration=calibration)
    try:
        program = loader_of(settings.runtime)(source)
    except BaseException:
        if temporary:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    if temporary:
        weakref.finalize(program.run, shutil.rmtree, folder, ignore_errors=True)  # also when the process ends
    return Arm(
        forward=program.run,
        relocate=program.relocate,
        module=program.module,
        settings=settings,
        device=device,
        classes=classes,
        engine=program.engine,
        files=folder if exports else None,
        calibration=calibration,
    )


def answer(arm: Arm, batch: Tensor) -> Tensor:
    """Return the logits of `batch` (N, 3, H, W), wherever and in whatever type and order it lies."""
    return arm.forward(_placed(batch, arm.settings, arm.device))


def random_images(arm: Arm, batch_size: int, generator: torch.Generator) -> Tensor:
    """Return normally distributed images: never zeros, which cost less energy and time on some devices."""
    batch = torch.randn(batch_size, 3, *arm.settings.input_px, generator=generator, device=arm.device)
    return _placed(batch, arm.settings, arm.device)


def settle_norms(module: nn.Module, settings: Settings) -> None:
    """Give every batch norm of a fresh `module` statistics with which activations keep their size, whatever the images.

    Else those of a deep residual network double in every block and leave the range of fp16. The variance of a channel
    is the mean square of its input, half of its own and half of all channels, for random images; its mean is random and
    small. The inputs' own means and variances would amplify in every block what differs between two images, rounding
    errors too: resnet200 in fp32 and fp64 then answers noise 1e-3 of the largest logit apart, and senet154 answers
    photographs 0.5 apart (5e-6 and 3e-6 with these).
    """
    generator = torch.Generator().manual_seed(settings.seed)

    def settle(norm: nn.BatchNorm2d, args: tuple[Tensor, ...], kwargs: dict[str, Tensor]) -> None:
        """Set the statistics of a norm from its input, (N, C, H, W), before it is called."""
        if norm.running_mean is None or norm.running_var is None:
            return
        given = (*args, *kwargs.values())[0]
        squares = given.square()
        norm.running_var.copy_((squares.mean((0, 2, 3)) + squares.mean()) / 2)
        means = MEAN_OF_NORMS * torch.randn(norm.running_var.shape, generator=generator)
        norm.running_mean.copy_(means * norm.running_var.sqrt())

    norms = [child for child in module.modules() if isinstance(child, nn.BatchNorm2d)]
    hooks = [norm.register_forward_pre_hook(settle, with_kwargs=True) for norm in norms]
    with torch.no_grad():
        module(torch.randn(2, 3, *settings.input_px, generator=generator))
    for hook in hooks:
        hook.remove()


def output_difference(module: nn.Module, arm: Arm) -> float | None:
    """Return how far the outputs of `arm` are from those of the same network in plain fp32, `module`.

    It is the largest difference relative to the largest logit, on one image; None for settings that are plain.
    Raises InvalidMeasurementError when an output of `arm` is not finite.
    """
    settings = arm.settings
    if plain(settings):
        return None
    example = torch.randn(1, 3, *settings.input_px, generator=torch.Generator().manual_seed(settings.seed))
    with torch.inference_mode():
        with switches(replace(settings, dtype="fp32")):
            expected = module.to(arm.device)(example.to(arm.device))
        with switches(settings):
            answers = answer(arm, example).float()
    if not bool(torch.isfinite(answers).all()):
        raise InvalidMeasurementError("the output is not finite in these settings; use --dtype bf16 or fp32")
    return float((answers - expected).abs().max() / expected.abs().max())


def _placed(batch: Tensor, settings: Settings, device: torch.device) -> Tensor:
    return batch.to(device=device, dtype=weight_dtype(settings), memory_format=layout(settings))
