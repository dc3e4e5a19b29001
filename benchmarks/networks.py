"""Our networks' forward pass against timm's and torchvision's, with the same weights, alternating in one process.

    python benchmarks/networks.py resnet50 seresnext50_32x4d --input-px 224 --rounds 25

Prints the ratio of CPU times, ours to theirs, round by round: the median and the quartiles. Needs the `reference` group
of dependencies.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import timm
import torch
import torchvision
from torch import nn

import resbench

NAMES = ["resnet18", "resnet50", "seresnext50_32x4d", "legacy_seresnet50", "resnetblur50", "inception_resnet_v2"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--input-px", type=int, default=224)
    parser.add_argument("--rounds", type=int, default=25)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name in arguments.names:
        for house, theirs in peers(name).items():
            quartiles = compare(resbench.build(name), theirs, arguments.input_px, arguments.rounds)
            print(f"{name:24} ours / {house:12} {quartiles[1]:.3f}  ({quartiles[0]:.3f} to {quartiles[2]:.3f})")


def peers(name: str) -> dict[str, nn.Module]:
    """The same network by the houses that have it."""
    found = {}
    if timm.is_model(name):
        found["timm"] = timm.create_model(name)
    if name in torchvision.models.list_models():
        found["torchvision"] = torchvision.models.get_model(name)
    return found


def compare(ours: nn.Module, theirs: nn.Module, input_px: int, rounds: int) -> list[float]:
    """Quartiles of the ratio of CPU times at batch 1; who goes first changes from round to round."""
    theirs.load_state_dict(ours.state_dict())
    image = torch.randn(1, 3, input_px, input_px)
    pair = (ours, theirs.eval())
    ratios = []
    with torch.inference_mode():
        for index in range(-2, rounds):  # two rounds to warm up
            order = pair[:: 1 if index % 2 else -1]
            times = {id(module): cpu_ns(module, image) for module in order}
            if index >= 0:
                ratios.append(times[id(ours)] / times[id(theirs)])
    return np.percentile(ratios, [25, 50, 75]).tolist()


def cpu_ns(forward: Callable[[torch.Tensor], torch.Tensor], image: torch.Tensor) -> int:
    start = time.process_time_ns()
    forward(image)
    return time.process_time_ns() - start


if __name__ == "__main__":
    main()
