"""What a race of settings shows, all of it from the samples of its record."""

import math
from collections import defaultdict
from dataclasses import dataclass

from resbench.judging.standing import Standings
from resbench.judging.stats import Interval, cluster_medians
from resbench.records.record import Cluster
from resbench.records.tuned import PLAIN, Tuned


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """Where a setting came in."""

    index: int  # of the setting in the record
    tied: bool  # it cannot be told from the winner; the winner itself is not tied
    call_s: Interval
    images_per_s: Interval
    speedup: Interval | None  # plain eager torch's time per image over this one's; None: this is that
    why_not: str  # it cannot win; empty: it could


def log_time(cluster: Cluster, calls: int, batch_size: int) -> float:
    """Return the log of the seconds per image of one cluster."""
    return math.log(cluster_medians([cluster])[0] / (calls * batch_size))


def standings_in(tuned: Tuned) -> Standings:
    """Return how the settings stood at the end."""
    rounds: dict[int, dict[int, float]] = defaultdict(dict)
    for index, raced in enumerate(tuned.raced):
        for number, cluster in zip(raced.rounds, raced.clusters, strict=True):
            rounds[number][index] = log_time(cluster, raced.calls, raced.batch_size)
    return Standings([rounds[number] for number in sorted(rounds)])


def measurements_of(tuned: Tuned) -> int:
    """Return how many samples were taken in all."""
    return sum(len(cluster.wall_ns) for raced in tuned.raced for cluster in raced.clusters)


def ranking(tuned: Tuned) -> list[Ranked]:
    """Return the settings, the winner first, then the fastest first; those that cannot win stand last."""
    standings = standings_in(tuned)
    rows = [_ranked(tuned, standings, index) for index in standings.ranked(range(len(tuned.raced)))]
    return sorted(rows, key=lambda row: (row.index != tuned.winner, bool(row.why_not)))


def _ranked(tuned: Tuned, standings: Standings, index: int) -> Ranked:
    raced, per_image_s = tuned.raced[index], standings.time_s(index)
    call_s = per_image_s.scaled(raced.batch_size)
    why_not = raced.fault or _above(call_s, tuned.max_latency_s)
    rival = index != tuned.winner and not why_not
    return Ranked(
        index=index,
        tied=rival and not standings.is_behind(tuned.winner, index),
        call_s=call_s,
        images_per_s=per_image_s.inverted(1),
        speedup=None if index == PLAIN else standings.ratio(index, PLAIN),
        why_not=why_not,
    )


def _above(call_s: Interval, limit_s: float | None) -> str:
    if limit_s is None or (call_s.high or math.inf) < limit_s:
        return ""
    return "not certainly below the latency asked for"
