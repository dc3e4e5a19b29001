"""The ATen operators that a forward pass comes to: what neither parameters nor operations show."""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode


class Dispatched(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Calls `on_operator` for every operator that computes something."""

    def __init__(self, on_operator: Callable[[], None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.on_operator = on_operator

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if computes(function):
            self.on_operator()
        return function(*args, **(kwargs or {}))


@cache
def computes(operator: OpOverload) -> bool:
    """Return whether `operator` makes new values out of tensors.

    Views and empty tensors are left out: they cost next to nothing, and how many there are differs between versions of
    torch. A view returns what shares its input's memory and does not write to it; _unsafe_view does not say so.
    """
    schema = operator._schema
    views = any(value.alias_info and not value.alias_info.is_write for value in schema.returns)
    takes = any("Tensor" in str(value.type) for value in schema.arguments)
    return takes and not views and operator.overloadpacket is not torch.ops.aten._unsafe_view
