"""Records of many networks on several machines, with speeds that scatter: what a report is made of."""

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle, islice, product
from pathlib import Path

from resbench.counting.counted import counted
from resbench.records import record as r
from resbench.records.store import save
from resbench.zoo.find import checkpoints
from resbench.zoo.variants import VARIANTS
from tests.examples import CONDITIONS, EVALUATION, MACHINE, PROFILE, RUN

_MACHINES = (
    ("cpu", "Example CPU", 60e9, "2.13.0+cpu"),
    ("cuda", "Example GPU", 4e12, "2.13.0+cu126"),
    ("cpu", "Another CPU", 150e9, "2.12.0+cpu"),
)  # kind, name, multiply-adds per second, torch
_NETWORKS = [variant for variant in VARIANTS if variant.input_px == 224][:74]  # however many there are


def profiles(number: int, seed: int = 7, samples: int = 3) -> Iterator[r.Profile]:
    """Yield `number` profiles: batch sizes 1, 8 and 32 of each network, on each machine, in two number formats."""
    chance = random.Random(seed)
    combinations = product(range(number), ("fp32", "bf16"), _MACHINES, _NETWORKS)
    for index, (again, dtype, machine, variant) in enumerate(islice(combinations, number)):
        yield _profile(variant.name, machine, dtype, again, index, chance, samples)


def evaluations(number: int) -> Iterator[r.Evaluation]:
    """Yield evaluations of `number` published checkpoints, some with another accuracy than published."""
    published = [row for variant in _NETWORKS for row in checkpoints(variant.name) if row.claim("top1")]
    for row, points in zip(islice(published, number), cycle((0, 3, -40)), strict=False):
        pixels = replace(
            EVALUATION.pixels,
            crop_px=row.preprocess.crop_px,
            resize_px=row.preprocess.resize_px,
            interpolation=row.preprocess.interpolation,
        )
        data = replace(EVALUATION.dataset, name="ImageNet-1k", images=50_000, classes=1000)
        right = round(50_000 * row.claim("top1").value) + points
        yield replace(
            EVALUATION, network=row.network, weights=row.name, pixels=pixels, dataset=data, images=50_000,
            top1_right=right, top5_right=49_000, settings=r.Settings(input_px=(row.preprocess.crop_px,) * 2),
        )  # fmt: skip


def fill(folder: Path, profiled: int, evaluated: int = 0, **options: int) -> Path:
    """Write such records into `folder`."""
    for number, record in enumerate([*profiles(profiled, **options), *evaluations(evaluated)]):
        save(record, folder / f"{number // 500}" if profiled > 500 else folder)
    return folder


def _profile(name, machine, dtype, again, index, chance, samples) -> r.Profile:
    kind, device, speed, torch = machine
    counts = counted(name)
    call_ns = 2e5 + 1e9 * counts.terms.macs / speed / (1.8 if dtype == "bf16" else 1) * chance.uniform(0.8, 1.3)
    timed = [("latency", 1), ("throughput", 8), ("throughput", 32)]
    threads = 2 + again if kind == "cpu" else None
    energy = r.Energy(batch_size=32, images=320, millijoules=round(call_ns / 1e3), wall_ns=round(10 * call_ns))
    noise = "overloaded" if index % 7 == 3 else "quiet"
    place = replace(MACHINE, device_kind=kind, device_name=device, torch=torch)
    return replace(
        PROFILE,
        network=name,
        counts=counts,
        settings=r.Settings(input_px=(224, 224), dtype=dtype, threads=threads, seed=again),
        series=tuple(_series(speed_name, size, call_ns, chance, samples) for speed_name, size in timed),
        memory=tuple(_memory(counts, size) for size in (1, 8, 32)),
        energy=(energy,) if kind == "cuda" else (),
        environment=r.Environment(machine=place, conditions=replace(CONDITIONS, noise=noise)),
        run=replace(RUN, started=f"2026-0{1 + index % 9}-11T10:00:00+00:00"),
    )


def _memory(counts, size) -> r.Memory:
    return r.Memory(batch_size=size, allocated_bytes=counts.weights_bytes + size * 4 * counts.activations)


def _series(speed, size, call_ns, chance, samples) -> r.Series:
    mean = call_ns * (size**0.85 if size > 1 else 1)
    clusters = []
    for _ in range(8):
        level = mean * chance.lognormvariate(0, 0.015)
        walls = tuple(round(level * chance.lognormvariate(0, 0.01)) for _ in range(samples))
        clusters.append(r.Cluster(wall_ns=walls, cpu_ns=tuple(2 * wall for wall in walls)))
    launch = r.Launch(
        cold_start_ns=round(3 * mean), warmup_iterations=5, warmup_ns=10**8, steady=True, clusters=tuple(clusters)
    )
    return r.Series(
        speed=speed, batch_size=size, batch_size_asked=str(size), calls=1, launches=(launch,),
        stop_reason="precision", target=0.02, drifting=chance.random() < 0.05,
    )  # fmt: skip
