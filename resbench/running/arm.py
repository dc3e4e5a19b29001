"""A network brought into its settings on its device, ready to be called."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from resbench.errors import InvalidMeasurementError
from resbench.records.record import Settings
from resbench.running.fold import fold_batch_norms
from resbench.running.settings import DTYPES, layout, plain, switches, weight_dtype
from resbench.running.winograd import use_winograd


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """A network on its device, in its settings, ready to be called with a batch of images."""

    module: nn.Module
    forward: Callable[[Tensor], Tensor]
    settings: Settings
    device: torch.device
    classes: int


def prepare(module: nn.Module, settings: Settings, device: torch.device, classes: int) -> Arm:
    """Bring `module` (fp32, on the CPU, in eval mode) into its settings, in place."""
    if settings.fuse:
        fold_batch_norms(module, settings.input_px)
    if settings.winograd:
        use_winograd(module)
    module.to(device=device, dtype=weight_dtype(settings))
    module.to(memory_format=layout(settings))  # type: ignore[call-overload]
    return Arm(
        module=module, forward=_forward(module, settings, device), settings=settings, device=device, classes=classes
    )


def answer(arm: Arm, batch: Tensor) -> Tensor:
    """Return the logits of `batch` (N, 3, H, W), wherever and in whatever type and order it lies."""
    return arm.forward(_placed(batch, arm.settings, arm.device))


def random_images(arm: Arm, batch_size: int, generator: torch.Generator) -> Tensor:
    """Return normally distributed images: never zeros, which cost less energy and time on some devices."""
    batch = torch.randn(batch_size, 3, *arm.settings.input_px, generator=generator, device=arm.device)
    return _placed(batch, arm.settings, arm.device)


def settle_norms(module: nn.Module, settings: Settings) -> None:
    """Give every batch norm of a fresh `module` the statistics of random images.

    Without them the activations of a deep residual network double in every block and leave the range of fp16.
    """
    norms = [child for child in module.modules() if isinstance(child, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
        norm.train()
    with torch.no_grad():
        module(torch.randn(2, 3, *settings.input_px, generator=torch.Generator().manual_seed(settings.seed)))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()


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


def _forward(module: nn.Module, settings: Settings, device: torch.device) -> Callable[[Tensor], Tensor]:
    forward: Callable[[Tensor], Tensor] = module
    if settings.compile:
        # For the shape at hand only: code for shapes of any size is slower, and not what is asked for.
        forward = torch.compile(module, mode=settings.compile, dynamic=False)
    if not settings.amp:
        return forward

    def autocast(batch: Tensor) -> Tensor:
        with torch.autocast(device.type, DTYPES[settings.dtype]):
            return forward(batch)

    return autocast


def _placed(batch: Tensor, settings: Settings, device: torch.device) -> Tensor:
    return batch.to(device=device, dtype=weight_dtype(settings), memory_format=layout(settings))
