"""A network laid out afresh in memory and wrapped into calls to be sampled."""

import random
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from itertools import cycle

import torch
from torch import Tensor, nn

from resbench.running.arm import Arm, answer, random_images
from resbench.timing.clock import Call
from resbench.timing.sampler import Materialise

INPUTS = 3  # that a cluster takes in turn, so that no cache holds the image of the call before


def inference(arm: Arm, batch_size: int, *, graph: bool = False, still: bool = False) -> Materialise:
    """Return what materialises forward passes of `batch_size` images; to be called in inference mode.

    `still` leaves the weights where they are and takes one batch only: for measuring memory.
    """
    chance, generator = _streams(arm)
    kept: list[object] = []

    def materialise() -> Sequence[Call]:
        kept[:] = [] if still else [arm.relocate(chance)]
        batches = [random_images(arm, batch_size, generator) for _ in range(1 if still else INPUTS)]
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
    kept: list[object] = []

    def materialise() -> Sequence[Call]:
        with paused():
            kept[:] = [arm.relocate(chance)]
        return (lambda: answer(arm, inputs()),)

    return materialise


def training(arm: Arm, batch_size: int, *, still: bool = False) -> Materialise:
    """Return what materialises the three calls of a training step: forward with loss, backward, optimizer (SGD).

    `still` as for `inference`.
    """
    chance, generator = _streams(arm)
    module = arm.module
    assert module is not None, "only runtimes of modules train"
    criterion = nn.CrossEntropyLoss()
    kept: list[object] = []

    def materialise() -> Sequence[Call]:
        kept[:] = [] if still else [arm.relocate(chance)]
        # The rate is so low that no length of measuring drives the weights out of range.
        optimizer = torch.optim.SGD(module.parameters(), lr=1e-6, momentum=0.9, weight_decay=1e-4)
        batches = cycle([random_images(arm, batch_size, generator) for _ in range(1 if still else INPUTS)])
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


def _streams(arm: Arm) -> tuple[random.Random, torch.Generator]:
    # Images are the same in every run, layouts are not: runs would agree on what is chance.
    return random.Random(), torch.Generator(arm.device).manual_seed(arm.settings.seed)
