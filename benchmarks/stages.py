"""Where time goes: do the stages add up to the whole, and are the operators ranked as torch's profiler ranks them?

    python benchmarks/stages.py
    python benchmarks/stages.py resnet50 --repeats 9 --seconds 5

Every network is run with batch norms as they are and folded into the convolutions, on one thread. The sum of the
stages over the whole pass is printed for each repeat (by process time where other programs kept the CPU busy), and the
kinds of operators that take more than 2 % of the time, by our clock and by torch's profiler. Exits 1 when the median of
the sums is more than 5 % off, or the order of two kinds that differ by more than a tenth is another.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from statistics import median

import torch
from torch.profiler import ProfilerActivity, profile

from resbench.bench.subject import fresh_network
from resbench.environment import watch
from resbench.judging.metric import Clock
from resbench.judging.stages import OTHER, accounted, operator_kind, operator_shares
from resbench.records.record import Settings
from resbench.running.arm import Arm, prepare, random_images
from resbench.timing.speeds import Wanted, stage_times
from resbench.zoo.find import find

NAMES = ["resnet18", "resnet50", "seresnext50_32x4d"]
SHOWN, CLEAR = 0.02, 1.1  # shares that count, and the ratio from which an order is no chance


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--batch-size", type=int, default=2)
    asked = parser.parse_args()
    good = [
        measured(name, fuse, asked.batch_size, asked.repeats, asked.seconds)
        for name in asked.names
        for fuse in (False, True)
    ]
    sys.exit(not all(good))


def measured(name: str, fuse: bool, batch_size: int, repeats: int, seconds: float) -> bool:
    """Measure one network, print a row and tell whether it is as it should be."""
    on = torch.device("cpu")
    variant, machine = find(name), watch(on)
    settings = Settings(input_px=(variant.input_px, variant.input_px), threads=1, fuse=fuse)
    arm = prepare(fresh_network(variant, 0), settings, on, variant.classes)
    want = Wanted(speed="latency", batch_size=batch_size, asked=str(batch_size))
    times, profiles = [], []
    for _ in range(repeats):  # in turn, since a machine does not stay the same
        times.append(stage_times(arm, want, seconds, lambda _: None))
        profiles.append(profiled(arm, batch_size))
    noise = machine.noise()
    clock: Clock = "wall_ns" if noise == "quiet" else "cpu_ns"
    sums = sorted(accounted(of, clock) for of in times)
    shares = [{share.name: share.share for share in operator_shares(of, clock)} for of in times]
    ours, theirs = medians(shares), medians(profiles)
    agreed = same_order(ours, theirs)
    print(
        f"{name}{', folded' if fuse else ''}: stages {median(sums):.2%} of the whole ({sums[0]:.2%} to {sums[-1]:.2%}, "
        f"{repeats} repeats of {seconds:g} s, {clock}, machine {noise}); operators {words(ours)}; torch.profiler "
        f"{words(theirs)}; {'same' if agreed else 'ANOTHER'} order",
        flush=True,
    )
    return agreed and abs(median(sums) - 1) <= 0.05


def medians(repeats: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the median share of each kind of operator."""
    return {kind: median(of.get(kind, 0.0) for of in repeats) for kind in repeats[0]}


def profiled(arm: Arm, batch_size: int, passes: int = 10) -> dict[str, float]:
    """Return the share of each kind of operator by torch's profiler."""
    images = random_images(arm, batch_size, torch.Generator().manual_seed(0))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.inference_mode():
        arm.forward(images)
        with profile(activities=[ProfilerActivity.CPU]) as profiler:
            for _ in range(passes):
                arm.forward(images)
    torch.set_num_threads(threads)
    spans: dict[str, float] = {}
    for event in profiler.key_averages():
        kind = operator_kind(event.key.removeprefix("aten::"))
        spans[kind] = spans.get(kind, 0.0) + event.self_cpu_time_total
    total = sum(spans.values())
    return {kind: span / total for kind, span in spans.items()}


def same_order(ours: dict[str, float], theirs: dict[str, float]) -> bool:
    """Tell whether no two kinds that clearly differ for the profiler have the other order for us."""
    # "other" is to the profiler what allocates, views and dispatches, too, which is no work of an operator.
    large = [kind for kind, share in theirs.items() if share > SHOWN and kind != OTHER]
    pairs = [(more, less) for more in large for less in large if theirs[more] > CLEAR * theirs[less]]
    return all(ours.get(more, 0.0) > ours.get(less, 0.0) for more, less in pairs)


def words(shares: dict[str, float]) -> str:
    ranked = sorted(shares.items(), key=lambda item: -item[1])
    return ", ".join(f"{kind} {share:.1%}" for kind, share in ranked if share > SHOWN)


if __name__ == "__main__":
    main()
