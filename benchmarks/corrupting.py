"""Corrupted images: one command for several checkpoints, against a command for each, which corrupts again.

python benchmarks/corrupting.py IMAGES --network resnet18 --weights resnet18.pth [--checkpoints 5] [--images 50]
    [--corruptions common] [--input-px 224] [--rounds 1]

Checkpoints are copies of the weights that differ in the last bit of one bias. CPU seconds are those of all processes.
"""

import argparse
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from resbench import load
from resbench.accuracy.layouts import open_set


def copies(network: str, weights: str, count: int, folder: Path) -> list[Path]:
    state = load(network, weights).state_dict()
    name = [key for key in state if key.endswith(".bias")][-1]
    paths = []
    for number in range(count):
        state[name][0] = torch.nextafter(state[name][0], torch.tensor(float("inf")))
        paths.append(folder / f"{number}.pth")
        torch.save(state, paths[-1])
    return paths


def some_images(data: str, count: int, folder: Path) -> Path:
    for sample in open_set(Path(data)).samples[:count]:
        (folder / "val" / sample.folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(sample.path, folder / "val" / sample.name)
    return folder / "val"


def run(data: Path, network: str, weights: Sequence[Path], asked: argparse.Namespace) -> tuple[float, float]:
    """Wall and CPU seconds of one command."""
    files = [word for path in weights for word in ("--weights", str(path))]
    command = [sys.executable, "-m", "resbench", "validate", "--data", str(data), *files, *[network] * len(weights)]
    command += ["--corruptions", asked.corruptions, "--input-px", str(asked.input_px), "--json"]
    command += ["--batch-size", str(min(asked.images, 50))]  # a batch is filled up with images that count for nothing
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - started, cpu_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--network", default="resnet18")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--checkpoints", type=int, default=5)
    parser.add_argument("--images", type=int, default=50)
    parser.add_argument("--corruptions", default="common")
    parser.add_argument("--input-px", type=int, default=224)
    parser.add_argument("--rounds", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = some_images(asked.data, asked.images, folder)
        paths = copies(asked.network, asked.weights, asked.checkpoints, folder)
        together, alone = [], []
        for _ in range(asked.rounds):
            together.append(run(data, asked.network, paths, asked))
            each = [run(data, asked.network, [path], asked) for path in paths]
            alone.append((sum(wall for wall, _ in each), sum(cpu for _, cpu in each)))
    for clock, place in (("wall", 0), ("CPU", 1)):
        ratios = [one[place] / all_[place] for one, all_ in zip(alone, together, strict=True)]
        shown = ", ".join(f"{one[place]:.0f} / {all_[place]:.0f} s" for one, all_ in zip(alone, together, strict=True))
        print(f"{clock}: {asked.checkpoints} commands take {statistics.median(ratios):.2f} times as long ({shown})")


if __name__ == "__main__":
    main()
