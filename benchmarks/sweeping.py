"""How well do several workers share the cores? For a quiet machine with as many cores as workers.

    python benchmarks/sweeping.py
    python benchmarks/sweeping.py --workers 2 --jobs 6 --images 300 --repeats 3

A sweep validates as many files of weights of resnet18, each in a job of its own on one thread, with one worker and
with several, in turn. Needs submitit. The time is that of the whole command, the start of its processes included.
The same validations run as commands too, in one shell and in several side by side: what two processes take from each
other, cache and memory, no engine gives back. Printed are the efficiencies of both (the time with one worker over that
with `--workers`, divided by `--workers`), the ratio of the two, medians and ranges over the repeats, and how busy the
machine was. Exits 1 when the counts of two sweeps differ.
"""

import argparse
import random
import subprocess
import sys
import time
from itertools import chain
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch
from PIL import Image

from resbench.environment import watch
from resbench.nets.build import build
from resbench.records.record import Evaluation
from resbench.records.store import read_folder

NETWORK, CLASSES = "resnet18", 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=6)
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    machine = watch(torch.device("cpu"))
    with TemporaryDirectory() as name:
        folder = Path(name)
        make_images(folder / "val", asked.images)
        make_weights(folder, asked.jobs)
        efficiencies: dict[str, list[float]] = {"sweep": [], "shells": []}
        counts = set()
        for repeat in range(asked.repeats):
            swept_s, shells_s = {}, {}
            for workers in sorted({1, asked.workers}, reverse=bool(repeat % 2)):
                swept_s[workers], right = swept(folder, f"out-{repeat}-{workers}", asked.jobs, workers)
                counts.add(right)
                shells_s[workers] = in_shells(folder, asked.jobs, workers)
            for name, times_s in (("sweep", swept_s), ("shells", shells_s)):
                efficiencies[name].append(times_s[1] / times_s[asked.workers] / asked.workers)
                print(f"{name} {times_s} s: efficiency {efficiencies[name][-1]:.3f}", flush=True)
    ratios = [mine / plain for mine, plain in zip(*efficiencies.values(), strict=True)]
    for name, values in (*efficiencies.items(), ("sweep over shells", ratios)):
        print(f"{name}, {asked.workers} workers: {median(values):.3f} [{min(values):.3f}, {max(values):.3f}]")
    print(f"machine {machine.noise()}")
    sys.exit(len(counts) != 1)


def make_images(folder: Path, count: int) -> None:
    chance = random.Random(0)
    for number in range(count):
        own = folder / f"class{number % CLASSES}"
        own.mkdir(parents=True, exist_ok=True)
        Image.frombytes("RGB", (64, 48), chance.randbytes(64 * 48 * 3)).resize((320, 240)).save(own / f"{number}.jpg")


def make_weights(folder: Path, count: int) -> None:
    for number in range(count):
        torch.manual_seed(number)
        network = build(NETWORK)
        network.fc = torch.nn.Linear(512, CLASSES)
        torch.save(network.state_dict(), folder / f"w{number}.pth")


def swept(folder: Path, out: str, jobs: int, workers: int) -> tuple[float, tuple[tuple[str | None, int], ...]]:
    """Sweep, and return the seconds that it took and the images that each file of weights recognised."""
    weights = chain.from_iterable(("--with", f"weights=w{number}.pth") for number in range(jobs))
    options = ["--data", "val", "--with", "threads=1", "--with", "workers=1", "--per-pass", "1", *weights]
    engine = ["--on", "processes", "--workers", str(workers), "-o", out]
    started_s = time.perf_counter()
    command = [sys.executable, "-m", "resbench", "sweep", NETWORK, *options, *engine]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - started_s
    records = (record for record in read_folder(folder / out).values() if isinstance(record, Evaluation))
    return seconds, tuple(sorted((str(record.weights), record.top1_right) for record in records))


def in_shells(folder: Path, jobs: int, workers: int) -> float:
    """Return the seconds that the same validations take as commands, in as many shells side by side."""
    options = "--data val --threads 1 --workers 1 --quiet"
    commands = [f"{sys.executable} -m resbench validate {NETWORK} --weights w{n}.pth {options}" for n in range(jobs)]
    started_s = time.perf_counter()
    shells = [
        subprocess.Popen(["sh", "-c", " && ".join(commands[first::workers])], cwd=folder, stdout=subprocess.DEVNULL)
        for first in range(workers)
    ]
    codes = [shell.wait() for shell in shells]
    if any(codes):
        raise SystemExit("a validation failed")
    return time.perf_counter() - started_s


if __name__ == "__main__":
    main()
