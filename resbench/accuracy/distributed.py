"""Several processes, on one machine or many, that share the images of a validation; torchrun starts them."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch.distributed as dist

from resbench.errors import ResbenchError, first_line

Value = TypeVar("Value")
PATIENCE = timedelta(hours=6)  # a slow rank is no lost rank; torchrun ends the others when one dies


class LostRankError(ResbenchError):
    """Another rank has stopped, and with it the connection to it; why, it has said itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """One of several parts of equal size."""

    number: int = 0  # from 0
    of: int = 1

    @property
    def is_whole(self) -> bool:
        """Whether there is no other."""
        return self.of == 1

    def share(self, items: Sequence[Value]) -> Sequence[Value]:
        """Return this part of `items`: as many as the others have, or one more, in a row."""
        return items[len(items) * self.number // self.of : len(items) * (self.number + 1) // self.of]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranks:
    """This process among all."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    def share(self, items: Sequence[Value]) -> Sequence[Value]:
        """Return this rank's part of `items`: as many as the others have, or one more, in a row."""
        return Portion(number=self.rank, of=self.size).share(items)

    def gather(self, value: Value) -> list[Value]:
        """Return the `value` of every rank, on every rank. Raises LostRankError when one of them is gone."""
        if self.size == 1:
            return [value]
        values: list[Value | None] = [None] * self.size
        try:
            dist.all_gather_object(values, value)
        except RuntimeError as error:
            raise LostRankError(
                f"rank {self.rank}: another rank has stopped ({first_line(error)}); run again to go on"
            ) from None
        return values  # type: ignore[return-value]


@contextmanager
def ranks() -> Iterator[Ranks]:
    """Yield this process's place among those that torchrun started, connected to them; alone without torchrun."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Ranks()
        return
    # Only rows and lists of files travel, and they lie in main memory: gloo serves on every device.
    dist.init_process_group("gloo", timeout=PATIENCE)
    try:
        yield Ranks(
            rank=dist.get_rank(),
            size=size,
            local_rank=int(os.environ.get("LOCAL_RANK", "0")),
            local_size=int(os.environ.get("LOCAL_WORLD_SIZE", size)),
        )
    finally:
        dist.destroy_process_group()
