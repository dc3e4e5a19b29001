"""Makes what the demo is about: images, a network, and weights, trained in seconds; equal seeds give equal weights."""

import random
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from resbench.accuracy.labels import class_of
from resbench.accuracy.pixels import normalise
from resbench.demo import IMAGES, NETWORK, WEIGHTS, network
from resbench.demo.drawing import DRAWINGS, draw, draw_folder
from resbench.records.files import write_bytes, write_text
from resbench.zoo.spec import Preprocess

TRAINED_ON, VALIDATED_ON = 40, 20  # images of each class
EPOCHS, BATCH_SIZE = 6, 40


def drawn(images_per_class: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return drawings as inputs of the network, (N, 3, 64, 64), and their classes among ImageNet's, (N,)."""
    chance, classes = random.Random(seed), class_of()
    wnids = [wnid for wnid in DRAWINGS for _ in range(images_per_class)]
    frames = np.stack([np.asarray(draw(wnid, chance)) for wnid in wnids])
    return normalise(torch.from_numpy(frames), Preprocess()), torch.tensor([classes[wnid] for wnid in wnids])


def trained(
    images: Tensor, labels: Tensor, epochs: int, seed: int, on_progress: Callable[[float], None] = lambda _: None
) -> nn.Module:
    """Return a network that has seen `images` in `epochs` orders; `on_progress` is told the share done."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = network.DemoNet().train()
        optimizer = torch.optim.AdamW(module.parameters(), lr=3e-3)
        steps = epochs * -(-len(images) // BATCH_SIZE)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=steps)
        for epoch in range(epochs):
            for batch in torch.randperm(len(images)).split(BATCH_SIZE):
                loss = nn.functional.cross_entropy(module(images[batch]), labels[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
            on_progress((epoch + 1) / epochs)
    return module.eval()


def make(folder: Path, on_progress: Callable[[float], None] = lambda _: None) -> None:
    """Write the code and the weights of the network, and images to validate it on, into `folder`."""
    write_text(folder / NETWORK, Path(network.__file__).read_text(encoding="utf-8"))
    draw_folder(folder / IMAGES, VALIDATED_ON, seed=1)
    module = trained(*drawn(TRAINED_ON, seed=2), EPOCHS, seed=0, on_progress=on_progress)
    _save(module.state_dict(), folder)


def swap_colours(folder: Path) -> None:
    """Have the first layer take blue for red and red for blue."""
    tensors = load_file(folder / WEIGHTS)
    tensors["stem.0.weight"] = tensors["stem.0.weight"].flip(1)
    _save(tensors, folder)


def _save(tensors: Mapping[str, Tensor], folder: Path) -> None:
    write_bytes(folder / WEIGHTS, save({name: tensor.contiguous() for name, tensor in tensors.items()}))
