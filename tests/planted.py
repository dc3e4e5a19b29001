"""Images whose colour tells a class, and a network that reads it: every right answer is known beforehand."""

import io
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn

from resbench.accuracy.labels import imagenet
from resbench.nets.checkpoints import Loaded
from resbench.zoo.find import find
from resbench.zoo.spec import Preprocess, Variant

SMALL = Preprocess(crop_px=16, crop_pct=0.8)


def colour(shown: int) -> tuple[int, int, int]:
    """The colour that stands for class `shown` of up to 1000; JPEG keeps it well within a step of 25."""
    return tuple(12 + 25 * (shown // step % 10) for step in (100, 10, 1))


def encoded(shown: int, size: tuple[int, int] = (24, 20), kind: str = "JPEG", mode: str = "RGB") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, colour(shown)).convert(mode).save(
        stream, kind, **({"quality": 95} if kind == "JPEG" else {})
    )
    return stream.getvalue()


def write(path: Path, shown: int, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(shown, **options))
    return path


def write_four(root: Path, **options) -> Path:
    """Write images of four classes, of which `Planted` gets two right, and a third one among its five answers."""
    wnids = list(imagenet())
    for label, shift in ((5, 0), (17, 0), (400, 1), (999, -9)):
        write(root / wnids[label] / "a.JPEG", label + shift, **options)
    return root


class Planted(nn.Module):
    """Sees class c in the colour of c, then c+1, c-1, c+2, c-2. (N, 3, H, W) -> (N, classes)."""

    def __init__(self, preprocess: Preprocess = SMALL, classes: int = 1000) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(preprocess.mean).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(preprocess.std).view(3, 1, 1))
        self.classes = classes

    def forward(self, x: Tensor) -> Tensor:
        levels = ((x * self.std + self.mean).mean((2, 3)) * 255 - 12).div(25).round()
        shown = (levels * torch.tensor([100.0, 10.0, 1.0])).sum(1, keepdim=True)
        return -(shown + 0.25 - torch.arange(self.classes)).abs()


class Bgr(Planted):
    """Was trained on reversed channels."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flip(1))


class Constant(nn.Module):
    """Sees nothing. (N, 3, H, W) -> (N, 1000) of zeros."""

    def forward(self, x: Tensor) -> Tensor:
        return x.new_zeros(len(x), 1000)


def load_checkpoint(network: Variant | str, weights: object, key: str | None = None) -> Loaded:
    """Stand in for that of nets.checkpoints: files named bgr hold a network that was trained on reversed channels,
    files named constant one that gives every image the same logits."""
    module = Bgr() if "bgr" in str(weights) else Constant() if "constant" in str(weights) else Planted()
    return Loaded(
        module=module,
        variant=find(network) if isinstance(network, str) else network,
        path=Path(str(weights or "x.pth")),
        sha256="ab" * 32,
        notes=(),
    )
