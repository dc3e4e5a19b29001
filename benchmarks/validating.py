"""Validating a folder of images: resbench against timm's validation loop and a plain torch DataLoader.

    python benchmarks/validating.py DIR --rounds 5
    python benchmarks/validating.py DIR --networks resnet18 resnet50 --weights resnet18.pth random

Needs timm (in the environment that runs this). DIR has one folder per WordNet id. Every arm runs in a process of its
own, the arms take turns, and the first to go changes from round to round; only the loop is timed, not the start. The
loop of timm's validate.py is written out here, since the package does not contain that script: its dataset, its loader
with prefetcher and one worker per core, top-1 and top-5 per batch, synchronised by reading them.

Two figures each: images per second (wall), and images per second and core that is kept busy (CPU time of the process
and its workers), which other programs on the machine disturb less. Ratios are taken within a round; shown are their
median and range.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import torch

import resbench
from resbench.accuracy import loader
from resbench.accuracy.decoders import decoder
from resbench.accuracy.evaluate import Contestant, evaluate
from resbench.accuracy.layouts import open_set
from resbench.accuracy.pixels import decode, frame, normalise
from resbench.timing.fold import fold_batch_norms
from resbench.zoo.spec import Preprocess

CORES = len(os.sched_getaffinity(0))
PREPROCESS = Preprocess(interpolation="bicubic")
Top5 = dict[str, list[int]]


def network(name: str, weights: str) -> torch.nn.Module:
    module = resbench.build(name)
    module.load_state_dict(torch.load(weights, weights_only=True))
    return module


def timm_loader(folder: str, batch_size: int):
    from timm.data import create_dataset, create_loader

    dataset = create_dataset("", root=folder)
    return create_loader(
        dataset,
        input_size=(3, 224, 224),
        batch_size=batch_size,
        use_prefetcher=True,
        interpolation=PREPROCESS.interpolation,
        crop_pct=PREPROCESS.crop_pct,
        num_workers=CORES,
        device=torch.device("cpu"),
        persistent_workers=False,
    ), dataset.filenames(basename=True)


def timm_validation(folder: str, name: str, weights: str, batch_size: int) -> Callable[[], Top5]:
    import timm
    from timm.utils import accuracy

    model = timm.create_model(name)
    model.load_state_dict(torch.load(weights, weights_only=True))
    model.eval()
    batches, names = timm_loader(folder, batch_size)

    def run() -> Top5:
        best = []
        with torch.inference_mode():
            for images, labels in batches:
                logits = model(images)
                _ = [share.item() for share in accuracy(logits, labels, topk=(1, 5))]
                best += logits.topk(5)[1].tolist()
        return dict(zip(names, best, strict=True))

    return run


class Frames(torch.utils.data.Dataset):
    """Our pixels, one image at a time, for torch's loader."""

    def __init__(self, folder: str) -> None:
        self.samples = open_set(Path(folder)).samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, place: int) -> torch.Tensor:
        return torch.from_numpy(frame(decode(self.samples[place].read()), PREPROCESS).copy())


def plain_validation(folder: str, name: str, weights: str, batch_size: int) -> Callable[[], Top5]:
    model, frames = network(name, weights), Frames(folder)
    batches = torch.utils.data.DataLoader(frames, batch_size, num_workers=CORES)

    def run() -> Top5:
        best = []
        with torch.inference_mode():
            for images in batches:
                best += model(normalise(images, PREPROCESS)).topk(5)[1].tolist()
        return {sample.base: row for sample, row in zip(frames.samples, best, strict=True)}

    return run


def our_batches(folder: str, way: str, batch_size: int) -> Iterator[loader.Batch]:
    samples = open_set(Path(folder)).samples
    starts = range(0, len(samples), batch_size)
    return loader.batches(samples, [PREPROCESS], starts=starts, batch_size=batch_size, workers=CORES, way=decoder(way))


def our_validation(
    folder: str, name: str, weights: str, way: str, *, fast: bool, copies: int = 1
) -> Callable[[], Top5]:
    model = network(name, weights)
    if fast:
        fold_batch_norms(model, (224, 224))
        model.to(memory_format=torch.channels_last)
    layout = torch.channels_last if fast else torch.contiguous_format
    contestants = [
        Contestant(name=name, identity="", forward=lambda x: model(x.to(memory_format=layout)), preprocess=PREPROCESS)
        for _ in range(copies)
    ]
    names = [sample.base for sample in open_set(Path(folder)).samples]

    def run() -> Top5:
        batches = our_batches(folder, way, 32)
        parts = evaluate(contestants, batches, device=torch.device("cpu"), batch_size=32, threads=CORES)
        best = [row for rows, *_ in parts for row in rows["top5"].tolist()]
        return dict(zip(names, best, strict=True))

    return run


