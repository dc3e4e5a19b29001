"""What the device can do at best, measured in the same run: a matrix product for arithmetic, a copy for memory."""

from dataclasses import replace

import torch

from resbench.records.record import Ceilings, Settings
from resbench.running.settings import DTYPES, switches
from resbench.timing.clock import Call, Timer, host_clock

SAMPLES = 7
ENOUGH_NS = 20_000_000  # a matrix product lasts at least so long, else starting it would count
LARGEST = 8192
COPY_BYTES = {"cpu": 2**28, "mps": 2**28, "cuda": 2**30}  # far beyond any cache


def measure_ceilings(settings: Settings, device: torch.device, timer: Timer | None = None) -> Ceilings:
    """Time square matrix products in the type of `settings` and copies within the device's memory.

    Random numbers, never zeros, which cost less power and so run faster on some devices.
    """
    clock = timer or host_clock(device)
    dtype = DTYPES[settings.dtype]
    with switches(settings), torch.inference_mode():
        size, product = _large_enough(clock, device, dtype)
        count = COPY_BYTES[device.type] // dtype.itemsize
        source = torch.randn(count, device=device, dtype=dtype)
        target = torch.empty_like(source)
        return Ceilings(
            matmul_size=size,
            matmul_ns=_times(clock, product),
            copy_bytes=count * dtype.itemsize,
            copy_ns=_times(clock, lambda: target.copy_(source)),
        )


def best(first: Ceilings, second: Ceilings) -> Ceilings:
    """Return the faster matrix products and the faster copies of two measurements."""
    products = min(first, second, key=lambda ceiling: min(ceiling.matmul_ns) / ceiling.matmul_size**3)
    copies = min(first, second, key=lambda ceiling: min(ceiling.copy_ns) / ceiling.copy_bytes)
    return replace(products, copy_bytes=copies.copy_bytes, copy_ns=copies.copy_ns)


def _large_enough(clock: Timer, device: torch.device, dtype: torch.dtype) -> tuple[int, Call]:
    """Return the size of a matrix product that lasts long enough, and the product."""
    size = 512
    while True:
        first, second = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
        product = torch.empty_like(first)
        call: Call = lambda: torch.mm(first, second, out=product)  # noqa: B023, E731  # returned before the next turn
        clock(call, 1)
        if size >= LARGEST or clock(call, 1)[0] >= ENOUGH_NS:
            return size, call
        size *= 2


def _times(clock: Timer, call: Call) -> tuple[int, ...]:
    clock(call, 1)
    return tuple(clock(call, 1)[0] for _ in range(SAMPLES))
