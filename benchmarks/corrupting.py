"""Corrupted images: one command for several checkpoints, against a command for each, and against a plain loop for each.

    python benchmarks/corrupting.py IMAGES
    python benchmarks/corrupting.py IMAGES --network resnet18 --weights resnet18.pth --apart 1 --loops 1
    python benchmarks/corrupting.py IMAGES --kinds

together  `resbench validate --corruptions` with all checkpoints
apart     the same with one checkpoint, for each of them
loop      a program for each of them, as people write it: torch's DataLoader with a worker per core, in which the
          library corrupts and Pillow writes and reads a JPEG, and the network in plain torch

Checkpoints are copies that differ in the last bit of one bias. Without --network they are of a network of one
convolution, so that nearly all time is that of the images. CPU seconds are those of all processes. Of commands and
loops that differ in the checkpoint alone `--apart` and `--loops` say how many are run; their mean stands for the rest.

--kinds   instead: milliseconds of one core per image, of each kind over all severities, by the library and here, both
          with freed memory kept (glibc)
"""

import argparse
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from io import BytesIO
from os import sched_getaffinity
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

MEAN, STD = (torch.tensor(values).view(3, 1, 1) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
CORES = len(sched_getaffinity(0))


class OneConvolution(nn.Sequential):
    """(N, 3, H, W) -> (N, 1000)."""

    input_px = 224

    def __init__(self) -> None:
        super().__init__(nn.Conv2d(3, 8, 7, 7), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 1000))


def network(name: str, weights: str | None) -> nn.Module:
    import resbench

    torch.manual_seed(0)
    module = resbench.build(name) if name else OneConvolution()
    if weights:
        module.load_state_dict(torch.load(weights, weights_only=True))
    return module.eval()


def copies(name: str, weights: str | None, count: int, folder: Path) -> list[Path]:
    state = network(name, weights).state_dict()
    bias = [key for key in state if key.endswith(".bias")][-1]
    paths = []
    for number in range(count):
        state[bias][0] = torch.nextafter(state[bias][0], torch.tensor(float("inf")))
        paths.append(folder / f"{number}.pth")
        torch.save(state, paths[-1])
    return paths


