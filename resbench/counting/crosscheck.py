"""Our tally against counters that we did not write, run on real tensors."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from resbench.counting.conventions import operations
from resbench.counting.inputs import blanks, one_image
from resbench.counting.tally import count_module
from resbench.errors import InvalidMeasurementError
from resbench.records.counts import Input
from resbench.records.record import Counts
from resbench.units import integer, pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Crosscheck:
    """A quantity as we count it, and as another counter does."""

    counter: str
    quantity: str
    ours: int
    theirs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Modules:
    """fvcore's table of a network: `rows` by module path ("" is the network), `text` as fvcore prints it."""

    rows: dict[str, int]
    text: str


def crosscheck(module: nn.Module, input_px: tuple[int, int], name: str) -> tuple[Crosscheck, ...]:
    """Compare our counts of `module`, which must not be on the meta device, with fvcore's and PyTorch's.

    Raises InvalidMeasurementError when any differs: counts that two counters dispute are not to be believed.
    """
    ours = count_module(module, input_px)
    example = blanks(one_image(input_px), module)
    rows = (*_by_fvcore(module, example, ours), _by_torch(module, example, ours))
    for row in rows:
        if row.ours != row.theirs:
            raise InvalidMeasurementError(
                f"{name} at {pixels(input_px)}: {row.quantity} disputed: {integer(row.ours)} by our tally, "
                f"{integer(row.theirs)} by {row.counter}; trust neither, and report it"
            )
    return rows


def confirmed_counts(module: nn.Module, inputs: tuple[Input, ...]) -> Counts:
    """Return our counts of any module; operators that may cost something nobody knows are among them (`uncounted`).

    Raises InvalidMeasurementError when PyTorch counts more, or less and not because attention is fused: its counter
    knows no attention on the CPU.
    """
    ours = count_module(module, inputs=inputs)
    row = _by_torch(module, blanks(inputs, module), ours)
    if row.theirs > row.ours or (row.theirs < row.ours and not (ours.terms.attention or ours.terms.matmul)):
        raise InvalidMeasurementError(
            f"{type(module).__name__} has operations that are disputed: PyTorch counts {integer(row.theirs)}, our "
            f"tally {integer(row.ours)}; trust neither, and report it"
        )
    return ours


def modules(module: nn.Module, input_px: tuple[int, int], *, depth: int = 3) -> Modules:
    """Return fvcore's operations per module of `module`; the text goes down to `depth` names."""
    with _fvcore(module, blanks(one_image(input_px), module)) as (fvcore, flops, activations):
        return Modules(
            rows={path: int(amount) for path, amount in flops.by_module().items()},
            text=fvcore.flop_count_table(flops, depth, activations, show_param_shapes=False),
        )


@contextmanager
def _fvcore(module: nn.Module, example: Sequence[Tensor]) -> Iterator[tuple[Any, Any, Any]]:
    """Yield fvcore and its counters of operations and activations."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its use of torch.jit is deprecated, and it names each operation it leaves out
        import fvcore.nn

        counters = (
            fvcore.nn.FlopCountAnalysis(module, tuple(example)),
            fvcore.nn.ActivationCountAnalysis(module, tuple(example)),
        )
        for counter in counters:
            counter.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        yield fvcore.nn, *counters


def _by_fvcore(module: nn.Module, example: Sequence[Tensor], ours: Counts) -> Iterator[Crosscheck]:
    with _fvcore(module, example) as (fvcore, flops, activations):
        pairs = {
            "parameters": (ours.params, fvcore.parameter_count(module)[""]),
            "operations": (operations(ours.terms, "fvcore"), flops.total()),
            "activations": (ours.activations, activations.total()),
        }
    for quantity, (mine, theirs) in pairs.items():
        yield Crosscheck(counter="fvcore", quantity=quantity, ours=mine, theirs=int(theirs))


def _by_torch(module: nn.Module, example: Sequence[Tensor], ours: Counts) -> Crosscheck:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(*example)
    return Crosscheck(
        counter="torch.utils.flop_counter",
        quantity="operations",
        ours=operations(ours.terms, "torch"),
        theirs=counter.get_total_flops(),
    )
