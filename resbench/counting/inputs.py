"""What a network takes: one RGB image, or inputs that are declared ("3x224x224,77:int64")."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from resbench.counting.views import Pair
from resbench.errors import ResbenchError
from resbench.records.counts import Input

if TYPE_CHECKING:
    from torch import Tensor, nn

_INPUT = re.compile(r"(\d{1,6}(?:x\d{1,6}){0,4})(?::(int64|int32|bool|float32))?")
_LARGEST = 100_000


def parse_inputs(text: str) -> tuple[Input, ...]:
    """Read the inputs of one example, without its batch: "4x224x224", "3x224x224,10", "77:int64" for 77 tokens.

    Raises ResbenchError for anything else.
    """
    matches = [_INPUT.fullmatch(part.strip().lower()) for part in text.split(",")]
    inputs = tuple(
        Input(shape=tuple(map(int, match[1].split("x"))), dtype=match[2] or "") for match in matches if match
    )
    if len(inputs) < len(matches) or not all(1 <= side <= _LARGEST for given in inputs for side in given.shape):
        raise ResbenchError(
            f"--input: {text!r} is not a list of inputs; give CxHxW of each without the batch, such as 3x224x224,10, "
            f"and the type of integers, such as 77:int64"
        )
    return inputs


def one_image(input_px: int | Pair, channels: int = 3) -> tuple[Input, ...]:
    """Return one image of `input_px` (height, width) as the inputs of a network."""
    height, width = (input_px, input_px) if isinstance(input_px, int) else input_px
    return (Input(shape=(channels, height, width)),)


def size_of(inputs: Sequence[Input]) -> Pair:
    """Return the height and width of the first input; (1, n) where it has one dimension, of n elements."""
    *_, height, width = (1, *inputs[0].shape)
    return height, width


def blanks(inputs: Sequence[Input], module: "nn.Module", batch_size: int = 1) -> list["Tensor"]:
    """Return a batch of zeros for each of `inputs`, where the weights of `module` lie and of their type."""
    import torch

    tensors = [*module.parameters(), *module.buffers()]
    own = next((tensor for tensor in tensors if tensor.is_floating_point()), torch.empty(0))
    place = tensors[0].device if tensors else own.device
    return [
        torch.zeros(
            batch_size, *given.shape, dtype=getattr(torch, given.dtype) if given.dtype else own.dtype, device=place
        )
        for given in inputs
    ]
