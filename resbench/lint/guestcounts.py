"""Networks of timm and torchvision, built without memory: their parameters, and what they cost at an input."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from resbench.errors import ResbenchError
from resbench.lint.sizes import USUAL_PX
from resbench.records.record import Counts
from resbench.zoo.find import find

if TYPE_CHECKING:
    from torch import nn

LIBRARIES = ("timm", "torchvision")
_LARGEST = 600_000_000  # parameters of networks that are counted: a larger one takes minutes
# What building or running somebody's network without memory may raise.
_BROKEN = (ResbenchError, RuntimeError, ValueError, TypeError, AttributeError, LookupError, AssertionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """A network of another library."""

    library: str
    own_name: str  # "vgg16"
    exact: bool  # whether it has the very name of the entry

    @property
    def name(self) -> str:
        """Its name with its library: "timm:vgg16"."""
        return f"{self.library}:{self.own_name}"

    @property
    def params(self) -> int:
        """Its parameters; 0 when it cannot be built."""
        return params_of(self.library, self.own_name)

    def counts(self, size: tuple[int, int]) -> list[Counts]:
        """Return what it costs at `size`, with attention in its parts and as one call; none where that is no input.

        Tools see the products within attention only where it is not one call.
        """
        whole = costs_of(self.library, self.own_name, size)
        has_parts = whole and whole.terms.attention and self.library == "timm"
        parts = costs_of(self.library, self.own_name, size, fused=False) if has_parts else None
        return [counts for counts in (parts, whole) if counts]

    def side_px(self, checkpoint: str) -> int:
        """Return the side of the images that `checkpoint` or the network itself is made for."""
        return usual_side(self.library, checkpoint, self.own_name)


def installed() -> tuple[str, ...]:
    """Return the libraries whose networks can be built here."""
    return tuple(library for library in LIBRARIES if find_spec(library))


@cache
def params_of(library: str, name: str) -> int:
    """Return the parameters of a library's network; 0 when it has no such network, or when it cannot be built."""
    module = _module(library, name) if _is_known(library, name) else None
    return sum(tensor.numel() for tensor in module.parameters()) if module else 0


@cache
def costs_of(library: str, name: str, size: tuple[int, int], *, fused: bool = True) -> Counts | None:
    """Return the counts of a library's network at `size`; None where it takes no such input.

    `fused` has attention as one call, which is the default of timm.
    """
    from resbench.counting.tally import count_module

    if params_of(library, name) > _LARGEST:
        return None
    for arguments in ("", f"(img_size={size})" if library == "timm" else ""):  # a transformer is built for its input
        module = _module(library, name, arguments, fused=fused)
        try:
            if module and size[0] * size[1]:
                return count_module(module, size)
        except _BROKEN:
            continue
    return None


@cache
def usual_side(library: str, *names: str) -> int:
    """Return the side of the images that a library's checkpoint or network is made for, by the first name it knows."""
    if library == "timm":
        from timm.models import get_pretrained_cfg

        for name in names:
            with suppress(RuntimeError):  # a tag that is none of this network
                if config := get_pretrained_cfg(name):
                    return int(config.input_size[-1])
    return USUAL_PX


@lru_cache(maxsize=4)
def _module(library: str, name: str, arguments: str = "", *, fused: bool = True) -> "nn.Module | None":
    """Build a network once for all the figures of a row."""
    from resbench.nets.build import build

    with warnings.catch_warnings(), nullcontext() if fused else _attention_in_parts():
        warnings.simplefilter("ignore")  # names that the library has renamed
        try:
            return build(find(f"{library}:{name}{arguments}"), device="meta")
        except _BROKEN:
            return None


@contextmanager
def _attention_in_parts() -> Iterator[None]:
    """Let timm build attention as the products that it is made of, and set its switch back."""
    from timm.layers import set_fused_attn, use_fused_attn

    before = use_fused_attn(), use_fused_attn(experimental=True)
    set_fused_attn(False)
    try:
        yield
    finally:
        set_fused_attn(*before)


def _is_known(library: str, name: str) -> bool:
    """Tell whether a library builds a network of this name."""
    if library == "torchvision":
        from torchvision.models import list_models

        return name in list_models()
    import timm

    return bool(timm.is_model(name))
