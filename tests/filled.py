"""The rule that fills a network with the weights behind golden_logits.json: the witness for the arithmetic.

Every tensor is drawn from a Philox stream keyed by the CRC-32 of its name, so that two implementations agree exactly
when their arithmetic agrees.
"""

import zlib
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from resbench.zoo.spec import InceptionResNetSpec, Variant


def tensor(name: str, shape: tuple[int, ...]) -> Tensor:
    """The float64 values of the state-dict entry `name`."""
    if name.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    values = np.random.Generator(np.random.Philox(key=zlib.crc32(name.encode()))).random(shape)
    values *= 2.0  # in place, here and below: the largest networks have 100 million of them
    values -= 1.0
    if name.endswith("running_var"):
        values = 1.0 + 0.5 * np.abs(values)
    elif name.endswith("running_mean"):
        values *= 0.1
    elif len(shape) == 1:
        values = 1.0 + 0.25 * values if name.endswith("weight") else 0.1 * values
    else:
        values *= (3.0 / int(np.prod(shape[1:]))) ** 0.5
    return torch.from_numpy(values)


def fill(module: nn.Module) -> nn.Module:
    """Fill `module`, which may lie on the meta device, in float64 by the rule, under the names of its state dict."""
    module = module.double()
    values = {name: tensor(name, tuple(old.shape)) for name, old in module.state_dict().items()}
    module.load_state_dict(values, assign=True)
    return module.eval()


def short(variant: Variant) -> Variant:
    """`variant` with two blocks in its first stage and one in each other; of an Inception-ResNet with one in each."""
    spec = variant.spec
    few = {"repeats": (1, 1, 1)} if isinstance(spec, InceptionResNetSpec) else {"depths": (2, 1, 1, 1)}
    return replace(variant, spec=replace(spec, **few))


def image(height: int, width: int) -> Tensor:
    """The (1, 3, height, width) float64 input of the golden logits."""
    stream = np.random.Generator(np.random.Philox(key=20161116))
    return torch.from_numpy(stream.random((1, 3, height, width)) * 4.0 - 2.0)
