"""Machines of one kind that measured in one sweep: which of them is slower than its peers?

Every profile measures what its device does at best, so that machines can be compared that ran different networks.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from resbench.judging.family import judge_changes, welch
from resbench.judging.finding import Verdict
from resbench.records.record import Machine, Profile

FLOOR = 0.03  # a slowdown that counts as none
FEWEST_RECORDS = 2  # of a machine, and of its peers, that tell how much they scatter
_Kind = tuple[str, Machine, str, int | None, int]  # what must agree before two ceilings are compared


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowMachine:
    """A machine that is slower than others of its kind by more than both scatter."""

    host: str
    what: str  # was slower: "matrix product", "copy"
    ratio: float  # of its times to theirs, with the 95 % interval (Welch)
    low: float
    high: float
    records: int
    peers: int  # other machines


def slow_machines(profiles: Mapping[str, Sequence[Profile]]) -> list[SlowMachine]:
    """Return the machines that are slower than their peers; `profiles` are those that each host measured.

    All comparisons are one family, so that many machines do not make false alarms more frequent (Holm).
    """
    times: dict[_Kind, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for host, profile in ((host, profile) for host, own in profiles.items() for profile in own):
        for kind, time_ns in _ceilings(profile):
            times[kind][host].append(time_ns)
    pairs = list(_pairs(times))
    changes = [welch(peers, own) for _, _, own, peers, _ in pairs]
    slow = []
    for pair, change, verdict in zip(pairs, changes, judge_changes(changes, floor=FLOOR, limit=FLOOR), strict=True):
        what, host, own, _, others = pair
        if verdict is Verdict.REGRESSED:
            low, high = change.ratios()
            ratio = (low * high) ** 0.5
            slow.append(
                SlowMachine(host=host, what=what, ratio=ratio, low=low, high=high, records=len(own), peers=others)
            )
    return slow


def _ceilings(profile: Profile) -> Iterator[tuple[_Kind, float]]:
    """Yield the best times of a matrix product and of a copy, and what they can be compared with."""
    if best := profile.ceilings:
        common = (profile.environment.machine, profile.settings.dtype, profile.settings.threads)
        yield ("matrix product", *common, best.matmul_size), min(best.matmul_ns)
        yield ("copy", *common, best.copy_bytes), min(best.copy_ns)


def _pairs(
    times: Mapping[_Kind, Mapping[str, list[float]]],
) -> Iterator[tuple[str, str, list[float], list[float], int]]:
    """Yield (what, host, its times, those of its peers, how many these are) where there are enough of both."""
    for kind, by_host in times.items():
        for host, own in by_host.items():
            others = [values for other, values in by_host.items() if other != host]
            peers = list(chain.from_iterable(others))
            if min(len(own), len(peers)) >= FEWEST_RECORDS:
                yield kind[0], host, own, peers, len(others)
