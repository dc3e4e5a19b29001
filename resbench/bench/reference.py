"""Networks in eager torch, fp32, which files are compared with; what they and the files are fed with."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from resbench import __version__
from resbench.accuracy import pixels
from resbench.bench.entries import Validating, entry_of
from resbench.bench.subject import loaded_network
from resbench.records.record import Settings
from resbench.running.runtimes.modelfile import ModelFile
from resbench.running.settings import Running
from resbench.timing.speeds import Request
from resbench.zoo.spec import Preprocess, Variant


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reference:
    """A network in eager torch, fp32, on the CPU: what a file is held against."""

    network: Variant
    module: nn.Module
    preprocess: Preprocess
    weights: str | None  # None: fresh weights
    weights_sha256: str | None


class Uint8Input(nn.Module):
    """A network that takes images as decoders give them: (N, H, W, 3) uint8 -> (N, classes)."""

    def __init__(self, module: nn.Module, preprocess: Preprocess) -> None:
        super().__init__()
        self.module, self.preprocess = module, preprocess

    def forward(self, frames: Tensor) -> Tensor:  # noqa: D102  says nothing that the class does not
        logits: Tensor = self.module(pixels.normalise(frames, self.preprocess))
        return logits


def reference_of(network: Variant, weights: str | None, key: str | None, input_px: int | None) -> Reference:
    """Return the network with its weights; None: fresh ones, always the same. Raises ResbenchError for unknown ones."""
    side = input_px or network.input_px
    request = Request(network=network, weights=weights, key=key, device="cpu", settings=Settings(input_px=(side, side)))
    loaded = loaded_network(request)
    return Reference(
        network=network,
        module=loaded.module,
        preprocess=entry_of(network.name, network, weights, Validating(running=Running(input_px=side))).preprocess,
        weights=loaded.weights,
        weights_sha256=loaded.weights_sha256,
    )


def identity(reference: Reference, *, uint8: bool) -> Mapping[str, str]:
    """Return what a file says of itself, as text."""
    own = reference.preprocess
    return {
        "network": reference.network.name,
        "weights": reference.weights or "",
        "weights_sha256": reference.weights_sha256 or "",
        "input_px": str(own.crop_px),
        "mean": json.dumps(own.mean),
        "std": json.dumps(own.std),
        "classes": str(reference.network.classes),
        "takes": "uint8 images, N x H x W x 3" if uint8 else "normalised float32 images, N x 3 x H x W",
        "resbench": __version__,
    }


def seeded(count: int, side_px: int, seed: int) -> Tensor:
    """Return random images as decoders give them: (N, H, W, 3) uint8."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(256, (count, side_px, side_px, 3), dtype=torch.uint8, generator=generator)


def as_input(model: ModelFile, frames: Tensor, reference: Reference) -> Tensor:
    """Return what `model` takes for `frames`, (N, H, W, 3) uint8: these, or normalised images, (N, 3, H, W) float32."""
    return frames if model.takes_uint8 else pixels.normalise(frames, reference.preprocess)


@torch.inference_mode()
def eager_logits(reference: Reference, frames: Tensor) -> Tensor:
    """Return the logits of the network for `frames`, (N, H, W, 3) uint8 -> (N, classes)."""
    logits: Tensor = reference.module(pixels.normalise(frames, reference.preprocess))
    return logits
