"""A network as something to be timed: brought into its settings, laid out afresh in memory, wrapped into calls."""

import random
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import cycle

import torch
from torch import Tensor, nn

from resbench.errors import InvalidMeasurementError
from resbench.records.record import Settings
from resbench.timing.clock import Call
from resbench.timing.fold import fold_batch_norms
from resbench.timing.sampler import Materialise
from resbench.timing.settings import DTYPES, layout, plain, switches, weight_dtype
from resbench.timing.winograd import use_winograd

INPUTS = 3  # that a cluster takes in turn, so that no cache holds the image of the call before


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


def images(arm: Arm, batch_size: int, generator: torch.Generator) -> Tensor:
    """Return normally distributed images: never zeros, which cost less energy and time on some devices."""
    batch = torch.randn(batch_size, 3, *arm.settings.input_px, generator=generator, device=arm.device)
    return _placed(batch, arm.settings, arm.device)


def settle(module: nn.Module, settings: Settings) -> None:
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


def relocate(module: nn.Module, chance: random.Random) -> list[Tensor]:
    """Move every parameter and buffer to fresh memory at random distances; return the padding, to be kept alive.

    Where tensors lie makes identical networks differ by several per cent, for as long as they lie there.
    """
    old, padding = [], []
    with torch.inference_mode(False), torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            padding.append(torch.empty(chance.randrange(64, 1 << 16), dtype=torch.uint8, device=tensor.device))
            old.append(tensor.data)  # alive until the end, else the allocator hands the same place out again
            tensor.data = tensor.data.clone()
    return padding


def inference(arm: Arm, batch_size: int, *, graph: bool = False, still: bool = False) -> Materialise:
    """Return what materialises forward passes of `batch_size` images; to be called in inference mode.

    `still` leaves the weights where they are and takes one batch only: for measuring memory.
    """
    chance, generator = _streams(arm)
    padding: list[Tensor] = []

    def materialise() -> Sequence[Call]:
        padding[:] = [] if still else relocate(arm.module, chance)
        batches = [images(arm, batch_size, generator) for _ in range(1 if still else INPUTS)]
        if graph:
            return (_captured(arm, batches[0]),)
        turn = cycle(batches)
        return (lambda: arm.forward(next(turn)),)

    return materialise


def fed(arm: Arm, inputs: Callable[[], Tensor], paused: Callable[[], AbstractContextManager[None]]) -> Materialise:
    """Return what materialises forward passes of the batches that `inputs` hands out: their making is in the sample.

    While the weights move, inside `paused`, no batch may be made: a cluster would begin with a lead.
    """
    chance, _ = _streams(arm)
    padding: list[Tensor] = []

    def materialise() -> Sequence[Call]:
        with paused():
            padding[:] = relocate(arm.module, chance)
        return (lambda: answer(arm, inputs()),)

    return materialise


def training(arm: Arm, batch_size: int, *, still: bool = False) -> Materialise:
    """Return what materialises the three calls of a training step: forward with loss, backward, optimizer (SGD).

    `still` as for `inference`.
    """
    chance, generator = _streams(arm)
    criterion = nn.CrossEntropyLoss()
    padding: list[Tensor] = []

    def materialise() -> Sequence[Call]:
        padding[:] = [] if still else relocate(arm.module, chance)
        # The rate is so low that no length of measuring drives the weights out of range.
        optimizer = torch.optim.SGD(arm.module.parameters(), lr=1e-6, momentum=0.9, weight_decay=1e-4)
        batches = cycle([images(arm, batch_size, generator) for _ in range(1 if still else INPUTS)])
        labels = torch.randint(arm.classes, (batch_size,), generator=generator, device=arm.device)
        loss: list[Tensor] = []

        def forward_pass() -> None:
            loss[:] = [criterion(arm.forward(next(batches)).float(), labels)]

        def backward_pass() -> None:
            loss[0].backward()

        def optimizer_step() -> None:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

        return forward_pass, backward_pass, optimizer_step

    return materialise


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
            found = answer(arm, example).float()
    if not bool(torch.isfinite(found).all()):
        raise InvalidMeasurementError("the output is not finite in these settings; use --dtype bf16 or fp32")
    return float((found - expected).abs().max() / expected.abs().max())


def _captured(arm: Arm, batch: Tensor) -> Call:
    """Return the replay of one forward pass, recorded as a CUDA graph."""
    stream = torch.cuda.Stream(arm.device)
    stream.wait_stream(torch.cuda.current_stream(arm.device))
    with torch.cuda.stream(stream):  # libraries set themselves up before the recording, not in it
        for _ in range(3):
            arm.forward(batch)
    torch.cuda.current_stream(arm.device).wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        output = arm.forward(batch)

    def replay() -> Tensor:
        graph.replay()
        return output

    return replay


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


def _streams(arm: Arm) -> tuple[random.Random, torch.Generator]:
    # Images are the same in every run, layouts are not: runs would agree on what is chance.
    return random.Random(), torch.Generator(arm.device).manual_seed(arm.settings.seed)
