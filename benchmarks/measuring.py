"""How well resbench measures: on this machine, against what is known and against another timer. Every run is reported.

    python benchmarks/measuring.py overhead            # what timing one call adds to it
    python benchmarks/measuring.py agreement           # with torch.utils.benchmark, in turn with it
    python benchmarks/measuring.py selfcheck           # false alarms, power and bias; some minutes
    python benchmarks/measuring.py launches            # where two processes of the same code differ
    python benchmarks/measuring.py gain                # --fuse --channels-last against plain
    python benchmarks/measuring.py peers               # our networks against timm's and torchvision's
    python benchmarks/measuring.py neighbours          # what an arm's time owes to those before it

Prints JSON with the environment it was measured in; docs/measuring.md shows the results.
"""

import argparse
import math
import os
import random
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from torch.utils import benchmark

from resbench import environment
from resbench.bench.comparing import ab
from resbench.bench.requests import request_for
from resbench.bench.selfcheck import false_alarms, scores, selfcheck
from resbench.bench.sides import Side, request_of
from resbench.bench.subject import ready
from resbench.bench.worker import Local, Remote
from resbench.judging.paired import unit_logs
from resbench.judging.robust import hodges_lehmann
from resbench.judging.stats import cluster_medians, log_interval
from resbench.running.device import resolve
from resbench.running.settings import Running
from resbench.timing import calls, interleave
from resbench.timing.clock import host_clock
from resbench.timing.contest import Rules
from resbench.zoo.find import find

CPU = torch.device("cpu")
CALLS = 4


def overhead() -> Any:
    """Microseconds of wall and CPU time that one timed call of nothing takes, in seven batches of 10,000."""
    clock = host_clock(CPU)
    taken = [clock(lambda: [clock(_nothing, 1) for _ in range(10_000)], 1) for _ in range(7)]
    wall, cpu = ([ns / 1e3 / 10_000 for ns in column] for column in zip(*taken, strict=True))
    return {
        "wall_us": wall,
        "cpu_us": cpu,
        "wall_median_us": np.median(wall).item(),
        "cpu_median_us": np.median(cpu).item(),
    }


def agreement() -> Any:
    """Our CPU time over torch.utils.benchmark's: four calls in turn with its four, 12 times on each of 20 layouts."""
    arm = ready(request_of(Side(network=find("resnet18"), running=Running(input_px=64)), resolve("cpu"))).arm
    clock, chance = host_clock(CPU), random.Random(0)
    work = calls.inference(arm, 1)
    ratios = []
    with torch.inference_mode():
        for _ in range(20):
            (call,) = work()
            timer = benchmark.Timer("call()", globals={"call": call}, num_threads=1, timer=time.process_time)
            logs = [_log_ratio(partial(clock, call, CALLS), partial(timer.timeit, CALLS), chance) for _ in range(12)]
            ratios.append(math.exp(hodges_lehmann(logs)))
    interval = log_interval(ratios)
    return {"ratios": ratios, "mean": interval.estimate, "low": interval.low, "high": interval.high}


def _log_ratio(ours: Any, theirs: Any, chance: random.Random) -> float:
    """Take both once, in random order."""
    if chance.random() < 0.5:
        mine = ours()[1] / 1e9 / CALLS
        return math.log(mine / theirs().median)
    other = theirs().median
    return math.log(ours()[1] / 1e9 / CALLS / other)


def self_check() -> Any:
    """Twenty comparisons of equal arms, and twenty of each slowdown."""
    check = selfcheck(runs=20, slowdowns=(0.03, 0.05, 0.10))
    return {"check": check, "scores": scores(check), "false_alarms": false_alarms(check)}


