"""What is seen of settings while they race: every sample, and whether their answers are right."""

import random
import time
from collections.abc import Sequence

from resbench.bench.answers import RightAnswers, fault_in
from resbench.bench.candidates import Candidates
from resbench.bench.subject import proof_of
from resbench.errors import ResbenchError
from resbench.judging.ranking import log_time
from resbench.judging.standing import Round
from resbench.records.record import Cluster, Exported
from resbench.records.tuned import PLAIN, Raced
from resbench.timing import interleave
from resbench.timing.race import RaceSetup
from resbench.timing.sampler import without_garbage_collection

# A setting has few clusters in a race, so each has more samples than in `ab`, where calls are short: with ten of them
# the scatter within a cluster outweighs that between clusters.
MOST_SAMPLES = 40


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

    def measure(self, taking: Sequence[int]) -> Round:
        """Take one cluster of each of these, in turn."""
        ready = [self.candidates.ready[index] for index in taking]
        bursts = [candidate.burst for candidate in ready]
        slowest_s = max(burst.seconds for burst in bursts)
        shape = interleave.Shape(pairs=interleave.fitting_pairs(slowest_s, MOST_SAMPLES), calls=1)
        with without_garbage_collection():
            clusters = interleave.cluster(bursts, shape, self._chance)
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