def some_images(data: str, count: int, folder: Path) -> Path:
    from resbench.accuracy.layouts import open_set

    for sample in open_set(Path(data)).samples[:count]:
        (folder / "val" / sample.folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(sample.path, folder / "val" / sample.name)
    return folder / "val"


def corruptions(words: str) -> list[tuple[str, int]]:
    from resbench.accuracy.corruption import chosen_corruptions

    return [(one.kind, one.severity) for one in chosen_corruptions(words)]


def by_library(levels: np.ndarray, kind: str, severity: int, seed: int | None = None) -> np.ndarray:
    """Corrupt an image; with a seed always in the same way."""
    import imagecorruptions

    own = {"seed": seed} if kind in ("glass_blur", "impulse_noise") else {}
    np.random.seed(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return imagecorruptions.corrupt(levels, severity=severity, corruption_name=kind, **own)


def jpeg(levels: np.ndarray) -> np.ndarray:
    stream = BytesIO()
    Image.fromarray(levels).save(stream, "JPEG", quality=85, optimize=True)
    return np.asarray(Image.open(stream).convert("RGB"))


def clean(path: Path, side: int) -> np.ndarray:
    """Resize the shorter side, and crop the middle."""
    image = Image.open(path).convert("RGB")
    scale = side / 0.875 / min(image.size)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BILINEAR)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return np.asarray(image.crop((left, top, left + side, top + side)))


class Corrupted(torch.utils.data.Dataset):
    """All images clean, then all in each kind and severity."""

    def __init__(self, paths: Sequence[Path], words: str, side: int) -> None:
        self.paths, self.kinds, self.side = paths, [None, *corruptions(words)], side

    def __len__(self) -> int:
        return len(self.kinds) * len(self.paths)

    def __getitem__(self, number: int) -> Tensor:
        levels = clean(self.paths[number % len(self.paths)], self.side)
        if corruption := self.kinds[number // len(self.paths)]:
            levels = jpeg(by_library(levels, *corruption))
        return (torch.tensor(levels).permute(2, 0, 1) / 255 - MEAN) / STD


def loop(data: Path, weights: Path, asked: argparse.Namespace) -> None:
    """Do what the command does, for one checkpoint."""
    module = network(asked.network, str(weights))
    images = Corrupted(sorted(data.glob("*/*")), asked.corruptions, asked.input_px)
    right = 0
    with torch.inference_mode():
        for inputs in torch.utils.data.DataLoader(images, batch_size=asked.images, num_workers=CORES):
            right += int((module(inputs).argmax(1) == 0).sum())
    print(right)


def command(data: Path, weights: Sequence[Path], asked: argparse.Namespace) -> list[str]:
    name = asked.network or f"{Path(__file__).resolve()}:{OneConvolution.__name__}"
    files = [word for path in weights for word in ("--weights", str(path))]
    words = ["-m", "resbench", "validate", "--data", str(data), *files, *[name] * len(weights), "--json"]
    # A batch is filled up with images that count for nothing.
    batch = -(-asked.images // -(-asked.images // 50))
    return [*words, "--corruptions", asked.corruptions, "--img-size", str(asked.input_px), "--batch-size", str(batch)]


def seconds(words: Sequence[str]) -> tuple[float, float]:
    """Wall and CPU seconds of a program."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
    wall_s, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compare_commands(data: Path, paths: Sequence[Path], asked: argparse.Namespace) -> None:
    own = ["--images", str(asked.images), "--corruptions", asked.corruptions, "--input-px", str(asked.input_px)]
    own += ["--network", asked.network] if asked.network else []
    together = [seconds(command(data, paths, asked)) for _ in range(asked.rounds)]
    apart = [seconds(command(data, [path], asked)) for path in paths[: asked.apart]]
    loops = [seconds([__file__, str(data), "--loop", str(path), *own]) for path in paths[: asked.loops]]
    for clock, place in (("wall", 0), ("CPU", 1)):
        once = [run[place] for run in together]
        print(f"{clock:4} together {', '.join(f'{run:.1f}' for run in once)} s")
        for name, runs in (("apart", apart), ("loop", loops)):
            each = [run[place] for run in runs]
            ratios = sorted(statistics.fmean(each) * len(paths) / run for run in once) if each else []
            if each:
                shown = f"{statistics.median(ratios):.2f} [{ratios[0]:.2f}, {ratios[-1]:.2f}]"
                print(
                    f"{clock:4} {name:8} each {', '.join(f'{run:.1f}' for run in each)} s; all {shown} times together"
                )


def milliseconds(make: Callable[[np.ndarray], np.ndarray], images: Sequence[np.ndarray]) -> float:
    make(images[0])
    started = time.process_time()
    for levels in images:
        make(levels)
    return 1000 * (time.process_time() - started) / len(images)


def compare_kinds(data: Path, asked: argparse.Namespace) -> None:
    import cv2

    from resbench.accuracy.corruption import Corruption, corrupted
    from resbench.running.allocator import keep_memory

    keep_memory()
    cv2.setNumThreads(1)
    images = [clean(path, asked.input_px) for path in sorted(data.glob("*/*"))]
    totals: dict[str, list[tuple[float, float]]] = {}
    for kind, severity in corruptions(asked.corruptions):
        corruption = Corruption(kind=kind, severity=severity)
        here = milliseconds(lambda levels, one=corruption: corrupted(levels, one, 7), images)
        there = milliseconds(lambda levels, one=(kind, severity): jpeg(by_library(levels, *one, 7)), images)
        totals.setdefault(kind, []).append((there, here))
    for kind, times in totals.items():
        there, here = (sum(column) for column in zip(*times, strict=True))
        print(f"{kind:18} library {there:7.1f} ms, here {here:7.1f} ms: {there / here:.2f}")
    there, here = (sum(sum(time[place] for time in times) for times in totals.values()) for place in (0, 1))
    print(f"{'all':18} library {there:7.1f} ms, here {here:7.1f} ms: {there / here:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--network", default="")
    parser.add_argument("--weights")
    parser.add_argument("--corruptions", default="common")
    parser.add_argument("--kinds", action="store_true")
    parser.add_argument("--loop", help=argparse.SUPPRESS)
    numbers = {"checkpoints": 5, "images": 50, "input-px": 224, "rounds": 1, "apart": 5, "loops": 5}
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    if asked.loop:
        loop(Path(asked.data), Path(asked.loop), asked)
        return
    with tempfile.TemporaryDirectory() as name:
        data = some_images(asked.data, asked.images, Path(name))
        if asked.kinds:
            compare_kinds(data, asked)
        else:
            compare_commands(data, copies(asked.network, asked.weights, asked.checkpoints, Path(name)), asked)


if __name__ == "__main__":
    main()
