"""How settings stand to one another that are timed in rounds: who leads, who is clearly behind, and by how much.

In a round some settings are timed once each, in turn, so what slows the machine down slows all of them alike. Settings
are compared within rounds only, as in blocks. Source: Moore and Lee 1994 (ICML, "Efficient algorithms for minimizing
cross validation error": races with blocking).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from statistics import fmean

from resbench.judging import student
from resbench.judging.stats import LEVEL, Interval

Round = Mapping[int, float]  # the log of the seconds per image, of every setting that was timed in it

# Before anything is known of the scatter: where weights lie in memory makes several per cent (docs/measuring.md).
USUAL_DEVIATION = 0.03
USUAL_FREEDOM = 4  # degrees of freedom that this counts for
RISK = 0.002  # of calling the fastest setting clearly behind, or another one certainly not ahead: it is asked often


@dataclass(frozen=True)
class Standings:
    """The rounds of a race, the first of which has every setting."""

    rounds: Sequence[Round]

    @cached_property
    def scatter(self) -> tuple[float, float]:
        """The standard deviation of a log time about what its setting and its round make it, and its freedom.

        It is pooled over all settings, from how each moved between two rounds in a row beyond what all moved, so two
        rounds of many settings are enough; with USUAL_DEVIATION, which stands alone after one round.
        Source of the pooling: Smyth 2004 (Stat. Appl. Genet. Mol. Biol. 3:3).
        """
        squares, freedom = USUAL_FREEDOM * USUAL_DEVIATION**2, USUAL_FREEDOM
        for before, after in pairwise(self.rounds):
            moves = [after[index] - before[index] for index in after if index in before]
            if moves:
                centre = fmean(moves)
                squares += sum((move - centre) ** 2 for move in moves) / 2  # a move has the scatter of two times
                freedom += len(moves) - 1
        return math.sqrt(squares / freedom), freedom

    def count(self, *settings: int) -> int:
        """Return in how many rounds all of `settings` were timed."""
        return len(self._common(*settings))

    def ranked(self, settings: Iterable[int]) -> list[int]:
        """Return `settings`, the fastest first; each is compared with the one that was timed most often."""
        often = max(range(len(self.rounds[0])), key=self.count)
        return sorted(settings, key=lambda index: self._log_ratio(often, index))

    def ratio(self, ahead: int, other: int) -> Interval:
        """Return the time of `other` over that of `ahead`, with its 95 % interval."""
        centre, error, freedom = self._compared(ahead, other)
        return _interval(centre, student.quantile((1 + LEVEL) / 2, freedom) * error)

    def time_s(self, index: int) -> Interval:
        """Return the seconds per image of a setting, with the 95 % interval: wider where rounds were slow and fast."""
        deviation, freedom = self.scatter
        own = [times[index] for times in self._common(index)]
        spread = max(deviation, student.deviation(own) if len(own) > 1 else 0.0)
        return _interval(fmean(own), student.quantile((1 + LEVEL) / 2, freedom) * spread / math.sqrt(len(own)))

    def is_behind(self, leader: int, other: int) -> bool:
        """Tell whether `other` is clearly slower than `leader`: by Student's test, for all rivals (Bonferroni).

        So in a round the fastest setting is called clearly behind with a probability of at most RISK.
        """
        centre, error, freedom = self._compared(leader, other)
        rivals = max(1, len(self.rounds[0]) - 1)
        return centre > student.quantile(1 - RISK / rivals, freedom) * error

    def may_be_ahead(self, leader: int, other: int, share: float) -> bool:
        """Tell whether `other` may take less than the time of `leader` by more than `share`, as far as is known."""
        centre, error, freedom = self._compared(leader, other)
        return centre - student.quantile(1 - RISK, freedom) * error < math.log1p(-share)

    def _common(self, *settings: int) -> list[Round]:
        return [times for times in self.rounds if all(index in times for index in settings)]

    def _log_ratio(self, ahead: int, other: int) -> float:
        return fmean(times[other] - times[ahead] for times in self._common(ahead, other))

    def _compared(self, ahead: int, other: int) -> tuple[float, float, float]:
        """Return the log of `other`'s time over `ahead`'s, its standard error and the freedom of that."""
        deviation, freedom = self.scatter
        return self._log_ratio(ahead, other), deviation * math.sqrt(2 / self.count(ahead, other)), freedom


def _interval(centre: float, half: float) -> Interval:
    return Interval(math.exp(centre), math.exp(centre - half), math.exp(centre + half))
