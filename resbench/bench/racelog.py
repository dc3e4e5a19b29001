"""What is seen of settings while they race: every sample, and whether their answers are right."""

import random
import time
from collections.abc import Sequence

from resbench.bench.answers import RightAnswers, fault_in
from resbench.bench.candidates import Candidate, Candidates
from resbench.bench.subject import proof_of
from resbench.errors import ResbenchError
from resbench.judging.ranking import log_time
from resbench.judging.standing import Round
from resbench.records.record import Cluster, Exported
from resbench.records.tuned import PLAIN, Raced
from resbench.timing import interleave
from resbench.timing.race import RaceSetup
from resbench.timing.sampler import without_garbage_collection

# On a noisy machine the medians of clusters of 40 samples scatter by 3 %, so a whole grid needs 24 of every setting to
# tell differences of 2 %. A race takes shorter clusters, and more of them, of the few settings that may win.
GRID_CLUSTERS, GRID_SAMPLES = 24, 40
RACE_SAMPLES = 15


class RaceLog:
    """What is seen of candidates while they race."""

    def __init__(self, candidates: Candidates, right: RightAnswers) -> None:
        self.candidates, self._right = candidates, right
        self._chance = random.Random()  # the same orders every time would favour the same setting every time
        self._rounds = 0
        # Of each candidate, with the numbers of their rounds.
        self._samples: list[list[tuple[int, Cluster]]] = [[] for _ in candidates.ready]
        self._faults: dict[int, str] = {}
        self._exported: dict[int, Exported | None] = {}

    def setup(self, max_latency_s: float | None, end_s: float) -> RaceSetup:
        """Return what races."""
        own = self.candidates.ready
        return RaceSetup(
            count=len(own),
            whole_grid=sum(GRID_CLUSTERS * _samples([candidate], GRID_SAMPLES) for candidate in own),
            cost=self.cost,
            measure=self.measure,
            holds=self.holds,
            limits_s=[max_latency_s / candidate.batch_size for candidate in own] if max_latency_s else (),
            time_budget_s=end_s - time.monotonic(),
        )

    def raced(self) -> tuple[Raced, ...]:
        """Return what was seen until now."""
        return tuple(
            Raced(
                settings=candidate.request.settings,
                batch_size=candidate.batch_size,
                calls=candidate.burst.calls,
                rounds=tuple(number for number, _ in samples),
                clusters=tuple(cluster for _, cluster in samples),
                engine=candidate.arm.engine,
                exported=self._exported.get(index),
                fault=self._faults.get(index),
            )
            for index, (candidate, samples) in enumerate(zip(self.candidates.ready, self._samples, strict=True))
        )

    def cost(self, taking: Sequence[int]) -> int:
        """Return how many samples `measure` takes."""
        return len(taking) * _samples([self.candidates.ready[index] for index in taking], RACE_SAMPLES)

    def measure(self, taking: Sequence[int]) -> Round:
        """Take one cluster of each of these, their calls in turn."""
        ready = [self.candidates.ready[index] for index in taking]
        shape = interleave.Shape(pairs=_samples(ready, RACE_SAMPLES), calls=1)
        with without_garbage_collection():
            clusters = interleave.cluster([candidate.burst for candidate in ready], shape, self._chance)
        for index, cluster in zip(taking, clusters, strict=True):
            self._samples[index].append((self._rounds, cluster))
        self._rounds += 1
        return {
            index: log_time(cluster, candidate.burst.calls, candidate.batch_size)
            for index, candidate, cluster in zip(taking, ready, clusters, strict=True)
        }

    def holds(self, index: int) -> bool:
        """Tell whether the answers are right: on a few random images first, which costs least, then on all."""
        candidate = self.candidates.ready[index]
        fault = ""
        try:
            if index != PLAIN:  # which knows what is right
                self._exported[index] = proof_of(candidate.request, candidate.arm, [candidate.batch_size])
                fault = fault_in(self._right, candidate.arm, candidate.batch_size)
        except ResbenchError as error:
            fault = str(error)
        self._faults[index] = fault
        return not fault


def _samples(candidates: Sequence[Candidate], most: int) -> int:
    """Return how many samples a cluster has of each of these, whose calls take turns: the slowest permits no more."""
    return interleave.fitting_pairs(max(candidate.burst.seconds for candidate in candidates), most)
