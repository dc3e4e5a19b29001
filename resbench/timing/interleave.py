"""Arms sampled in turn, in random order, laid out afresh in memory for every cluster.

What slows the machine down slows all arms alike; what the layout in memory does to one is drawn anew every cluster.
Arms that share their threads, or have one each, take turns sample by sample. Threads of others keep a core busy for
some time after a call, waiting for the next (docs/measuring.md), so they are let come to rest at every turn.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol

from resbench.judging.paired import Clusters
from resbench.records.record import Cluster

BURST_S = 0.005  # a sample lasts at least so long: shorter calls are timed several at once
CLUSTER_S = 1.0  # that the samples of two arms in a cluster should last at most
MOST_PAIRS, LEAST_PAIRS = 10, 3
STRETCH = 5  # samples in a row, where a turn costs a rest and a call to wake the threads up


class Timeable(Protocol):
    """Something that can lay its work out afresh and time it, in this process or in another one."""

    @property
    def pool(self) -> str:
        """The threads that it computes with beside the caller's own, of which there may be none: ""."""

    def materialise(self) -> None:
        """Lay the work out afresh in memory."""

    def time(self, calls: int) -> tuple[int, int]:
        """Return the wall and process time of `calls` calls in nanoseconds."""

    def rest(self) -> None:
        """Wait until its threads no longer wait for another call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How many samples of each arm a cluster has, and how many calls a sample spans."""

    pairs: int
    calls: int


def shape(arms: Sequence[Timeable]) -> Shape:
    """Warm the arms up and size the clusters by the fastest one's time."""
    for arm in arms:
        arm.materialise()
    times_s = [[arm.time(1)[0] / 1e9 for arm in arms] for _ in range(5)]
    fast, slow = (pick(median(column) for column in zip(*times_s, strict=True)) for pick in (min, max))
    calls = math.ceil(BURST_S / fast)
    return Shape(pairs=fitting_pairs(slow * calls), calls=calls)


def fitting_pairs(sample_s: float, most: int = MOST_PAIRS) -> int:
    """Return how many samples a cluster has of each arm when that of the slowest lasts so long."""
    return max(LEAST_PAIRS, min(most, int(CLUSTER_S / (2 * sample_s))))


class Burst:
    """An arm whose samples last long enough: what is one call to it is as many of the other's as fill BURST_S."""

    def __init__(self, arm: Timeable) -> None:
        """Warm the arm up: what compiles compiles at the first call."""
        self._arm = arm
        self.pool, self.rest = arm.pool, arm.rest
        arm.rest()  # threads of what ran before may still wait for another call
        arm.materialise()
        arm.time(1)
        times = [arm.time(1)[0]]
        if times[0] < CLUSTER_S * 1e9:  # once more, where it costs little: what is slow is seen at once
            times.append(arm.time(1)[0])
        self.call_s = min(times) / 1e9
        self.calls = math.ceil(BURST_S / self.call_s)
        self.seconds = self.call_s * self.calls

    def materialise(self) -> None:
        """Lay the work out afresh in memory."""
        self._arm.materialise()

    def time(self, calls: int) -> tuple[int, int]:
        """Return the wall and process time of so many bursts in nanoseconds."""
        return self._arm.time(calls * self.calls)


def cluster(arms: Sequence[Timeable], wanted: Shape, chance: random.Random) -> Clusters:
    """Take one cluster of each arm, their calls in turn."""
    order = list(range(len(arms)))
    chance.shuffle(order)
    for index in order:  # which is laid out first makes a difference too, so chance decides
        arms[index].materialise()
    for index in order * 2:
        arms[index].time(1)
    samples: list[list[tuple[int, int]]] = [[] for _ in arms]
    apart = len({arm.pool for arm in arms} - {""}) > 1
    stretch = min(STRETCH, wanted.pairs) if apart else 1
    before = arms[order[-1]]
    for _ in range(math.ceil(wanted.pairs / stretch)):
        chance.shuffle(order)
        for index in order:
            if apart:
                before.rest()
                before = arms[index]
                before.time(wanted.calls)
            samples[index] += [arms[index].time(wanted.calls) for _ in range(stretch)]
    return tuple(
        Cluster(wall_ns=tuple(wall for wall, _ in column), cpu_ns=tuple(cpu for _, cpu in column)) for column in samples
    )
