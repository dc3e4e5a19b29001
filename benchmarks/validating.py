"""Validating a folder of images: resbench against timm's validation loop and a plain torch DataLoader.

    python benchmarks/validating.py DIR
    python benchmarks/validating.py DIR --parts networks --networks resnet18 --weights resnet18.pth --rounds 5

Needs timm and simplejpeg (in the environment that runs this). DIR has one folder per WordNet id; its images are taken
in turn as often as it takes. Every arm runs in a process of its own, the arms take turns, and the first to go changes
from round to round. Only the loop is timed, after one over a few images, not the start. The loop of timm's validate.py
is written out here, since the package does not contain that script: its dataset, its loader with prefetcher and one
worker per core, top-1 and top-5 per batch, synchronised by reading them. The arms of resbench do what the
command does, but for the first images, by which it chooses its options: on a set that takes more than five minutes
what runs is the faster of torch and ONNX Runtime.

ceiling   what a matrix product reaches on all cores: no validation that multiplies as the network is defined is faster
loader    pixels alone: timm's loader, torch's with our pixels, ours, and the same stages (read, decode, resize, crop)
          in one process per core that does nothing else with them
networks  whole validations, with timm at several batches, and what part of the ceiling they reach
five      five networks of small input, so that decoding dominates: at once, and one after the other

Two figures each: images per second (wall), and images per second and core that is kept busy (CPU time of the process
and its workers), which other programs on the machine disturb less. Ratios are taken within a round; shown are their
median and range.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from statistics import median

import torch
from validating_arms import CORES, CPU, FAST, FIVE, LOADERS, NETWORKS, SMALL, arm

import resbench
from resbench.running.allocator import keep_memory
from resbench.running.settings import Running, settings_for
from resbench.timing import ceilings


def cpu_seconds() -> float:
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def measure_here(which: str, folder: str, name: str, weights: str) -> None:
    """Run an arm on a few images to warm up, then timed on all, and print what came of it."""
    if which.startswith(("resbench", "five")) and "returned" not in which:
        keep_memory()
    arm(which, f"{folder}-few", name, weights)()
    run = arm(which, folder, name, weights)
    cpu, wall = cpu_seconds(), time.perf_counter()
    best = run()
    wall = time.perf_counter() - wall
    print(json.dumps({"wall_s": wall, "cpu_s": cpu_seconds() - cpu, "top5": best}))


def measure(which: str, folder: str, name: str, weights: str) -> dict:
    command = [sys.executable, __file__, folder, "--arm", which, "--networks", name, "--weights", weights]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def rounds_of(arms: Sequence[str], folder: str, name: str, weights: str, rounds: int) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {which: [] for which in arms}
    for number in range(rounds):
        shift = number % len(arms)
        for which in (*arms[shift:], *arms[:shift]):
            found[which].append(measure(which, folder, name, weights))
    return found


def ratio(base: list[dict], runs: list[dict], clock: str = "wall_s") -> str:
    ratios = [first[clock] / one[clock] for first, one in zip(base, runs, strict=True)]
    return f"{median(ratios):5.2f} [{min(ratios):.2f}-{max(ratios):.2f}]"


def speed(runs: list[dict], images: int, clock: str = "wall_s") -> float:
    return images / median(one[clock] for one in runs)


def show(found: dict[str, list[dict]], images: int) -> None:
    """Print a line per arm: images/s and ratio to the first arm, by wall clock and by CPU time."""
    base = next(iter(found.values()))
    for which, runs in found.items():
        cells = [f"{speed(runs, images, clock):7.1f}/s {ratio(base, runs, clock)}" for clock in ("wall_s", "cpu_s")]
        differing = sum(runs[0]["top5"][key] != value for key, value in base[0]["top5"].items())
        print(f"{which:53}", *cells, f"top-5 differs in {differing}" if base[0]["top5"] else "", sep="  ", flush=True)


def repeated(folder: str, images: int, target: Path) -> str:
    """Make a set of so many images, each of `folder` as often as it takes, and beside it one of a few."""
    paths = sorted(path for path in Path(folder).glob("*/*") if path.is_file())
    for root, count in ((target, images), (Path(f"{target}-few"), 32)):
        for place, path in enumerate(islice(cycle(paths), count)):
            link = root / path.parent.name / f"{path.stem}_{place}{path.suffix}"
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path.resolve())
    return str(target)


def matmul_gflops() -> float:
    one = ceilings.measure_ceilings(settings_for(Running(), 224, CPU), CPU)
    return 2 * one.matmul_size**3 / min(one.matmul_ns)


def compare_loaders(folder: str, images: int, rounds: int) -> None:
    found = rounds_of(LOADERS, folder, "resnet18", "0", rounds)
    show(found, images)
    for which, runs in found.items():
        if which.startswith("resbench"):
            alone = found[which.replace("resbench", "stages alone")]
            print(f"{which}: of what its stages reach alone {ratio(alone, runs)}")


def compare_networks(names: Sequence[str], files: Sequence[str], folder: str, images: int, rounds: int) -> None:
    ceiling = [matmul_gflops()]
    for name, weights in zip(names, files, strict=True):
        print(f"\n{name}")
        found = rounds_of(NETWORKS, folder, name, weights, rounds)
        ceiling.append(matmul_gflops())
        show(found, images)
        best = max(
            (which for which in found if which.startswith("timm")), key=lambda which: speed(found[which], images)
        )
        for which in FAST:
            print(f"{which}: to timm's best ({best}) {ratio(found[best], found[which])}")
        macs = resbench.count(name).terms.macs
        for which in (NETWORKS[0], best, *FAST):
            reached = 2e-9 * macs * speed(found[which], images)
            print(f"{which}: {reached:.0f} GFLOP/s of {max(ceiling):.0f}, {reached / max(ceiling):.0%} of the ceiling")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parts = ("ceiling", "loader", "networks", "five")
    parser.add_argument("--parts", nargs="*", default=parts, choices=parts)
    parser.add_argument("--networks", nargs="*", default=["resnet18", "resnet50", "resnext50_32x4d"])
    parser.add_argument("--weights", nargs="*", default=[], help="a state dict, or a seed, for each network [0]")
    parser.add_argument(
        "--images", type=int, default=192, help="for the networks; loader and five take 5 times as many"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--arm", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.arm:
        measure_here(asked.arm, asked.folder, asked.networks[0], asked.weights[0])
        return
    print(f"{CORES} cores, torch {torch.__version__}; wall, then CPU time: images/s, ratio to the first arm [range]")
    weights = [*asked.weights, *["0"] * (len(asked.networks) - len(asked.weights))]
    with tempfile.TemporaryDirectory() as scratch:
        few = repeated(asked.folder, asked.images, Path(scratch) / "few")
        many = repeated(asked.folder, 5 * asked.images, Path(scratch) / "many")
        if "ceiling" in asked.parts:
            print(f"ceiling: {matmul_gflops():.0f} GFLOP/s in fp32 matrix products")
        if "loader" in asked.parts:
            print("\npixels alone")
            compare_loaders(many, 5 * asked.images, asked.rounds)
        if "networks" in asked.parts:
            compare_networks(asked.networks, weights, few, asked.images, asked.rounds)
        if "five" in asked.parts:
            print(f"\nfive networks of {SMALL.crop_px} px")
            show(rounds_of(FIVE, many, "resnet18", "0", asked.rounds), 5 * asked.images)


if __name__ == "__main__":
    main()
