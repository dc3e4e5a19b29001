"""Networks that other libraries build, where those are installed."""

from importlib import import_module

from torch import nn

from resbench.errors import ResbenchError
from resbench.zoo.spec import Elsewhere

_BUILDERS = {"timm": ("timm", "create_model"), "torchvision": ("torchvision.models", "get_model")}


def build_elsewhere(spec: Elsewhere) -> nn.Module:
    """Return the network with fresh weights. Raises ResbenchError when its library is not installed or lacks it."""
    module, function = _BUILDERS[spec.place]
    place = f"{spec.place}:{spec.name}"
    try:
        make = getattr(import_module(module), function)
    except ImportError:
        raise ResbenchError(f"{place}: {spec.place} is not installed; run `pip install {spec.place}`") from None
    try:
        network: nn.Module = make(spec.name)
    except (RuntimeError, ValueError) as error:  # what timm and torchvision raise for an unknown name
        raise ResbenchError(f"{place}: {str(error).splitlines()[0]}") from None
    return network