def launches() -> Any:
    """Log ratios, in per cent, of equal arms in processes of their own: 6 launches of 16 clusters, each way.

    Half of the launches leave both processes free to run on any core, the others have them share one, in turn.
    """
    requests = (request_of(Side(network=find("resnet18"), running=Running(input_px=64)), CPU),) * 2
    chance, free = random.Random(0), set(os.sched_getaffinity(0))
    logs: dict[str, list[Any]] = {"any core": [], "shared core": []}
    for where in tuple(logs) * 6:
        with ExitStack() as stack:
            sides = [stack.enter_context(closing(Remote(one, 1, python=None, tree=None))) for one in requests]
            for side in sides:
                side.ready()
            core = chance.choice(sorted(free))
            for side in sides if where == "shared core" else ():
                side.keep_to(core)
            shape = interleave.shape(sides)
            units = [(interleave.cluster(sides, shape, chance),) for _ in range(16)]
        logs[where].append(100 * unit_logs(units, "cpu_ns"))
    return {where: _scatter(np.array(ratios)) for where, ratios in logs.items()}


def _scatter(ratios: Any) -> Any:
    within, means = ratios.var(axis=1, ddof=1), ratios.mean(axis=1)
    return {
        "between_clusters_sd": np.sqrt(within),
        "between_clusters_sd_pooled": math.sqrt(within.mean()),
        "launch_means": means,
        "launch_means_sd": means.std(ddof=1).item(),
        "between_launches_sd": math.sqrt(max(0.0, means.var(ddof=1) - within.mean() / ratios.shape[1])),
    }


def gain() -> Any:
    """Time of folded and channels-last networks over plain ones."""
    changed = Running(threads=1, fuse=True, channels_last=True)
    return [_summary(name, name, changed) for name in ("resnet50", "resnext50_32x4d")]


def peers() -> Any:
    """Time of our networks over timm's and torchvision's; where those are installed."""
    return [
        _summary(f"{library}:{name}", name, Running(threads=1))
        for name in ("resnet50", "resnext50_32x4d")
        for library in ("timm", "torchvision")
    ]


def neighbours() -> Any:
    """Time in a cluster with two other runtimes over that in a cluster alone, on two threads: 12 clusters of each."""
    runnings = {name: Running(input_px=64, threads=2, runtime=name) for name in ("eager", "onnxruntime", "openvino")}
    chance = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        requests = [request_for(find("resnet18"), running, CPU, files=Path(folder)) for running in runnings.values()]
        bursts = [interleave.Burst(Local(ready(request, [1]).arm, 1)) for request in requests]
        sizes = interleave.Shape(pairs=interleave.MOST_PAIRS, calls=1)
        ratios = []
        for _ in range(12):
            alone = []
            for burst in bursts:
                burst.rest()
                alone += interleave.cluster([burst], sizes, chance)
            together = interleave.cluster(bursts, sizes, chance)
            ratios.append(np.divide(cluster_medians(together), cluster_medians(alone)))
    return {
        name: {"median": np.median(own).item(), "ratios": own}
        for name, own in zip(runnings, np.transpose(ratios), strict=True)
    }


def _nothing() -> None:
    pass


def _summary(a: str, b: str, changed: Running) -> Any:
    found = ab(
        Side(network=find(a), running=Running(threads=1)),
        Side(network=find(b), running=changed),
        rules=Rules(time_budget_s=90),
    )
    return {
        "a": a,
        "b": b,
        "changed": changed,
        "judged_by": found.judged_by,
        "judgement": found.judgement,
        "output_difference": found.b.output_difference,
        "environment": found.environment,
    }


def main() -> None:
    parts = {
        "overhead": overhead,
        "agreement": agreement,
        "selfcheck": self_check,
        "launches": launches,
        "gain": gain,
        "peers": peers,
        "neighbours": neighbours,
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=parts)
    part = parser.parse_args().part
    watch = environment.watch(CPU)
    result = parts[part]()
    found = {part: result, "environment": watch.environment(), "run": watch.run()}
    plain = msgspec.json.encode(found, enc_hook=lambda array: array.tolist())
    sys.stdout.write(msgspec.json.format(plain, indent=2).decode() + "\n")


if __name__ == "__main__":
    main()
