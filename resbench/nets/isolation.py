"""Foreign code is run without leaving a trace: what it prints goes to stderr, what it changes in torch is undone."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from functools import cache
from typing import Any

import torch

_log = logging.getLogger(__name__)


def _set_tf32_of_cudnn(allowed: bool) -> None:
    torch.backends.cudnn.allow_tf32 = allowed


def _set_benchmark(searched: bool) -> None:
    torch.backends.cudnn.benchmark = searched


def _set_deterministic(mode: bool) -> None:
    torch.use_deterministic_algorithms(mode)


def _set_gradients(computed: bool) -> None:
    torch.set_grad_enabled(computed)


# What a builder may change for everything that is measured after it: what it is called, how to read and set it.
_STATE: dict[str, tuple[Callable[[], Any], Callable[[Any], None]]] = {
    "the number of threads": (torch.get_num_threads, torch.set_num_threads),
    "the default type of tensors": (torch.get_default_dtype, torch.set_default_dtype),
    "the precision of matrix products (TF32)": (
        torch.get_float32_matmul_precision,
        torch.set_float32_matmul_precision,
    ),
    "TF32 in convolutions": (lambda: torch.backends.cudnn.allow_tf32, _set_tf32_of_cudnn),
    "cudnn.benchmark": (lambda: torch.backends.cudnn.benchmark, _set_benchmark),
    "deterministic algorithms": (torch.are_deterministic_algorithms_enabled, _set_deterministic),
    "whether gradients are computed": (torch.is_grad_enabled, _set_gradients),
}


@contextmanager
def undisturbed(doing: str) -> Iterator[None]:
    """Undo what foreign code changes in torch's global state, and name it in the log; `doing` begins the line."""
    before = {name: _read(name) for name in _STATE}
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        for name, (_, write) in _STATE.items():
            if (now := _read(name)) != before[name]:
                with suppress(RuntimeError):
                    write(before[name])
                _say(f"{doing} changed {name} from {before[name]} to {now}; restored")


def _read(name: str) -> Any:
    try:
        return _STATE[name][0]()
    except RuntimeError as error:  # torch refuses once its old and its new switches were both used
        return str(error)


@cache  # a network is built several times, and says it once
def _say(line: str) -> None:
    _log.warning("%s", line)
