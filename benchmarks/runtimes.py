"""How fast are networks in every runtime and number format, against eager torch in fp32? For a quiet machine.

    python benchmarks/runtimes.py --calibration photos
    python benchmarks/runtimes.py resnet18 --batch-sizes 1,16 --threads 2 --seconds 120 --repeats 3

The calls in all runtimes and settings take turns, in every repeat afresh. Printed are eager's time over theirs:
the median over the repeats, the smallest and the largest, and how busy the machine was. What this machine or these
packages cannot run is listed with the reason; int8 needs `--calibration`, a folder of images.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch

from resbench.bench.ladder import interleaved_subjects, rung_time
from resbench.bench.requests import request_for
from resbench.bench.subject import Subject, ready
from resbench.environment import watch
from resbench.errors import ResbenchError
from resbench.running.settings import Running
from resbench.zoo.find import find

NAMES = ["resnet18", "resnet50", "resnext50_32x4d", "seresnext50_32x4d"]
CPU = torch.device("cpu")
RUNNINGS = {
    "eager": Running(),
    "eager, folded, channels last": Running(fuse=True, channels_last=True),
    "eager, bf16": Running(dtype="bf16", channels_last=True),
    "compile": Running(runtime="compile"),
    "compile, folded, channels last": Running(runtime="compile", fuse=True, channels_last=True),
    "aotinductor, folded, channels last": Running(runtime="aotinductor", fuse=True, channels_last=True),
    "onnxruntime": Running(runtime="onnxruntime"),
    "openvino": Running(runtime="openvino"),
    "openvino, bf16": Running(runtime="openvino", dtype="bf16"),
    "onnxruntime, int8": Running(runtime="onnxruntime", dtype="int8"),
    "openvino, int8": Running(runtime="openvino", dtype="int8"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--batch-sizes", type=lambda text: [int(word) for word in text.split(",")], default=[1, 16])
    parser.add_argument("--input-px", type=int)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--seconds", type=float, default=60.0, help="for each network, batch size and repeat")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--calibration", help="a folder of images, for int8")
    parser.add_argument(
        "--only", default="", help="only runtimes and settings with this word in their names, and eager"
    )
    asked = parser.parse_args()
    for name in asked.names:
        measured(name, asked)


def measured(name: str, asked: argparse.Namespace) -> None:
    """Measure one network and print its rows."""
    machine = watch(CPU)
    with tempfile.TemporaryDirectory() as folder:
        subjects = made_ready(name, asked, Path(folder))
        speedups: dict[tuple[str, int], list[float]] = {}
        for _ in range(asked.repeats):
            for size in asked.batch_sizes:
                samples = interleaved_subjects(subjects, size, asked.seconds, lambda _: None)
                for place, label in enumerate(subjects):
                    timed = rung_time(samples, place)
                    speedups.setdefault((label, size), []).append(timed.speedup.estimate if timed.speedup else 1.0)
    print(f"\n{name}: machine {machine.noise()}, eager's time over theirs: median [smallest, largest]")
    print(f"| runtime and settings | {' | '.join(f'batch {size}' for size in asked.batch_sizes)} |")
    print(f"|---|{'---:|' * len(asked.batch_sizes)}")
    for label in subjects:
        cells = (speedups[label, size] for size in asked.batch_sizes)
        print(f"| {label} | {' | '.join(f'{median(of):.2f} [{min(of):.2f}, {max(of):.2f}]' for of in cells)} |")


def made_ready(name: str, asked: argparse.Namespace, folder: Path) -> dict[str, Subject]:
    """Return the network in every runtime and setting that can run here; print why others cannot."""
    network, subjects = find(name), {}
    for label, own in RUNNINGS.items():
        if label != "eager" and asked.only not in label:
            continue
        int8 = own.dtype == "int8"
        running = replace(
            own, input_px=asked.input_px, threads=asked.threads, calibration=asked.calibration if int8 else None
        )
        try:
            subjects[label] = ready(request_for(network, running, CPU, files=folder), asked.batch_sizes)
        except ResbenchError as error:
            print(f"{name}: {label}: {error}")
    return subjects


if __name__ == "__main__":
    main()