def drain(batches: Callable[[], Iterator[object]]) -> Callable[[], Top5]:
    def run() -> Top5:
        for _ in batches():
            pass
        return {}

    return run


def arm(which: str, folder: str, name: str, weights: str) -> Callable[[], Top5]:
    match which:
        case "loader: timm":
            return drain(lambda: iter(timm_loader(folder, 32)[0]))
        case "loader: torch DataLoader, our pixels":
            return drain(lambda: iter(torch.utils.data.DataLoader(Frames(folder), 32, num_workers=CORES)))
        case "timm, batch 32":
            return timm_validation(folder, name, weights, 32)
        case "timm, batch 8":
            return timm_validation(folder, name, weights, 8)
        case "torch DataLoader, batch 32":
            return plain_validation(folder, name, weights, 32)
        case "resbench":
            return our_validation(folder, name, weights, "pillow", fast=False)
        case "resbench --fuse --channels-last":
            return our_validation(folder, name, weights, "pillow", fast=True)
        case "resbench --fuse --channels-last --decoder simplejpeg":
            return our_validation(folder, name, weights, "simplejpeg", fast=True)
    way = which.removeprefix("loader: resbench ")
    return drain(lambda: our_batches(folder, way, 32))


LOADERS = (
    "loader: timm",
    "loader: torch DataLoader, our pixels",
    "loader: resbench pillow",
    "loader: resbench simplejpeg",
    "loader: resbench simplejpeg+torch",
)
VALIDATIONS = (
    "timm, batch 32",
    "timm, batch 8",
    "torch DataLoader, batch 32",
    "resbench",
    "resbench --fuse --channels-last",
    "resbench --fuse --channels-last --decoder simplejpeg",
)


def cpu_seconds() -> float:
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def measure_here(which: str, folder: str, name: str, weights: str) -> None:
    """Run an arm once to warm up, once timed, and print what came of it."""
    run = arm(which, folder, name, weights)
    run()
    cpu, wall = cpu_seconds(), time.perf_counter()
    best = run()
    wall = time.perf_counter() - wall
    print(json.dumps({"wall_s": wall, "cpu_s": cpu_seconds() - cpu, "top5": best}))


def measure(which: str, folder: str, name: str, weights: str) -> dict:
    command = [sys.executable, __file__, folder, "--arm", which, "--networks", name, "--weights", weights]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def compare(arms: tuple[str, ...], folder: str, name: str, weights: str, rounds: int) -> None:
    images, found = len(open_set(Path(folder)).samples), {which: [] for which in arms}
    for number in range(rounds):
        shift = number % len(arms)
        for which in arms[shift:] + arms[:shift]:
            found[which].append(measure(which, folder, name, weights))
    first = found[arms[0]]
    for which, runs in found.items():
        differing = sum(runs[0]["top5"].get(key) != value for key, value in first[0]["top5"].items())
        cells = [f"{which:55}"]
        for clock in ("wall_s", "cpu_s"):
            ratios = [base[clock] / one[clock] for base, one in zip(first, runs, strict=True)]
            speed = images / median(one[clock] for one in runs)
            cells.append(f"{speed:7.1f}/s {median(ratios):5.2f} [{min(ratios):.2f}-{max(ratios):.2f}]")
        print("  ".join(cells), f" top-5 differs in {differing}" if first[0]["top5"] else "", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--networks", nargs="*", default=["resnet18", "resnet50", "resnext50_32x4d"])
    parser.add_argument("--weights", nargs="*", default=[], help="a state dict for each network, or: random")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--arm", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.arm:
        measure_here(options.arm, options.folder, options.networks[0], options.weights[0])
        return
    print(f"{CORES} cores, torch {torch.__version__}; wall, then CPU time: images/s, ratio to the first arm [range]")
    compare(LOADERS, options.folder, "resnet18", "none", options.rounds)
    with tempfile.TemporaryDirectory() as scratch:
        for index, name in enumerate(options.networks):
            weights = options.weights[index] if index < len(options.weights) else "random"
            if weights == "random":
                weights = f"{scratch}/{name}.pth"
                torch.save(resbench.build(name).state_dict(), weights)
            print(f"\n{name}")
            compare(VALIDATIONS, options.folder, name, weights, options.rounds)


if __name__ == "__main__":
    main()
